// What others wrote since a ticket was last looked at on this device (desk.md F008, F078).
#include <algorithm>

#include "support/catch.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;
using client::ListFilter;
using client::UnreadCount;

namespace {

using Names = std::vector<std::string>;

/// One ticket of Ann's with a note of hers, here since the first download.
struct Read : ClientDesk {
  Read() {
    add_operator("ann");
    add_operator("me");
    pump = colleagues_ticket("ann", "pump leaks");
    write("ann", "the key is at the gate");
    pull();
  }

  void write(const std::string& who, const std::string& text) {
    Change made = by(who, Intent::message, pump);
    made.text = text;
    made.visibility = who == "customer" ? sync::Visibility::open : sync::Visibility::team;
    commit(who, made);
    env.advance(60'000);
  }

  std::uint64_t unread(const TicketId& ticket) { return show(ticket).row.unread; }

  Names news() {
    ListFilter filter;
    filter.unread = true;
    Names out;
    for (const auto& row : must(views->list(filter)).rows) out.push_back(row.subject);
    std::ranges::sort(out);
    return out;
  }

  Names marked() {
    Names out;
    for (const auto& entry : show(pump).timeline)
      if (entry.unread) out.push_back(entry.text);
    return out;
  }

  void look(const TicketId& ticket) { must(commands->mark_read(ticket, show(ticket).read_mark)); }

  TicketId pump;
};

}  // namespace

TEST_CASE("the first download is nobody's news; what others write after it is, until it was looked at",
          "[client][views]") {
  Read desk;
  CHECK(desk.unread(desk.pump) == 0);
  CHECK(desk.news().empty());

  desk.write("customer", "it drips now");
  desk.write("ann", "part ordered");
  desk.write("me", "from my other device");
  desk.save(desk.message(desk.pump, "on my way"));
  CHECK(desk.unread(desk.pump) == 0);  // not here yet
  desk.sync();
  CHECK(desk.unread(desk.pump) == 2);
  CHECK(desk.marked() == Names{"it drips now", "part ordered"});
  CHECK(desk.news() == Names{"pump leaks"});
  const UnreadCount count = must(desk.views->unread());
  CHECK(count.items == 2);
  CHECK(count.tickets == 1);
  CHECK(count.mine == 0);

  const client::TicketView shown = desk.show(desk.pump);
  desk.write("customer", "hello?");
  desk.pull();
  must(desk.commands->mark_read(desk.pump, shown.read_mark));  // what came behind the view was not looked at
  CHECK(desk.unread(desk.pump) == 1);
  CHECK(desk.marked() == Names{"hello?"});
  must(desk.commands->mark_read(desk.pump, shown.read_mark - 1));  // a mark does not go back
  CHECK(desk.unread(desk.pump) == 1);
  desk.look(desk.pump);
  CHECK(desk.unread(desk.pump) == 0);
  CHECK(desk.news().empty());
}

TEST_CASE("a message that comes late is new, wherever it stands", "[client][views]") {
  Read desk;
  Change late = desk.by("ann", Intent::message, desk.pump);  // offline, before what follows
  late.text = "written in the van";
  late.visibility = sync::Visibility::team;
  desk.env.advance(3'600'000);
  desk.write("customer", "any news?");
  desk.pull();
  desk.look(desk.pump);
  desk.commit("ann", late);
  desk.pull();
  CHECK(desk.unread(desk.pump) == 1);
  CHECK(desk.marked() == Names{"written in the van"});
}

TEST_CASE("a ticket that is new here counts until it was looked at; one of one's own does not", "[client][views]") {
  Read desk;
  const TicketId fan = desk.colleagues_ticket("customer", "fan hums", "since Monday");
  Change mine = desk.by("me", Intent::create, named<TicketId>("by phone"));
  mine.fields = {{FieldId::subject, {}, "by phone", false}};
  desk.commit("me", mine);
  const TicketId here = desk.save(desk.create("made here")).ticket;
  desk.sync();
  desk.pull();
  CHECK(desk.news() == Names{"fan hums"});
  CHECK(desk.unread(fan) == 1);
  CHECK(desk.unread(here) == 0);
  desk.commit("ann", desk.by("ann", Intent::resolve, fan));
  desk.pull();
  CHECK(desk.news() == Names{"fan hums"});  // of any status
  Change given = desk.by("ann", Intent::assign, fan);
  given.target = Bytes(desk.identity.operator_id.view());
  desk.commit("ann", given);
  desk.pull();
  CHECK(must(desk.views->unread()).mine == 1);
  must(desk.commands->mark_all_read());
  CHECK(desk.news().empty());
}

TEST_CASE("what was read stays read when the copy is made anew, and when a ticket leaves and comes back",
          "[client][views][replica]") {
  Read desk;
  desk.write("customer", "read this");
  desk.pull();
  desk.look(desk.pump);
  desk.write("customer", "not read");
  desk.pull();

  must(desk.replica->rebuild(*desk.outbox));
  CHECK(must(desk.views->unread()).items == 0);  // nothing is here
  desk.pull();
  CHECK(desk.unread(desk.pump) == 1);
  desk.reopen();
  CHECK(desk.marked() == Names{"not read"});

  desk.leave(desk.pump);
  CHECK(must(desk.views->unread()).items == 0);
  desk.pull();
  CHECK(desk.unread(desk.pump) == 1);
}

TEST_CASE("a copy of before counts from its upgrade on", "[client][views][replica]") {
  Read desk;
  desk.write("customer", "was here");
  desk.pull();
  for (const char* sql : {"UPDATE message SET by_other = 0", "DELETE FROM read_mark",
                          "DELETE FROM meta WHERE name IN ('others_found', 'reading_begun')"})
    must(desk.replica->database().run(sql));
  desk.reopen();
  CHECK(desk.unread(desk.pump) == 0);
  desk.write("customer", "is new");
  desk.pull();
  CHECK(desk.unread(desk.pump) == 1);
  CHECK(desk.marked() == Names{"is new"});
}

TEST_CASE("looking at a ticket is looking at what was merged into it", "[client][views]") {
  Read desk;
  const TicketId fan = desk.colleagues_ticket("ann", "fan hums");
  desk.pull();
  must(desk.commands->mark_all_read());
  desk.write("customer", "it drips now");
  Change merge = desk.by("ann", Intent::merge, desk.pump);
  merge.target = Bytes(fan.view());
  desk.commit("ann", merge);
  Change mirror = desk.by("ann", Intent::merged_from, fan);
  mirror.target = Bytes(desk.pump.view());
  desk.commit("ann", mirror);
  desk.pull();
  CHECK(desk.unread(desk.pump) == 1);
  desk.look(fan);
  CHECK(desk.unread(desk.pump) == 0);
}
