// What an agent does is saved before the call returns, with what they had seen; and what is offered is asked apart.
#include <algorithm>

#include "support/catch.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;

namespace {

ErrorCode refused(Result<void> result) {
  return result ? ErrorCode::usage : result.error().code;
}
template <typename T>
Error error_of(Result<T> result) {
  REQUIRE_FALSE(result);
  return std::move(result).error();
}

sync::Change kept(ClientDesk& desk, const sync::ChangeRef& ref) {
  return must(desk.outbox->find(ref))->change;
}

}  // namespace

TEST_CASE("a change carries the version its author had on the screen", "[client][commands]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.commit("ann", desk.by("ann", Intent::start, ticket));  // not seen here
  const auto ref = desk.save(desk.message(ticket, "x")).ref;
  CHECK(kept(desk, ref).seen_seq == 1);
  CHECK(kept(desk, ref).seen_epoch == desk.ledger.epoch);  // no anchor of that epoch is held
  client::AnchorHeld anchor;
  anchor.epoch = desk.ledger.epoch;
  anchor.hash = named<Hash>("anchor");
  must(desk.outbox->set_anchor(anchor));
  CHECK(kept(desk, desk.save(desk.message(ticket, "y")).ref).seen_epoch.is_zero());
  desk.pull();
  CHECK(kept(desk, desk.save(desk.message(ticket, "z")).ref).seen_seq == 2);
}

TEST_CASE("what builds on work that nobody knows yet says so", "[client][commands]") {
  ClientDesk desk;
  std::vector<Change> both{desk.create("pump"), desk.message({}, "first")};
  const auto saved = must(desk.commands->save(both));
  REQUIRE(saved.size() == 2);
  CHECK(saved[1].ticket == saved[0].ticket);
  CHECK(kept(desk, saved[1].ref).after == std::vector{saved[0].ref.id});
  Change edit = desk.change(Intent::edit_message, saved[0].ticket);
  edit.targets = {saved[1].ref};
  edit.text = "better";
  CHECK(kept(desk, desk.save(edit).ref).after == std::vector{saved[0].ref.id, saved[1].ref.id});
  desk.sync();
  CHECK(kept(desk, desk.save(desk.message(saved[0].ticket, "later")).ref).after.empty());
}

TEST_CASE("an approval and its move go together", "[client][commands]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  Change estimate = desk.by("ann", Intent::estimate, ticket);
  estimate.number = 90;
  desk.commit("ann", estimate);
  desk.pull();
  CHECK(desk.show(ticket).estimate_minutes == 90);
  Change approve = desk.change(Intent::approve_estimate, ticket);
  approve.targets = {estimate.ref};
  Change move = desk.change(Intent::estimate_approved, ticket);
  move.targets = {estimate.ref};
  const auto saved = must(desk.commands->save({approve, move}));
  CHECK(kept(desk, saved[1].ref).after == std::vector{saved[0].ref.id});
  CHECK(desk.show(ticket).row.status == "in_progress");
}

TEST_CASE("all or none of a call is saved", "[client][commands]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  const auto error = error_of(desk.commands->save({desk.message(ticket, "good"), desk.message(ticket, "")}));
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.field == "text");
  CHECK(error_of(desk.commands->save({desk.message(ticket, "good"), desk.message(named<TicketId>("nowhere"), "x")}))
            .code == ErrorCode::not_found);
  CHECK(must(desk.outbox->own_changes(std::nullopt)).empty());
  CHECK(must(desk.replica->messages(ticket)).empty());
}

TEST_CASE("moves that the status does not allow are not offered, and the hint lists those that are",
          "[client][commands]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.commit("ann", desk.by("ann", Intent::close, ticket));
  desk.pull();
  const auto error = error_of(desk.commands->check_offered(desk.change(Intent::start, ticket)));
  CHECK(error.code == ErrorCode::bad_transition);
  CHECK(error.message.find("is closed") != std::string::npos);
  CHECK(error.hint.find("reopen") != std::string::npos);
  must(desk.commands->check_offered(desk.change(Intent::reopen, ticket)));
  desk.save(desk.change(Intent::start, ticket));  // saving asks nobody: the fold decides
}

