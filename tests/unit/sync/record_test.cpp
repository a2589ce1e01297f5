#include "tern/sync/record.hpp"
#include "support/catch.hpp"
#include "tern/v1/exchange.pb.h"
#include "unit/sync/sample_changes.hpp"

using namespace tern;
using tern::sync::decode_record;
using tern::sync::encode_record;
using tern::sync::Record;
using tern::sync::RecordKind;
using tern::sync::sample::queue;

namespace {

Record operator_record() {
  Record record;
  record.kind = RecordKind::operator_;
  record.id = queue(4);
  record.integer_id = 12;
  record.name = "Mina Berg";
  record.version = 77;
  record.attributes = {{"role", "operator"}, {"email", "mina@example.org"}, {"password", "$argon2id$..."}};
  record.refs = {queue(5), queue(6)};
  return record;
}

v1::Record message_of(const Record& record) {
  v1::Record message;
  REQUIRE(message.ParseFromString(encode_record(record)));
  return message;
}

ErrorCode refusal(const v1::Record& message) {
  const auto decoded = decode_record(message.SerializeAsString());
  return decoded ? ErrorCode::internal : decoded.error().code;
}

}  // namespace

TEST_CASE("a record comes back as it was written", "[sync][record]") {
  const auto decoded = decode_record(encode_record(operator_record()));
  REQUIRE(decoded.has_value());
  CHECK(*decoded == operator_record());
}

TEST_CASE("equal records are equal bytes", "[sync][record]") {
  Record many = operator_record();
  for (int i = 0; i < 50; ++i) many.attributes.emplace("a" + std::to_string(i), std::to_string(i));
  const Bytes first = encode_record(many);
  for (int i = 0; i < 5; ++i) CHECK(encode_record(Record(many)) == first);
}

TEST_CASE("record kinds have names that read back", "[sync][record]") {
  for (int i = 1; i <= static_cast<int>(tern::sync::last_record_kind); ++i) {
    const auto kind = static_cast<RecordKind>(i);
    CHECK(tern::sync::record_kind_from_name(tern::sync::to_string(kind)) == kind);
  }
  CHECK(tern::sync::to_string(RecordKind::unspecified) == "unspecified");
  CHECK_FALSE(tern::sync::record_kind_from_name("password").has_value());
}

TEST_CASE("devices and tenants stay on the server, and so does every attribute that is not named", "[sync][record]") {
  CHECK(tern::sync::travels_to_devices(RecordKind::operator_));
  CHECK(tern::sync::travels_to_devices(RecordKind::category));
  CHECK_FALSE(tern::sync::travels_to_devices(RecordKind::device));
  CHECK_FALSE(tern::sync::travels_to_devices(RecordKind::tenant));
  CHECK_FALSE(tern::sync::travels_to_devices(static_cast<RecordKind>(99)));
  const Record sent = tern::sync::for_devices(operator_record());
  CHECK(sent.attributes == std::map<std::string, std::string>{{"role", "operator"}, {"email", "mina@example.org"}});
  CHECK(sent.refs == operator_record().refs);
  Record device = operator_record();
  device.kind = RecordKind::device;
  CHECK(tern::sync::for_devices(device).attributes.empty());
  device.kind = static_cast<RecordKind>(99);
  CHECK(tern::sync::for_devices(device).attributes.empty());
}

TEST_CASE("a record is the same bytes wherever and whenever it is made", "[sync][record]") {
  Record record;
  record.kind = RecordKind::queue;
  record.id = *tern::RecordId::from(std::string(16, 'q'));
  record.attributes = {{"b", "2"}, {"a", ""}};  // an empty value is there, too
  const Bytes bytes = encode_record(record);
  const std::string as_a_map_had_it("\x3a\x05\x0a\x01\x61\x12\x00\x3a\x06\x0a\x01\x62\x12\x01\x32", 15);
  CHECK(bytes.ends_with(as_a_map_had_it));
  v1::Record again;
  REQUIRE(again.ParseFromString(bytes));
  CHECK(again.SerializeAsString() == bytes);
  CHECK(decode_record(bytes).value().attributes == record.attributes);
}

