#include "http/tenant_page.hpp"

#include "http/own_page.hpp"

namespace tern::server {
namespace {

constexpr std::string_view tenant_style =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "h1{font-size:1.4rem}form{max-width:24rem}label{display:block;margin-top:.75rem}"
    "input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem}"
    "button{font:inherit;padding:.5rem 1rem;margin:1rem 1rem 1rem 0}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-bottom:1px solid #8886}"
    "#said:not(:empty){border:1px solid;padding:.5rem}[hidden]{display:none}"
    ":focus-visible{outline:3px solid Highlight;outline-offset:2px}";

constexpr std::string_view tenant_body = R"(<form id="form" hidden>
<label for="login" id="login_label"></label><input id="login" autocomplete="username" required>
<label for="password" id="password_label"></label><input id="password" type="password" autocomplete="current-password" required>
<div id="second" hidden><label for="code" id="code_label"></label><input id="code" autocomplete="one-time-code"></div>
<button id="send"></button><p><a id="issuer" href="sign-in"></a></p></form>
<section id="inside" hidden><p id="figures"></p><table id="table"><thead><tr><th scope="col" id="number"></th><th scope="col" id="subject"></th><th scope="col" id="status"></th><th scope="col" id="assigned"></th></tr></thead><tbody id="rows"></tbody></table>
<p><a id="reference" href="api/reference"></a></p></section>)";

constexpr std::string_view tenant_texts = R"(
  en: ["Service desk", "E-mail", "Password", "Code of your second factor, or a recovery code", "Log in", "Log in with an issuer",
       "New: {total_new}. In progress: {total_in_progress}. On hold: {total_on_hold}. Done: {total_done}.", "Number", "Subject", "Status", "Assigned to",
       "The API of this server", "That is not right. Try again.", "That was too often. Wait and try again.", "That did not work. Try again later.", "You are logged in."],
  uk: ["Служба підтримки", "Ел. пошта", "Пароль", "Код другого чинника або код відновлення", "Увійти", "Увійти через видавця",
       "Нові: {total_new}. У роботі: {total_in_progress}. На паузі: {total_on_hold}. Виконані: {total_done}.", "Номер", "Тема", "Стан", "Виконавець",
       "API цього сервера", "Це не те. Спробуйте ще раз.", "Забагато спроб. Зачекайте й спробуйте ще раз.", "Не вдалося. Спробуйте пізніше.", "Ви ввійшли."],
  ru: ["Служба поддержки", "Эл. почта", "Пароль", "Код второго фактора или код восстановления", "Войти", "Войти через издателя",
       "Новые: {total_new}. В работе: {total_in_progress}. На паузе: {total_on_hold}. Выполнены: {total_done}.", "Номер", "Тема", "Состояние", "Исполнитель",
       "API этого сервера", "Это не то. Попробуйте ещё раз.", "Слишком часто. Подождите и попробуйте снова.", "Не получилось. Попробуйте позже.", "Вы вошли."],
  kk: ["Қолдау қызметі", "Эл. пошта", "Құпиясөз", "Екінші фактордың коды немесе қалпына келтіру коды", "Кіру", "Беруші арқылы кіру",
       "Жаңа: {total_new}. Жұмыста: {total_in_progress}. Кідіртілген: {total_on_hold}. Орындалды: {total_done}.", "Нөмірі", "Тақырыбы", "Күйі", "Орындаушы",
       "Осы сервердің API-і", "Бұл дұрыс емес. Қайта көріңіз.", "Тым жиі. Күтіп, қайта көріңіз.", "Болмады. Кейінірек көріңіз.", "Сіз кірдіңіз."],
  de: ["Service-Desk", "E-Mail", "Passwort", "Code Ihres zweiten Faktors oder ein Wiederherstellungscode", "Anmelden", "Anmelden über einen Aussteller",
       "Neu: {total_new}. In Arbeit: {total_in_progress}. Zurückgestellt: {total_on_hold}. Erledigt: {total_done}.", "Nummer", "Betreff", "Stand", "Zugewiesen an",
       "Die API dieses Servers", "Das stimmt nicht. Versuchen Sie es noch einmal.", "Das war zu oft. Warten Sie und versuchen Sie es wieder.", "Das ging nicht. Versuchen Sie es später.", "Sie sind angemeldet."],
)";

constexpr std::string_view tenant_script = R"(
at("title").after(at("said"));
["login_label", "password_label", "code_label", "send", "issuer", , "number", "subject", "status", "assigned", "reference"]
  .forEach((id, i) => { at(id).textContent = say[i + 1]; });
const ask = async (action, parameters) => {
  const answer = await fetch("api/admin.php", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({...parameters, action}),
  });
  const body = await answer.json();
  if (!body.ok) throw Object.assign(new Error(body.error), body);
  return body.data;
};
const row_of = (ticket) => {
  const row = document.createElement("tr");
  for (const text of [ticket.number, ticket.subject, ticket.status, ticket.assigned_name])
    row.insertCell().textContent = text ?? "";
  return row;
};
const inside = async () => {
  const figures = await ask("dashboard", {});
  const {tickets} = await ask("list_tickets", {status: "active"});
  at("form").hidden = true;
  at("inside").hidden = false;
  at("figures").textContent = say[6].replace(/\{(\w+)\}/g, (all, name) => figures[name]);
  at("table").hidden = tickets.length === 0;
  at("rows").replaceChildren(...tickets.map(row_of));
};
inside().catch(() => {
  at("form").hidden = false;
  at("login").focus();
});
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  show("");
  const sent = {login: at("login").value, password: at("password").value};
  if (at("code").value) sent.code = at("code").value;
  try {
    const {operator, tenant} = await ask("admin_login", sent);
    at("form").reset();
    at("form").hidden = true;
    show(say[15] + " " + operator.name + (tenant ? ", " + tenant.name : ""));
  } catch (error) {
    if (error.field === "code") {
      at("second").hidden = false;
      at("code").focus();
    }
    if (error.field === "code" && !sent.code) return show(say[3]);
    return show(error.code === "rate_limited" ? say[13] : error.code === "login_refused" ? say[12] : say[14]);
  }
  await inside().catch(() => {});  // to a head administrator no tickets are shown
});
)";

}  // namespace

Response tenant_page() {
  return own_page("Service desk", tenant_body, tenant_texts, tenant_script, {tenant_style});
}

}  // namespace tern::server
