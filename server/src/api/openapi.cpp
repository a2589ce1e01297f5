#include "api/openapi.hpp"

#include "admin/admin.hpp"
#include "api/credentials.hpp"
#include "api/downloads.hpp"
#include "api/plans.hpp"

namespace tern::server {
namespace {

std::string_view type_name(ArgKind kind) {
  switch (kind) {
    case ArgKind::flag:
      return "boolean";
    case ArgKind::integer:
      return "integer";
    case ArgKind::number:
      return "number";
    case ArgKind::object:
      return "object";
    default:
      return "string";
  }
}

Json example_of(std::string_view text) {
  const auto parsed = parse_json(text, {.decimals = true});
  check(parsed.has_value(), "an example of the registry is JSON");
  return *parsed;
}

Json schema_of(const AdminArg& arg) {
  Json one = Json::object({{"type", Json(type_name(arg.kind))}});
  if (!arg.choices.empty()) {
    Json choices = Json::array();
    for (const std::string_view choice : arg.choices) choices.push(Json(choice));
    one.set("enum", std::move(choices));
  }
  Json out = arg.repeated ? Json::object({{"type", Json("array")}, {"items", std::move(one)}}) : std::move(one);
  out.set("description", Json(arg.help));
  if (!arg.fallback.empty()) out.set("default", Json(arg.fallback));
  return out;
}

/// The shape of an example: its members and their types.
Json shape_of(const Json& value) {
  if (value.is_object()) {
    Json properties = Json::object();
    for (const auto& [name, member] : value.members()) properties.append_member(name, shape_of(member));
    return Json::object({{"type", Json("object")}, {"properties", std::move(properties)}});
  }
  if (value.is_array())
    return Json::object(
        {{"type", Json("array")}, {"items", value.size() == 0 ? Json::object() : shape_of(value.items().front())}});
  if (value.is_null()) return Json::object();
  return Json::object({{"type", Json(value.is_bool()      ? "boolean"
                                     : value.is_integer() ? "integer"
                                     : value.is_double()  ? "number"
                                                          : "string")}});
}

std::string path_of(const ApiFace& face) {
  const bool of_integrations = face.surface == ApiSurface::admin;
  return "/api/v1/" + (of_integrations ? "" : std::string(surface_name(face.surface)) + "/") + std::string(face.action);
}

/// By which of the document's security schemes an action is asked for, with what each needs: scopes of a key, the role
/// of who is logged in.
Json security_of(const ApiFace& face) {
  Json out = Json::array();
  for (const CredentialSpec* spec : credentials_of(face)) {
    Json needs = Json::array();
    if (spec->credential == Credential::key)
      for (const std::string_view scope : face.scopes) needs.push(Json(scope));
    if (spec->credential == Credential::session) needs.push(Json(api_role_name(face.role)));
    out.push(Json::object({{std::string(spec->scheme), std::move(needs)}}));
  }
  return out;
}

/// OpenAPI knows no credential in a body: that is an http scheme of a name of our own, and parameters.
Json scheme_of(const CredentialSpec& spec) {
  const std::string description(spec.help);
  if (spec.place != CredentialPlace::body)
    return Json::object({{"type", Json("apiKey")},
                         {"in", Json(spec.place == CredentialPlace::header ? "header" : "cookie")},
                         {"name", Json(spec.names.front())},
                         {"description", Json(description)}});
  Json names = Json::array();
  for (const std::string_view name : spec.names) names.push(Json(name));
  return Json::object({{"type", Json("http")},
                       {"scheme", Json("body-parameters")},
                       {"x-parameters", std::move(names)},
                       {"description", Json(description)}});
}

/// Parameters that are credentials, beside those of the action.
void add_credentials(const ApiFace& face, Json& properties, Json& required) {
  for (const CredentialSpec* spec : credentials_of(face)) {
    if (spec->place != CredentialPlace::body) continue;
    for (const std::string_view name : spec->names) {
      properties.append_member(std::string(name),
                               Json::object({{"type", Json("string")}, {"description", Json(spec->help)}}));
      if (face.surface == ApiSurface::widget) required.push(Json(name));
    }
  }
}

Json operation_of(const AdminCommand& command) {
  const ApiFace& face = *command.api;
  Json properties = Json::object(), required = Json::array(), scopes = Json::array();
  for (const AdminArg& arg : command.args) {
    properties.append_member(std::string(arg.name), schema_of(arg));
    if (arg.required) required.push(Json(arg.name));
  }
  Json example = example_of(face.request);
  add_credentials(face, properties, required);
  if (face.surface == ApiSurface::widget) example.append_member("api_key", Json("wk_5f0c1d2e..."));
  for (const std::string_view scope : face.scopes) scopes.push(Json(scope));
  Json with_files = properties;
  Json schema = Json::object(
      {{"type", Json("object")}, {"properties", std::move(properties)}, {"additionalProperties", Json(false)}});
  if (required.size() > 0) schema.set("required", required);
  Json content =
      Json::object({{"application/json", Json::object({{"schema", schema}, {"example", std::move(example)}})}});
  if (face.takes_files) {
    with_files.append_member(
        "files[]", Json::object({{"type", Json("array")},
                                 {"items", Json::object({{"type", Json("string")}, {"format", Json("binary")}})}}));
    schema.set("properties", std::move(with_files));
    content.append_member("multipart/form-data", Json::object({{"schema", std::move(schema)}}));
  }
  const Json answer = example_of(face.answer);
  const Json whole = Json::object({{"ok", Json(true)}, {"data", answer}});
  return Json::object(
      {{"operationId", Json(path_of(face).substr(std::string_view("/api/v1/").size()))},
       {"summary", Json(command.summary)},
       {"security", security_of(face)},
       {"x-scopes", std::move(scopes)},
       {"x-role", Json(api_role_name(face.role))},
       {"requestBody", Json::object({{"required", Json(true)}, {"content", std::move(content)}})},
       {"responses",
        Json::object({{"200", Json::object({{"description", Json("Done")},
                                            {"content", Json::object({{"application/json",
                                                                       Json::object({{"schema", shape_of(whole)},
                                                                                     {"example", whole}})}})}})},
                      {"default",
                       Json::object({{"description", Json("Refused")},
                                     {"content", Json::object({{"application/problem+json", Json::object()}})}})}})}});
}

Json described(std::string_view description, Json content = Json::object()) {
  return Json::object({{"description", Json(description)}, {"content", std::move(content)}});
}

/// Of the path that is no action: what a file's `url` leads to. What stands in a body proves nothing there.
Json reading_of_files() {
  const ApiFace of_desk = face_of_files(ApiSurface::admin);
  Json security = Json::array(), scopes = Json::array();
  for (const ApiFace& face : {of_desk, face_of_files(ApiSurface::client)}) {
    const Json of_face = security_of(face);
    const auto specs = credentials_of(face);
    for (std::size_t i = 0; i < specs.size(); ++i)
      if (specs[i]->place != CredentialPlace::body) security.push(of_face.items()[i]);
  }
  for (const std::string_view scope : of_desk.scopes) scopes.push(Json(scope));
  const Json bytes = Json::object({{"application/octet-stream", Json::object()}});
  const auto text = [](const char* type) { return Json::object({{"type", Json(type)}}); };
  return Json::object(
      {{"operationId", Json("file")},
       {"summary", Json("The content of a file, to be saved")},
       {"security", std::move(security)},
       {"x-scopes", std::move(scopes)},
       {"x-role", Json(api_role_name(of_desk.role))},
       {"parameters", Json::array({Json::object({{"name", Json("file_id")},
                                                 {"in", Json("path")},
                                                 {"required", Json(true)},
                                                 {"schema", text("integer")}}),
                                   Json::object({{"name", Json("Range")},
                                                 {"in", Json("header")},
                                                 {"description", Json("One range of bytes: bytes=0-1023")},
                                                 {"schema", text("string")}})})},
       {"responses",
        Json::object({{"200", described("The whole file, of its own type", bytes)},
                      {"206", described("The bytes that were asked for", bytes)},
                      {"416", described("There are no such bytes")},
                      {"default", described("Refused; 404 also where the file is not the caller's to read",
                                            Json::object({{"application/problem+json", Json::object()}}))}})}});
}

std::string quoted_list(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "`" : ", `") + std::string(word) + "`";
  return out;
}

std::string parameter_row(const AdminArg& arg) {
  std::string help(arg.help);
  if (!arg.choices.empty()) help += ": " + quoted_list(arg.choices);
  if (!arg.aliases.empty()) help += " (also " + quoted_list(arg.aliases) + ")";
  return "| `" + std::string(arg.name) + "` | " + parameter_type(arg) + " | " +
         (arg.required           ? "required"
          : arg.fallback.empty() ? ""
                                 : "`" + std::string(arg.fallback) + "`") +
         " | " + help + " |\n";
}

std::string section_of(const AdminCommand& command) {
  const ApiFace& face = *command.api;
  std::string out = "### " + std::string(face.action) + "\n\n" + std::string(command.summary) + ". ";
  if (face.role >= ApiRole::editor)
    out += "For `" + std::string(api_role_name(face.role)) + (face.head_admin_too ? "` and `head_admin`" : "`") +
           ", by no key.";
  if (!face.scopes.empty()) out += "Scopes: " + quoted_list(face.scopes) + ".";
  if (face.role == ApiRole::supervisor) out += " The key acts as a supervisor.";
  if (face.of_session) out += "In a session, by no key.";
  if (face.takes_files) out += " Files: `files[]` of a multipart form.";
  if (command.where != AdminWhere::over_http) out += " Here: `ternd " + std::string(command.name) + "`.";
  while (out.ends_with(' ')) out.pop_back();
  out += "\n\n";
  if (!command.args.empty()) {
    out += "| parameter | type | | |\n|---|---|---|---|\n";
    for (const AdminArg& arg : command.args) out += parameter_row(arg);
    out += "\n";
  }
  out += "```json\n" + std::string(face.request) + "\n```\n`data` of the answer:\n```json\n" +
         std::string(face.answer) + "\n```\n\n";
  return out;
}

std::string plan_table() {
  std::string out = "| plan | keys | scopes | requests a minute, each key | MB a file |\n|---|---|---|---|---|\n";
  for (const Plan& plan : plans()) {
    out += "| " + std::string(plan.name) + " | " + (plan.keys_max ? std::to_string(*plan.keys_max) : "any") + " | ";
    for (const std::string_view scope : plan.scopes) out += std::string(scope) + " ";
    out += "| " + std::to_string(plan.requests_per_minute) + " | " + std::to_string(plan.file_mib_max) + " |\n";
  }
  return out + "\n";
}

}  // namespace

