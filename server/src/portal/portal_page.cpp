#include "portal/portal_page.hpp"

#include "http/html_text.hpp"
#include "http/own_page.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {
namespace {

// Narrow windows show the list as lines, and scroll what is wide, not the page.
constexpr std::string_view portal_style =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:1rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "h1{font-size:1.4rem;line-height:1.3}h2{font-size:1.2rem;line-height:1.3}"
    "nav a{display:inline-block;padding:.5rem 1rem .5rem 0}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.5rem .75rem .5rem 0;border-bottom:1px solid #8886}"
    "th{overflow-wrap:normal}ol{list-style:none;padding:0}li{border-top:1px solid #8886;padding:.5rem 0}"
    ".words{white-space:pre-wrap;margin:.25rem 0}.by{font-size:.9rem;margin:0}.desk{border-left:4px "
    "solid;padding-left:.75rem}"
    "label{display:block;margin-top:1rem}"
    "input,textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem}"
    "button{font:inherit;padding:.5rem 1rem;margin:.75rem .75rem .75rem 0}"
    "fieldset{border:1px solid #8886;margin:1rem 0}fieldset label{display:inline-block;margin:0 1rem 0 0}"
    "input[type=radio]{display:inline-block;width:1.25rem;height:1.25rem;vertical-align:middle}"
    "#said:not(:empty){border:1px solid;padding:.5rem}summary{padding:.5rem 0}"
    ":focus-visible{outline:3px solid Highlight;outline-offset:2px}[hidden]{display:none}"
    "@media(max-width:32rem){thead{position:absolute;clip-path:inset(50%)}td{display:block;border:0;padding:0}"
    "tr{display:block;border-bottom:1px solid #8886;padding:.5rem 0}}";

constexpr std::string_view portal_body =
    R"(<nav id="doors"><a href="#" data-say="all"></a> <a href="#new" data-say="fresh"></a> <a href="#help" data-say="help"></a>
<a id="leave" href="index.html?ctoken=" data-say="leave"></a></nav>
<main>
<section id="list" hidden><h2 tabindex="-1" data-say="all"></h2><p id="figures"></p>
<table id="table"><thead><tr><th scope="col" data-say="number"></th><th scope="col" data-say="subject"></th><th scope="col" data-say="status"></th><th scope="col" data-say="changed"></th></tr></thead><tbody id="rows"></tbody></table>
<nav id="paging"><a id="newer" data-say="newer"></a> <a id="older" data-say="older"></a></nav></section>
<section id="one" hidden><h2 id="subject" tabindex="-1"></h2><p id="standing"></p><p id="estimate" class="words"></p><p id="result" class="words"></p><p id="rated"></p><div id="moves"></div>
<form id="rate"><fieldset><legend data-say="rate"></legend><div id="scores"></div></fieldset>
<label for="comment" data-say="comment"></label><textarea id="comment" rows="2" maxlength="2000"></textarea><button data-say="rating"></button></form>
<h3 data-say="messages"></h3><ol id="messages"></ol>
<form id="reply"><label for="message" data-say="message"></label><textarea id="message" rows="5" required></textarea><button data-say="send"></button></form></section>
<section id="fresh" hidden><h2 tabindex="-1" data-say="fresh"></h2>
<form id="ask"><label for="about" data-say="subject"></label><input id="about" maxlength="500" required><label for="description" data-say="description"></label><textarea id="description" rows="8" required></textarea><button data-say="send"></button></form></section>
<section id="answers" hidden><h2 tabindex="-1" data-say="help"></h2>
<form id="look" role="search"><label for="search" data-say="search"></label><input id="search" type="search"><button data-say="search"></button></form><div id="articles"></div></section>
</main>)";

// What comes from anybody goes in as text. A link of a section is its hash, so the browser's own way back works.
constexpr std::string_view portal_script = R"(
const words = say[1];
const token = new URLSearchParams(location.search).get("ctoken");
if (token !== null) {
  history.replaceState(null, "", location.pathname + location.hash);
  at("leave").remove();
}
at("title").after(at("said"));
for (const element of document.querySelectorAll("[data-say]")) element.textContent = words[element.dataset.say];

const make = (tag, properties, ...inside) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
};
const fill = (pattern, values) => pattern.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? "");
const moment = (at_time) => (at_time ? make("time", {dateTime: at_time}, new Date(at_time).toLocaleString(language)) : "");
const word_of = (status) => (Object.hasOwn(words, status) ? words[status] : status);
const credential = () => (token === null ? {} : {"X-Client-Token": token});
const credentials = token === null ? "same-origin" : "omit";

