#include "import.hpp"

#include <iostream>
#include <string>

#include "progress.hpp"
#include "terminal.hpp"

namespace tern::apps {
namespace {

constexpr std::int64_t tickets_of_part = 2'000;
constexpr std::size_t refused_shown_max = 1'000;
constexpr const char* counts[] = {"tickets", "skipped", "changes", "refused", "records"};

std::string sentence_of(const Json& row) {
  std::string out = "Line " + std::to_string(row["line"].as_integer()) + ": ";
  const std::string& would = row["would"].as_string();
  if (!row["reference"].is_null()) out += row["reference"].as_string() + ": ";
  if (would == "refuse") return out + "refused: " + row["why"].as_string();
  if (would == "skip") return out + "is there already, as " + row["ticket"].as_string();
  out += "made, " + std::to_string(row["changes"].as_integer()) + " changes";
  for (const Json& record : row["records"].items()) out += ", new " + record.as_string();
  return out;
}

void add_counts(const Json& part, Json& all) {
  for (const char* name : counts) all.set(name, Json(all[name].as_integer() + part[name].as_integer()));
}

}  // namespace

Result<Json> import_in_parts(const Perform& perform, const Json& command, bool json,
                             const std::function<bool()>& stopped) {
  const bool dry = command["dry_run"].as_bool();
  Progress progress(dry);
  Json asked = command;
  const bool one_part = command.find("limit") != nullptr;
  if (!one_part && (dry || progress.shown())) asked.set("limit", Json(tickets_of_part));
  Json all = Json::object({}), refused = Json::array(), stay_erased = Json::array();
  if (dry) all.set("dry_run", Json(true));
  for (;;) {
    TERN_TRY(const Json part, perform(asked));
    add_counts(part, all);
    for (const Json& name : part["stay_erased"].items()) stay_erased.push(name);
    for (const Json& row : part["rows"].items()) {
      if (!dry && refused.size() < refused_shown_max) refused.push(row);
      if (dry && json) std::cout << to_text(row) << '\n';
      if (dry && !json) std::cout << safe(sentence_of(row)) << '\n';
    }
    progress.say(static_cast<std::uint64_t>(all["tickets"].as_integer() + all["skipped"].as_integer()), 0, "tickets");
    if (part["needs_attention"].as_bool()) all.set("needs_attention", Json(true));
    const Json* next = part.find("next");
    if (next == nullptr || one_part || !std::cout) {
      if (stay_erased.size() > 0) all.set("stay_erased", std::move(stay_erased));
      if (refused.size() > 0) all.set("rows", std::move(refused));
      if (next != nullptr) all.set("next", *next);
      return all;
    }
    asked.set("after", *next);
    if (stopped()) return fail(ErrorCode::busy, "Interrupted.", "Run it again: what is there by now is skipped.");
  }
}

}  // namespace tern::apps
