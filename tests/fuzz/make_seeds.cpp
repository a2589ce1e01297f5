// Writes the seeds that are made of our own formats: fuzz_seeds FOLDER. The same bytes each time. Findings, and seeds
// that are texts, stay beside them by hand.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/known_device.hpp"
#include "support/fold_desk.hpp"
#include "tern/protocol/anchor.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/session.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/v1/exchange.pb.h"
#include "unit/sync/sample_changes.hpp"

using namespace tern;

namespace {

std::filesystem::path corpus;

void seed(const std::string& target, const std::string& name, ByteView bytes) {
  const std::filesystem::path folder = corpus / ("fz_" + target);
  std::filesystem::create_directories(folder);
  std::ofstream file(folder / name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  check(file.good(), "a seed is written");
}

Bytes sized(ByteView bytes) {
  return protocol::ByteWriter().u16(static_cast<std::uint16_t>(bytes.size())).raw(bytes).take();
}

void http_heads() {
  const std::string host = "Host: t\r\n", end = "\r\n";
  const auto post = [&](const std::string& lines, const std::string& body) {
    return "POST /a?b=1 HTTP/1.1\r\n" + host + lines + end + body;
  };
  const std::pair<const char*, std::string> seeds[] = {
      {"get", "GET /healthz HTTP/1.1\r\n" + host + end},
      {"http10", "GET / HTTP/1.0\r\n" + host + "Connection: keep-alive\r\n" + end},
      {"length", post("Content-Length: 5\r\n", "helloGET / HTTP/1.1\r\n")},
      {"chunked", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /next")},
      {"chunk_two_digits", post("Transfer-Encoding: chunked\r\n", "1a\r\n01234567890123456789abcdef\r\n0\r\n\r\n")},
      {"chunk_not_decimal", post("Transfer-Encoding: chunked\r\n", "10\r\n0123456789\r\n0\r\n\r\n")},
      {"expect", post("Expect: 100-continue\r\nContent-Length: 2\r\n", "ok")},
      {"options", "OPTIONS * HTTP/1.1\r\n" + host + end},
      {"websocket", "GET /w HTTP/1.1\r\n" + host +
                        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                        end},
      {"te_space", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")},
      {"te_gzip", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
      {"te_and_cl", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"two_cl", post("Content-Length: 4\r\nContent-Length: 5\r\n", "hello")},
      {"negative_cl", post("Content-Length: -5\r\n", "hello")},
      {"plus_cl", post("Content-Length: +5\r\n", "hello")},
      {"bad_chunk", post("Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n")},
      {"chunk_line_end", post("Transfer-Encoding: chunked\r\n", "3\r\nabcXX0\r\n\r\n")},
      {"chunk_trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nA: b\r\n\r\n")},
      {"te_longer_name", post("Transfer-Encoding-Too: chunked\r\n", "0\r\n\r\n")},
      {"fold", post("A: b\r\n c\r\nContent-Length: 0\r\n", "")},
      {"bare_lf", "GET / HTTP/1.1\nHost: t\n\n"},
      {"two_hosts", "GET / HTTP/1.1\r\n" + host + host + end},
      {"version", "GET / HTTP/9.9\r\n" + host + end},
      {"two_spaces", "GET  / HTTP/1.1\r\n" + host + end},
      {"values", "GET / HTTP/1.1\r\n" + host + "A:\r\nB: \t x \t \r\nC: \xc3\xa9\r\n" + end},
  };
  for (const auto& [name, bytes] : seeds) seed("http_head", name, bytes);
}

Bytes frame(int first, ByteView payload) {
  check(payload.size() < 65536, "a short frame");
  protocol::ByteWriter out;
  out.u8(static_cast<std::uint8_t>(first));
  if (payload.size() < 126) {
    out.u8(static_cast<std::uint8_t>(0x80 | payload.size()));
  } else {
    out.u8(0x80 | 126).u16(static_cast<std::uint16_t>(payload.size()));
  }
  const ByteView mask = "\x37\xfa\x21\x3d";
  out.raw(mask);
  for (std::size_t i = 0; i < payload.size(); ++i) out.u8(static_cast<std::uint8_t>(payload[i] ^ mask[i % 4]));
  return out.take();
}

void ws_frames() {
  const Bytes close_payload =
      "\x03\xe8"
      "bye";
  seed("ws_frame", "message", frame(0x82, "hello"));
  seed("ws_frame", "fragments", frame(0x02, "one") + frame(0x89, "ping") + frame(0x00, "two") + frame(0x80, "three"));
  seed("ws_frame", "control", frame(0x89, "") + frame(0x8a, "pong") + frame(0x88, close_payload));
  seed("ws_frame", "long", frame(0x82, Bytes(300, 'x')) + frame(0x82, Bytes(126, 'y')));
  seed("ws_frame", "too_big", frame(0x02, Bytes(500, 'x')) + frame(0x80, Bytes(101, 'y')));
  seed("ws_frame", "text", frame(0x81, "Hello"));
  seed("ws_frame", "unmasked", "\x82\x05Hello");
  seed("ws_frame", "reserved", frame(0xc2, "Hello"));
  seed("ws_frame", "huge", Bytes("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10) + "mask");
  seed("ws_frame", "long_form", Bytes("\x82\xfe\x00\x05", 4) + "maskHello");
  seed("ws_frame", "close_code", frame(0x88, Bytes("\x03\xed", 2)));
}

void change_sets() {
  const fuzz::KnownDevice device;
  std::vector<protocol::SealedChange> changes = {{"skeleton-1", fuzz::filled<Salt>(0x60), "hello", {}},
                                                 {"skeleton-22", fuzz::filled<Salt>(0x61), "", {}}};
  const protocol::ChangeSet set = *protocol::seal(device.header(1), changes, device.key);
  const protocol::ChangeSet again = *protocol::seal_again(set, device.header(2), device.key);
  protocol::ChangeSet erased = set;
  erased.changes[0] = erased.changes[0].without_content();
  const Bytes wire_mode("\0\0\0", 3);
  seed("change_set", "wire", wire_mode + encode(set));
  seed("change_set", "wire_again", wire_mode + encode(again));
  seed("change_set", "wire_erased", wire_mode + encode(erased));
  const Bytes two = sized("skeleton-1") + sized("hello") + sized("skeleton-2") + sized("world!");
  for (const unsigned mode : {1U, 3U, 5U, 7U}) {
    for (const unsigned place : {0U, 9U, 130U, 1900U, 2500U, 0xffffU}) {
      const Bytes head =
          protocol::ByteWriter().u8(static_cast<std::uint8_t>(mode)).u16(static_cast<std::uint16_t>(place)).take();
      seed("change_set", "seal_" + std::to_string(mode) + "_" + std::to_string(place), head + two);
    }
  }
}

void change(const std::string& name, const sync::Change& made) {
  const sync::EncodedChange halves = sync::encode_change(made);
  seed("change", name, Bytes(1, '\0') + sized(halves.skeleton) + halves.body);
  seed("change", name + "_erased", Bytes(1, '\1') + sized(halves.skeleton));
}

void changes() {
  using namespace sync;
  for (int number = 1; number < 256; ++number) {
    const auto intent = static_cast<Intent>(number);
    if (find_intent(intent) != nullptr) change("intent_" + std::to_string(number), sample::smallest(intent));
  }
  Change full = sample::create("pump leaks");
  full.fields.push_back({FieldId::custom, "room", "12", false});
  full.fields.push_back({FieldId::priority, "", "4", false});
  full.text = "one\ntwo";
  full.seen_epoch = fuzz::filled<EpochId>(0x0e);
  full.after = {sample::id<ChangeId>(3)};
  full.provisional_number = "T-2026-xab-1";
  change("full", full);
  change("custom_none", sample::set(FieldId::custom, std::nullopt, "room"));
}

void states() {
  using namespace sync;
  test::FoldDesk desk;
  seed("state", "fresh", encode_state(desk.state()));
  desk.custody = true;
  desk.commit(desk.set("anna", test::at(10), FieldId::custom, std::nullopt, "room"));
  const test::Draft blind = desk.set("bert", test::at(11), FieldId::priority, "1");
  desk.commit(desk.set("anna", test::at(10), FieldId::priority, "4"));
  desk.commit(blind);
  desk.commit(desk.tag("anna", test::at(10), Intent::tag, "vip"));
  desk.commit(desk.draft("anna", Intent::take, test::at(10)));
  desk.commit(desk.to("boss", test::at(11), Intent::assign, "bert"));
  desk.commit(desk.to("boss", test::at(11), Intent::move_queue, "tech"));
  desk.commit(desk.message("customer", test::at(11), "hello"));
  desk.commit(desk.text("bert", test::at(12), Intent::hold, "parts", test::at(20)));
  const test::Draft estimate = desk.text("bert", test::at(12), Intent::estimate, "a lot", 500);
  desk.commit(estimate);
  desk.commit(desk.on("customer", test::at(12), Intent::reject_estimate, estimate.ref()));
  desk.commit(desk.text("bert", test::at(13), Intent::log_time, "drive", 20));
  desk.commit(desk.text("bert", test::at(13), Intent::resolve, "new seal"));
  desk.commit(desk.to("server", test::at(15), Intent::merged_from, "third"));
  desk.commit(desk.to("boss", test::at(16), Intent::merge, "target"));
  TicketState busy = desk.state();
  busy.number = "T-2026-0077";
  busy.aliases = {"T-2026-xab-1"};
  seed("state", "busy", encode_state(busy));

  Message message;
  message.stamp = sample::stamp(4, 4'000);
  message.text = "on my way";
  seed("state", "message", encode_message(message));
  message.kind = MessageKind::file;
  message.file_name = "pump.jpg";
  message.content_hash = Bytes(32, 'h');
  message.edits = {{sample::stamp(5, 5'000), "soon", false}};
  message.deletes = {{sample::stamp(6, 6'000), "", false}};
  seed("state", "file", encode_message(message));
}

void exchange_responses() {
  v1::ExchangeResponse response;
  response.set_nonce(Bytes(16, 'n'));
  response.set_more(true);
  response.mutable_cursor()->set_epoch(Bytes(16, 'e'));
  response.mutable_cursor()->set_commit_seq(9);
  response.add_patches()->set_state(sync::encode_state(sync::sample::state()));
  response.add_left()->set_ticket_id(Bytes(16, 't'));
  response.mutable_checkpoint()->set_scope_digest(Bytes(32, 'd'));
  const Bytes plain = response.SerializeAsString();
  seed("exchange_response", "plain", Bytes(1, '\0') + plain);
  seed("exchange_response", "push", Bytes(1, '\2') + plain);
  seed("exchange_response", "zstd", Bytes(1, '\1') + protocol::compress(plain));
  seed("exchange_response", "bomb", Bytes(1, '\1') + protocol::compress(Bytes(5 * limits::mib, '\0')));

  const fuzz::KnownDevice device;
  const auto set = protocol::seal(device.header(1), {{"s", {}, "b", {}}}, device.key);
  response.add_own_sets(encode(*set));
  seed("exchange_response", "own_sets", Bytes(1, '\4') + response.SerializeAsString());
  response.clear_own_sets();

  const auto signed_by_nobody = [&](protocol::Tag tag) {
    return protocol::ByteWriter().raw(tag).u8(1).id(device.key.id()).raw(Bytes(200, 's')).take();
  };
  for (const protocol::Tag tag : {protocol::KeyList::tag, protocol::WipeOrder::tag, protocol::Revocation::tag,
                                  protocol::Erasure::tag, protocol::AnchorWithdrawal::tag, protocol::Certificate::tag})
    response.add_statements(signed_by_nobody(tag));
  response.add_amendments()->set_signed_statement(signed_by_nobody(protocol::Amendment::tag));
  response.set_anchor(signed_by_nobody(protocol::Anchor::tag));
  response.set_consistency_proof(Bytes(64, 'p'));
  response.set_receipts(protocol::encode(protocol::ReceiptList{
      {Bytes("receipt")}, signed_by_nobody(protocol::ReceiptListHead::tag), {fuzz::filled<Hash>(3)}}));
  seed("exchange_response", "statements", Bytes(1, '\2') + response.SerializeAsString());
}

void exchange_requests() {
  v1::ExchangeRequest plain;
  plain.mutable_cursor()->set_epoch(Bytes(16, '\0'));
  plain.mutable_cursor()->set_commit_seq(3);
  plain.set_want_bytes(65'536);
  plain.set_schema_version(1);
  plain.set_nonce(Bytes(16, 'n'));
  const auto asked = [](const std::string& name, const v1::ExchangeRequest& request) {
    seed("exchange_request", name, Bytes(1, '\2') + request.SerializeAsString());
  };
  asked("plain", plain);
  v1::ExchangeRequest whole = plain;
  whole.mutable_held_head()->set_epoch(Bytes(16, '\1'));
  whole.mutable_held_head()->set_size(9);
  whole.mutable_held_head()->set_root(Bytes(32, '\2'));
  whole.set_scope_digest(Bytes(32, '\3'));
  whole.add_want_buckets(1);
  whole.add_want_buckets(255);
  whole.add_pack_versions()->set_kind(2);
  whole.mutable_outbox();
  whole.set_own_folds(true);
  whole.set_packed_against_request(true);
  whole.set_clocks(true);
  whole.set_clocks_from(1);
  asked("whole", whole);
  v1::ExchangeRequest ahead = plain;
  ahead.mutable_chain_head()->set_chain_seq(std::uint64_t{1} << 60);
  ahead.mutable_chain_head()->set_hash(Bytes(32, '\4'));
  ahead.set_own_sets_from(1);
  ahead.set_own_sets_epoch(7);
  asked("ahead", ahead);
  v1::ExchangeRequest held = plain;
  held.mutable_held()->set_ids(Bytes(32, '\1'));
  held.mutable_held()->set_through(Bytes(16, '\xff'));
  held.set_page_token("page");
  asked("held", held);
  v1::ExchangeRequest buckets = plain;
  buckets.add_want_buckets(0);
  buckets.set_bucket_digests(Bytes(256 * 32, 'd'));
  buckets.set_bucket_after(Bytes(16, '\1'));
  asked("buckets", buckets);
  const fuzz::KnownDevice device;
  v1::ExchangeRequest sets = plain;
  sets.add_change_sets(encode(*protocol::seal(device.header(1), {{"s", {}, "b", {}}}, device.key)));
  sets.add_old_receipts("no receipt");
  sets.set_held_anchor("no anchor");
  sets.set_began_epoch("no record");
  sets.add_handed_back();
  asked("sets", sets);
}

template <typename T>
void statement(unsigned kind, const std::string& name, const T& value) {
  protocol::ByteWriter table;
  value.write(table);
  const Bytes place = protocol::ByteWriter().u8(static_cast<std::uint8_t>(kind)).u16(77).take();
  seed("statement", name, place + table.take());
}

void statements() {
  using namespace protocol;
  const fuzz::KnownDevice device;
  const auto epoch = fuzz::filled<EpochId>(0x44);
  const auto root = fuzz::filled<Hash>(0x55);
  KeyList list{7, fuzz::filled<ServerId>(0x66), 1'000, {device.key.public_key()}, {}};
  statement(0, "no_keys", list);
  list.keys.push_back({device.key.id(), device.key.public_key(), ServerKeyPurpose::log, 1, 0});
  list.keys.push_back({device.key.id(), device.key.public_key(), ServerKeyPurpose::backup, 2, 3, 4});
  statement(0, "keys", list);
  list.version = ~std::uint64_t{0};
  statement(0, "last_version", list);
  statement(1, "epoch", EpochRecord{device.tenant, epoch, 5, root, fuzz::filled<EpochId>(0x45), 6});
  statement(2, "anchor", Anchor{device.tenant, epoch, 1, 2, 3, root, 4, 5, {}});
  statement(3, "revocation", Revocation{device.tenant, device.device, device.key.id(), epoch, 1, 2});
  const ChangeName name{device.device, fuzz::filled<ChangeId>(0x77)};
  statement(4, "erasure", Erasure{device.tenant, 1, {{name, root}, {name, root}}});
  statement(5, "amendment",
            Amendment{device.tenant, epoch, 1, 2, fuzz::filled<TicketId>(0x78), {{name, 1, 2, 3, name}}});
  statement(6, "wipe", WipeOrder{device.tenant, device.device, fuzz::filled<WipeOrder::OrderId>(0x79), 1});
  statement(7, "withdrawal", AnchorWithdrawal{device.tenant, epoch, 1, 2, 3});
  statement(8, "receipts", ReceiptListHead{epoch, device.device, 1, 2, root, 3, root});
}

void handshakes() {
  const fuzz::KnownDevice device;
  const Bytes mode(3, '\0');
  seed("session", "hello", mode + encode(protocol::SessionHello{device.tenant, device.device, device.key.id()}));
  seed("session", "challenge", mode + encode(protocol::SessionChallenge{}));
  protocol::SessionProof proof;
  seed("session", "proof", mode + encode(proof));
  proof.certificate = "no certificate";
  seed("session", "proof_of_lost", mode + encode(proof));
  protocol::SessionWelcome welcome;
  seed("session", "welcome", mode + encode(welcome));
  welcome.key_list = "no list";
  welcome.epoch_record = "no record";
  welcome.consistency = {fuzz::filled<Hash>(1), fuzz::filled<Hash>(2)};
  seed("session", "welcome_of_restored", mode + encode(welcome));
}

void json_texts() {
  const std::pair<const char*, const char*> seeds[] = {
      {"object", R"({"z":1,"a":[true,null,{"b":"c"}],"m":{}})"},
      {"escapes", R"("q \" b \\ n \n t \t \u0007 \u00fc \ud83d\ude00")"},
      {"numbers", "[0,-1,9223372036854775807,-9223372036854775808]"},
      {"decimals", "[1.5,1e3,-0.0,1.0,0.1,5e-324,1e20,123456789012345680000.0,1.7976931348623157e308]"},
      {"beyond", "[9223372036854775808,1e999]"},
      {"duplicate", R"({"a":1,"\u0061":2})"},
      {"surrogate", R"("\ud800")"},
      {"nul", R"("\u0000")"},
      {"utf8", "\"Gr\xc3\xbcn \xf0\x9f\x98\x80 \xc0\x80\""},
      {"bom", "\xef\xbb\xbf{}"},
      {"deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"},
      {"trailing", "{} x"},
  };
  for (const auto& [name, text] : seeds) seed("json", name, text);
}

Bytes eight(std::int64_t value) {
  return protocol::ByteWriter().u64(static_cast<std::uint64_t>(value)).take();
}

void trees() {
  for (const std::uint16_t size : {0, 1, 2, 6, 7, 63, 64, 255, 299})
    seed("merkle", "size_" + std::to_string(size),
         protocol::ByteWriter()
             .u16(size)
             .u16(static_cast<std::uint16_t>(size / 2))
             .u16(static_cast<std::uint16_t>(size / 3))
             .u16(static_cast<std::uint16_t>(size * 7))
             .raw(Bytes(33, '\x55'))
             .take());
}

void times() {
  const std::pair<const char*, std::string> texts[] = {
      {"day", "2026-12-01"},
      {"minute", "2026-12-01T08:00+02:00"},
      {"second", "1970-01-01T00:00:00.5Z"},
      {"leap", "2024-02-29 23:59Z"},
      {"no_leap", "2025-02-29"},
      {"last", "9999-12-31T23:59:59-14:00"},
      {"first", "1970-01-01T00:00+14:00"},
      {"log", "29-2-2016 01:23"},
      {"log_slash", "31/12/2016 23:59"},
  };
  std::int64_t ms = -62'167'219'200'000;
  for (const auto& [name, text] : texts) {
    Bytes clocks;
    for (int i = 0; i < 8; ++i) clocks += eight(ms += 40'000'000'000'000);
    seed("time", name, clocks + text);
  }
}

/// Bytes that differ from each other, as fuzzers begin with.
Bytes steps(std::size_t count, unsigned factor) {
  Bytes out;
  for (unsigned i = 0; i < count; ++i) out.push_back(static_cast<char>(i * factor + (i >> 3)));
  return out;
}

void merges() {
  for (const unsigned factor : {5U, 37U, 91U, 151U}) {
    seed("merge", "history_" + std::to_string(factor), Bytes(1, '\0') + steps(180, factor));
    seed("merge", "lists_" + std::to_string(factor), Bytes(1, '\1') + steps(180, factor));
  }
}

void enrolments() {
  seed("enrolment", "code", Bytes("\0\0\0", 3) + "0123-4567-89ab-cdef");
  seed("enrolment", "link",
       Bytes("\0\0\0", 3) +
           "tern:enrol?v=1&url=https%3A%2F%2Fdesk.example&tenant=11111111-1111-1111-1111-111111111111"
           "&root=22222222222222222222222222222222&code=0123-4567-89AB-CDEF");
  seed("enrolment", "stranger", Bytes("\1\0\0", 3) + Bytes(200, 'x'));
  seed("enrolment", "good", Bytes("\2\0\x10", 3) + sized("van") + "linux x86_64");
  seed("enrolment", "no_name", Bytes("\2\0\x10", 3) + sized("\xff") + "linux");
}

void hostile_files() {
  for (char file = 0; file < 4; ++file) {
    const std::string name = "file_" + std::to_string(file);
    seed("schema_open", name + "_flip", Bytes(1, file) + Bytes("\0\x20\x10\xff\1\0\x80\x7f", 8));
    seed("schema_open", name + "_cut", Bytes(1, static_cast<char>(file | 4)) + "\x80\x01");
    seed("schema_open", name + "_other", Bytes(1, static_cast<char>(file | 12)) + "SQLite format 3");
    if (file != 3)
      seed("schema_open", name + "_trigger",
           Bytes(1, static_cast<char>(file | 8)) + "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM meta; END");
  }
  seed("schema_open", "outbox_view",
       "\x08"
       "DROP TABLE change; CREATE VIEW change AS SELECT 1");
  seed("schema_open", "outbox_values",
       "\x08"
       "UPDATE change SET skeleton = x'00', salt = 'x'");
  seed("schema_open", "server_version",
       "\x0a"
       "PRAGMA user_version = 99");
  seed("schema_open", "server_records",
       "\x0a"
       "UPDATE record SET data = x'ff00'");
}

void csv_texts() {
  seed("csv", "plain", "\x0fnumber,state\nINC1,New\nINC2,\"Active, again\"\r\n");
  seed("csv", "quotes", "\x02\"a \"\"b\"\"\",\"two\nlines\"\n\n,\n\"\"\n");
  seed("csv", "bom", "\x01\xef\xbb\xbfnumber\n1");
  seed("csv", "unclosed", "\x04number\n\"1");
  seed("csv", "nul", Bytes("\x04number\n\"a\0b\"\n", 14));
  seed("csv", "wide", "\x40" + Bytes(201, ','));
}

void sessions() {
  const auto operations = [](std::initializer_list<int> bytes) {
    Bytes out;
    for (const int byte : bytes) out.push_back(static_cast<char>(byte));
    return out;
  };
  seed("sync_session", "honest", operations({0, 0, 2, 0, 1, 1, 1, 2, 0, 4, 0, 0}));
  seed("sync_session", "gap", operations({2, 0, 0, 2, 0, 1, 2, 0, 2, 3, 0, 1, 0, 0, 0}));
  seed("sync_session", "bent", operations({2, 1, 2, 5, 1, 77, 5, 1, 250, 0, 1, 0}));
  seed("sync_session", "restart", operations({0, 0, 2, 6, 0, 0, 4, 0, 0, 9, 0, 0, 0, 0, 1}));
  seed("sync_session", "old", operations({0, 0, 2, 7, 0, 22, 0, 0, 1, 8, 0, 0, 0, 0, 2}));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: fuzz_seeds FOLDER\n", stderr), 2;
  corpus = argv[1];
  http_heads();
  ws_frames();
  change_sets();
  changes();
  states();
  exchange_requests();
  exchange_responses();
  statements();
  handshakes();
  json_texts();
  csv_texts();
  trees();
  times();
  merges();
  enrolments();
  hostile_files();
  sessions();
  return 0;
}
