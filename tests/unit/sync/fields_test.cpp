#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/asked_fields.hpp"
#include "tern/sync/ticket_fields.hpp"

using namespace tern;
using namespace tern::sync;

namespace {

bool good(FieldId field, ByteView value, std::string_view key = {}) {
  return validate_value(*find_field(field), key, value).has_value();
}
bool good_custom(FieldType type, ByteView value) {
  return validate_custom(type, "u_field", value).has_value();
}

const Bytes an_id(16, 'i');

}  // namespace

TEST_CASE("the field table names each field of a ticket once", "[sync][fields]") {
  for (const std::string_view name :
       {"number",       "uuid",     "id",       "subject",      "description", "status",
        "priority",     "category", "type",     "queue",        "assignee",    "contact",
        "organisation", "tags",     "watchers", "links",        "due_at",      "external_ref",
        "custom",       "estimate", "result",   "time_entries", "created_at",  "first_response_at",
        "resolved_at",  "pins",     "messages", "updated_at",   "on_site",     "csat"}) {
    INFO(name);
    const FieldSpec* spec = find_field(name);
    REQUIRE(spec != nullptr);
    CHECK(find_field(spec->id) == spec);
  }
  CHECK(find_field(FieldId::unspecified) == nullptr);
  CHECK(find_field(static_cast<FieldId>(31)) == nullptr);
  CHECK(find_field("is_admin") == nullptr);
}

TEST_CASE("what people wrote lives in the body, ids and ranks in the skeleton", "[sync][fields]") {
  for (const FieldId id :
       {FieldId::subject, FieldId::description, FieldId::custom, FieldId::external_ref, FieldId::result})
    CHECK(find_field(id)->place == Place::body);
  for (const FieldId id :
       {FieldId::priority, FieldId::category, FieldId::contact, FieldId::organisation, FieldId::queue, FieldId::type,
        FieldId::due_at, FieldId::tags, FieldId::watchers, FieldId::links})
    CHECK(find_field(id)->place == Place::skeleton);
}

TEST_CASE("no device writes number, id, times, assignee, queue or status by setting a field", "[sync][fields]") {
  for (const std::string_view name : {"number", "id", "created_at", "first_response_at", "resolved_at", "assignee",
                                      "status", "queue", "uuid", "updated_at", "tags", "description", "result"})
    CHECK(find_field(name)->writer != Writer::device);
}

TEST_CASE("a subject is one to 255 characters of NFC text", "[sync][fields]") {
  CHECK(good(FieldId::subject, "pump leaks"));
  CHECK(good(FieldId::subject, std::string(255, 'x')));
  CHECK_FALSE(good(FieldId::subject, std::string(256, 'x')));
  std::string umlauts;
  for (int i = 0; i < 255; ++i) umlauts += "\xc3\xbc";
  CHECK(good(FieldId::subject, umlauts));
  CHECK_FALSE(good(FieldId::subject, umlauts + "\xc3\xbc"));
  CHECK_FALSE(good(FieldId::subject, ""));
  CHECK_FALSE(good(FieldId::subject, "u\xcc\x88"));  // u and a combining mark: not NFC
  CHECK_FALSE(good(FieldId::subject, "\xff"));
  CHECK_FALSE(good(FieldId::subject, std::string_view("a\0b", 3)));
  CHECK_FALSE(good(FieldId::subject, "pump", "key"));
}

TEST_CASE("priorities are ranks 1 to 4 with the names of the desk and their aliases", "[sync][fields]") {
  for (const std::string_view rank : {"1", "2", "3", "4"}) CHECK(good(FieldId::priority, rank));
  for (const std::string_view rank : {"0", "5", "11", "", "high", "-1"}) CHECK_FALSE(good(FieldId::priority, rank));
  CHECK(priority_rank("low") == 1);
  CHECK(priority_rank("normal") == 2);
  CHECK(priority_rank("medium") == 2);
  CHECK(priority_rank("high") == 3);
  CHECK(priority_rank("urgent") == 4);
  CHECK(priority_rank("critical") == 4);
  CHECK_FALSE(priority_rank("3").has_value());
  CHECK(priority_name(2) == "normal");
  CHECK(priority_name(4) == "urgent");
}

TEST_CASE("references are sixteen bytes that are not all zero", "[sync][fields]") {
  CHECK(good(FieldId::category, an_id));
  CHECK_FALSE(good(FieldId::category, Bytes(15, 'i')));
  CHECK_FALSE(good(FieldId::category, Bytes(17, 'i')));
  CHECK_FALSE(good(FieldId::contact, Bytes(16, '\0')));
}

TEST_CASE("a ticket's type is one of five", "[sync][fields]") {
  CHECK(ticket_types().size() == 5);
  for (const std::string_view type : ticket_types()) CHECK(good(FieldId::type, type));
  CHECK_FALSE(good(FieldId::type, "Bug"));
  CHECK_FALSE(good(FieldId::type, "incident"));
}

TEST_CASE("a due date is an instant before the year 10000", "[sync][fields]") {
  CHECK(good(FieldId::due_at, "0"));
  CHECK(good(FieldId::due_at, "1700000000000"));
  CHECK(good(FieldId::due_at, "253402300799999"));
  for (const std::string_view value : {"253402300800000", "99999999999999999999", "-1", "01", "1.5", " 1", "1 ", "x"})
    CHECK_FALSE(good(FieldId::due_at, value));
}

