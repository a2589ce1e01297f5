#include "http/sign_in_page.hpp"

#include "http/own_page.hpp"

namespace tern::server {
namespace {

constexpr std::string_view sign_in_body =
    "<form id=\"form\"><input id=\"domain\" autocomplete=\"organization\" required autofocus><button "
    "id=\"send\">Go on</button></form>";

constexpr std::string_view sign_in_texts = R"(
  en: ["Log in", "Domain of your organisation", "Go on", "You are logged in.", "That did not work. Begin again."],
  uk: ["Вхід", "Домен вашої організації", "Далі", "Ви ввійшли.", "Не вдалося. Почніть знову."],
  ru: ["Вход", "Домен вашей организации", "Дальше", "Вы вошли.", "Не получилось. Начните снова."],
  kk: ["Кіру", "Ұйымыңыздың домені", "Әрі қарай", "Сіз кірдіңіз.", "Болмады. Қайта бастаңыз."],
  de: ["Anmelden", "Domain Ihrer Organisation", "Weiter", "Sie sind angemeldet.", "Das ging nicht. Beginnen Sie von vorn."],
)";

constexpr std::string_view sign_in_script = R"(
const came = new URLSearchParams(location.search);
history.replaceState(null, "", location.pathname);
ask_for("domain", say[1]);
at("send").textContent = say[2];
const ask = async (action, parameters) => {
  const answer = await fetch("/api/v1/" + action, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(parameters),
  });
  if (!answer.ok) throw new Error(action);
  return (await answer.json()).data;
};
const finish = async () => {
  const proof = sessionStorage.getItem("proof");
  sessionStorage.removeItem("proof");
  await ask("oidc_finish", {state: came.get("state"), code: came.get("code"), proof});
  at("form").remove();
  show(say[3]);
};
if (came.has("state")) finish().catch(() => show(say[4]));
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const begun = await ask("oidc_begin", {domain: at("domain").value});
    sessionStorage.setItem("proof", begun.proof);
    location.assign(begun.url);
  } catch {
    show(say[4]);
  }
});
)";

}  // namespace

Response sign_in_page() {
  return own_page("Log in", sign_in_body, sign_in_texts, sign_in_script);
}

}  // namespace tern::server
