#include "tern/sync/macro.hpp"

#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"

using namespace tern;
using tern::sync::Intent;
using tern::sync::macro_steps;
using tern::sync::MacroStep;
using tern::sync::RecordKind;
using tern::sync::Visibility;

namespace {

std::vector<MacroStep> steps(std::string_view content, std::string_view actions) {
  auto read = macro_steps(content, actions);
  INFO(actions << ": " << (read ? "" : read.error().message));
  REQUIRE(read.has_value());
  return *read;
}

std::string refused_field(std::string_view content, std::string_view actions) {
  const auto read = macro_steps(content, actions);
  INFO(actions);
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == ErrorCode::invalid);
  return read.error().field;
}

}  // namespace

TEST_CASE("a macro's content comes first, then its lines in their order", "[sync][macro]") {
  const auto read =
      steps("We ordered it.\nIt takes a week.", "tag Part\n\n  set priority high \r\nhold part ordered\n");
  REQUIRE(read.size() == 4);
  CHECK(read[0].intent == Intent::message);
  CHECK(read[0].visibility == Visibility::open);
  CHECK(read[0].words == "We ordered it.\nIt takes a week.");
  CHECK(read[1].intent == Intent::tag);
  CHECK(read[1].words == "part");
  CHECK(read[2].field == sync::FieldId::priority);
  CHECK(read[2].words == "high");
  CHECK(read[3].intent == Intent::hold);
  CHECK(read[3].words == "part ordered");
}

TEST_CASE("each word of a macro's line is an intent", "[sync][macro]") {
  CHECK(steps("", "note for us")[0].visibility == Visibility::team);
  CHECK(steps("", "reply to them")[0].visibility == Visibility::open);
  for (const auto& [line, intent] :
       {std::pair("untag x", Intent::untag), std::pair("queue Field", Intent::move_queue),
        std::pair("take", Intent::take), std::pair("assign Ann Lee", Intent::assign), std::pair("watch", Intent::watch),
        std::pair("start", Intent::start), std::pair("wait", Intent::wait), std::pair("resume", Intent::resume),
        std::pair("put-back", Intent::put_back), std::pair("resolve done", Intent::resolve),
        std::pair("close", Intent::close), std::pair("reopen again", Intent::reopen)}) {
    INFO(line);
    CHECK(steps("", line)[0].intent == intent);
  }
  const auto custom = steps("", "set meter_no 12 a")[0];
  CHECK(custom.key == "meter_no");
  CHECK(custom.words == "12 a");
}

TEST_CASE("a macro's line says as much as its word needs, and no more than fits", "[sync][macro]") {
  for (const std::string word : {"take", "watch", "start", "wait", "resume", "put-back", "close"}) {
    CHECK(steps("", word).size() == 1);
    CHECK(refused_field("", word + " now") == "actions");
  }
  for (const std::string word : {"reply", "note", "tag", "untag", "set", "queue", "assign"})
    CHECK(refused_field("", word) == "actions");
  for (const std::string word : {"hold", "resolve", "reopen"}) {
    CHECK(steps("", word)[0].words.empty());
    CHECK(steps("", word + " at last")[0].words == "at last");
  }
  for (const auto& [word, most] :
       {std::pair("tag ", limits::tag_bytes_max), std::pair("untag ", limits::tag_bytes_max),
        std::pair("queue ", limits::name_bytes_max), std::pair("assign ", limits::name_bytes_max)}) {
    CHECK(steps("", word + std::string(most, 'x'))[0].words.size() == most);
    CHECK(refused_field("", word + std::string(most + 1, 'x')) == "actions");
  }
}

TEST_CASE("a macro names records by what they are called", "[sync][macro]") {
  const auto named = [](const char* line) { return sync::record_named_by(steps("", line)[0]); };
  CHECK(named("queue Field crew") == sync::NamedRecord{RecordKind::queue, "Field crew"});
  CHECK(named("assign Ann Lee") == sync::NamedRecord{RecordKind::operator_, "Ann Lee"});
  CHECK_FALSE(named("assign me").has_value());
  CHECK(named("set category Pumps") == sync::NamedRecord{RecordKind::category, "Pumps"});
  CHECK(named("set meter_no 12") == sync::NamedRecord{RecordKind::custom_field, "meter_no"});
  CHECK_FALSE(named("tag pump").has_value());
}

TEST_CASE("a macro that does nothing, too much or what nobody knows is refused", "[sync][macro]") {
  CHECK(refused_field("", "") == "content");
  CHECK(refused_field(" ", "\n \n") == "content");
  for (const char* line :
       {"fly", "delete", "merge T-1", "tag", "queue", "set priority", "set priority soon", "set type pump",
        "set subject x", "set status closed", "set Meter x", "take it", "close now", "assign"})
    CHECK(refused_field("", line) == "actions");
  CHECK(refused_field("", "start\nresolve done") == "actions");
  CHECK(refused_field("", "take\nassign Ann") == "actions");
  CHECK(refused_field("", "queue A\nqueue B") == "actions");
  std::string many;
  for (int i = 0; i < 21; ++i) many += "tag t" + std::to_string(i) + "\n";
  CHECK(refused_field("", many) == "actions");
  CHECK(steps("", many.substr(0, many.rfind("tag"))).size() == 20);
  CHECK(macro_steps(std::string(limits::text_bytes_max + 1, 'x'), "").error().code == ErrorCode::too_large);
  CHECK(macro_steps("", std::string(limits::custom_value_bytes_max + 1, ' ')).error().code == ErrorCode::too_large);
}
