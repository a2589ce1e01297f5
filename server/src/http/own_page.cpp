#include "http/own_page.hpp"

#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::string_view page_style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}"
    "input,button{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin:.25rem 0 1rem}";

// Texts go in as text, never as markup.
constexpr std::string_view own_script = R"(
const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in texts) || "en";
const say = texts[language];
const at = (id) => document.getElementById(id);
const ask_for = (id, words) => { at(id).placeholder = at(id).ariaLabel = words; };
const show = (words) => { at("said").textContent = words; };
document.documentElement.lang = language;
document.title = say[0];
at("title").textContent = say[0];
)";

std::string allowed_by_hash(std::string_view content) {
  return "'sha256-" + to_base64(protocol::sha256(content).view()) + "'";
}

}  // namespace

Response own_page(std::string_view title, std::string_view body, std::string_view texts, std::string_view more) {
  std::string script = "const texts = {";
  script.append(texts).append("};").append(own_script).append(more);
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>";
  page.append(title).append("</title><style>").append(page_style).append("</style></head><body><h1 id=\"title\">");
  page.append(title).append("</h1>").append(body).append(
      "<p id=\"said\" role=\"status\"></p><noscript>This page needs JavaScript.</noscript><script>");
  page.append(script).append("</script></body></html>\n");
  Response response(200, "text/html; charset=utf-8", page);
  response.set_header("content-security-policy",
                      "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
                      "'none'; script-src " +
                          allowed_by_hash(script) + "; style-src " + allowed_by_hash(page_style));
  response.set_header("referrer-policy", "no-referrer");
  response.set_header("x-content-type-options", "nosniff");
  response.set_header("cache-control", "no-store");
  return response;
}

}  // namespace tern::server
