// The stored form of a ticket and of its messages.
#include "support/catch.hpp"
#include "support/fold_desk.hpp"
#include "tern/v1/ticket.pb.h"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

/// A ticket with something in every part.
FoldDesk busy_desk() {
  FoldDesk desk;
  desk.custody = true;
  desk.commit(desk.set("anna", at(10), FieldId::custom, std::nullopt, "room"));
  desk.commit(desk.set("anna", at(10), FieldId::external_ref, "INC1", "incident"));
  const Draft blind = desk.set("bert", at(11), FieldId::priority, "1");
  desk.commit(desk.set("anna", at(10), FieldId::priority, "4"));
  desk.commit(blind);
  desk.commit(desk.tag("anna", at(10), Intent::tag, "vip"));
  desk.commit(desk.draft("anna", Intent::take, at(10)));
  desk.commit(desk.to("boss", at(11), Intent::assign, "bert"));
  desk.commit(desk.to("boss", at(11), Intent::move_queue, "tech"));
  desk.commit(desk.message("customer", at(11), "hello"));
  desk.commit(desk.message("bert", at(11, 5), "hi"));
  const Draft estimate = desk.text("bert", at(12), Intent::estimate, "a lot", 500);
  desk.commit(estimate);
  desk.commit(desk.on("customer", at(12), Intent::reject_estimate, estimate.ref()));
  desk.commit(desk.text("bert", at(13), Intent::log_time, "drive", 20));
  desk.commit(desk.draft("bert", Intent::start, at(13)));
  const Draft done = desk.text("bert", at(13, 30), Intent::resolve, "sealed");
  desk.commit(done);
  Draft rated = desk.on("customer", at(13, 40), Intent::rate, done.ref());
  rated.change.number = 4;
  rated.change.text = "quick";
  desk.commit(rated);
  desk.commit(desk.draft("boss", Intent::delete_ticket, at(14)));
  desk.commit(desk.draft("boss", Intent::restore, at(15)));
  desk.commit(desk.to("server", at(15), Intent::merged_from, "third"));
  Draft split = desk.on("server", at(15), Intent::split_from, blind.ref());
  split.change.target = raw_id("fourth");
  desk.commit(split);
  desk.commit(desk.to("boss", at(15, 30), Intent::merge, "other"));
  desk.commit(desk.to("boss", at(15, 40), Intent::unmerge, "other"));
  desk.commit(desk.to("boss", at(16), Intent::merge, "target"));
  return desk;
}

TicketState busy_state() {
  TicketState state = busy_desk().state();
  state.integer_id = 77;
  state.number = "T-2026-0077";
  state.aliases = {"T-2026-xab-1", "T-2026-xab-2"};
  state.description_erased = true;
  return state;
}

}  // namespace

TEST_CASE("a ticket's state survives its stored form", "[sync][state]") {
  for (const TicketState& state : {FoldDesk().state(), busy_state()}) {
    const Bytes bytes = encode_state(state);
    const Result<TicketState> decoded = decode_state(bytes);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == state);
    CHECK(encode_state(*decoded) == bytes);
  }
}

TEST_CASE("the stored form is what Protobuf would write", "[sync][state]") {
  const Bytes bytes = encode_state(busy_state());
  v1::TicketStateMessage message;
  REQUIRE(message.ParseFromString(bytes));
  CHECK(message.SerializeAsString() == bytes);
  CHECK(message.moves_size() == 4);
  CHECK(message.number() == "T-2026-0077");
}

TEST_CASE("stamps are stored once, whatever stands on them", "[sync][state]") {
  FoldDesk desk;
  for (int i = 0; i < 40; ++i) desk.commit(desk.tag("anna", at(10, i), Intent::tag, "tag" + std::to_string(i)));
  v1::TicketStateMessage message;
  REQUIRE(message.ParseFromString(encode_state(desk.state())));
  CHECK(message.stamps_size() == 41);
  CHECK(message.ids_size() == 4);  // two devices, two authors
  CHECK(decode_state(encode_state(desk.state())) == desk.state());
}

TEST_CASE("a cut or flipped state is refused or reads as some state, and never more", "[sync][state]") {
  const Bytes bytes = encode_state(busy_state());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Result<TicketState> cut = decode_state(ByteView(bytes).substr(0, size));
    if (!cut) CHECK(cut.error().code == ErrorCode::corrupt);
  }
  std::size_t refused = 0;
  for (std::size_t at_byte = 0; at_byte < bytes.size(); ++at_byte)
    for (const char flip : {'\x01', '\x80', '\x7f'}) {
      Bytes bent = bytes;
      bent[at_byte] = static_cast<char>(bent[at_byte] ^ flip);
      const Result<TicketState> read = decode_state(bent);
      if (!read)
        ++refused;
      else
        CHECK(decode_state(encode_state(*read)) == *read);
    }
  CHECK(refused > bytes.size());
}

