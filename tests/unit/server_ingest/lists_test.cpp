// Lists, searches and their pages against what a look at every ticket says.
#include <algorithm>
#include <set>
#include <sstream>

#include "api/search.hpp"
#include "api/ticket_list.hpp"
#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/rounds.hpp"

using namespace tern;
using namespace tern::test;
using server::TicketFilter, server::TicketOrder, server::TicketPaging;
using sync::FieldId, sync::Status, sync::Visibility;

namespace {

server::Caller caller_of(Desk& desk, const OperatorId& id) {
  return {sync::PrincipalKind::operator_, Bytes(id.view()), desk.tenant->find_actor(id), {}, {}};
}

/// A desk of some dozens of tickets that differ in everything a list asks.
class Office {
public:
  explicit Office(std::uint64_t seed) : desk(seed), chief(desk.add_operator("Chief", sync::Role::supervisor)) {
    for (const char* name : {"Field", "Depot"}) queues.push_back(desk.add_record(sync::RecordKind::queue, name));
    for (const char* name : {"Ann", "Ben"})
      people.push_back(desk.add_operator(name, sync::Role::operator_, {queues[people.size()]}));
    for (const char* name : {"crm", "setup"}) categories.push_back(desk.add_record(sync::RecordKind::category, name));
    for (const char* name : {"One Ltd", "Two Ltd"})
      clients.push_back(desk.add_record(sync::RecordKind::organisation, name));
    for (std::size_t i = 0; i < 3; ++i) contacts.push_back(add_contact("Contact " + std::to_string(i), i));
    for (int i = 0; i < 60; ++i) add_ticket();
  }

  std::uint64_t draw(std::uint64_t below) {
    std::uint64_t number = 0;
    desk.environment.random(&number, sizeof number);
    return number % below;
  }
  template <typename T>
  const T& one_of(const std::vector<T>& some) {
    return some[draw(some.size())];
  }
  std::string words() {
    static const std::vector<std::string> known{"pump",  "pumps", "leaks", "Насос", "течёт",
                                                "valve", "a",     "hall",  "seal"};
    std::string text;
    for (std::uint64_t i = 0, count = 1 + draw(3); i < count; ++i) text += (text.empty() ? "" : ", ") + one_of(known);
    return text;
  }

  void act(Intent intent, const TicketId& id, Bytes target = {}) {
    Change change;
    change.intent = intent;
    change.ticket = id;
    change.seen_now = true;
    change.target = std::move(target);
    if (intent == Intent::assign) change.reason = "so";
    desk.act(change, chief);
  }
  void say(const TicketId& id, const std::string& text, Visibility visibility) {
    Change change;
    change.intent = Intent::message;
    change.ticket = id;
    change.seen_now = true;
    change.text = text;
    change.visibility = visibility;
    desk.act(change, chief);
  }

  /// What a look at every ticket finds, the newest first.
  std::vector<std::uint64_t> look(const server::Caller& caller, const TicketFilter& filter) {
    auto reader = desk.tenant->reader();
    server::TicketView view(*desk.tenant, reader->db(), caller);
    std::vector<std::uint64_t> found;
    for (const TicketId& id : tickets) {
      const sync::TicketState state = desk.state(id);
      if (!view.may_read(state)) continue;
      const bool merged = state.merged_into && !state.merged_into->value.empty();
      const Status shown = merged ? Status::closed : sync::status_view(state).status;
      const auto holds = [](const auto& some, auto value) {
        return some.empty() || std::ranges::find(some, value) != some.end();
      };
      if (!holds(filter.statuses, shown) || !holds(filter.priorities, sync::priority_of(state))) continue;
      if (filter.category && sync::field_value(state, FieldId::category) != Bytes(filter.category->view())) continue;
      if (filter.assignee && sync::assignee_of(state) != filter.assignee) continue;
      const auto client = view.client_of(state);
      if (filter.organisation && (!client || client->id != *filter.organisation)) continue;
      if (has_words(view, state, filter.words)) found.push_back(state.integer_id);
    }
    std::ranges::sort(found, std::greater<>());
    return found;
  }

