#include "portal/widget_loader.hpp"

#include <string>

namespace tern::server {
namespace {

constexpr std::string_view loader_texts = R"(
  "en": {
    "open": "Help", "close": "Close", "write": "Write to us", "status": "How does my request stand?", "name": "Name", "email": "E-mail",
    "phone": "Telephone", "subject": "Subject", "description": "What is it about?", "send": "Send", "look": "Look",
    "ticket_id": "Number of the request", "ticket_secret": "Secret, if you were given one", "message": "Reply",
    "made": "It has arrived as number {id}. With the number and your address you see here how it stands. The secret that belongs to it: {ticket_secret}",
    "sent": "It is sent.", "not_found": "There is no request of this number and address.",
    "often": "That was too often. Try again later.", "failed": "That did not work. Try again later.",
    "client": "You", "support": "Support", "system": "System", "new": "new", "estimated": "estimated", "in_progress": "in work",
    "on_hold": "on hold", "done": "done", "closed": "closed", "reopened": "opened again"},
  "uk": {
    "open": "Допомога", "close": "Закрити", "write": "Напишіть нам", "status": "Який стан мого запиту?", "name": "Ім'я", "email": "Ел. пошта",
    "phone": "Телефон", "subject": "Тема", "description": "Про що йдеться?", "send": "Надіслати", "look": "Подивитися",
    "ticket_id": "Номер запиту", "ticket_secret": "Секрет, якщо його вам дали", "message": "Відповідь",
    "made": "Отримано під номером {id}. За номером і вашою адресою ви побачите тут стан. Секрет до нього: {ticket_secret}",
    "sent": "Надіслано.", "not_found": "Запиту з таким номером і адресою немає.",
    "often": "Забагато спроб. Спробуйте пізніше.", "failed": "Не вдалося. Спробуйте пізніше.",
    "client": "Ви", "support": "Підтримка", "system": "Система", "new": "новий", "estimated": "оцінено", "in_progress": "у роботі",
    "on_hold": "на паузі", "done": "виконано", "closed": "закрито", "reopened": "відкрито знову"},
  "ru": {
    "open": "Помощь", "close": "Закрыть", "write": "Напишите нам", "status": "В каком состоянии мой запрос?", "name": "Имя", "email": "Эл. почта",
    "phone": "Телефон", "subject": "Тема", "description": "О чём речь?", "send": "Отправить", "look": "Посмотреть",
    "ticket_id": "Номер запроса", "ticket_secret": "Секрет, если он вам дан", "message": "Ответ",
    "made": "Получено под номером {id}. По номеру и вашему адресу вы увидите здесь состояние. Секрет к нему: {ticket_secret}",
    "sent": "Отправлено.", "not_found": "Запроса с таким номером и адресом нет.",
    "often": "Слишком часто. Попробуйте позже.", "failed": "Не получилось. Попробуйте позже.",
    "client": "Вы", "support": "Поддержка", "system": "Система", "new": "новый", "estimated": "оценён", "in_progress": "в работе",
    "on_hold": "на паузе", "done": "выполнен", "closed": "закрыт", "reopened": "открыт снова"},
  "kk": {
    "open": "Көмек", "close": "Жабу", "write": "Бізге жазыңыз", "status": "Өтінішім қандай күйде?", "name": "Аты", "email": "Эл. пошта",
    "phone": "Телефон", "subject": "Тақырыбы", "description": "Не туралы?", "send": "Жіберу", "look": "Қарау",
    "ticket_id": "Өтініш нөмірі", "ticket_secret": "Берілген болса, құпия код", "message": "Жауап",
    "made": "{id} нөмірімен қабылданды. Нөмір мен мекенжайыңыз бойынша күйін осы жерден көресіз. Оның құпия коды: {ticket_secret}",
    "sent": "Жіберілді.", "not_found": "Мұндай нөмір мен мекенжайдағы өтініш жоқ.",
    "often": "Тым жиі. Кейінірек көріңіз.", "failed": "Болмады. Кейінірек көріңіз.",
    "client": "Сіз", "support": "Қолдау", "system": "Жүйе", "new": "жаңа", "estimated": "бағаланды", "in_progress": "жұмыста",
    "on_hold": "кідіртілген", "done": "орындалды", "closed": "жабық", "reopened": "қайта ашылған"},
  "de": {
    "open": "Hilfe", "close": "Schließen", "write": "Schreiben Sie uns", "status": "Wie steht es um meine Anfrage?", "name": "Name", "email": "E-Mail",
    "phone": "Telefon", "subject": "Betreff", "description": "Worum geht es?", "send": "Senden", "look": "Ansehen",
    "ticket_id": "Nummer der Anfrage", "ticket_secret": "Geheimnis, falls Sie eines bekamen", "message": "Antwort",
    "made": "Angekommen als Nummer {id}. Mit der Nummer und Ihrer Adresse sehen Sie hier, wie es steht. Das Geheimnis dazu: {ticket_secret}",
    "sent": "Es ist gesendet.", "not_found": "Es gibt keine Anfrage mit dieser Nummer und Adresse.",
    "often": "Das war zu oft. Versuchen Sie es später.", "failed": "Das ging nicht. Versuchen Sie es später.",
    "client": "Sie", "support": "Support", "system": "System", "new": "neu", "estimated": "geschätzt", "in_progress": "in Arbeit",
    "on_hold": "zurückgestellt", "done": "erledigt", "closed": "geschlossen", "reopened": "wieder geöffnet"}
)";

// In a shadow root, styled by an own sheet: neither the page's styles nor its policy for them reach the form. What is
// said goes in as text.
constexpr std::string_view loader_script = R"(
const own = document.currentScript;
if (!own || window.TernWidget) return;
const door = new URL("../api/widget.php", own.src);
const tags = [own.dataset.lang, document.documentElement.lang, ...navigator.languages];
const language = tags.map((tag) => (tag || "").slice(0, 2).toLowerCase()).find((tag) => Object.hasOwn(texts, tag)) || "en";
const words = texts[language];
const style = new CSSStyleSheet();
style.replaceSync(`:host{all:initial;color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
  .opener{position:fixed;right:1rem;bottom:1rem;z-index:2147483000;padding:.75rem 1.25rem;border-radius:2rem}
  button{font:inherit;padding:.5rem 1rem}
  dialog{width:min(28rem,calc(100vw - 3rem));max-height:calc(100vh - 3rem);overflow:auto;box-sizing:border-box;overflow-wrap:anywhere}
  label{display:block;margin:.5rem 0}input,textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem}
  summary{padding:.5rem 0;font-weight:600}ol{list-style:none;padding:0}li{border-top:1px solid #8886;padding:.5rem 0}
  .words{white-space:pre-wrap;margin:.25rem 0}[role=status]:not(:empty){border:1px solid;padding:.5rem}
  :focus-visible{outline:3px solid Highlight;outline-offset:2px}[hidden]{display:none}`);

const make = (tag, properties, ...inside) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
};
const word_of = (name) => (Object.hasOwn(words, name) ? words[name] : name);
const fill = (pattern, values) => pattern.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? "");
const said = make("p", {role: "status"});
const ask = async (action, parameters, once) => {
  const headers = {"Content-Type": "application/json"};
  if (once) headers["Idempotency-Key"] = once;
  const answer = await fetch(door, {
    method: "POST",
    headers,
    credentials: "omit",
    referrerPolicy: "no-referrer",
    body: JSON.stringify({...parameters, action, api_key: own.dataset.apiKey}),
  });
  const body = await answer.json();
  if (body.ok) return body.data;
  throw Object.assign(new Error(body.error || body.title || ""), {code: body.code, of_server: true});
};
const explain = (error) => {
  const known = {rate_limited: words.often, not_found: words.not_found}[error.code];
  said.textContent = known || (error.of_server ? words.failed + " " + error.message : words.failed);
};
const fresh_key = () => (crypto.randomUUID ? crypto.randomUUID() : "");
// One key for each text: what was sent and not answered is not written twice when it is sent again.
const form_of = (fields, button, work) => {
  const form = make("form", {}, ...fields.map(([name, tag, properties]) =>
    make("label", {}, words[name], make(tag, {name, ...properties}))), make("button", {}, words[button]));
  let once = fresh_key(), busy = false;
  form.addEventListener("input", () => {
    once = fresh_key();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    said.textContent = "";
    const sent = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    try {
      await work(sent, once);
      once = fresh_key();
    } catch (error) {
      explain(error);
    }
    busy = false;
    said.scrollIntoView({block: "nearest"});
  });
  return form;
};

