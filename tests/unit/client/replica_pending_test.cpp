// What pending work makes of the replica, until it is decided.
#include "support/catch.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;
using client::Saved;

TEST_CASE("what pending work makes of a ticket is kept as its difference", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "It leaks at the seal since Tuesday.");
  desk.pull();
  const auto kept = [&] {
    return must(desk.replica->database().int64_of("SELECT length(overlay) FROM ticket")).value_or(0);
  };
  desk.save(desk.set(ticket, sync::FieldId::subject, "pump of hall 2"));
  const auto shown = [&] { return sync::encode_state(must(desk.replica->shown(ticket)).value()); };
  const Bytes before = shown();
  CHECK(kept() > 0);
  CHECK(kept() * 2 < static_cast<std::int64_t>(before.size()));
  desk.reopen();
  CHECK(shown() == before);
  CHECK(desk.search("seal").rows.size() == 1);

  Change describe = desk.change(Intent::describe, ticket);  // words of its own: kept whole
  describe.base = "It leaks at the seal since Tuesday.";
  describe.text = "It leaks at the valve.";
  desk.save(std::move(describe));
  CHECK(must(desk.replica->shown(ticket))->description == "It leaks at the valve.");
  CHECK(desk.search("valve").rows.size() == 1);
  CHECK(desk.search("seal").rows.empty());
}

TEST_CASE("pending work is shown over what is confirmed, and is confirmed with its patch", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump leaks");
  desk.pull();
  desk.save(desk.change(Intent::start, ticket));
  desk.save(desk.set(ticket, FieldId::subject, "pump broken"));
  desk.save(desk.message(ticket, "looking at it"));

  auto view = desk.show(ticket);
  CHECK(view.row.status == "in_progress");
  CHECK(view.row.subject == "pump broken");
  CHECK(view.row.saved == Saved::saved_here);
  CHECK(must(desk.replica->confirmed(ticket))->moves.empty());
  CHECK(must(desk.replica->messages(ticket)).size() == 1);

  desk.seal();
  desk.push();
  CHECK(desk.show(ticket).row.saved == Saved::sent);
  desk.pull();
  view = desk.show(ticket);
  CHECK(view.row.saved == Saved::confirmed);
  CHECK(view.row.subject == "pump broken");
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
  CHECK(*must(desk.replica->shown(ticket)) == desk.ledger.tickets.at(ticket).state);
}

TEST_CASE("what is shown equals the server's state after the sync when nobody else wrote", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump", "one\ntwo")).ticket;
  desk.save(desk.change(Intent::take, ticket));
  desk.save(desk.set(ticket, FieldId::priority, "4"));
  desk.save(desk.set(ticket, FieldId::custom, "north", "site"));
  desk.save(desk.change(Intent::start, ticket));
  const auto message = desk.save(desk.message(ticket, "frist")).ref;
  Change edit = desk.change(Intent::edit_message, ticket);
  edit.targets = {message};
  edit.text = "first";
  desk.save(edit);
  Change describe = desk.change(Intent::describe, ticket);
  describe.base = "one\ntwo";
  describe.text = "one\ntwo\nthree";
  desk.save(describe);
  const auto before = desk.show(ticket);
  CHECK(before.row.assignee == "Me");
  CHECK(before.row.priority == "urgent");
  CHECK(before.description == "one\ntwo\nthree");
  CHECK(sync::standing_text(must(desk.replica->messages(ticket)).at(0)) == "first");

  desk.sync();
  const auto after = desk.show(ticket);
  CHECK(after.row.status == before.row.status);
  CHECK(after.row.assignee == before.row.assignee);
  CHECK(after.row.priority == before.row.priority);
  CHECK(after.description == before.description);
  CHECK(after.custom == before.custom);
  CHECK(sync::standing_text(must(desk.replica->messages(ticket)).at(0)) == "first");
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
  CHECK(after.row.number == "T-2023-1001");
  CHECK(must(desk.commands->find_ticket(before.row.number)) == ticket);  // the provisional number stays a name
}

