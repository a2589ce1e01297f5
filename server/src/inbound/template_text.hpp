// A text with places in it that a request fills: "Alert {alert.name} on {hosts.0}".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inbound/inbound_request.hpp"

namespace tern::server {

/// `{path}` is a member of the payload: names and places in lists with dots between; `{@name}` a header; `{a|b}` the
/// first of them that is there; `{{` and `}}` are braces.
class TemplateText {
public:
  /// `invalid`: a brace that stays open or is empty, a path that is none, too many places.
  static Result<TemplateText> parse(std::string_view text);

  /// Nothing: it has places, and none of them is there.
  [[nodiscard]] std::optional<std::string> fill(const InboundRequest& request) const;

private:
  struct Part {
    std::string text;                // as it stands, where `paths` is empty
    std::vector<std::string> paths;  // the first that is there
  };
  std::vector<Part> parts_;
};

}  // namespace tern::server