TEST_CASE("a taken ticket is not offered to take, and a deleted one takes nothing but what appends",
          "[client][commands]") {
  ClientDesk desk;
  desk.add_operator("ann");
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  const TicketId gone = desk.colleagues_ticket("ann", "gone");
  desk.commit("ann", desk.by("ann", Intent::take, ticket));
  desk.commit("ann", desk.by("ann", Intent::delete_ticket, gone));
  desk.pull();
  CHECK(error_of(desk.commands->check_offered(desk.change(Intent::take, ticket))).message.find("taken by ann") !=
        std::string::npos);
  CHECK(refused(desk.commands->check_offered(desk.set(gone, FieldId::priority, "4"))) == ErrorCode::bad_transition);
  must(desk.commands->check_offered(desk.message(gone, "still")));
  must(desk.commands->check_offered(desk.change(Intent::restore, gone)));
  CHECK(refused(desk.commands->check_offered(desk.change(Intent::restore, ticket))) == ErrorCode::bad_transition);
}

TEST_CASE("rights are those of the operator's own record", "[client][commands]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  must(desk.commands->check_offered(desk.change(Intent::start, ticket)));  // nothing is known of the role yet
  desk.add_operator("me", "light");
  desk.pull();
  CHECK(refused(desk.commands->check_offered(desk.change(Intent::start, ticket))) == ErrorCode::not_permitted);
  must(desk.commands->check_offered(desk.message(ticket, "a team note")));
  CHECK(refused(desk.commands->check_offered(desk.create("x"))) == ErrorCode::not_permitted);
  CHECK(refused(desk.commands->check_offered(desk.change(Intent::start, named<TicketId>("x")))) ==
        ErrorCode::not_found);
}

TEST_CASE("who hands a ticket on without a reason is asked for one, not told that the role is wrong",
          "[client][commands]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.commit("ann", desk.by("ann", Intent::take, ticket));
  desk.add_operator("me", "operator");
  desk.pull();
  sync::Change assign = desk.change(Intent::assign, ticket);
  assign.target = Bytes(named<OperatorId>("me").view());
  const auto error = error_of(desk.commands->check_offered(assign));
  CHECK(error.code == ErrorCode::usage);
  CHECK(error.field == "reason");
  CHECK(error.hint.find("--reason") != std::string::npos);
  assign.reason = "is nearest";
  must(desk.commands->check_offered(assign));
}

TEST_CASE("a ticket is found by number, id, uuid and prefix; several candidates are listed", "[client][commands]") {
  ClientDesk desk;
  const TicketId one = desk.colleagues_ticket("ann", "abcd one");
  const TicketId two = desk.colleagues_ticket("ann", "abcd two");
  const TicketId other = desk.colleagues_ticket("ann", "zzzz");
  desk.pull();
  const auto find = [&](std::string_view name) { return desk.commands->find_ticket(name); };
  CHECK(must(find("T-2023-1001")) == one);
  CHECK(must(find(" t-2023-1002 ")) == two);
  CHECK(must(find("3")) == other);
  CHECK(must(find("#3")) == other);
  CHECK(must(find(to_uuid_text(two.view()))) == two);
  CHECK(must(find("7a7a")) == other);
  CHECK(must(find("7A7A7")) == other);
  const auto several = error_of(find("61626364"));
  CHECK(several.code == ErrorCode::ambiguous);
  CHECK(several.hint.find("T-2023-1001 abcd one") != std::string::npos);
  CHECK(several.hint.find("T-2023-1002 abcd two") != std::string::npos);
  CHECK(must(find("616263642074")) == two);
  for (const char* nothing : {"", "7a7", "99", "T-1", "ffff", "nonsense", "61626364206f6e6500000000000000000000"}) {
    CAPTURE(nothing);
    CHECK(error_of(find(nothing)).code == ErrorCode::not_found);
  }
}

TEST_CASE("a record is found by name in any case, by prefix, by uuid", "[client][commands]") {
  ClientDesk desk;
  for (const char* name : {"Field North", "Field South", "Depot", "DEPOT", "Öl"})
    desk.add_record(sync::RecordKind::queue, name);
  desk.pull();
  const auto find = [&](std::string_view name) {
    return desk.commands->find_record(static_cast<std::uint32_t>(sync::RecordKind::queue), name);
  };
  CHECK(must(find("Depot")) == named<RecordId>("Depot"));
  CHECK(error_of(find("depot")).code == ErrorCode::ambiguous);
  CHECK(must(find("field n")) == named<RecordId>("Field North"));
  CHECK(error_of(find("field")).hint.find("Field South") != std::string::npos);
  CHECK(must(find("öl")) == named<RecordId>("Öl"));
  CHECK(must(find(to_uuid_text(named<RecordId>("Öl").view()))) == named<RecordId>("Öl"));
  CHECK(error_of(find("Moon")).hint.find("Depot") != std::string::npos);
  CHECK(must(desk.commands->find_record(1, "me")).view() == desk.identity.operator_id.view());
}