TEST_CASE("a receipt whose patch is lost leaves the work pending: nothing vanishes and nothing counts twice",
          "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.message(ticket, "hello"));
  desk.seal();
  desk.push();  // the patch does not arrive
  desk.reopen();
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
  CHECK(desk.show(ticket).row.saved == Saved::sent);

  SECTION("the patch comes in a first slice, and the cursor only later") {
    desk.colleagues_ticket("ann", "zz other");
    auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
    int cuts = 0;
    while (must(applier->apply(1))) {
      CHECK(must(desk.replica->messages(ticket)).size() == 1);
      CHECK(must(desk.replica->shown(ticket))->message_count == 1);
      CHECK(desk.show(ticket).timeline.size() == 2);
      desk.reopen();  // the page is lost, its first slice is not
      CHECK(must(desk.replica->shown(ticket))->message_count == 1);
      CHECK(must(desk.replica->messages(ticket)).size() == 1);
      applier = desk.replica->begin_page(desk.page(), *desk.outbox);
      if (++cuts == 3) break;
    }
    while (must(applier->apply(1))) {
    }
    CHECK(desk.show(ticket).row.saved == Saved::confirmed);
  }
  SECTION("the patch comes before the receipt") {
    ClientDesk other;
    const TicketId same = other.colleagues_ticket("ann", "pump");
    other.pull();
    other.save(other.message(same, "hello"));
    other.save(other.set(same, FieldId::priority, "4"));
    other.seal();
    other.push(false);
    auto page = other.page();
    page->clear_cursor();
    other.apply(std::move(page));
    CHECK(must(other.replica->messages(same)).size() == 1);
    CHECK(must(other.replica->shown(same))->fields.at({FieldId::priority, {}}).heads.size() == 1);
  }
}

namespace {

/// The server lets in everything but the message "no".
void refuse_no(ClientDesk& desk) {
  desk.refuse = [](const Change& change) {
    return change.text == "no" ? std::optional(std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted))
                               : std::nullopt;
  };
}

}  // namespace

TEST_CASE("what the server refused is shown no more, even before the cursor has passed it", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  refuse_no(desk);
  desk.save(desk.message(ticket, "no"));
  desk.seal();
  desk.push();
  desk.save(desk.message(ticket, "yes"));
  const auto messages = must(desk.replica->messages(ticket));
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].text == "yes");
}

TEST_CASE("what a receipt says is shown before its page is here, and after a crash in between", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  refuse_no(desk);
  desk.save(desk.message(ticket, "no"));
  desk.save(desk.message(ticket, "yes"));
  desk.seal();
  CHECK(desk.show(ticket).timeline.size() == 3);
  desk.push();
  const auto shown = desk.show(ticket).timeline;
  REQUIRE(shown.size() == 2);
  CHECK(shown[1].text == "yes");
  must(desk.replica->database().run("UPDATE ticket SET overlay = NULL"));  // the copy loses what it stored last
  desk.reopen();
  CHECK(desk.show(ticket).timeline.size() == 2);
  desk.pull();
  CHECK(desk.show(ticket).timeline.size() == 2);
}

TEST_CASE("a receipt that came after its patch, and was the last thing to come, is made good by opening",
          "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.message(ticket, "hello"));
  desk.seal();
  const auto ledger = desk.ledger;
  desk.push(false);
  desk.pull();  // the cursor has passed the commit, of which nobody here knows
  CHECK(desk.show(ticket).row.saved == Saved::sent);
  desk.ledger = ledger;
  desk.push();  // the same commit again: the stored receipt
  desk.reopen();
  CHECK(desk.show(ticket).row.saved == Saved::confirmed);
  CHECK(must(desk.replica->held(ticket))->pending == 0);
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
}

TEST_CASE("when the cursor falls, work that was confirmed shows as pending again", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.change(Intent::start, ticket));
  desk.sync();
  CHECK(desk.show(ticket).row.saved == Saved::confirmed);
  must(desk.replica->rebuild(*desk.outbox));
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  CHECK(must(desk.outbox->pending(0, ticket)).size() == 1);
  CHECK(desk.show(ticket).row.ghost);  // number and subject are known from the outbox
  CHECK(desk.show(ticket).row.subject == "pump");
  desk.pull();
  CHECK_FALSE(desk.show(ticket).row.ghost);
  CHECK(desk.show(ticket).row.status == "in_progress");
  CHECK(desk.show(ticket).row.saved == Saved::confirmed);
}