const email = ["email", "input", {type: "email", autocomplete: "email", required: true}];
const write = form_of([
  ["name", "input", {autocomplete: "name"}], email, ["phone", "input", {type: "tel", autocomplete: "tel"}],
  ["subject", "input", {required: true}], ["description", "textarea", {rows: 5, required: true}],
], "send", async (sent, once) => {
  const made = await ask("create_ticket", sent, once);
  write.reset();
  const known = {ticket_id: made.id, email: sent.email, ticket_secret: made.ticket_secret};
  for (const [name, value] of Object.entries(known)) status.elements[name].value = value;
  said.textContent = fill(words.made, made);
});
let opened = {};  // the ticket that is shown, as its visitor named it
const item_of = (message) => make("li", {},
  make("strong", {}, message.author_name || word_of(message.author_type)), " (" + word_of(message.author_type) + ") ",
  make("time", {dateTime: message.created_at}, new Date(message.created_at).toLocaleString(language)),
  make("p", {className: "words"}, message.message || ""));
const read = async () => {
  const ticket = await ask("check_status", opened);
  const messages = await ask("get_messages", opened);
  standing.textContent = ticket.number + ": " + (ticket.subject || "") + ": " + word_of(ticket.status);
  list.replaceChildren(...messages.map(item_of));
  reply.hidden = false;
};
const status = form_of([
  ["ticket_id", "input", {inputMode: "numeric", pattern: "[0-9]+", required: true}], email,
  ["ticket_secret", "input", {autocomplete: "off"}],
], "look", async (sent) => {
  opened = sent;
  await read();
});
const standing = make("p", {}), list = make("ol", {});
const reply = form_of([["message", "textarea", {rows: 3, required: true}]], "send", async (sent, once) => {
  await ask("add_reply", {...opened, ...sent}, once);
  reply.reset();
  await read();
  said.textContent = words.sent;
});
reply.hidden = true;

