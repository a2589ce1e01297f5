// What the server says again for somebody else: which names it uses, and whether they are there already.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "batch.hpp"
#include "tern/sync/quote.hpp"

namespace tern::server {

using sync::quoting_id;

Result<bool> in_ledger(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& ref);

/// Above a message that is said again for somebody else: whose it is, in a line of its own.
std::string heading_of(std::string_view author, std::string_view device);
/// A change's text without such a heading: that line is nobody's words.
std::string_view own_text(const sync::Change& change);

/// Whether these name it, or what says it again.
bool names_it(const std::set<sync::ChangeRef>& names, const DeviceId& sealing_device, const sync::ChangeRef& ref);
/// Nothing of its text is kept here any more: it was erased or is to be, or what says it again.
bool is_gone(const Batch& batch, const sync::ChangeRef& ref);

/// What a change named: in the ledger as it was, else as it is said again.
Result<sync::ChangeRef> named_now(const Batch& batch, const sync::ChangeRef& named);

}  // namespace tern::server