TEST_CASE("a damaged or boundless record is refused", "[sync][record]") {
  CHECK_FALSE(decode_record("\xff\xff\xff").has_value());
  CHECK_FALSE(decode_record("").has_value());
  CHECK_FALSE(decode_record(Bytes(2 << 20, 'x')).has_value());
  const v1::Record good = message_of(operator_record());

  v1::Record bad = good;
  bad.set_id("short");
  CHECK(refusal(bad) == ErrorCode::malformed);
  bad = good;
  bad.set_kind(0);
  CHECK(refusal(bad) == ErrorCode::malformed);
  bad.set_kind(static_cast<std::uint32_t>(tern::sync::last_record_kind) + 1);
  CHECK(refusal(bad) == ErrorCode::upgrade_required);
  bad.set_kind(257);
  CHECK(refusal(bad) == ErrorCode::upgrade_required);
  bad = good;
  bad.set_name(std::string(201, 'x'));
  CHECK(refusal(bad) == ErrorCode::too_large);
  bad = good;
  bad.set_name("u\xcc\x88");
  CHECK(refusal(bad) == ErrorCode::invalid);
  bad = good;
  bad.add_refs("short");
  CHECK(refusal(bad) == ErrorCode::malformed);
  bad = good;
  for (int i = 0; i < 1001; ++i) bad.add_refs(std::string(16, 'r'));
  CHECK(refusal(bad) == ErrorCode::too_large);
  bad = good;
  for (int i = 0; i < 65; ++i) bad.add_attributes()->set_name(std::to_string(i));
  CHECK(refusal(bad) == ErrorCode::too_large);
  bad = good;
  bad.add_attributes()->set_name("role");
  bad.mutable_attributes(bad.attributes_size() - 1)->set_value(std::string(5000, 'x'));
  CHECK(refusal(bad) == ErrorCode::too_large);
}

TEST_CASE("devices get the hours of a calendar and the targets of a rule, and nothing else of them", "[sync][record]") {
  Record calendar = operator_record();
  calendar.kind = RecordKind::calendar;
  calendar.attributes = {{"zone", "Europe/Kyiv"}, {"hours", "mon 09:00-18:00"}, {"offsets", "0:0"}, {"tz", "2025b"}};
  CHECK(tern::sync::travels_to_devices(RecordKind::calendar));
  CHECK(tern::sync::for_devices(calendar).attributes ==
        std::map<std::string, std::string>{{"zone", "Europe/Kyiv"}, {"hours", "mon 09:00-18:00"}});
  Record rule = calendar;
  rule.kind = RecordKind::sla_rule;
  rule.attributes = {{"resolution", "4h"}, {"calendar", "Office"}, {"offline_credit", "strict"}};
  CHECK(tern::sync::travels_to_devices(RecordKind::sla_rule));
  CHECK(tern::sync::for_devices(rule).attributes ==
        std::map<std::string, std::string>{{"resolution", "4h"}, {"calendar", "Office"}});
}

TEST_CASE("a personal quick reply and the draft of an article are for nobody else: they are gone", "[sync][record]") {
  const OperatorId ann = OperatorId::or_zero(queue(5).view()), ben = OperatorId::or_zero(queue(9).view());
  Record reply = operator_record();
  reply.kind = RecordKind::quick_reply;
  reply.refs = {queue(5)};
  reply.attributes = {{"content", "On our way."}, {"shortcut", "omw"}, {"sort", "1"}};
  const Record own = tern::sync::for_devices(reply, ann), other = tern::sync::for_devices(reply, ben);
  CHECK(own.attributes == std::map<std::string, std::string>{{"content", "On our way."}, {"shortcut", "omw"}});
  CHECK(own.refs == reply.refs);
  CHECK_FALSE(own.deleted);
  CHECK(other.deleted);
  CHECK(other.id == reply.id);
  CHECK(other.version == reply.version);
  CHECK(other.name.empty());
  CHECK(other.attributes.empty());
  CHECK(other.refs.empty());
  CHECK(tern::sync::for_devices(reply).deleted);
  CHECK(decode_record(encode_record(other)).has_value());
  Record view = reply;
  view.kind = RecordKind::view;
  CHECK(tern::sync::for_devices(view, ben).deleted);
  CHECK_FALSE(tern::sync::for_devices(view, ann).deleted);
  reply.refs.clear();
  CHECK_FALSE(tern::sync::for_devices(reply, ben).deleted);

  Record article = reply;
  article.kind = RecordKind::kb_article;
  article.attributes = {{"content", "Hold the key."}, {"status", "draft"}};
  CHECK(tern::sync::for_devices(article, ann).deleted);
  article.attributes["status"] = "published";
  CHECK(tern::sync::for_devices(article, ann).attributes == article.attributes);
  for (const RecordKind kind : {RecordKind::channel, RecordKind::branding, RecordKind::trigger, RecordKind::sla_order})
    CHECK_FALSE(tern::sync::travels_to_devices(kind));
}

TEST_CASE("a text that people read may be as long as a message, other attributes may not", "[sync][record]") {
  Record article = operator_record();
  article.kind = RecordKind::kb_article;
  article.attributes = {{"content", std::string(64 * 1024, 'x')}};
  CHECK(decode_record(encode_record(article)).has_value());
  article.attributes["content"] += "x";
  CHECK(refusal(message_of(article)) == ErrorCode::too_large);
  article.attributes = {{"category", std::string(5'000, 'x')}};
  CHECK(refusal(message_of(article)) == ErrorCode::too_large);
  article.kind = RecordKind::queue;
  article.attributes = {{"content", std::string(5'000, 'x')}};
  CHECK(refusal(message_of(article)) == ErrorCode::too_large);
}
