#include "http/reset_page.hpp"

#include "http/own_page.hpp"

namespace tern::server {
namespace {

constexpr std::string_view reset_body =
    "<form id=\"form\"><input id=\"first\" type=\"password\" autocomplete=\"new-password\" minlength=\"8\" required "
    "autofocus><input id=\"again\" type=\"password\" autocomplete=\"new-password\" required><button id=\"send\">Set "
    "it</button></form>";

constexpr std::string_view reset_texts = R"(
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
)";

constexpr std::string_view reset_script = R"(
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
ask_for("first", say[1]);
ask_for("again", say[2]);
at("send").textContent = say[3];
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

}  // namespace

Response reset_page() {
  return own_page("Another password", reset_body, reset_texts, reset_script);
}

}  // namespace tern::server