  /// Page after page.
  std::vector<std::uint64_t> list(const server::Caller& caller, const TicketFilter& filter, TicketOrder order,
                                  bool by_cursor) {
    std::vector<std::uint64_t> found;
    TicketPaging paging{order, 0, 7, {}};
    for (;;) {
      const server::TicketPage page = one_page(caller, filter, paging);
      CHECK(page.total_exact);
      for (const auto& ticket : page.tickets) found.push_back(ticket.state.integer_id);
      if (page.next_cursor.empty()) {
        // By relevance there are pages, but no cursor that leads on.
        CHECK((order == TicketOrder::relevance ? page.total >= found.size() : page.total == found.size()));
        return found;
      }
      if (by_cursor) {
        paging.cursor = page.next_cursor;
      } else {
        paging.skip += paging.limit;
      }
    }
  }
  server::TicketPage one_page(const server::Caller& caller, const TicketFilter& filter, const TicketPaging& paging) {
    auto reader = desk.tenant->reader();
    server::TicketView view(*desk.tenant, reader->db(), caller);
    return must(persist([&] { return server::list_page(reader->db(), *desk.tenant, caller, view, filter, paging); }));
  }

  Desk desk;
  OperatorId chief;
  std::vector<RecordId> queues, categories, clients, contacts;
  std::vector<OperatorId> people;
  std::vector<TicketId> tickets;

private:
  RecordId add_contact(const std::string& name, std::size_t i) {
    sync::Record record;
    record.kind = sync::RecordKind::contact;
    record.id = random_id<RecordId>(desk.environment);
    record.name = name;
    if (i == 0) record.attributes["organisation"] = "One Ltd";
    if (i == 1) record.attributes["organisation"] = to_uuid_text(clients[1].view());
    Change change;
    change.intent = Intent::record;
    change.record_kind = static_cast<std::uint32_t>(record.kind);
    change.record = sync::encode_record(record);
    desk.act(change);
    return record.id;
  }

  void add_ticket() {
    const TicketId id = desk.new_ticket_id();
    Change create;
    create.intent = Intent::create;
    create.ticket = id;
    create.text = words();
    const auto set = [&](FieldId field, Bytes value) { create.fields.push_back({field, {}, std::move(value), false}); };
    set(FieldId::subject, words());
    set(FieldId::priority, std::to_string(1 + draw(4)));
    if (draw(2) == 0) set(FieldId::category, Bytes(one_of(categories).view()));
    if (draw(3) != 0) set(FieldId::contact, Bytes(one_of(contacts).view()));
    if (draw(3) == 0) set(FieldId::organisation, Bytes(one_of(clients).view()));
    desk.act(create, chief);
    if (draw(3) != 0) act(Intent::move_queue, id, Bytes(one_of(queues).view()));
    if (draw(3) == 0) act(Intent::assign, id, Bytes(one_of(people).view()));
    if (draw(6) == 0) act(Intent::watch, id, Bytes(one_of(people).view()));
    for (std::uint64_t i = 0, count = draw(4); i < count; ++i)
      say(id, words(), one_of(std::vector{Visibility::open, Visibility::team, Visibility::restricted}));
    static const std::vector<Intent> moves{Intent::start,   Intent::hold,          Intent::wait,
                                           Intent::resolve, Intent::delete_ticket, Intent::resolve};
    if (draw(2) == 0) act(one_of(moves), id);
    if (draw(10) == 0 && !tickets.empty()) act(Intent::merge, id, Bytes(one_of(tickets).view()));
    tickets.push_back(id);
  }

