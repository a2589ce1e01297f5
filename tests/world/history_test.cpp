// Provable history: an export of the ledger is proven without the server, and whatever is done to it is named.
#include "support/rounds.hpp"
#include "support/world_agent.hpp"
#include "support/world_history.hpp"
#include "tern/protocol/base64.hpp"

using namespace tern;
using namespace tern::test;
using protocol::ExportLines;

namespace {

/// A desk with everything in its history: conflicts, claims, a merge, a split message, texts merged by line, something
/// held and released, a customer, an erasure, a revoked device, and a second epoch.
struct History {
  explicit History(std::uint64_t number) : world(Seed::from_environment_or(number)) {
    world.add_record("queue", "Field");
    van = &world.add_device("van");
    desk = &world.add_device("desk");
    cas = &world.add_device("cas", {.role = "operator"});
    ticket = van->create("pump", "first line\nsecond line");
    other = desk->create("pump again");
    CHECK(world.run_until_quiet());
    conflicts();
    held_work();
    erased = van->note(ticket, "CANARYTOERASE is what somebody wrote");
    CHECK(world.run_until_quiet());
    world.server.administer(
        "erase", {{"change", Json::array({Json(to_uuid_text(erased.device.view()) + ":" + to_hex(erased.id))})}});
    CHECK(world.run_until_quiet());
  }

  void conflicts() {
    world.network.cut();
    van->set(ticket, Field::subject, "pump leaks");
    van->act(ticket, Intent::take);
    van->save(describe("first line, by the van\nsecond line"));
    world.pass(minutes_ms(5));
    desk->set(ticket, Field::subject, "pump broken");
    desk->act(ticket, Intent::take);
    desk->save(describe("first line\nsecond line\nthird line"));
    desk->reply(other, "we are coming");
    world.network.heal();
    must(desk->sync());
    CHECK(world.run_until_quiet());
    sync::Change merge;
    merge.intent = Intent::merge;
    merge.ticket = other;
    merge.target = Bytes(ticket.view());
    desk->save(std::move(merge));
    van->note(other, "written to the merged one");
    CHECK(world.run_until_quiet());
  }

  void held_work() {
    world.network.cut(cas->address());
    const ChangeRef raised = cas->set(ticket, Field::priority, "4");
    cas->act(ticket, Intent::take);
    world.pass(minutes_ms(20));
    world.change_role("cas", "light");
    world.network.heal();
    CHECK(world.run_until_quiet());
    sync::Change release;
    release.intent = Intent::release;
    release.ticket = ticket;
    release.targets = {raised};
    van->save(std::move(release));
    CHECK(world.run_until_quiet());
  }

  sync::Change describe(const std::string& text) const {
    sync::Change change;
    change.intent = Intent::describe;
    change.ticket = ticket;
    change.base = "first line\nsecond line";
    change.text = text;
    return change;
  }

  World world;
  Device* van = nullptr;
  Device* desk = nullptr;
  Device* cas = nullptr;
  TicketId ticket, other;
  ChangeRef erased;
};

/// Numbers and sums made anew, as somebody does who knows how: what is left to notice is what the lines say.
std::vector<std::string> closed_again(const std::vector<std::string>& lines) {
  ExportLines closing;
  std::vector<std::string> out;
  for (const std::string& line : lines) {
    JsonLimits limits;
    limits.bytes_max = protocol::export_line_bytes_max;
    const Json parsed = must(parse_json(line, limits));
    Json bare = Json::object();
    for (const auto& [name, value] : parsed.members())
      if (name != "n" && name != "sum") bare.append_member(name, value);
    out.push_back(closing.close(bare));
    out.back().pop_back();
  }
  return out;
}

std::string kind_of(const std::string& line) {
  return must(parse_json(line, {.bytes_max = protocol::export_line_bytes_max}))["kind"].as_string();
}

std::size_t first_of(const std::vector<std::string>& lines, const std::string& kind, std::size_t nth = 0) {
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (kind_of(lines[i]) == kind && nth-- == 0) return i;
  FAIL("there is no line of kind " << kind);
  return 0;
}

void replace_member(std::string& line, const std::string& name, const Json& value) {
  Json parsed = must(parse_json(line, {.bytes_max = protocol::export_line_bytes_max}));
  parsed.set(name, value);
  line = to_text(parsed);
}

std::string message_of(const Result<verify::Report>& report) {
  return report ? "nothing is wrong" : report.error().message;
}

bool names(const Result<verify::Report>& report, std::string_view words) {
  if (!report && report.error().code == ErrorCode::verification_failed &&
      report.error().message.find(words) != std::string::npos)
    return true;
  UNSCOPED_INFO("it says: " << message_of(report));
  return false;
}

}  // namespace