TEST_CASE("a ticket that leaves while work on it is pending stays as a ghost until the work is decided",
          "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump leaks", "secret description");
  desk.pull();
  const std::string number = desk.show(ticket).row.number;
  desk.save(desk.message(ticket, "my note"));
  desk.save(desk.change(Intent::start, ticket));
  Change report = desk.change(Intent::on_site, ticket);
  report.visibility = sync::Visibility::open;
  report.text = "seal replaced";
  report.from_ms = report.to_ms = desk.env.wall_ms();
  desk.save(report);
  desk.leave(ticket);

  auto view = desk.show(ticket);
  CHECK(view.row.ghost);
  CHECK(view.row.number == number);
  CHECK(view.row.subject == "pump leaks");
  CHECK(view.description.empty());
  CHECK(view.row.status.empty());
  REQUIRE(view.timeline.size() == 3);  // the report once, though it is a message and own work
  CHECK(desk.search("secret").rows.empty());
  CHECK(desk.search("pump").rows.size() == 1);
  CHECK(must(desk.views->status()).ghosts == 1);
  CHECK(desk.attention().size() == 3);
  CHECK_FALSE(desk.commands->save({desk.message(ticket, "more")}));  // it is not here any more
  desk.reopen();
  CHECK(desk.show(ticket).row.ghost);

  desk.seal();
  desk.push();
  CHECK(desk.show(ticket).row.ghost);  // the cursor has not passed it yet
  auto nothing_new = std::make_unique<v1::ExchangeResponse>();
  nothing_new->mutable_cursor()->set_epoch(Bytes(desk.ledger.epoch.view()));
  nothing_new->mutable_cursor()->set_commit_seq(desk.ledger.commit_seq);
  desk.apply(std::move(nothing_new));
  CHECK_FALSE(desk.views->ticket(ticket));
  CHECK(must(desk.views->history(ticket)).size() == 3);
  CHECK(must(desk.views->history(ticket)).front().subject == "pump leaks");
}

TEST_CASE("a ghost that enters again is a ticket again", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "text");
  desk.pull();
  desk.save(desk.message(ticket, "my note"));
  desk.leave(ticket);
  desk.pull();
  const auto view = desk.show(ticket);
  CHECK_FALSE(view.row.ghost);
  CHECK(view.description == "text");
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
}

TEST_CASE("changes made offline are shown at once and land in order", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.refuse = [n = 0](const Change&) mutable {
    return ++n == 3 ? std::optional(std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted)) : std::nullopt;
  };
  for (int i = 0; i < 100; ++i) desk.save(desk.message(ticket, "line " + std::to_string(i)));
  CHECK(must(desk.replica->messages(ticket)).size() == 100);
  CHECK(must(desk.views->status()).saved_here == 100);
  desk.reopen();
  CHECK(must(desk.replica->messages(ticket)).size() == 100);
  desk.sync();
  const auto messages = must(desk.replica->messages(ticket));
  CHECK(messages.size() == 99);
  const auto attention = desk.attention();
  REQUIRE(attention.size() == 1);
  CHECK(attention[0].text == "line 2");
  CHECK(attention[0].outcome == sync::Outcome::rejected);
  CHECK(must(desk.views->status()).confirmed == 100);
}

TEST_CASE("a create that was refused is not shown as a ticket, but its content is kept", "[client][replica]") {
  ClientDesk desk;
  desk.refuse = [](const Change&) { return std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted); };
  const TicketId ticket = desk.save(desk.create("mine", "long story")).ticket;
  desk.sync();
  CHECK_FALSE(desk.views->ticket(ticket));
  REQUIRE(desk.attention().size() == 1);
  CHECK(desk.attention()[0].subject == "mine");
  CHECK(desk.attention()[0].text == "long story");
}