  /// Each word somewhere; the last may begin one.
  bool has_words(const server::TicketView& view, const sync::TicketState& state, const std::string& words) {
    if (words.empty()) return true;
    std::set<std::string> there;
    const auto read = [&](std::string text) {
      std::ranges::replace(text, ',', ' ');
      std::istringstream in(text);
      for (std::string word; in >> word;) there.insert(word);
    };
    read(sync::field_value(state, FieldId::subject).value_or(Bytes{}));
    read(state.description);
    for (const sync::Message& message : desk.messages(state.id))
      if (view.may_read(message)) read(sync::standing_text(message));
    std::istringstream in(words);
    std::string word;
    while (in >> word) {
      const bool last = in.eof() && word.size() >= 3;
      if (std::ranges::none_of(there,
                               [&](const std::string& has) { return last ? has.starts_with(word) : has == word; }))
        return false;
    }
    return true;
  }
};

}  // namespace

TEST_CASE("a list holds what a look at every ticket finds, for everybody and every filter", "[server][lists]") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Office office(seed);
    const std::vector<server::Caller> callers{server::Caller{}, caller_of(office.desk, office.chief),
                                              caller_of(office.desk, office.people[0]),
                                              caller_of(office.desk, office.people[1])};
    const std::vector<std::string> words{"pump", "pum", "leaks valve", "Насос", "а", "hall seal pump", "a", "none"};
    for (int i = 0; i < rounds_of(150); ++i) {
      TicketFilter filter;
      for (const Status status : {Status::new_, Status::in_progress, Status::on_hold, Status::resolved, Status::closed})
        if (office.draw(4) == 0) filter.statuses.push_back(status);
      if (office.draw(3) == 0) filter.priorities = {3, 4};
      if (office.draw(4) == 0) filter.category = office.one_of(office.categories);
      if (office.draw(4) == 0) filter.assignee = office.one_of(office.people);
      if (office.draw(3) == 0) filter.organisation = office.one_of(office.clients);
      if (office.draw(2) == 0) filter.words = office.one_of(words);
      const server::Caller& caller = office.one_of(callers);
      const auto due = office.look(caller, filter);
      INFO("seed " << seed << ", filter " << i << ", words " << filter.words);
      CHECK(office.list(caller, filter, TicketOrder::newest, false) == due);
      CHECK(office.list(caller, filter, TicketOrder::newest, true) == due);
      if (!filter.words.empty()) {
        auto ranked = office.list(caller, filter, TicketOrder::relevance, false);
        std::ranges::sort(ranked, std::greater<>());
        CHECK(ranked.size() == std::min<std::size_t>(7, due.size()));  // pages of it have no cursor
        continue;
      }
      auto oldest = office.list(caller, filter, TicketOrder::oldest, true);
      std::ranges::reverse(oldest);
      CHECK(oldest == due);
      for (const TicketOrder order : {TicketOrder::updated, TicketOrder::priority}) {
        auto sorted = office.list(caller, filter, order, true);
        CHECK(sorted == office.list(caller, filter, order, false));
        std::ranges::sort(sorted, std::greater<>());
        CHECK(sorted == due);
      }
    }
    CHECK(office.desk.verify().findings == std::vector<std::string>{});
  }
}

TEST_CASE("lists are sorted by what was changed last, and by priority", "[server][lists]") {
  Office office(4);
  office.say(office.tickets[3], "news", Visibility::open);
  const auto top = [&](TicketOrder order) { return office.one_page({}, {}, {order, 0, 60, {}}).tickets; };
  CHECK(top(TicketOrder::updated).front().state.id == office.tickets[3]);
  const auto by_priority = top(TicketOrder::priority);
  CHECK(std::ranges::is_sorted(by_priority, std::greater<>(), [](const server::FoundTicket& ticket) {
    return std::pair(sync::priority_of(ticket.state), ticket.state.integer_id);
  }));
}