TEST_CASE("an export alone proves conflicts, claims, merges, releases and erasures", "[world][history]") {
  History history(301);
  const auto lines = export_history(history.world);
  const auto report = prove(lines);
  INFO(message_of(report));
  REQUIRE(report);
  CHECK(report->tickets.size() == 2);
  CHECK(report->erased == 1);
  const auto found = std::find_if(report->tickets.begin(), report->tickets.end(),
                                  [&](const auto& one) { return one.id == history.ticket; });
  REQUIRE(found != report->tickets.end());
  const verify::TicketReport& ticket = *found;
  CHECK(ticket.authors == 3);
  CHECK(ticket.devices == 3);
  CHECK(ticket.erased == 1);
  CHECK(report->head == history.world.server.tenant(history.world.server.first_tenant()).log_head());
  for (const std::string& line : lines) CHECK(line.find("CANARYTOERASE") == std::string::npos);
  for (const char* kind :
       {"root", "key_list", "erasure", "device", "anchor", "set", "amendment", "ticket", "message", "record", "end"})
    static_cast<void>(first_of(lines, kind));

  CHECK(prove(lines, report->root));
  CHECK(names(prove(lines, protocol::RootId{}), "not of the server whose root is"));
}

TEST_CASE("a history of two epochs, with a revoked device, proves as one", "[world][history]") {
  History history(302);
  World& world = history.world;
  const std::string backup = world.server.backup();
  history.van->note(history.ticket, "after the backup");
  CHECK(world.run_until_quiet());
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  world.server.administer("device revoke", {{"device", Json("cas")}});
  history.van->note(history.ticket, "after the restore");
  CHECK(world.run_until_quiet());
  const auto lines = export_history(world);
  static_cast<void>(first_of(lines, "epoch"));
  const auto report = prove(lines);
  INFO(message_of(report));
  CHECK(report);
}

TEST_CASE("whichever byte of an export is another one, its line is named", "[world][history][I38]") {
  History history(303);
  const auto lines = export_history(history.world);
  REQUIRE(prove(lines));
  Random random(history.world.seed, "bytes");
  for (std::size_t at = 0; at < lines.size(); ++at) {
    auto altered = lines;
    const auto place = static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(lines[at].size()) - 1));
    altered[at][place] = static_cast<char>(altered[at][place] ^ (1 << random.between(0, 6)));
    const auto report = prove(altered);
    INFO("line " << at + 1 << ", byte " << place);
    CHECK(names(report, "line " + std::to_string(at + 1) + ":"));
  }
}

TEST_CASE("a line that is missing, moved, repeated or cut off is named", "[world][history]") {
  History history(304);
  const auto lines = export_history(history.world);
  const auto mark = static_cast<std::ptrdiff_t>(first_of(lines, "set", 3));
  const std::string number = std::to_string(mark + 1);

  auto dropped = lines;
  dropped.erase(dropped.begin() + mark);
  CHECK(names(prove(dropped), "line " + number + " is missing"));
  auto moved = lines;
  std::swap(moved[static_cast<std::size_t>(mark)], moved[static_cast<std::size_t>(mark) + 1]);
  CHECK(names(prove(moved), "line " + number + " is missing"));
  auto repeated = lines;
  repeated.insert(repeated.begin() + mark, lines[static_cast<std::size_t>(mark)]);
  CHECK(names(prove(repeated), "line " + std::to_string(mark + 2)));
  auto cut = lines;
  cut.pop_back();
  CHECK(names(prove(cut), "ends after line " + std::to_string(lines.size() - 1)));
  CHECK(names(prove({}), "ends after line 0"));
}

