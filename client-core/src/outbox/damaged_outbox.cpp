#include "outbox/damaged_outbox.hpp"

#include <algorithm>

namespace tern::client {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr std::int64_t probes_max = 1'000'000;  // rows between two readable ends that are tried one by one
constexpr std::int64_t number_max = 1LL << 48;

Cells cells_of(const Statement& row, std::string_view letters) {
  Cells cells;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const int column = static_cast<int>(i);
    if (row.is_null(column))
      cells.emplace_back();
    else if (letters[i] == 'i')
      cells.emplace_back(row.int64(column));
    else
      cells.emplace_back(std::string(letters[i] == 't' ? row.text(column) : std::string_view(row.blob(column))));
  }
  return cells;
}

/// Damage ends a reading; an error of the disk ends the salvage.
Result<bool> goes_on(const Result<bool>& stepped) {
  if (!stepped && stepped.error().code == ErrorCode::corrupt) return false;
  return stepped;
}

/// 0: there is none. Damage may have taken it, also from a key.
std::int64_t number_at(const Cells& cells, std::size_t i) {
  const auto* held = std::get_if<std::int64_t>(&cells[i]);
  return held != nullptr ? *held : 0;
}

/// Rows up to the first damaged page. False: there was one.
template <typename Take>
Result<bool> read_until_damage(Database& database, const std::string& sql, std::string_view letters, const Take& take) {
  auto rows = database.prepare(sql);
  if (!rows && rows.error().code == ErrorCode::internal) return true;  // an older version had no such table or column
  if (!rows) return goes_on(tl::unexpected(rows.error()));
  for (;;) {
    const auto stepped = rows->step();
    TERN_TRY(const bool row, goes_on(stepped));
    if (!row) return stepped.has_value();
    take(cells_of(*rows, letters));
  }
}

std::string all_of(const TableForm& form) {
  return "SELECT " + std::string(form.columns) + " FROM " + std::string(form.name);
}

std::string key_of(const TableForm& form) {
  return std::string(form.columns.substr(0, form.columns.find(',')));
}

/// From both ends; between damaged pages of a table of numbered rows, each number by itself.
Result<bool> read_numbered(Database& database, const TableForm& form, std::map<std::int64_t, Cells>& out,
                           std::int64_t last_known) {
  const auto take = [&out](Cells cells) {
    const std::int64_t id = number_at(cells, 0);
    if (id > 0 && id <= number_max) out.emplace(id, std::move(cells));
  };
  const std::string key = key_of(form);
  TERN_TRY(const bool whole, read_until_damage(database, all_of(form) + " ORDER BY " + key, form.letters, take));
  if (whole) return true;
  std::int64_t from = out.empty() ? 1 : out.rbegin()->first + 1;
  const std::size_t before = out.size();
  std::int64_t until = std::max(last_known, from + 10'000);
  const auto take_back = [&](Cells cells) {
    if (const std::int64_t id = number_at(cells, 0); id > 0) until = std::min(until, id - 1);
    take(std::move(cells));
  };
  TERN_CHECKED(
      read_until_damage(database, all_of(form) + " ORDER BY " + key + " DESC", form.letters, take_back).map([](bool) {
      }));
  if (before != out.size()) until = std::min(until, out.rbegin()->first);
  until = std::min(until, from + probes_max);
  const std::string one = all_of(form) + " WHERE " + key + " = ";
  for (; from <= until; ++from) {
    if (out.contains(from)) continue;
    TERN_CHECKED(read_until_damage(database, one + std::to_string(from), form.letters, take).map([](bool) {}));
  }
  return false;
}

/// A table without numbers: from both ends.
Result<bool> read_both_ways(Database& database, const TableForm& form, std::vector<Cells>& out) {
  std::set<Cells> rows;
  const auto take = [&rows](Cells cells) { rows.insert(std::move(cells)); };
  const std::string order = all_of(form) + " ORDER BY " + key_of(form);
  TERN_TRY(const bool whole, read_until_damage(database, order, form.letters, take));
  if (!whole) TERN_CHECKED(read_until_damage(database, order + " DESC", form.letters, take).map([](bool) {}));
  out.assign(rows.begin(), rows.end());
  return whole;
}

/// Indexes lie on pages of their own: they name rows that are gone.
Result<void> read_indexes(Database& database, DamagedOutbox& out) {
  for (const char* direction : {"", " DESC"}) {
    const std::string way(direction);
    TERN_CHECKED(
        read_until_damage(database,
                          "SELECT position, change_id FROM change INDEXED BY change_by_id ORDER BY change_id" + way,
                          "ib", [&](const Cells& cells) { out.change_tickets[number_at(cells, 0)]; })
            .map([](bool) {}));
    TERN_CHECKED(
        read_until_damage(database,
                          "SELECT position, ticket_id FROM change INDEXED BY change_by_ticket ORDER BY ticket_id" + way,
                          "ib",
                          [&](const Cells& cells) {
                            const auto* ticket = std::get_if<std::string>(&cells[1]);
                            out.change_tickets[number_at(cells, 0)] = ticket != nullptr ? Bytes(*ticket) : Bytes();
                          })
            .map([](bool) {}));
    TERN_CHECKED(
        read_until_damage(database,
                          "SELECT device_epoch, chain_seq FROM change_set INDEXED BY change_set_chain ORDER BY "
                          "device_epoch" +
                              way + ", chain_seq" + way,
                          "ii",
                          [&](const Cells& cells) { out.set_places.emplace(number_at(cells, 0), number_at(cells, 1)); })
            .map([](bool) {}));
  }
  return {};
}

}  // namespace

Result<DamagedOutbox> read_damaged_outbox(const std::string& path, ByteView data_key, const std::string& vfs) {
  sqlite::OpenOptions options;
  options.path = path;
  options.role = sqlite::Role::reader;
  options.create = false;
  options.vfs = vfs;
  // Nothing is written beside a damaged file. The home is locked.
  if (vfs.empty()) options.index = sqlite::LogIndex::process;
  if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(data_key);
  TERN_TRY(const auto database, Database::open(options));
  DamagedOutbox out;
  if (auto checked = database->integrity_check(); !checked) {
    if (checked.error().code != ErrorCode::corrupt) return tl::unexpected(checked.error());
    out.whole = false;
  }
  TERN_CHECKED(read_indexes(*database, out));
  const std::int64_t last_change = out.change_tickets.empty() ? 0 : out.change_tickets.rbegin()->first;
  TERN_TRY(const bool changes, read_numbered(*database, change_form, out.changes, last_change));
  TERN_TRY(const bool sets,
           read_numbered(*database, set_form, out.sets, static_cast<std::int64_t>(out.set_places.size())));
  out.whole = out.whole && changes && sets;
  for (const auto& [form, rows] :
       {std::pair{&meta_form, &out.meta}, std::pair{&chain_form, &out.chain}, std::pair{&label_form, &out.labels},
        std::pair{&list_form, &out.lists}, std::pair{&proof_form, &out.proofs}}) {
    TERN_TRY(const bool read, read_both_ways(*database, *form, *rows));
    out.whole = out.whole && read;
  }
  return out;
}

}  // namespace tern::client
