#include "tern/sync/list_view.hpp"

#include "support/catch.hpp"

using namespace tern;
using tern::sync::list_terms;
using tern::sync::NamedRecord;
using tern::sync::Record;
using tern::sync::RecordKind;

namespace {

Record view(std::map<std::string, std::string> attributes) {
  Record out;
  out.kind = RecordKind::view;
  out.name = "Night shift";
  out.attributes = std::move(attributes);
  return out;
}

std::string refused_field(std::map<std::string, std::string> attributes) {
  const auto read = list_terms(view(std::move(attributes)));
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == ErrorCode::invalid);
  return read.error().field;
}

}  // namespace

TEST_CASE("a view says what its list is narrowed to and sorted by, and which records it names", "[sync][view]") {
  const auto read = list_terms(view({{"status", "work"},
                                     {"priority", "urgent"},
                                     {"queue", "Field"},
                                     {"assignee", "me"},
                                     {"category", "none"},
                                     {"colour", "red"},
                                     {"tag", "vip"},
                                     {"text", "pump"},
                                     {"age", "2"},
                                     {"sort", "sla"},
                                     {"order", "ascending"},
                                     {"folder", "Shifts"}}));
  REQUIRE(read.has_value());
  CHECK(*read ==
        tern::sync::ListTerms{"work", "urgent", "Field", "me", "none", "red", "vip", "pump", "2", "sla", true});
  CHECK(records_named_by(*read) == std::vector{NamedRecord{RecordKind::queue, "Field"}});
  const auto named = list_terms(view({{"assignee", "Ann"}, {"category", "Pumps"}, {"queue", "none"}}));
  REQUIRE(named.has_value());
  CHECK(records_named_by(*named) ==
        std::vector{NamedRecord{RecordKind::operator_, "Ann"}, NamedRecord{RecordKind::category, "Pumps"}});
  CHECK(*list_terms(view({})) == tern::sync::ListTerms{});
}

TEST_CASE("a view with a word that no list knows is refused, and names what is wrong", "[sync][view]") {
  for (const char* term : {"status", "priority", "colour", "sort", "order"})
    CHECK(refused_field({{term, "loud"}}) == term);
  CHECK(refused_field({{"text", "a\xFFz"}}) == "text");
  for (const char* status : {"active", "all", "pending", "on_hold", "hold", "done"})
    CHECK(list_terms(view({{"status", status}})).has_value());
}
