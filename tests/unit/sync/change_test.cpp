#include "tern/sync/change.hpp"
#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/record.hpp"
#include "tern/v1/change.pb.h"
#include "unit/sync/refusals.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::sync::sample;

namespace {

bool same(const Change& a, const Change& b) {
  const EncodedChange x = encode_change(a), y = encode_change(b);
  return x.skeleton == y.skeleton && x.body == y.body && a.ref == b.ref && a.body_erased == b.body_erased &&
         a.fields == b.fields;
}

}  // namespace

TEST_CASE("every intent with the least it needs travels and comes back the same", "[sync][change]") {
  for (const IntentSpec& spec : all_intents()) {
    INFO(spec.name);
    const Change before = least(spec.intent);
    REQUIRE(refusal_of(validate_change(before)) == fine);
    const auto after = travel(before);
    REQUIRE(refusal_of(after) == fine);
    CHECK(same(before, *after));
  }
}

TEST_CASE("a full create travels and comes back the same", "[sync][change]") {
  const Change before = full_create();
  const auto after = travel(before);
  REQUIRE(refusal_of(after) == fine);
  CHECK(same(before, *after));
  CHECK(after->fields == before.fields);
  CHECK(after->after == before.after);
  CHECK(after->text == before.text);
  CHECK(after->seen_epoch == before.seen_epoch);
  CHECK(after->provisional_number == before.provisional_number);
}

TEST_CASE("nothing that people wrote stands in the skeleton", "[sync][change]") {
  const EncodedChange encoded = encode_change(full_create());
  for (const std::string_view secret : {"pump", "cellar", "wet", "INC0000045"}) {
    CHECK(encoded.skeleton.find(secret) == Bytes::npos);
    CHECK(encoded.body.find(secret) != Bytes::npos);
  }
}

TEST_CASE("an erased body leaves the skeleton readable and its values erased", "[sync][change]") {
  const Change before = full_create();
  const auto after = parse_change(encode_change(before).skeleton, std::nullopt, before.ref.device);
  REQUIRE(refusal_of(after) == fine);
  CHECK(after->body_erased);
  CHECK(after->text.empty());
  REQUIRE(after->fields.size() == before.fields.size());
  for (std::size_t i = 0; i < before.fields.size(); ++i) {
    const FieldSetting& was = before.fields[i];
    const FieldSetting& is = after->fields[i];
    const bool in_body = find_field(was.field)->place == Place::body && was.value.has_value();
    CHECK(is.erased == in_body);
    CHECK(is.value == (in_body ? std::nullopt : was.value));
  }
  CHECK(encode_change(*after).skeleton == encode_change(before).skeleton);
  for (const IntentSpec& spec : all_intents()) {
    INFO(spec.name);
    CHECK(refusal_of(parse_change(encode_change(least(spec.intent)).skeleton, std::nullopt, device(1))) == fine);
  }
}

TEST_CASE("fields of Protobuf that this version does not know are skipped", "[sync][change]") {
  EncodedChange encoded = encode_change(full_create());
  const Bytes future = "\xfa\x07\x03new";  // field 127, three bytes
  const auto after = parse_change(encoded.skeleton + future, encoded.body + future, device(1));
  REQUIRE(refusal_of(after) == fine);
  CHECK(same(*after, full_create()));
}

TEST_CASE("what is not a change is refused", "[sync][change]") {
  const EncodedChange encoded = encode_change(full_create());
  CHECK(refusal_of(parse_change("\xff", encoded.body, device(1))) == malformed("skeleton"));
  CHECK(refusal_of(parse_change("", encoded.body, device(1))) == malformed("id"));
  CHECK(refusal_of(parse_change(encoded.skeleton, "\xff", device(1))) == malformed("body"));
  CHECK(refusal_of(parse_change(Bytes(limits::change_set_bytes_max + 1, '\0'), "", device(1))) ==
        malformed("skeleton"));
  CHECK(refusal_of(parse_change(encoded.skeleton, encoded.body, DeviceId{})) == malformed("device"));
}

TEST_CASE("cutting a change anywhere never gives another good change of the same text", "[sync][change]") {
  const EncodedChange encoded = encode_change(full_create());
  for (std::size_t size = 0; size < encoded.skeleton.size(); ++size) {
    const auto cut = parse_change(ByteView(encoded.skeleton).substr(0, size), encoded.body, device(1));
    if (cut) CHECK_FALSE(same(*cut, full_create()));
  }
  for (std::size_t size = 0; size < encoded.body.size(); ++size) {
    const auto cut = parse_change(encoded.skeleton, ByteView(encoded.body).substr(0, size), device(1));
    if (cut) CHECK_FALSE(same(*cut, full_create()));
  }
}

