#include "finder.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "replica/replica.hpp"
#include "search/words.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::client {

using sqlite::Text;

namespace {

constexpr std::size_t candidates_shown_max = 10;
constexpr std::size_t prefix_digits_min = 4;
constexpr std::size_t uuid_digits = 32;

struct Candidate {
  TicketId id;
  std::string number, subject;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<std::vector<Candidate>> read(sqlite::Statement rows) {
  std::vector<Candidate> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back({rows.id<TicketId>(0), std::string(rows.text(1)), std::string(rows.text(2))});
  }
}

Result<std::vector<Candidate>> by_number(sqlite::Database& database, std::string_view name) {
  TERN_TRY(auto rows,
           database.query("SELECT ticket_id, number, subject FROM ticket WHERE number = $1 UNION SELECT "
                          "ticket_id, number, subject FROM ticket WHERE id IN (SELECT ticket FROM ticket_alias "
                          "WHERE alias = $1) LIMIT 11",
                          Text{name}));
  return read(std::move(rows));
}

std::string upper_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

Result<std::vector<Candidate>> by_integer_id(sqlite::Database& database, std::string_view name) {
  if (name.starts_with('#')) name.remove_prefix(1);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (name.empty() || error != std::errc{} || end != name.data() + name.size() || id <= 0)
    return std::vector<Candidate>{};
  TERN_TRY(auto rows,
           database.query("SELECT ticket_id, number, subject FROM ticket WHERE integer_id = $1 LIMIT 11", id));
  return read(std::move(rows));
}

Result<std::vector<Candidate>> by_uuid(sqlite::Database& database, std::string_view name) {
  std::string digits;
  for (const char c : name)
    if (c != '-') digits.push_back(c);
  if (digits.size() < prefix_digits_min || digits.size() > uuid_digits) return std::vector<Candidate>{};
  const auto from = from_hex(digits + std::string(uuid_digits - digits.size(), '0'));
  const auto to = from_hex(digits + std::string(uuid_digits - digits.size(), 'f'));
  if (!from || !to) return std::vector<Candidate>{};
  TERN_TRY(auto rows, database.query("SELECT ticket_id, number, subject FROM ticket WHERE ticket_id BETWEEN $1 AND $2 "
                                     "LIMIT 11",
                                     TicketId::or_zero(*from), TicketId::or_zero(*to)));
  return read(std::move(rows));
}

tl::unexpected<Error> several(std::string_view name, const std::vector<Candidate>& found) {
  std::string hint = "name one of them: ";
  for (std::size_t i = 0; i < found.size() && i < candidates_shown_max; ++i) {
    hint +=
        (i == 0 ? "" : "; ") + found[i].number + " " + found[i].subject + " (" + to_uuid_text(found[i].id.view()) + ")";
  }
  if (found.size() > candidates_shown_max) hint += "; and more";
  return fail(ErrorCode::ambiguous, "more than one ticket is called '" + std::string(name) + "'", std::move(hint),
              "ticket");
}

std::string name_list(const std::vector<const sync::Record*>& records) {
  std::string out;
  for (std::size_t i = 0; i < records.size() && i < candidates_shown_max; ++i) {
    out += (i == 0 ? "" : ", ") + records[i]->name;
  }
  if (records.size() > candidates_shown_max) out += ", and more";
  return out;
}

}  // namespace

Result<TicketId> find_ticket(Replica& replica, std::string_view name) {
  name = trimmed(name);
  sqlite::Database& database = replica.database();
  for (const auto& search : {by_number, by_integer_id, by_uuid}) {
    TERN_TRY(const auto found, search(database, name));
    if (found.size() == 1) return found.front().id;
    if (found.size() > 1) return several(name, found);
  }
  TERN_TRY(const auto found, by_number(database, upper_ascii(name)));
  if (found.size() == 1) return found.front().id;
  TERN_TRY(const Progress progress, replica.progress());
  if (!progress.complete) {
    return fail(ErrorCode::not_found, "no ticket on this device is called '" + std::string(name) + "'",
                "this device does not hold all its tickets yet: sync first", "ticket");
  }
  return fail(ErrorCode::not_found, "no ticket on this device is called '" + std::string(name) + "'",
              "name it by number, id or the first digits of its uuid; look for it with list or search", "ticket");
}

Result<RecordId> find_record(Replica& replica, sync::RecordKind kind, std::string_view name,
                             const DeviceIdentity& self) {
  name = trimmed(name);
  if (kind == sync::RecordKind::operator_ && name == "me") return RecordId::or_zero(self.operator_id.view());
  TERN_TRY(const auto records, replica.records(kind));
  const std::string folded = fold_case(name);
  const auto uuid = from_uuid_text(name);
  std::vector<const sync::Record*> exact, same, prefix, all;
  for (const sync::Record& record : records) {
    if (uuid && record.id == RecordId::or_zero(*uuid)) return record.id;
    const std::string candidate = fold_case(record.name);
    if (record.name == name) exact.push_back(&record);
    if (candidate == folded) same.push_back(&record);
    if (!folded.empty() && candidate.starts_with(folded)) prefix.push_back(&record);
    all.push_back(&record);
  }
  const std::string what(sync::to_string(kind));
  for (const auto* matches : {&exact, &same, &prefix}) {
    if (matches->size() == 1) return matches->front()->id;
    if (matches->size() > 1) {
      return fail(ErrorCode::ambiguous, "more than one " + what + " is called '" + std::string(name) + "'",
                  "name one of them: " + name_list(*matches), what);
    }
  }
  return fail(ErrorCode::not_found, "this device knows no " + what + " called '" + std::string(name) + "'",
              all.empty() ? "sync first" : "there are: " + name_list(all), what);
}

}  // namespace tern::client
