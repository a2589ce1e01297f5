#include "http/reset_page.hpp"

#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::string_view reset_style =
    R"(body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}input,button{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin:.25rem 0 1rem})";

// Texts go in as text, never as markup.
constexpr std::string_view reset_script = R"(
const texts = {
  en: ["Another password", "At least 8 characters", "Once more", "Set it", "These are two different ones.",
       "It is set. Log in with it.", "That is no password of 8 characters.", "This link was used, or is over. Ask for another one.",
       "That did not work. Try again later."],
  uk: ["Новий пароль", "Щонайменше 8 символів", "Ще раз", "Задати", "Вони різні.",
       "Готово. Увійдіть із ним.", "Це не пароль із 8 символів.", "Це посилання використано або застаріло. Попросіть інше.",
       "Не вдалося. Спробуйте пізніше."],
  ru: ["Новый пароль", "Не меньше 8 символов", "Ещё раз", "Задать", "Они разные.",
       "Готово. Войдите с ним.", "Это не пароль из 8 символов.", "Эта ссылка использована или устарела. Попросите другую.",
       "Не получилось. Попробуйте позже."],
  kk: ["Жаңа құпиясөз", "Кемінде 8 таңба", "Тағы бір рет", "Қою", "Олар екі түрлі.",
       "Дайын. Сонымен кіріңіз.", "Бұл 8 таңбалы құпиясөз емес.", "Бұл сілтеме қолданылған немесе мерзімі өткен. Басқасын сұраңыз.",
       "Болмады. Кейінірек көріңіз."],
  de: ["Neues Passwort", "Mindestens 8 Zeichen", "Noch einmal", "Setzen", "Das sind zwei verschiedene.",
       "Es ist gesetzt. Melden Sie sich damit an.", "Das ist kein Passwort mit 8 Zeichen.", "Dieser Link wurde benutzt oder ist abgelaufen. Verlangen Sie einen anderen.",
       "Das ging nicht. Versuchen Sie es später."],
};
const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in texts) || "en";
const say = texts[language];
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const at = (id) => document.getElementById(id);
document.documentElement.lang = language;
document.title = say[0];
at("title").textContent = say[0];
at("first").placeholder = say[1];
at("again").placeholder = say[2];
at("send").textContent = say[3];
const show = (words) => { at("said").textContent = words; };
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (at("first").value !== at("again").value) return show(say[4]);
  at("send").disabled = true;
  try {
    const answer = await fetch("/api/v1/reset_password", {
      method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({token, password: at("first").value}),
    });
    const body = await answer.json();
    if (answer.ok) {
      at("form").remove();
      return show(say[5]);
    }
    show(body.field === "password" ? say[6] : body.field === "token" ? say[7] : say[8]);
  } catch {
    show(say[8]);
  }
  at("send").disabled = false;
});
)";

std::string allowed_by_hash(std::string_view content) {
  return "'sha256-" + to_base64(protocol::sha256(content).view()) + "'";
}

}  // namespace

Response reset_page() {
  static const std::string policy =
      "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'; script-src " +
      allowed_by_hash(reset_script) + "; style-src " + allowed_by_hash(reset_style);
  static const std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Another password</title><style>" +
      std::string(reset_style) +
      "</style></head><body><h1 id=\"title\">Another password</h1><form id=\"form\"><input id=\"first\" "
      "type=\"password\" autocomplete=\"new-password\" minlength=\"8\" required autofocus><input id=\"again\" "
      "type=\"password\" autocomplete=\"new-password\" required><button id=\"send\">Set it</button></form><p "
      "id=\"said\" "
      "role=\"status\"></p><noscript>This page needs JavaScript.</noscript><script>" +
      std::string(reset_script) + "</script></body></html>\n";
  Response response(200, "text/html; charset=utf-8", page);
  response.set_header("content-security-policy", policy);
  response.set_header("referrer-policy", "no-referrer");
  response.set_header("x-content-type-options", "nosniff");
  response.set_header("cache-control", "no-store");
  return response;
}

}  // namespace tern::server
