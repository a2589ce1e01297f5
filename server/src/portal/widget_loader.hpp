// The script of widgets: a button on a page of somebody else's, and behind it a form that asks the door of widgets. It
// asks as that page, so a widget's origins count as for any page of theirs.
#pragma once

#include <string_view>

#include "tern/server/http.hpp"

namespace tern::server {

/// <script src=".../widget/loader.js" data-api-key="wk_..." data-lang="en"></script>
Response widget_loader();

/// Members "LANGUAGE": {...} of a JSON object: what the form says.
std::string_view widget_texts();

}  // namespace tern::server