TEST_CASE("what is left out, replaced or added with care is named too", "[world][history]") {
  History history(305);
  const auto lines = export_history(history.world);
  REQUIRE(prove(closed_again(lines)));

  SECTION("a set left out") {
    auto altered = lines;
    altered.erase(altered.begin() + static_cast<std::ptrdiff_t>(first_of(lines, "set", 4)));
    CHECK(names(prove(closed_again(altered)), "commit"));
  }
  SECTION("a receipt that says something else") {
    for (std::size_t nth = 0; nth < 8; ++nth) {
      const std::size_t at = first_of(lines, "set", nth);
      const Json set = must(parse_json(lines[at]));
      const auto receipt = must(protocol::decode_receipt(*from_base64(set["receipt"].as_string())));
      v1::SetOutcomes outcomes;
      REQUIRE(outcomes.ParseFromString(receipt.outcomes));
      auto& first = *outcomes.mutable_outcomes(0);
      first.set_outcome(static_cast<std::uint32_t>(first.outcome() == 4 ? Outcome::applied : Outcome::overtaken));
      const auto other =
          protocol::make_receipt(receipt.device_epoch, receipt.chain_seq, receipt.leaf_index, receipt.leaf.set_hash,
                                 receipt.leaf.commit_seq, receipt.leaf.time_ms, outcomes.SerializeAsString());
      auto altered = lines;
      replace_member(altered[at], "receipt", Json(to_base64(protocol::encode(other))));
      CHECK(names(prove(closed_again(altered)), "commit " + std::to_string(nth + 1) + ": change 0: the receipt says"));
    }
  }
  SECTION("a receipt that tells another time") {
    const std::size_t at = first_of(lines, "set", 9);
    const Json set = must(parse_json(lines[at]));
    const auto receipt = must(protocol::decode_receipt(*from_base64(set["receipt"].as_string())));
    v1::SetOutcomes outcomes;
    REQUIRE(outcomes.ParseFromString(receipt.outcomes));
    outcomes.mutable_outcomes(0)->set_effective_ms(outcomes.outcomes(0).effective_ms() + 1);
    const auto other =
        protocol::make_receipt(receipt.device_epoch, receipt.chain_seq, receipt.leaf_index, receipt.leaf.set_hash,
                               receipt.leaf.commit_seq, receipt.leaf.time_ms, outcomes.SerializeAsString());
    auto altered = lines;
    replace_member(altered[at], "receipt", Json(to_base64(protocol::encode(other))));
    CHECK(names(prove(closed_again(altered)), "commit 10: change 0: the receipt tells another time"));
  }
  SECTION("a server that commits at another time") {
    const std::size_t at = first_of(lines, "set", 2);
    const Json set = must(parse_json(lines[at]));
    auto receipt = must(protocol::decode_receipt(*from_base64(set["receipt"].as_string())));
    receipt.leaf.time_ms += 1;
    auto altered = lines;
    replace_member(altered[at], "receipt", Json(to_base64(protocol::encode(receipt))));
    CHECK(names(prove(closed_again(altered)), "commit"));
  }
  SECTION("an amendment, an erasure, a message, a ticket or a record left out") {
    for (const char* kind : {"amendment", "erasure", "message", "ticket", "record", "anchor", "device", "key_list"}) {
      auto altered = lines;
      altered.erase(altered.begin() + static_cast<std::ptrdiff_t>(first_of(lines, kind)));
      INFO(kind);
      CHECK_FALSE(prove(closed_again(altered)));
    }
  }
  SECTION("a state of another ticket") {
    auto altered = lines;
    const Json second = must(parse_json(lines[first_of(lines, "ticket", 1)]));
    replace_member(altered[first_of(lines, "ticket")], "state", second["state"]);
    CHECK(names(prove(closed_again(altered)), "its state is not the fold of its changes"));
  }
  SECTION("notes of admission that were not the server's") {
    for (std::size_t at = 0; at < lines.size(); ++at) {
      Json line = must(parse_json(lines[at], {.bytes_max = protocol::export_line_bytes_max}));
      if (line.find("notes") == nullptr) continue;
      auto altered = lines;
      replace_member(altered[at], "notes", Json::array());
      CHECK_FALSE(prove(closed_again(altered)));
    }
  }
  SECTION("everything as it was, but closed by nobody") {
    auto altered = lines;
    replace_member(altered[0], "program", Json("something else"));
    CHECK(names(prove(closed_again(altered)), "the lines are not those that the server closed the export over"));
  }
}

TEST_CASE("lines that no server writes are refused, each with its number", "[world][history]") {
  History history(306);
  const auto lines = export_history(history.world);
  const auto refused = [&](std::size_t at, const std::string& line) {
    auto altered = lines;
    altered[at] = line;
    return names(prove(altered), "line " + std::to_string(at + 1));
  };
  CHECK(refused(0, ""));
  CHECK(refused(0, "not json at all"));
  CHECK(refused(0, std::string(100, '[')));
  CHECK(refused(3, std::string(protocol::export_line_bytes_max + 1, 'x')));

  // Random bytes of each signed thing, under good numbers and sums: refused by what they are, never a crash.
  Random random(history.world.seed, "inside");
  for (int round = 0; round < rounds_of(300); ++round) {
    const auto at = static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(lines.size()) - 1));
    auto altered = lines;
    const Json line = must(parse_json(lines[at], {.bytes_max = protocol::export_line_bytes_max}));
    for (const char* member : {"wire", "receipt", "state", "public_key"}) {
      if (line.find(member) == nullptr) continue;
      Bytes bytes = *from_base64(line[member].as_string());
      if (bytes.empty()) continue;
      const auto place = static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(bytes.size()) - 1));
      bytes[place] = static_cast<char>(bytes[place] ^ (1 << random.between(0, 7)));
      replace_member(altered[at], member, Json(to_base64(bytes)));
      INFO("line " << at + 1 << ", " << member << ", byte " << place);
      CHECK_FALSE(prove(closed_again(altered)));
    }
  }
  auto later = lines;
  replace_member(later[0], "version", Json(2));
  CHECK(prove(closed_again(later)).error().code == ErrorCode::upgrade_required);
}