TEST_CASE("flipped bytes are refused or parsed, never worse", "[sync][change]") {
  CHECK(rc::check([] {
    EncodedChange encoded = encode_change(full_create());
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
      Bytes& half = *rc::gen::arbitrary<bool>() ? encoded.skeleton : encoded.body;
      half[*rc::gen::inRange<std::size_t>(0, half.size())] = static_cast<char>(*rc::gen::inRange(0, 256));
    }
    const auto parsed = parse_change(encoded.skeleton, encoded.body, device(1));
    if (parsed) RC_ASSERT(validate_change(*parsed).has_value());
  }));
}

TEST_CASE("ids have exactly their length", "[sync][change]") {
  const Halves good = halves(full_create());
  const auto spoil = [&good](auto&& how) {
    Halves bad = good;
    how(bad.skeleton);
    return refusal_of(bad);
  };
  REQUIRE(refusal_of(good) == fine);
  CHECK(spoil([](v1::Skeleton& s) { s.set_id("1234567"); }) == malformed("id"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_id("123456789"); }) == malformed("id"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_id(Bytes(8, '\0')); }) == malformed("id"));
  CHECK(spoil([](v1::Skeleton& s) { s.clear_id(); }) == malformed("id"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_ticket_id(Bytes(15, 't')); }) == malformed("ticket_id"));
  CHECK(spoil([](v1::Skeleton& s) { s.clear_ticket_id(); }) == invalid("ticket_id"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_seen_epoch("e"); }) == malformed("seen_epoch"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_ref(Bytes(17, 'r')); }) == malformed("ref"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_principal_id("p"); }) == malformed("principal_id"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_content_hash(Bytes(31, 'h')); }) == malformed("content_hash"));
  CHECK(spoil([](v1::Skeleton& s) { s.add_after("short"); }) == malformed("after"));
  CHECK(spoil([](v1::Skeleton& s) { s.add_targets()->set_change_id("short"); }) == malformed("targets"));
  CHECK(spoil([](v1::Skeleton& s) {
          auto* target = s.add_targets();
          target->set_change_id("12345678");
          target->set_device_id("short");
        }) == malformed("targets"));
}

TEST_CASE("numbers of a later version ask for an upgrade", "[sync][change]") {
  const Halves good = halves(message("on my way"));
  const auto spoil = [&good](auto&& how) {
    Halves bad = good;
    how(bad.skeleton);
    return refusal_of(bad);
  };
  CHECK(spoil([](v1::Skeleton& s) { s.set_intent(static_cast<v1::Intent>(66)); }) == unknown("intent"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_intent(static_cast<v1::Intent>(260)); }) == unknown("intent"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_intent(static_cast<v1::Intent>(-1)); }) == unknown("intent"));
  CHECK(spoil([](v1::Skeleton& s) { s.clear_intent(); }) == malformed("intent"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_intent_version(2); }) == unknown("intent"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_visibility(static_cast<v1::Visibility>(4)); }) == unknown("visibility"));
  CHECK(spoil([](v1::Skeleton& s) { s.set_principal_kind(static_cast<v1::PrincipalKind>(5)); }) ==
        unknown("principal_kind"));
  Halves field = halves(set(FieldId::priority, "3"));
  field.skeleton.mutable_fields(0)->set_field(31);
  CHECK(refusal_of(field) == unknown("field"));
  field.skeleton.mutable_fields(0)->set_field(65'536 + 7);
  CHECK(refusal_of(field) == unknown("field"));
}

TEST_CASE("a link or a watcher of a kind that this version does not know asks for an upgrade", "[sync][change]") {
  Change link = smallest(Intent::link);
  link.kind = 7;
  CHECK(refusal_of(link) == unknown("kind"));
  Change watch = smallest(Intent::watch);
  watch.kind = 1;
  CHECK(refusal_of(watch) == fine);
  watch.kind = 2;
  CHECK(refusal_of(watch) == unknown("kind"));
}

TEST_CASE("a personal value in the skeleton is refused, as are values that no field asked for", "[sync][change]") {
  Halves bad = halves(full_create());
  bad.skeleton.mutable_fields(0)->set_value("pump leaks");
  CHECK(refusal_of(bad) == malformed("fields"));
  bad = halves(full_create());
  bad.body.add_values()->set_value("one more");
  CHECK(refusal_of(bad) == malformed("values"));
  bad = halves(full_create());
  bad.body.mutable_values()->RemoveLast();
  CHECK(refusal_of(bad) == malformed("values"));
  bad = halves(set(FieldId::priority, "3"));
  bad.skeleton.mutable_fields(0)->set_none(true);
  CHECK(refusal_of(bad) == malformed("fields"));
}