class Refused extends Error {
  constructor(body) {
    super(body.error || body.title || "");
    this.code = body.code;
  }
}
const ask = async (action, parameters, once) => {
  const headers = {"Content-Type": "application/json", ...credential()};
  if (once) headers["Idempotency-Key"] = once;
  const answer = await fetch("api/client.php", {
    method: "POST",
    headers,
    credentials,
    body: JSON.stringify({...parameters, action}),
  });
  const body = await answer.json();
  if (!body.ok) throw new Refused(body);
  return body.data;
};
const explain = (error) => {
  if (error.code === "session_unknown" || error.code === "key_required") {
    for (const id of ["doors", ...rooms]) at(id).hidden = true;
    return show(words.gone);
  }
  if (error.code === "rate_limited") return show(words.often);
  show(error instanceof Refused ? words.failed + " " + error.message : words.failed);
};

const rooms = ["list", "one", "fresh", "answers"];
const enter = (name) => {
  for (const room of rooms) at(room).hidden = room !== name;
};
const lead = (id, page, leads) => {
  at(id).hidden = !leads;
  at(id).href = "#page" + page;
};
const show_list = async (page) => {
  const found = await ask("list_tickets", {page});
  const figures = await ask("client_dashboard", {});
  return () => {
    enter("list");
    at("figures").textContent = found.total === 0 ? words.none : fill(words.figures, figures);
    at("table").hidden = found.tickets.length === 0;
    at("rows").replaceChildren(
      ...found.tickets.map((ticket) =>
        make("tr", {},
          make("td", {}, ticket.number),
          make("td", {}, make("a", {href: "#" + ticket.id}, ticket.subject || ticket.number)),
          make("td", {}, word_of(ticket.status)),
          make("td", {}, moment(ticket.updated_at)))));
    lead("newer", page - 1, page > 1);
    lead("older", page + 1, page * found.limit < found.total);
  };
};

