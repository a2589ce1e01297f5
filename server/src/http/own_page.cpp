#include "http/own_page.hpp"

#include "http/html_text.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::string_view page_style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}"
    "input,button{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin:.25rem 0 1rem}";

constexpr std::string_view form_style =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "h1{font-size:1.4rem;line-height:1.3}"
    "fieldset{display:flex;gap:.5rem;border:0;margin:1.5rem 0;padding:0}legend{padding:0;margin-bottom:.5rem}"
    "fieldset label{flex:1;text-align:center;padding:.75rem 0;border:1px solid;border-radius:.5rem}"
    "input[type=radio]{display:block;width:1.25rem;height:1.25rem;margin:0 auto .25rem}"
    "textarea,button{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.75rem;margin:.5rem 0 1rem}";

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

// Narrow windows scroll what is wide, not the page.
constexpr std::string_view reading_style =
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 "
    "1rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}pre{padding:.75rem;border:1px solid "
    "#8886;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:."
    "25rem "
    ".75rem .25rem 0;border-bottom:1px solid #8884}"
    "article{border-top:1px solid #8888;margin-top:2rem}h3 "
    "a{color:inherit;text-decoration:none}dt{font-weight:600}dd{margin:0 "
    "0 .5rem}nav a{display:inline-block;margin-right:.75rem}:target{background:#fc03}";

std::string allowed_by_hash(std::string_view content) {
  return "'sha256-" + to_base64(protocol::sha256(content).view()) + "'";
}

std::string head_of(std::string_view language, std::string_view title, std::string_view style) {
  std::string out = "<!doctype html>\n<html lang=\"";
  out.append(language).append(
      "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"robots\" content=\"noindex\"><title>");
  return out.append(title).append("</title><style>").append(style).append("</style></head><body>");
}

/// `policy`: what is allowed beside its style.
Response page_response(int status, std::string_view page, const std::string& policy, std::string_view style,
                       std::string_view framed_by) {
  Response response(status, "text/html; charset=utf-8", std::string(page));
  response.set_header("content-security-policy", "default-src 'none'; " + policy + "base-uri 'none'; frame-ancestors " +
                                                     std::string(framed_by) + "; style-src " + allowed_by_hash(style));
  response.set_header("referrer-policy", "no-referrer");
  response.set_header("x-content-type-options", "nosniff");
  response.set_header("cache-control", "no-store");
  return response;
}

/// One without a script.
Response still(int status, std::string_view language, std::string_view title, std::string_view body,
               const std::string& policy, std::string_view style, std::string_view framed_by = "'none'") {
  const std::string shown = html_text(title);
  std::string page = head_of(language, shown, style);
  page.append("<h1>").append(shown).append("</h1>\n").append(body).append("</body></html>\n");
  return page_response(status, page, policy, style, framed_by);
}

}  // namespace

Response own_page(std::string_view title, std::string_view body, std::string_view texts, std::string_view more,
                  const PageLook& look) {
  const std::string_view style = look.style.empty() ? page_style : look.style;
  std::string script = "const texts = {";
  script.append(texts).append("};").append(own_script).append(more);
  std::string page = head_of("en", title, style);
  page.append("<h1 id=\"title\">")
      .append(title)
      .append("</h1>")
      .append(body)
      .append("<p id=\"said\" role=\"status\"></p><noscript>This page needs JavaScript.</noscript><script>");
  page.append(script).append("</script></body></html>\n");
  return page_response(200, page,
                       "connect-src 'self'; form-action 'none'; script-src " + allowed_by_hash(script) + "; ", style,
                       look.framed_by);
}

Response form_page(int status, std::string_view language, std::string_view title, std::string_view body,
                   std::string_view framed_by) {
  return still(status, language, title, body, "form-action 'self'; ", form_style, framed_by);
}

Response reading_page(std::string_view title, std::string_view body) {
  return still(200, "en", title, body, "form-action 'none'; ", reading_style);
}

}  // namespace tern::server