TEST_CASE("a number leads straight to its ticket, within the filter", "[server][lists]") {
  Office office(5);
  const server::Caller everything;
  const auto found = [&](const server::Caller& caller, const std::string& words, TicketFilter filter = {}) {
    filter.words = words;
    return office.list(caller, filter, TicketOrder::newest, false);
  };
  TicketId open;
  for (const TicketId& id : office.tickets)
    if (const auto state = office.desk.state(id);
        sync::status_view(state).status == Status::new_ && !sync::is_deleted(state) && !state.merged_into)
      open = id;
  const auto state = office.desk.state(open);
  const std::vector<std::uint64_t> alone{state.integer_id};
  std::string small = state.number;
  small.front() = 't';
  for (const std::string& words : {state.number, small, std::to_string(state.integer_id),
                                   "#" + std::to_string(state.integer_id), " " + state.number + " "})
    CHECK(found(everything, words) == alone);
  TicketFilter closed;
  closed.statuses = {Status::closed};
  CHECK(found(everything, state.number, closed).empty());
  CHECK(found(everything, "99999").empty());
  office.say(open, "error 99999", Visibility::open);
  CHECK(found(everything, "99999") == alone);  // no ticket's number: a word like others
}

TEST_CASE("relevance puts first what says most about the words", "[server][lists]") {
  Office office(6);
  const auto add = [&](const std::string& text) {
    const TicketId id = office.desk.new_ticket_id();
    Change create;
    create.intent = Intent::create;
    create.ticket = id;
    create.text = text;
    create.fields.push_back({FieldId::subject, {}, Bytes("x"), false});
    office.desk.act(create, office.chief);
    return office.desk.state(id).integer_id;
  };
  const auto most = add("gasket gasket gasket"), some = add("gasket and gasket and some more words of it");
  const auto least = add("among very many words of all kinds that somebody wrote down here there is gasket once");
  TicketFilter filter;
  filter.words = "gasket";
  CHECK(office.list({}, filter, TicketOrder::relevance, false) == std::vector{most, some, least});
  CHECK(office.list({}, filter, TicketOrder::newest, false) == std::vector{least, some, most});
  auto reader = office.desk.tenant->reader();
  const server::Caller everything;
  server::TicketView view(*office.desk.tenant, reader->db(), everything);
  const auto refused = [&](const TicketFilter& of, TicketOrder order) {
    const auto page = persist([&] {
      return server::list_page(reader->db(), *office.desk.tenant, everything, view, of, {order, 0, 5, {}});
    });
    return !page && page.error().code == ErrorCode::invalid && page.error().field == "sort";
  };
  CHECK(refused(filter, TicketOrder::updated));
  CHECK(refused({}, TicketOrder::relevance));
}

TEST_CASE("the beginning of a word finds all words that begin so, a few and very many", "[server][lists]") {
  Desk desk;
  std::map<std::string, std::vector<std::uint64_t>> due;  // the newest first
  const auto add = [&](const std::string& beginning, const std::string& word) {
    Change create;
    create.intent = Intent::create;
    create.ticket = desk.new_ticket_id();
    create.text = word + " here, " + word;
    create.fields.push_back({FieldId::subject, {}, Bytes("x"), false});
    const TicketId id = create.ticket;
    must(server::commit_server(*desk.tenant, {{std::move(create), {}}}));
    due[beginning].insert(due[beginning].begin(), desk.state(id).integer_id);
  };
  for (int i = 0; i < 90; ++i) {
    add("pump", "pump" + std::to_string(i * 37 % 90));
    if (i % 3 == 0) add("valve", "valve" + std::to_string(i * 7 % 30));
    if (i % 10 == 0) add("other", "pum" + std::to_string(i));
  }
  add("valve", "valve");
  auto reader = desk.tenant->reader();
  const server::Caller everything;
  server::TicketView view(*desk.tenant, reader->db(), everything);
  for (const auto& [beginning, tickets] : due) {
    if (beginning == "other") continue;
    INFO(beginning);
    TicketFilter filter;
    filter.words = "here " + beginning;
    const auto page = must(persist([&] {
      return server::list_page(reader->db(), *desk.tenant, everything, view, filter, {TicketOrder::newest, 0, 500, {}});
    }));
    std::vector<std::uint64_t> found;
    for (const auto& ticket : page.tickets) found.push_back(ticket.state.integer_id);
    CHECK(found == tickets);
  }
}