std::string parameter_type(const AdminArg& arg) {
  const std::string type(type_name(arg.kind));
  return arg.repeated ? "list of " + type + "s" : type;
}

Json openapi_document(const std::string& public_url) {
  Json paths = Json::object(), schemes = Json::object();
  for (const CredentialSpec& spec : all_credentials()) schemes.append_member(std::string(spec.scheme), scheme_of(spec));
  for (const AdminEntry& entry : admin_entries())
    if (entry.command.api)
      paths.append_member(path_of(*entry.command.api), Json::object({{"post", operation_of(entry.command)}}));
  paths.append_member("/api/files/{file_id}", Json::object({{"get", reading_of_files()}}));
  return Json::object({{"openapi", Json("3.1.0")},
                       {"info", Json::object({{"title", Json("Tern")}, {"version", Json("1")}})},
                       {"servers", Json::array({Json::object({{"url", Json(public_url.empty() ? "/" : public_url)}})})},
                       {"paths", std::move(paths)},
                       {"components", Json::object({{"securitySchemes", std::move(schemes)}})}});
}

std::string api_reference() {
  std::string out = "## Plans\n\n" + plan_table();
  for (const auto& [surface, title] :
       {std::pair{ApiSurface::admin, "Actions"}, std::pair{ApiSurface::client, "Actions of clients"},
        std::pair{ApiSurface::widget, "Actions of widgets"}}) {
    out += "## " + std::string(title) + "\n\n";
    for (const AdminCommand& command : api_actions())
      if (command.api->surface == surface) out += section_of(command);
  }
  return out;
}

}  // namespace tern::server
