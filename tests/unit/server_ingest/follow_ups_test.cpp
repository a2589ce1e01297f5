// What the server adds to what people did: links back, notes of answers that may not be, news of tickets on hold.
#include <algorithm>

#include "desk.hpp"
#include "ingest/jobs.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::test;

namespace {

Change link_to(Van& van, Intent intent, const TicketId& from, const TicketId& to,
               sync::LinkKind kind = sync::LinkKind::related) {
  Change out = van.make(intent, from);
  out.kind = static_cast<std::uint32_t>(kind);
  out.target = Bytes(to.view());
  return out;
}

std::vector<Bytes> links_of(Desk& desk, const TicketId& ticket) {
  return sync::elements_of(desk.state(ticket), sync::FieldId::links);
}
Bytes link_element(sync::LinkKind kind, const TicketId& to) {
  return Bytes(1, static_cast<char>(kind)) + Bytes(to.view());
}

}  // namespace

TEST_CASE("a link shows on the other ticket as well, and goes there, too", "[ingest]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId a = desk.new_ticket_id(), b = desk.new_ticket_id(), c = desk.new_ticket_id();
  van->send({van->create(a), van->create(b), van->create(c)});
  van->pull();
  CHECK(van->send(link_to(*van, Intent::link, a, b, sync::LinkKind::parent)).outcome == Outcome::applied);
  CHECK(links_of(desk, a) == std::vector{link_element(sync::LinkKind::parent, b)});
  CHECK(links_of(desk, b) == std::vector{link_element(sync::LinkKind::child, a)});
  van->pull();
  van->send(link_to(*van, Intent::link, c, a, sync::LinkKind::blocks));
  CHECK(links_of(desk, a).size() == 2);
  van->pull();
  // Another kind between the same two changes nothing there; with the last link the other side's goes.
  van->send(link_to(*van, Intent::link, a, b, sync::LinkKind::duplicate));
  CHECK(links_of(desk, b).size() == 1);
  van->pull();
  van->send(link_to(*van, Intent::unlink, a, b, sync::LinkKind::duplicate));
  CHECK(links_of(desk, b).size() == 1);
  van->pull();
  van->send(link_to(*van, Intent::unlink, b, a, sync::LinkKind::child));
  CHECK(links_of(desk, b).empty());
  CHECK(links_of(desk, a) == std::vector{link_element(sync::LinkKind::related, c)});
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.wrong_members() == "");
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("what others linked stays when a link is taken away, and none is where its author may not link",
          "[ingest][rights]") {
  Desk desk;
  const RecordId north = desk.add_record(sync::RecordKind::queue, "North");
  const RecordId south = desk.add_record(sync::RecordKind::queue, "South");
  auto ada = desk.add_van(desk.add_operator("Ada", sync::Role::supervisor), true);
  auto bob = desk.add_van(desk.add_operator("Bob", sync::Role::operator_, {north}));
  const TicketId a = desk.new_ticket_id(), b = desk.new_ticket_id(), c = desk.new_ticket_id();
  const auto to_queue = [&](const TicketId& ticket, const RecordId& queue) {
    Change out = ada->make(Intent::move_queue, ticket);
    out.target = Bytes(queue.view());
    return out;
  };
  ada->send(
      {ada->create(a), ada->create(b), ada->create(c), to_queue(a, north), to_queue(b, north), to_queue(c, south)});
  ada->pull();
  bob->pull();
  ada->send(link_to(*ada, Intent::link, a, b));
  bob->send(link_to(*bob, Intent::link, b, a, sync::LinkKind::blocks));
  CHECK(links_of(desk, b).size() == 2);
  ada->pull();
  ada->send(link_to(*ada, Intent::unlink, a, b));
  CHECK(links_of(desk, a).empty());
  CHECK(links_of(desk, b) == std::vector{link_element(sync::LinkKind::blocks, a)});
  bob->pull();
  CHECK(bob->send(link_to(*bob, Intent::link, a, c, sync::LinkKind::parent)).outcome == Outcome::applied);
  CHECK(links_of(desk, a).size() == 1);
  CHECK(links_of(desk, c).empty());  // it is not Bob's
  ada->pull();
  ada->send(link_to(*ada, Intent::link, c, b, sync::LinkKind::duplicate));
  CHECK(links_of(desk, b).size() == 2);
  bob->pull();
  CHECK(bob->send(link_to(*bob, Intent::unlink, b, c, sync::LinkKind::duplicate)).outcome == Outcome::applied);
  CHECK(links_of(desk, b).size() == 1);
  CHECK(links_of(desk, c).size() == 1);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("what a light agent wrote to the customer becomes a note, and they are told", "[ingest][rights]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  auto van = desk.add_van(ada);
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  const Change reply = van->note(ticket, "We come at nine.", sync::Visibility::open);
  desk.change_operator(ada, sync::Role::light);
  CHECK(van->send(reply).outcome == Outcome::held);  // they could think that they may
  van->pull();
  const Told told = van->send(van->note(ticket, "At ten.", sync::Visibility::open));
  CHECK(told.outcome == Outcome::rejected);
  CHECK(told.reason == ReasonCode::not_permitted);
  const auto kept = desk.messages(ticket);
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].text == "Meant for the customer, and not sent:\nWe come at nine.");
  CHECK(kept[1].text == "Meant for the customer, and not sent:\nAt ten.");
  for (const sync::Message& note : kept) {
    CHECK(note.visibility == sync::Visibility::team);
    CHECK(note.stamp.author == ada);
    CHECK(note.stamp.author_kind == sync::PrincipalKind::operator_);
  }
  // Who may not even note leaves nothing.
  desk.change_operator(ada, sync::Role::analyst);
  van->send(van->note(ticket, "At eleven.", sync::Visibility::open));
  CHECK(desk.messages(ticket).size() == 2);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings.empty());
}

TEST_CASE("who put a ticket on hold until some time is told when it has come, once", "[ingest][told]") {
  const NothingFails calm;
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  auto van = desk.add_van(ada);
  const TicketId ticket = desk.new_ticket_id(), other = desk.new_ticket_id();
  const std::int64_t wake_ms = desk.tenant->now_ms() + 3'600'000;
  const auto hold = [&](const TicketId& which) {
    Change out = van->make(Intent::hold, which);
    out.number = wake_ms;
    out.text = "The part comes.";
    return out;
  };
  van->send({van->create(ticket), van->create(other)});
  van->pull();
  van->send({van->make(Intent::take, ticket), van->make(Intent::take, other), hold(ticket), hold(other)});
  van->pull();
  van->send(van->make(Intent::resume, other));
  const auto look = [&] {
    const auto woken = persist_job(*desk.tenant, [&] { return server::wake_held(*desk.tenant); });
    REQUIRE(woken);
    return *woken;
  };
  const std::int64_t before = desk.count("notification");
  CHECK(look() == 0);
  CHECK(desk.count("waking") == 1);
  CHECK(desk.verify().findings.empty());
  desk.environment.advance(3'601'000);
  desk.reopen();
  CHECK(look() == 1);
  CHECK(look() == 0);
  CHECK(desk.count("notification") == before + 1);
  CHECK(sync::status_view(desk.state(ticket)).status == sync::Status::on_hold);
  van->pull();
  van->send(van->note(ticket, "Not yet."));  // it is written again, and told of no more
  look();
  CHECK(desk.count("notification") == before + 1);
}