TEST_CASE("of what very many tickets say pages lead on, and the total says that there are more", "[server][lists]") {
  Desk desk;
  constexpr std::size_t count = 2'030;
  std::vector<server::ServerChange> all;
  for (std::size_t i = 0; i < count; ++i) {
    Change create;
    create.intent = Intent::create;
    create.ticket = desk.new_ticket_id();
    create.text = "gasket";
    create.fields.push_back({FieldId::subject, {}, Bytes("x"), false});
    all.push_back({std::move(create), {}});
  }
  must(server::commit_server(*desk.tenant, std::move(all)));
  auto reader = desk.tenant->reader();
  const server::Caller everything;
  server::TicketView view(*desk.tenant, reader->db(), everything);
  TicketFilter filter;
  filter.words = "gasket";
  std::set<std::uint64_t> found;
  TicketPaging paging{TicketOrder::newest, 0, 500, {}};
  do {
    const auto page =
        must(persist([&] { return server::list_page(reader->db(), *desk.tenant, everything, view, filter, paging); }));
    CHECK(page.total == server::ranked_hits_max);
    CHECK_FALSE(page.total_exact);
    for (const auto& ticket : page.tickets) found.insert(ticket.state.integer_id);
    paging.cursor = page.next_cursor;
  } while (!paging.cursor.empty());
  CHECK(found.size() == count);
  const auto last = must(persist([&] {
    return server::list_page(reader->db(), *desk.tenant, everything, view, filter,
                             {TicketOrder::newest, count - 10, 100, {}});
  }));
  CHECK(last.tickets.size() == 10);
  CHECK(last.total_exact);  // counted on the way
  CHECK(last.total == count);
}

TEST_CASE("whatever somebody types is words, never a query", "[server][lists][security]") {
  Office office(7);
  const std::string nul("pump\0pump", 9);
  for (const std::string& words : std::initializer_list<std::string>{"\"",
                                                                     "\"\"",
                                                                     "\"pump",
                                                                     "pump\"",
                                                                     "pump AND",
                                                                     "NOT pump",
                                                                     "pump*",
                                                                     "*",
                                                                     "text:pump",
                                                                     "^pump",
                                                                     "NEAR(pump leaks)",
                                                                     "(",
                                                                     ")",
                                                                     "{text}:",
                                                                     "-",
                                                                     "--",
                                                                     "';DROP TABLE ticket",
                                                                     "pump OR leaks",
                                                                     "☃",
                                                                     "a\U0001D11Eb",
                                                                     "\xff\xfe",
                                                                     nul,
                                                                     std::string(100'000, 'a'),
                                                                     std::string(3'000, '"'),
                                                                     "a a a a a a a a a a a a a a a a",
                                                                     "\xd0\xb0\xcc\x81",
                                                                     "пум"}) {
    INFO(words.substr(0, 40));
    TicketFilter filter;
    filter.words = words;
    for (const TicketOrder order : {TicketOrder::newest, TicketOrder::relevance})
      CHECK(office.one_page({}, filter, {order, 0, 30, {}}).total <= office.tickets.size());
  }
  TicketFilter both;
  both.words = "pump NOT leaks";  // "not" is a word that nobody wrote
  CHECK(office.one_page({}, both, {TicketOrder::newest, 0, 30, {}}).total == 0);
  for (const char* cursor : {"x", "00", "0200000000000000000000000000000001"}) {
    auto reader = office.desk.tenant->reader();
    const server::Caller everything;
    server::TicketView view(*office.desk.tenant, reader->db(), everything);
    const auto page = persist([&] {
      return server::list_page(reader->db(), *office.desk.tenant, everything, view, {},
                               {TicketOrder::newest, 0, 30, cursor});
    });
    REQUIRE_FALSE(page);
    CHECK(page.error().field == "cursor");
  }
}
