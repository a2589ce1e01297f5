// What there is to answer with, to do at once and to read: quick replies, macros, views, articles, of this device's
// copy.
#pragma once

#include <string_view>
#include <vector>

#include "tern/client/enrolment.hpp"
#include "tern/client/views.hpp"

namespace tern::client {

class Replica;

// Errors: as Views says.
Result<std::vector<QuickReply>> quick_replies(Replica& replica);
Result<QuickReply> quick_reply(Replica& replica, const DeviceIdentity& self, std::string_view name);
Result<std::vector<Macro>> macros(Replica& replica);
Result<std::vector<SavedView>> saved_views(Replica& replica);
Result<SavedView> saved_view(Replica& replica, const DeviceIdentity& self, std::string_view name);
Result<std::vector<Article>> articles(Replica& replica, std::string_view text);
Result<Article> article(Replica& replica, const DeviceIdentity& self, std::string_view name);

}  // namespace tern::client