TEST_CASE("a tag is lower-case text of at most 64 bytes", "[sync][fields]") {
  CHECK(good(FieldId::tags, "pump"));
  CHECK(good(FieldId::tags,
             "\xc3\x9c"
             "ber"));  // only ASCII is lowered
  CHECK(good(FieldId::tags, std::string(64, 'x')));
  for (const std::string& tag : {std::string(65, 'x'), std::string("Pump"), std::string(" pump"), std::string("pump "),
                                 std::string("a\nb"), std::string(), std::string("a\0b", 3)})
    CHECK_FALSE(good(FieldId::tags, tag));
  CHECK(canonical_tag("  Pump ROOM ") == "pump room");
  CHECK(canonical_tag("   ").empty());
}

TEST_CASE("set elements carry their kind and an id", "[sync][fields]") {
  CHECK(good(FieldId::watchers, "o" + an_id));
  CHECK(good(FieldId::watchers, "c" + an_id));
  CHECK_FALSE(good(FieldId::watchers, "x" + an_id));
  CHECK_FALSE(good(FieldId::watchers, "o"));
  CHECK(good(FieldId::pins, an_id));
  for (std::uint32_t kind = 0; kind < 256; ++kind)
    CHECK(good(FieldId::links, Bytes(1, static_cast<char>(kind)) + an_id) == (kind >= 1 && kind <= 6));
  CHECK(link_kind_from_name("follow-up") == LinkKind::follow_up);
  CHECK(link_kind_name(LinkKind::duplicate) == "duplicate");
  CHECK_FALSE(link_kind_from_number(7).has_value());
}

TEST_CASE("custom fields and external references are named and bounded", "[sync][fields]") {
  CHECK(good(FieldId::custom, "code 5", "closed_code"));
  CHECK(good(FieldId::custom, std::string(4096, 'x'), "u_symptom"));
  CHECK_FALSE(good(FieldId::custom, std::string(4097, 'x'), "u_symptom"));
  CHECK(good(FieldId::external_ref, "INC0000045", "incident"));
  for (const std::string& key : {std::string(), std::string("U"), std::string("a b"), std::string(65, 'a'),
                                 std::string("-a"), std::string("\xc3\xbc")}) {
    INFO(key);
    CHECK_FALSE(good(FieldId::custom, "x", key));
  }
}

TEST_CASE("a refusal names the field and the custom field", "[sync][fields]") {
  const auto refused = validate_value(*find_field(FieldId::custom), "impact", Bytes(5000, 'x'));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::invalid);
  CHECK(refused.error().field == "custom.impact");
}

TEST_CASE("custom values follow the type of their field", "[sync][fields]") {
  using T = FieldType;
  for (const std::string_view value : {"0", "-1", "12.50", "0.5", "-0.5", "123456789012345678901234567890"})
    CHECK(good_custom(T::number, value));
  for (const std::string_view value : {"", "-0", "-0.00", "01", ".5", "5.", "1e3", "+1", "1,5", "-", "1.2.3", "abc"})
    CHECK_FALSE(good_custom(T::number, value));

  for (const std::string_view value : {"2024-02-29", "2000-02-29", "2026-12-31", "0001-01-01"})
    CHECK(good_custom(T::date, value));
  for (const std::string_view value :
       {"2023-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-01-00", "0000-01-01", "26-01-01",
        "2026/01/01", "2026-1-01", "2026-01-01 "})
    CHECK_FALSE(good_custom(T::date, value));

  CHECK(good_custom(T::multi, "a"));
  CHECK(good_custom(T::multi,
                    "a\x1f"
                    "b"));
  for (const std::string_view value : {"b\x1f"
                                       "a",
                                       "a\x1f"
                                       "a",
                                       "a\x1f",
                                       "\x1f"
                                       "a",
                                       "a\x1f\x1f"
                                       "b"})
    CHECK_FALSE(good_custom(T::multi, value));

  CHECK(good_custom(T::boolean, "1"));
  CHECK_FALSE(good_custom(T::boolean, "true"));
  CHECK(good_custom(T::ref, "51000000-0000-0000-0000-000000000001"));
  CHECK_FALSE(good_custom(T::ref, "51000000000000000000000000000001"));
  CHECK(good_custom(T::text, "any \xc3\xbc"));
  CHECK_FALSE(good_custom(T::text, ""));
  CHECK_FALSE(good_custom(T::rank, "1"));
  for (const std::string_view name : {"text", "number", "date", "select", "multi", "bool", "ref"})
    CHECK(custom_type_name(custom_type_from_name(name).value()) == name);
}

TEST_CASE("a category requires standard fields by their names, each once and in one order", "[sync][fields]") {
  CHECK(required_fields_from_text("due_at, type,type contact").value() ==
        std::vector{FieldId::type, FieldId::contact, FieldId::due_at});
  CHECK(required_fields_from_text("").value().empty());
  const auto unknown = required_fields_from_text("type,status");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().field == "required");
  CHECK(unknown.error().hint.find("priority type contact organisation due_at") != std::string::npos);
  Record category;
  category.kind = RecordKind::category;
  category.attributes = {{"required", "type,of_a_newer_version"}};
  const auto nothing = [](FieldId, std::string_view) { return false; };
  CHECK(missing_fields(&category, {}, nothing) == std::vector{RequiredField{FieldId::type, {}}});
  category.deleted = true;
  CHECK(missing_fields(&category, {}, nothing).empty());
  CHECK(missing_fields(nullptr, {}, nothing).empty());
}
