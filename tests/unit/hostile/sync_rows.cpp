#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/change.pb.h"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

using protocol::ChangeSetHeader;

sync::Change some_ticket(Device& van) {
  return van.create(random_id<TicketId>(van.house.environment));
}

sync::Change note(Device& van, const TicketId& ticket) {
  sync::Change out = van.change(sync::Intent::message, ticket);
  out.visibility = sync::Visibility::team;
  out.text = "hello";
  return out;
}

void flip_signature(Bytes& set) {
  set[250] = static_cast<char>(set[250] ^ 1);
}

/// What was refused consumed no number and counted no fork: the chain goes on where it was.
bool next_is_taken(Device& van) {
  return van.receipts(van.push(some_ticket(van))).receipts.size() == 1;
}

/// A set that a good device would send next, but for what `bend` does to its header and `spoil` to its bytes.
Row bent(
    const std::string& number, const std::string& input, const std::string& answer,
    const std::function<void(HostileRig&, ChangeSetHeader&)>& bend,
    const std::function<void(Bytes&)>& spoil = [](Bytes&) {}, const std::string& stored = {}) {
  const auto attack = [bend, spoil](HostileRig& rig) {
    const auto van = rig.device();
    ChangeSetHeader header = van->next_header();
    bend(rig, header);
    Bytes set = van->seal_as(header, {some_ticket(*van)});
    spoil(set);
    const std::string said = rig.push(*van, set);
    static_cast<void>(rig.stored_since());
    if (rig.response.has_error()) CHECK(next_is_taken(*van));
    return said;
  };
  return {number, input, attack, answer, Line::stays, stored};
}

/// An exchange without sets, asked for in a way that is off.
Row asked(const std::string& number, const std::string& input, const std::string& answer,
          const std::function<void(HostileRig&, Device&, v1::ExchangeRequest&)>& bend) {
  const auto attack = [bend](HostileRig& rig) {
    const auto van = rig.device();
    static_cast<void>(rig.ticket_of(*van));
    v1::ExchangeRequest request = van->request();
    bend(rig, *van, request);
    return rig.exchange(*van, request);
  };
  return {number, input, attack, answer, Line::stays, ""};
}

Row tried(const std::string& number, const std::string& input, const std::string& answer,
          const std::function<std::string(HostileRig&, Device&)>& attack, const std::string& stored = {},
          Line line = Line::stays) {
  const auto run = [attack](HostileRig& rig) {
    const auto van = rig.device();
    return attack(rig, *van);
  };
  return {number, input, run, answer, line, stored};
}

void revoke(HostileRig& rig, Device& van) {
  rig.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(van.certificate.device.view()))}}));
}

std::string push_revoked(HostileRig& rig, Device& van) {
  const Bytes set = van.seal({some_ticket(van)});
  revoke(rig, van);
  return rig.push(van, set);
}

std::string deposit(HostileRig& rig, Device& van) {
  const Bytes set = van.seal({some_ticket(van)});
  revoke(rig, van);
  must(van.open_session());
  CHECK(van.mode == protocol::SessionMode::deposit);
  const std::string said = rig.push(van, set);
  CHECK(rig.response.receipts().empty());
  CHECK(rig.response.patches().empty());
  return said;
}

std::string gap(HostileRig& rig, Device& van) {
  static_cast<void>(rig.ticket_of(van));
  const Bytes lost = van.seal({some_ticket(van)}), arrived = van.seal({some_ticket(van)});
  const std::string said = rig.push(van, arrived);
  CHECK(rig.response.error().expected_seq() == 2);
  static_cast<void>(rig.stored_since());
  CHECK(van.receipts(van.push({lost, arrived})).receipts.size() == 2);
  return said;
}

std::string fork(HostileRig& rig, Device& van) {
  const ChangeSetHeader header = van.next_header();
  static_cast<void>(rig.ticket_of(van));
  const std::string said = rig.push(van, van.seal_as(header, {some_ticket(van)}));
  CHECK(rig.response.error().head().chain_seq() == 1);
  CHECK(rig.response.error().head().hash() == van.head.hash.view());
  return said;
}

std::string old_epoch(HostileRig& rig, Device& van) {
  CHECK(fork(rig, van) == "CHAIN_FORKED REBASE");  // heals: the newest epoch is the second
  return rig.push(van, van.seal({some_ticket(van)}));
}