const heading = make("h2", {id: "title"}, words.open);
const close = make("button", {type: "button"}, words.close);
const dialog = make("dialog", {}, heading, close, said,
  make("details", {name: "tern", open: true}, make("summary", {}, words.write), write),
  make("details", {name: "tern"}, make("summary", {}, words.status), status, standing, list, reply));
dialog.setAttribute("aria-labelledby", "title");
const opener = make("button", {type: "button", className: "opener"}, words.open);
opener.setAttribute("aria-haspopup", "dialog");
const host = make("div", {lang: language});
const root = host.attachShadow({mode: "open"});
root.adoptedStyleSheets = [style];
root.append(opener, dialog);
window.TernWidget = {open: () => dialog.open || dialog.showModal(), close: () => dialog.close()};
opener.addEventListener("click", window.TernWidget.open);
close.addEventListener("click", window.TernWidget.close);
const appear = () => document.body.append(host);
if (document.body) appear();
else addEventListener("DOMContentLoaded", appear);
)";

}  // namespace

std::string_view widget_texts() {
  return loader_texts;
}

Response widget_loader() {
  std::string script = "(() => {\n\"use strict\";\nconst texts = {";
  script.append(loader_texts).append("};").append(loader_script).append("})();\n");
  Response response(200, "text/javascript; charset=utf-8", std::move(script));
  response.set_header("cache-control", "public, max-age=3600");
  response.set_header("cross-origin-resource-policy", "cross-origin");
  response.set_header("x-content-type-options", "nosniff");
  return response;
}

}  // namespace tern::server