TEST_CASE("counts are bounded", "[sync][change]") {
  Halves many = halves(message("on my way"));
  for (int i = 0; i < 16; ++i) many.skeleton.add_after(std::string(7, 'a') + static_cast<char>('a' + i));
  CHECK(refusal_of(many) == fine);
  many.skeleton.add_after("aaaaaaaz");
  CHECK(refusal_of(many) == malformed("after"));

  Change create_many = create("pump leaks");
  for (int i = 0; i < 100; ++i) create_many.fields.push_back({FieldId::custom, "f" + std::to_string(i), "x", false});
  CHECK(refusal_of(create_many) == fine);
  create_many.fields.push_back({FieldId::custom, "f100", "x", false});
  CHECK(refusal_of(create_many) == invalid("custom"));

  Change split = smallest(Intent::split);
  split.targets.clear();
  for (std::size_t i = 1; i <= limits::targets_per_change_max; ++i) {
    ChangeId message_id;
    message_id.bytes[0] = static_cast<std::uint8_t>(i >> 8);
    message_id.bytes[1] = static_cast<std::uint8_t>(i);
    split.targets.push_back({device(2), message_id});
  }
  CHECK(refusal_of(split) == fine);
}

TEST_CASE("who signed on site is erased with the body, the times stay", "[sync][change]") {
  Change report = smallest(Intent::on_site);
  report.file_name = "Jo Miller";
  report.signature = std::string("\x89PNG\r\n\x1a\n drawn", 14);
  report.media_type = "image/png";
  const EncodedChange encoded = encode_change(report);
  for (const std::string_view word : {"Miller", "drawn", "seal", "png"}) {
    CHECK(encoded.skeleton.find(word) == Bytes::npos);
    CHECK(encoded.body.find(word) != Bytes::npos);
  }
  const auto erased = parse_change(encoded.skeleton, std::nullopt, report.ref.device);
  REQUIRE(erased.has_value());
  CHECK(erased->from_ms == report.from_ms);
  CHECK(erased->signature.empty());
  CHECK(erased->file_name.empty());
}

TEST_CASE("what only the server may send parses and says so", "[sync][change]") {
  for (const IntentSpec& spec : all_intents()) {
    INFO(spec.name);
    CHECK(server_only(least(spec.intent)) == (spec.ruling == Ruling::server));
  }
  Change change = message("x");
  change.seen_now = true;
  CHECK(server_only(change));
  change = message("x");
  change.asserted_ms = 1;
  CHECK(server_only(change));
  change = message("x");
  change.principal_kind = PrincipalKind::operator_;
  CHECK(server_only(change));
  change = message("x");
  change.quotes = message("y").ref;
  CHECK(server_only(change));
  CHECK(travel(change)->quotes == change.quotes);
  change = message("x");
  change.handed_back_by = message("y").ref.device;
  CHECK(server_only(change));
  CHECK(travel(change)->handed_back_by == change.handed_back_by);
  change = message("x");
  change.intent = static_cast<Intent>(200);
  CHECK(server_only(change));
}

TEST_CASE("wild times and versions parse: they are judged later", "[sync][change]") {
  Change wild = message("x");
  for (const std::int64_t wall : {INT64_MIN, std::int64_t{-1}, INT64_MAX}) {
    wild.wall_ms = wall;
    wild.before_ms = UINT64_MAX;
    wild.seen_seq = UINT64_MAX;
    const auto after = travel(wild);
    REQUIRE(after.has_value());
    CHECK(after->wall_ms == wall);
    CHECK(after->before_ms == UINT64_MAX);
    CHECK(after->seen_seq == UINT64_MAX);
  }
}

TEST_CASE("elements of sets name their kind", "[sync][change]") {
  const OperatorId author = person(1);
  CHECK(element_of(smallest(Intent::untag), author) == "pump");
  Change watch = smallest(Intent::watch);
  CHECK(element_of(watch, author) == "o" + raw(person(3)));
  watch.kind = 1;
  CHECK(element_of(watch, author) == "c" + raw(person(3)));
  CHECK(element_of(smallest(Intent::link), author) == "\x01" + raw(ticket(2)));
  CHECK(element_of(smallest(Intent::unpin), author) == raw(author));
  CHECK(element_of(smallest(Intent::take), author).empty());
  const std::map<Intent, FieldId> fields = {{Intent::tag, FieldId::tags},
                                            {Intent::watch, FieldId::watchers},
                                            {Intent::link, FieldId::links},
                                            {Intent::pin, FieldId::pins}};
  for (const auto& [intent, field] : fields)
    CHECK(validate_value(*find_field(field), {}, element_of(smallest(intent), author)).has_value());
}
