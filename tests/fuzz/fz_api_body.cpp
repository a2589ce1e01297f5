// The body of an API request from strangers: JSON, a form or a multipart form. What is read is a flat object of bounded
// size that says the same as JSON, and every action takes it or refuses it with a sentence.
#include "api/downloads.hpp"
#include "api/multipart.hpp"
#include "api/parameters.hpp"
#include "api/request_body.hpp"
#include "fuzz/fuzz_input.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/attachment.hpp"

namespace tern::fz_api_body {

TERN_FUZZ_TARGET(fz_api_body) {
  constexpr std::string_view types[] = {"application/json", "application/x-www-form-urlencoded; charset=utf-8",
                                        "multipart/form-data; boundary=b", "multipart/form-data; boundary=\"b\\\"c\"",
                                        ""};
  fuzz::Input input(data, size_bytes);
  const std::string_view type = types[input.u8() % std::size(types)];
  const std::size_t action = input.u8();
  const server::RequestBody body{Bytes(input.rest())};
  const auto decoded = server::decode_request_body(type, body);
  if (!decoded) {
    check(!decoded.error().message.empty(), "a refusal says why");
    return 0;
  }
  check(decoded->files.size() <= server::multipart_parts_max, "files keep their limit");
  for (const server::SentFile& file : decoded->files) {
    check(file.offset <= body.size() && file.size_bytes <= body.size() - file.offset, "a file stands in its body");
    if (const auto name = sync::file_name_of(file.name)) {
      check(!name->empty() && name->size() <= limits::name_bytes_max, "a name keeps its limit");
      check(name->find_first_of("/\\") == std::string::npos, "a name is in no folder");
      check(sync::shown_file_name(*name) == *name, "a name that was taken is shown as it is");
      check(server::Response().set_header("content-disposition", server::disposition_of(*name)), "a name is a header");
    }
  }
  const Json* const read = &decoded->parameters;
  check(read->is_object() && read->size() <= server::api_parameters_max, "parameters keep their limit");
  const std::string text = to_text(*read);
  const auto again = parse_json(text, {.depth_max = 64, .bytes_max = text.size(), .decimals = true});
  check(again.has_value() && to_text(*again) == text, "what was read is JSON");

  const auto entries = server::admin_entries();
  const server::AdminEntry& entry = entries[action % entries.size()];
  if (!entry.command.api) return 0;
  const auto command = server::command_of(entry, *read, (action & 1) != 0);
  if (!command) {
    check(!command.error().message.empty(), "a refusal says why");
    return 0;
  }
  if (entry.command.where == server::AdminWhere::over_http) return 0;  // no command of ternd
  check(server::check_command(*command).has_value(), "what the API hands on is a command");
  return 0;
}

}  // namespace tern::fz_api_body