TEST_CASE("indexes beyond their table and parts out of order are refused", "[sync][state]") {
  v1::TicketStateMessage whole;
  REQUIRE(whole.ParseFromString(encode_state(busy_state())));
  const auto refused = [&](auto bend) {
    v1::TicketStateMessage bent = whole;
    bend(bent);
    const auto read = decode_state(bent.SerializeAsString());
    return !read && read.error().code == ErrorCode::corrupt;
  };
  CHECK_FALSE(refused([](auto&) {}));
  CHECK(refused([](auto& m) { m.clear_ticket_id(); }));
  CHECK(refused([](auto& m) { m.set_created(10'000); }));
  CHECK(refused([](auto& m) { m.mutable_moves(0)->set_stamp(9'999); }));
  CHECK(refused([](auto& m) { m.mutable_stamps(0)->set_device(99); }));
  CHECK(refused([](auto& m) { m.mutable_stamps(0)->set_author(99); }));
  CHECK(refused([](auto& m) { m.mutable_stamps(0)->set_kind(3); }));
  CHECK(refused([](auto& m) { m.set_ids(0, "short"); }));
  CHECK(refused([](auto& m) { m.mutable_moves()->SwapElements(0, 1); }));
  CHECK(refused([](auto& m) { m.mutable_fields()->SwapElements(0, 1); }));
  CHECK(refused([](auto& m) { m.mutable_fields(0)->clear_heads(); }));
  CHECK(refused([](auto& m) { m.mutable_elements(0)->clear_stamps(); }));
  CHECK(refused([](auto& m) { m.set_split_messages(0, "short"); }));
}

TEST_CASE("a message survives its stored form, and reads as Protobuf writes it", "[sync][state]") {
  FoldDesk desk;
  const Draft draft = desk.message("anna", at(10), "hello", Visibility::team);
  desk.commit(draft);
  const Draft other = desk.on("boss", at(12), Intent::edit_message, draft.ref(), "Hello!");
  desk.commit(desk.on("anna", at(11), Intent::edit_message, draft.ref(), "Hello"));
  desk.commit(other);
  desk.commit(desk.on("boss", at(13), Intent::delete_message, draft.ref()));
  Message message = desk.message(draft);
  message.file_name = "a.txt";
  message.media_type = "text/plain";
  message.size_bytes = 5;
  message.content_hash = Bytes(32, 'h');
  message.time_flags = 3;
  const Bytes bytes = encode_message(message);
  const Result<Message> decoded = decode_message(bytes);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == message);
  v1::TicketMessage parsed;
  REQUIRE(parsed.ParseFromString(bytes));
  CHECK(parsed.SerializeAsString() == bytes);
  CHECK(parsed.text() == "hello");
  for (std::size_t size = 0; size < bytes.size(); ++size) decode_message(ByteView(bytes).substr(0, size)).has_value();
  CHECK_FALSE(decode_message("").has_value());
  CHECK_FALSE(decode_message(ByteView(bytes).substr(0, 30)).has_value());
}

TEST_CASE("a report from on site survives its stored form, and reads as a message to those who do not know it",
          "[sync][state]") {
  FoldDesk desk;
  Draft draft = desk.text("anna", at(12), Intent::on_site, "seal replaced");
  draft.change.visibility = Visibility::open;
  draft.change.from_ms = at(11);
  draft.change.to_ms = at(12);
  draft.change.target = Bytes(16, 'c');
  draft.change.file_name = "Jo Miller";
  draft.change.media_type = "image/png";
  draft.change.signature = "drawn";
  desk.commit(draft);
  const Bytes bytes = encode_message(desk.message(draft));
  const Result<Message> decoded = decode_message(bytes);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == desk.message(draft));
  CHECK(decoded->on_site.contact == Bytes(16, 'c'));
  v1::TicketMessage parsed;
  REQUIRE(parsed.ParseFromString(bytes));
  CHECK(parsed.SerializeAsString() == bytes);
  CHECK(parsed.kind() == 0);
  CHECK(parsed.text() == "seal replaced");
  for (std::size_t size = 0; size < bytes.size(); ++size) decode_message(ByteView(bytes).substr(0, size)).has_value();
  parsed.mutable_on_site()->set_contact("short");
  CHECK_FALSE(decode_message(parsed.SerializeAsString()).has_value());
}