let shown = 0;
const save = async (file) => {
  const answer = await fetch("api/files/" + file.id, {headers: credential(), credentials});
  if (!answer.ok) throw new Refused(await answer.json());
  const address = URL.createObjectURL(await answer.blob());
  make("a", {href: address, download: file.name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
};
const link_of = (file) => {
  const text = `${file.name} (${Math.ceil(file.size / 1024)} KiB)`;
  if (!file.url) return make("p", {}, text);
  const link = make("a", {href: "api/files/" + file.id, download: file.name}, text);
  // A link sends no header, so the page fetches what a token opens.
  if (token !== null)
    link.addEventListener("click", (event) => {
      event.preventDefault();
      save(file).catch(explain);
    });
  return make("p", {}, link);
};
const item_of = (message) => {
  const by = make("p", {className: "by"}, make("strong", {}, message.author_name || word_of(message.author_type)),
    ` (${word_of(message.author_type)}) `, moment(message.created_at), message.edited_at ? " " + words.edited : "");
  const text = message.deleted ? words.deleted : message.message || "";
  return make("li", {className: message.author_type === "client" ? "" : "desk"}, by,
    make("p", {className: "words"}, text), ...message.files.map(link_of));
};
const move = (action) => {
  const names = {accept: "accept_ticket", reopen: "reopen_ticket", approve: "approve_estimate"};
  const button = make("button", {type: "button"}, words[action]);
  button.addEventListener("click", () => ask(names[action], {ticket_id: shown}).then(go, explain));
  return button;
};
const show_ticket = async (id) => {
  const {ticket, messages} = await ask("get_ticket", {ticket_id: id});
  return () => {
    shown = id;
    const moves = {estimated: ["approve"], done: ["accept", "reopen"], closed: ["reopen"]}[ticket.status] || [];
    const over = ticket.status === "done" || ticket.status === "closed";
    enter("one");
    at("subject").textContent = ticket.subject || ticket.number;
    at("standing").replaceChildren(`${ticket.number}: ${word_of(ticket.status)}, `, moment(ticket.updated_at));
    at("estimate").textContent = ticket.estimate ? fill(words.estimate, ticket.estimate) : "";
    at("result").textContent = ticket.result ? fill(words.result, ticket) : "";
    at("moves").replaceChildren(...moves.map(move));
    at("rated").textContent = ticket.csat ? fill(words.rated, ticket.csat) : "";
    at("rate").hidden = !over || (ticket.csat !== null && ticket.csat.rated_at >= ticket.updated_at);
    at("messages").replaceChildren(...messages.map(item_of));
  };
};
const show_answers = async () => {
  const found = await ask("kb_articles", {search: at("search").value});
  const entry = (article) => {
    const one = make("details", {}, make("summary", {}, article.title), make("p", {className: "words"}, article.content || ""));
    one.addEventListener("toggle", () => ask("kb_articles", {article_id: article.id}).catch(() => {}), {once: true});
    return one;
  };
  return () => {
    enter("answers");
    at("articles").replaceChildren(...found.map(entry), found.length === 0 ? make("p", {}, words.nothing) : "");
  };
};

let turn = 0;
const look = async () => {
  const mine = ++turn;
  const place = location.hash.slice(1);
  const page = Number((/^page(\d{1,6})$/.exec(place) || [])[1] || 1);
  try {
    const draw = /^\d{1,15}$/.test(place) ? await show_ticket(Number(place))
      : place === "help" ? await show_answers()
      : place === "new" ? () => enter("fresh")
      : await show_list(page);
    if (mine === turn) draw();  // who went on sees where they went
  } catch (error) {
    if (mine === turn) explain(error);
  }
};
const go = async () => {
  show("");
  await look();
};
addEventListener("hashchange", async () => {
  await go();
  document.querySelector("section:not([hidden]) h2")?.focus();
});

// One key for each text: what was sent and not answered is not written twice when it is sent again.
const on_submit = (id, work) => {
  const fresh_key = () => (crypto.randomUUID ? crypto.randomUUID() : "");
  let once = fresh_key(), busy = false;
  at(id).addEventListener("input", () => {
    once = fresh_key();
  });
  at(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    try {
      await work(once);
      at(id).reset();
      once = fresh_key();
      show(words.sent);
    } catch (error) {
      explain(error);
    }
    busy = false;
    at("said").scrollIntoView({block: "nearest"});
  });
};
at("scores").append(...[1, 2, 3, 4, 5].map((score) =>
  make("label", {}, make("input", {type: "radio", name: "score", value: score, required: true}), " " + score)));
on_submit("rate", async (once) => {
  const rating = Number(new FormData(at("rate")).get("score"));
  await ask("submit_csat", {ticket_id: shown, rating, comment: at("comment").value}, once);
  await look();
});
on_submit("reply", async (once) => {
  await ask("add_message", {ticket_id: shown, message: at("message").value}, once);
  await look();
});
on_submit("ask", async (once) => {
  const made = await ask("create_ticket", {subject: at("about").value, description: at("description").value}, once);
  location.hash = "#" + made.id;
});
at("doors").addEventListener("click", (event) => {
  if (event.target.id !== "leave" && event.target.hash === location.hash) go();
});
at("look").addEventListener("submit", (event) => {
  event.preventDefault();
  go();
});
go();
)";

const Json& portal_words(LetterLanguage language) {
  static const Json texts = [] {
    auto parsed = parse_json("{" + std::string(portal_texts()) + "}");
    check(parsed.has_value(), "what the pages say is JSON");
    return std::move(*parsed);
  }();
  return texts[letter_languages()[static_cast<std::size_t>(language)]];
}

Response asking_page(std::string_view framed_by, std::string_view permissions) {
  Response page = own_page(portal_words(LetterLanguage::en).items()[0].as_string(), portal_body, portal_texts(),
                           portal_script, {portal_style, framed_by});
  page.set_header("permissions-policy", permissions);
  return page;
}

}  // namespace

Response portal_page() {
  return asking_page("'none'", "camera=(), display-capture=(), geolocation=(), microphone=()");
}

Response embedded_page(std::string_view framed_by) {
  // A frame is given these by the page that shows it, as integrations are told to: allow="microphone;camera;...".
  return asking_page(framed_by, "camera=(self), display-capture=(self), geolocation=(), microphone=(self)");
}

Response portal_refusal(PortalRefusal refusal, LetterLanguage language, std::string_view framed_by) {
  struct Row {
    int status;
    std::string_view said;
  };
  constexpr Row rows[] = {{403, "gone"}, {503, "failed"}, {429, "often"}};
  const Row& row = rows[static_cast<std::size_t>(refusal)];
  const Json& words = portal_words(language);
  return form_page(row.status, letter_languages()[static_cast<std::size_t>(language)], words.items()[0].as_string(),
                   "<p role=\"status\">" + html_text(words.items()[1][row.said].as_string()) + "</p>", framed_by);
}

}  // namespace tern::server
