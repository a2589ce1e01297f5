#include "api/reference_page.hpp"

#include <utility>

#include "api/credentials.hpp"
#include "api/door_limits.hpp"
#include "api/once.hpp"
#include "api/openapi.hpp"
#include "api/parameters.hpp"
#include "api/plans.hpp"
#include "api/visitor_tries.hpp"
#include "http/html_text.hpp"
#include "http/own_page.hpp"

namespace tern::server {
namespace {

struct Section {
  ApiSurface surface;
  std::string_view title, who;
};
constexpr Section sections[] = {
    {ApiSurface::admin, "Integrations and administrators", "Programs with a key, people who are logged in"},
    {ApiSurface::client, "Clients", "One user of a client, with a token"},
    {ApiSurface::widget, "Widgets", "Visitors of a page with a form, by the form's key"},
};

std::string element(std::string_view name, const std::string& inside) {
  return "<" + std::string(name) + ">" + inside + "</" + std::string(name.substr(0, name.find(' '))) + ">";
}
std::string code(std::string_view text) {
  return element("code", html_text(text));
}
std::string link(const std::string& to, const std::string& inside) {
  return "<a href=\"#" + html_text(to) + "\">" + inside + "</a>";
}
std::string row(const std::vector<std::string>& cells, std::string_view cell = "td") {
  std::string out;
  for (const std::string& one : cells) out += element(cell, one);
  return element("tr", out) + "\n";
}
std::string table(const std::vector<std::string>& heads, const std::string& rows) {
  return "<div class=\"wide\">" + element("table", element("thead", row(heads, "th")) + element("tbody", rows)) +
         "</div>\n";
}
std::string listed(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + code(word);
  return out;
}

std::string door_of(ApiSurface surface) {
  return "/api/" + std::string(surface_name(surface)) + ".php";
}
std::string id_of(const ApiFace& face) {
  return std::string(surface_name(face.surface)) + "." + std::string(face.action);
}

std::string list_of_doors() {
  std::string rows;
  for (const Section& section : sections)
    rows += row({link(std::string(surface_name(section.surface)), html_text(section.title)), html_text(section.who),
                 code("POST " + door_of(section.surface)),
                 code("POST /api/v1/" +
                      (section.surface == ApiSurface::admin ? "" : std::string(surface_name(section.surface)) + "/") +
                      "ACTION")});
  return "<section id=\"doors\"><h2>Doors</h2>\n" +
         table({"door", "for", "the body names the action", "the path names it"}, rows) +
         "<p>The first paths answer <code>{\"ok\":true,\"data\":...}</code>, and what is wrong with 400 or 403; the "
         "others refuse with <code>application/problem+json</code>, also a parameter that the action does not have. "
         "Bodies are JSON, forms, or multipart forms.</p></section>\n";
}

std::string_view place_of(CredentialPlace place) {
  return place == CredentialPlace::header ? "header" : place == CredentialPlace::cookie ? "cookie" : "parameter";
}

std::string credentials() {
  std::string rows;
  for (const CredentialSpec& spec : all_credentials())
    rows += "<tr id=\"by." + std::string(spec.scheme) + "\">" + element("td", listed(spec.names)) +
            element("td", std::string(place_of(spec.place))) + element("td", html_text(spec.help)) +
            element("td", code(spec.looks_like)) + "</tr>\n";
  return "<section id=\"credentials\"><h2>Who asks</h2>\n<p>Of several the first of this order counts, never two "
         "together. Beside a cookie stands the least role that an action takes: an administrator may what a supervisor "
         "may, a supervisor what an operator may. An editor is an administrator, or somebody whom one lets "
         "edit.</p>\n" +
         table({"name", "is a", "what it is", "looks like"}, rows) + "</section>\n";
}

std::string limits() {
  std::string plan_rows;
  for (const Plan& plan : plans())
    plan_rows += row({code(plan.name), plan.keys_max ? std::to_string(*plan.keys_max) : "any",
                      listed({plan.scopes.begin(), plan.scopes.end()}), std::to_string(plan.requests_per_minute),
                      std::to_string(plan.file_mib_max)});
  const std::pair<const char*, std::uint64_t> others[] = {
      {"Requests a minute of a person who is logged in, or their token", person_requests_per_minute},
      {"Requests a minute of a user of a client", client_requests_per_minute},
      {"Requests a minute of a widget", widget_requests_per_minute},
      {"Requests a minute of an address through widgets", visitor_requests_per_minute},
      {"Tickets an hour of an address through widgets", visitor_tickets_per_hour},
      {"Wrong tries an hour for a ticket through widgets", tries_per_ticket},
      {"Wrong tries an hour of an address through widgets", tries_per_address},
      {"Bytes of a body, with a key in the head", body_bytes_max},
      {"Bytes of a body, without one", stranger_body_bytes_max},
      {"Items of a list", list_items_max},
      {"Files of a message", files_per_message_max},
      {"Hours in which an Idempotency-Key is known", once_kept_ms / 3'600'000},
  };
  std::string rows;
  for (const auto& [what, most] : others) rows += row({what, std::to_string(most)});
  return "<section id=\"limits\"><h2>Limits</h2>\n" +
         table({"plan", "keys", "scopes", "requests a minute of a key", "MB a file"}, plan_rows) +
         table({"at most", ""}, rows) + "</section>\n";
}

std::string parameters_of(const AdminCommand& command) {
  if (command.args.empty()) return "<p>No parameters.</p>\n";
  std::string rows;
  for (const AdminArg& arg : command.args) {
    std::string help = html_text(arg.help);
    if (!arg.choices.empty()) help += ": " + listed(arg.choices);
    if (!arg.aliases.empty()) help += " (also " + listed(arg.aliases) + ")";
    rows += row({code(arg.name), parameter_type(arg),
                 arg.required           ? "required"
                 : arg.fallback.empty() ? ""
                                        : code(arg.fallback),
                 help});
  }
  return table({"parameter", "type", "default", ""}, rows);
}

std::string who_may(const ApiFace& face) {
  std::string out;
  for (const CredentialSpec* spec : credentials_of(face)) {
    out += (out.empty() ? "" : "; ") + link("by." + std::string(spec->scheme), listed(spec->names));
    if (spec->credential == Credential::key && !face.scopes.empty()) out += " with " + listed(face.scopes);
    if (spec->credential == Credential::key && face.role == ApiRole::supervisor) out += ", acting as a supervisor";
    if (spec->credential == Credential::session && face.role >= ApiRole::operator_)
      out +=
          " in the role " + code(api_role_name(face.role)) + (face.head_admin_too ? " or " + code("head_admin") : "");
  }
  return out.empty() ? "anybody, without a credential" : out;
}

std::string quoted_for_shell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return "'" + out + "'";
}

/// As a command that runs, with the first way to say who asks.
std::string example_of(const ApiFace& face, const std::string& site) {
  std::string heads, members = "{\"action\":\"" + std::string(face.action) + "\"";
  if (const auto by = credentials_of(face); !by.empty()) {
    const CredentialSpec& spec = *by.front();
    const std::string name(spec.names.front()), value(spec.looks_like);
    if (spec.place == CredentialPlace::header) heads = " \\\n  -H " + quoted_for_shell(name + ": " + value);
    if (spec.place == CredentialPlace::cookie) heads = " \\\n  -b " + quoted_for_shell(name + "=" + value);
    if (spec.place == CredentialPlace::body) members += ",\"" + name + "\":\"" + value + "\"";
  }
  const std::string_view rest = face.request.substr(1);
  members += (rest == "}" ? "" : ",") + std::string(rest);
  return "curl -X POST " + site + door_of(face.surface) + " \\\n  -H 'Content-Type: application/json'" + heads +
         " \\\n  -d " + quoted_for_shell(members);
}

std::string action(const AdminCommand& command, const std::string& site) {
  const ApiFace& face = *command.api;
  std::string out = "<article id=\"" + id_of(face) + "\"><h3>" + link(id_of(face), html_text(face.action)) + "</h3>\n";
  out += element("p", html_text(command.summary) + ".") + "\n<dl><dt>Lets in</dt><dd>" + who_may(face) + "</dd>";
  if (face.takes_files) out += "<dt>Files</dt><dd><code>files[]</code> of a multipart form</dd>";
  out += "</dl>\n" + parameters_of(command) + element("pre", html_text(example_of(face, site))) +
         "\n<p><code>data</code> of the answer:</p>\n" + element("pre", html_text(face.answer)) + "</article>\n";
  return out;
}

}  // namespace

Response reference_page(const std::string& public_url) {
  std::string site = public_url.empty() ? "https://desk.example" : public_url;
  while (site.ends_with('/')) site.pop_back();
  std::string contents =
      link("doors", "Doors") + " " + link("credentials", "Who asks") + " " + link("limits", "Limits");
  std::string actions;
  for (const Section& section : sections) {
    const std::string id(surface_name(section.surface)), title = html_text(section.title);
    contents += "\n<h2>" + link(id, title) + "</h2>\n";
    actions += "<section id=\"" + id + "\"><h2>" + title + "</h2>\n";
    for (const AdminCommand& command : api_actions()) {
      if (command.api->surface != section.surface) continue;
      contents += link(id_of(*command.api), html_text(command.api->action)) + " ";
      actions += action(command, site);
    }
    actions += "</section>\n";
  }
  return reading_page("Tern API",
                      "<p>Every action of this server. The same for programs: <a "
                      "href=\"/api/openapi.json\">/api/openapi.json</a>.</p>\n" +
                          element("nav", contents) + "\n" + list_of_doors() + credentials() + limits() + actions);
}

}  // namespace tern::server