std::string twice(HostileRig& rig, Device& van) {
  const Bytes set = van.seal({some_ticket(van)});
  const auto first = must(protocol::decode_receipt_list(van.push({set}).receipts()));
  static_cast<void>(rig.ticket_of(van));
  const std::string said = rig.push(van, set);
  CHECK(must(protocol::decode_receipt_list(rig.response.receipts())).receipts == first.receipts);  // byte for byte
  return said;
}

std::string without_content(HostileRig& rig, Device& van) {
  auto set = must(protocol::decode_change_set(van.seal_as(van.next_header(), {some_ticket(van)})));
  set.changes.front() = set.changes.front().without_content();
  return rig.push(van, protocol::encode(set));
}

std::string push_under(HostileRig& rig, Device& van, const KeyId& key) {
  constexpr std::size_t key_id_at = 2 + 64;  // of the header, before which two bytes stand
  Bytes set = van.seal_as(van.next_header(), {some_ticket(van)});
  set.replace(key_id_at, KeyId::size_bytes, Bytes(key.view()));
  const std::string said = rig.push(van, set);
  static_cast<void>(rig.stored_since());
  CHECK(next_is_taken(van));
  return said;
}

std::string unknown_intent(HostileRig& rig, Device& van) {
  sync::EncodedChange encoded = sync::encode_change(some_ticket(van));
  v1::Skeleton skeleton;
  CHECK(skeleton.ParseFromString(encoded.skeleton));
  skeleton.set_intent(static_cast<v1::Intent>(999));
  std::vector<protocol::SealedChange> content = {
      {skeleton.SerializeAsString(), random_id<Salt>(rig.house.environment), std::move(encoded.body), {}}};
  return rig.push(van, protocol::encode(must(protocol::seal(van.next_header(), std::move(content), van.key))));
}

std::string orphan(HostileRig& rig, Device& van) {
  const std::string said = rig.push(van, van.seal({note(van, random_id<TicketId>(rig.house.environment))}));
  CHECK(rig.push(van, van.seal({some_ticket(van)})) == "applied");  // the next one is taken
  return said;
}

std::string out_of_scope(HostileRig& rig, Device& boss) {
  const std::string queue = rig.house.command(cmd("queue add", {{"name", Json("Of others")}}))["id"].as_string();
  const TicketId ticket = random_id<TicketId>(rig.house.environment);
  sync::Change move = boss.change(sync::Intent::move_queue, ticket);
  move.target = from_uuid_text(queue).value();
  boss.push({boss.seal({boss.create(ticket), move})});
  const auto outsider = rig.device("operator", "own");
  return rig.push(*outsider, outsider->seal({note(*outsider, ticket)}));
}

/// Both had the newest commit in their reach; only one was ever sent it.
std::string seen_unsent(HostileRig& rig, Device& van) {
  const auto other = rig.device();
  static_cast<void>(rig.ticket_of(*other));
  ChangeSetHeader header = van.next_header();
  header.seen_seq = van.cursor + 1;
  sync::Change ticket = some_ticket(van);
  ticket.seen_seq = header.seen_seq;
  return rig.push(van, van.seal_as(header, {ticket}));
}

const std::string a_set = "change +1, change_set +1";
const std::string a_ticket = a_set + ", figure +1, scope_member +1, sla_clock +1, ticket +1, ticket_name +1";
/// The evidence, and the server's own set: a certificate of the next epoch, or the end of the key.
const std::string a_fork = a_set + ", fork +1", a_healed_fork = a_fork + ", past_certificate +1";

}  // namespace

std::vector<Row> sync_rows() {
  const auto as_it_is = [](HostileRig&, ChangeSetHeader&) {};
  return {
      bent("30", "a bad signature", "SIGNATURE_INVALID NEVER", as_it_is, flip_signature),
      tried("31", "a revoked key under the session it had", "401 session_unknown", push_revoked, "", Line::closes),
      tried("31", "a revoked key in a session for deposits", "taken", deposit, "quarantine +1"),
      tried("32", "a gap in the chain", "CHAIN_GAP LATER", gap),
      tried("33", "another set under a number that is taken", "CHAIN_FORKED REBASE", fork, a_healed_fork),
      tried("33", "a set of an epoch that is over", "CHAIN_FORKED REBASE", old_epoch, a_fork),
      tried("34", "a set that comes again", "applied", twice),
      bent(
          "35", "another tenant in the header", "TENANT_MISMATCH NEVER",
          [](HostileRig& rig, ChangeSetHeader& header) { header.tenant = random_id<TenantId>(rig.house.environment); }),
      bent("35a", "a colleague as the author", "AUTHOR_MISMATCH NEVER",
           [](HostileRig& rig, ChangeSetHeader& header) { header.author = rig.device()->certificate.author; }),
      bent("35b", "another device's id under one's own key", "KEY_UNKNOWN NEVER",
           [](HostileRig& rig, ChangeSetHeader& header) { header.device = rig.device()->certificate.device; }),
      tried("35b", "one's own id under another device's key id", "KEY_UNKNOWN NEVER",
            [](HostileRig& rig, Device& van) {
              return push_under(rig, van, protocol::key_id(rig.device()->key.public_key()));
            }),
      tried("31", "a key id that nobody knows", "KEY_UNKNOWN REAUTH",
            [](HostileRig& rig, Device& van) { return push_under(rig, van, random_id<KeyId>(rig.house.environment)); }),
      tried("35c", "a change without content that was never erased", "CONTENT_MISSING NEVER", without_content),
      bent(
          "35d", "a gap in the chain of a set with a bad signature", "SIGNATURE_INVALID NEVER",
          [](HostileRig&, ChangeSetHeader& header) { header.chain_seq += 7; }, flip_signature),
      tried("37", "an intent that is not known", "UPGRADE_REQUIRED UPGRADE", unknown_intent),
      bent("37", "a schema of tomorrow", "UPGRADE_REQUIRED UPGRADE",
           [](HostileRig&, ChangeSetHeader& header) { header.schema_version = limits::schema_version + 1; }),
      bent("37", "a schema that is too old", "UPGRADE_REQUIRED UPGRADE",
           [](HostileRig&, ChangeSetHeader& header) { header.schema_version = 0; }),
      asked("37", "an exchange of tomorrow", "UPGRADE_REQUIRED UPGRADE",
            [](HostileRig&, Device&, v1::ExchangeRequest& request) {
              request.set_schema_version(limits::schema_version + 1);
            }),
      tried("39", "a change on a ticket that is not there", "held parent_missing", orphan, a_ticket),
      tried("40", "a change on a ticket out of scope", "rejected not_permitted", out_of_scope, a_set),
      bent(
          "42", "an anchor that nobody knows", "applied, anchor unknown",
          [](HostileRig& rig, ChangeSetHeader& header) { header.anchor_hash = random_id<Hash>(rig.house.environment); },
          [](Bytes&) {}, a_ticket),
      asked(
          "43", "a cursor ahead of the server", "SERVER_BEHIND LATER",
          [](HostileRig&, Device&, v1::ExchangeRequest& request) { request.mutable_cursor()->set_commit_seq(1'000); }),
      asked("43", "a head ahead of the server", "SERVER_BEHIND LATER",
            [](HostileRig&, Device& van, v1::ExchangeRequest& request) {
              request.mutable_held_head()->set_epoch(Bytes(van.server_head.epoch.view()));
              request.mutable_held_head()->set_size(1'000);
            }),
      bent("43a", "seen above the newest commit", "SERVER_BEHIND LATER",
           [](HostileRig&, ChangeSetHeader& header) { header.seen_seq = 1ULL << 62; }),
      tried("43a", "seen above what was sent to this device", "applied, seen cut", seen_unsent, a_ticket),
      asked("44", "an epoch that nobody knows", "EPOCH_CHANGED REBASE",
            [](HostileRig& rig, Device&, v1::ExchangeRequest& request) {
              request.mutable_cursor()->set_epoch(Bytes(random_id<EpochId>(rig.house.environment).view()));
            }),
      asked("", "sixty-five sets in one exchange", "413 too_large",
            [](HostileRig&, Device&, v1::ExchangeRequest& request) {
              for (int i = 0; i < 65; ++i) request.add_change_sets("x");
            }),
      tried("", "half a set", "MALFORMED NEVER",
            [](HostileRig& rig, Device& van) {
              return rig.push(van, van.seal_as(van.next_header(), {some_ticket(van)}).substr(0, 320));
            }),
  };
}

}  // namespace tern::test
