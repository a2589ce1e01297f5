// Tickets out of lines of JSON or rows of CSV: an export of this server, or a table of anybody's.
#include <algorithm>
#include <charconv>

#include "admin/handlers.hpp"
#include "admin/import_history.hpp"
#include "admin/input_file.hpp"
#include "admin/ticket_export.hpp"
#include "incidents/csv_reader.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/csv.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t line_bytes_of_import_max = 16 * limits::mib;
constexpr std::string_view source_else = "import";

/// Columns whose cells become the member of the same name.
constexpr std::string_view plain_columns[] = {
    "id",         "number",    "reference",   "status",           "priority", "subject", "description", "category",
    "contact",    "queue",     "assignee",    "organisation",     "type",     "due_at",  "result",      "created_at",
    "updated_at", "closed_at", "resolved_at", "first_response_at"};
/// Columns of an export that follow from others, or that a table cannot say: they are passed over.
constexpr std::string_view derived_columns[] = {"integer_id",     "aliases",     "watchers", "links",  "rating",
                                                "rating_comment", "merged_into", "messages", "changes"};
/// Those that are read in a way of their own.
constexpr std::string_view other_columns[] = {"tags",    "external_refs",    "custom",
                                              "deleted", "estimate_minutes", "minutes_logged"};

template <std::size_t Count>
bool is_one_of(const std::string_view (&words)[Count], std::string_view word) {
  return std::ranges::find(words, word) != std::end(words);
}

bool is_passed_over(std::string_view column) {
  return column.empty() || column.starts_with("sla_") || is_one_of(derived_columns, column);
}

bool is_known_column(std::string_view column) {
  return is_passed_over(column) || is_one_of(plain_columns, column) || is_one_of(other_columns, column) ||
         (column.starts_with("custom.") && column.size() > 7);
}

template <typename Visit>
void each_line(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::int64_t whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ptr == text.data() + text.size() ? number : 0;
}

/// A row as the object that a line of JSON would be.
class RowReader {
public:
  Result<void> set_columns(std::vector<std::string> names, const Json::Array& renamed) {
    columns_ = std::move(names);
    for (const Json& one : renamed) TERN_CHECKED(rename(one.as_string()));
    for (auto column = columns_.begin(); column != columns_.end(); ++column) {
      if (!is_known_column(*column))
        return fail(ErrorCode::invalid, "Line 1: nobody knows what the column \"" + *column + "\" is.",
                    "Say it with --map \"" + *column + "=FIELD\", or \"" + *column + "=\" to leave it out.", "file");
      if (!is_passed_over(*column) && std::find(columns_.begin(), column, *column) != column)
        return fail(ErrorCode::invalid, "Line 1: the column \"" + *column + "\" is there twice.", "", "file");
    }
    return {};
  }

  [[nodiscard]] Result<Json> ticket(const std::vector<std::string>& cells) const {
    if (cells.size() != columns_.size())
      return fail(ErrorCode::invalid, "it has " + std::to_string(cells.size()) + " cells, the header " +
                                          std::to_string(columns_.size()) + ".");
    Json out = Json::object({}), custom = Json::object({});
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].empty() || is_passed_over(columns_[i])) continue;
      TERN_CHECKED(put(columns_[i], text_of_csv(cells[i]), out, custom));
    }
    out.set("custom", std::move(custom));
    return out;
  }

private:
  Result<void> rename(const std::string& words) {
    const auto sign = words.rfind('=');
    const auto column =
        sign == std::string::npos ? columns_.end() : std::find(columns_.begin(), columns_.end(), words.substr(0, sign));
    if (column == columns_.end())
      return fail(ErrorCode::invalid, "\"" + words + "\" names no column of the file.", "Write COLUMN=FIELD.", "map");
    *column = words.substr(sign + 1);
    return {};
  }

  static Result<void> put(const std::string& column, std::string text, Json& out, Json& custom) {
    if (is_one_of(plain_columns, column)) {
      out.set(column, Json(std::move(text)));
    } else if (column.starts_with("custom.")) {
      custom.set(column.substr(7), Json(std::move(text)));
    } else if (column == "custom") {
      TERN_TRY(const Json others, parse_json(text));
      for (const auto& [name, value] : others.members()) custom.set(name, value);
    } else if (column == "tags") {
      Json tags = Json::array();
      each_line(text, [&](std::string_view tag) { tags.push(Json(tag)); });
      out.set("tags", std::move(tags));
    } else if (column == "external_refs") {
      Json references = Json::array();
      each_line(text, [&](std::string_view line) {
        const auto sign = std::min(line.find('='), line.size());
        references.push(Json::object(
            {{"type", Json(line.substr(0, sign))}, {"id", Json(line.substr(std::min(sign + 1, line.size())))}}));
      });
      out.set("external_refs", std::move(references));
    } else if (column == "deleted") {
      out.set("deleted", Json(text == "true"));
    } else if (column == "estimate_minutes") {
      out.set("estimate_minutes", Json(whole_number(text)));
    } else if (column == "minutes_logged") {
      if (const std::int64_t minutes = whole_number(text); minutes > 0)
        out.set("time_entries", Json::array({Json::object({{"minutes", Json(minutes)}})}));
    }
    return {};
  }

  std::vector<std::string> columns_;
};

/// What both forms of a file have in common: which ticket a line is.
class TicketFile : public ImportSource {
public:
  TicketFile(const AdminCall& call, std::unique_ptr<InputFile> file)
      : tenant_(call.tenant()),
        type_(call.has("source") ? call.text("source") : std::string(source_else)),
        now_ms_(call.tenant().now_ms()),
        file_(std::move(file)) {}

  Result<std::vector<ServerChange>> changes(const RecordLookup& lookup) override {
    if (wrong_) return error_at(line_, wrong_->code, wrong_->message, wrong_->hint);
    auto made = changes_of_ticket(ticket_, item_.ticket, tenant_.keys().sealing_device, lookup, now_ms_);
    if (!made) return error_at(line_, made.error().code, made.error().message);
    return made;
  }

protected:
  /// The item of what was read, or of what cannot be.
  std::optional<ImportItem> item_of(std::size_t line, Result<Json> ticket) {
    line_ = line;
    item_ = ImportItem{line, {}, {}, {}};
    wrong_.reset();
    if (!ticket) {
      wrong_ = ticket.error();
    } else {
      ticket_ = std::move(*ticket);
      if (const auto named = name(); !named) wrong_ = named.error();
    }
    return item_;
  }

  Tenant& tenant_;
  const std::string type_;
  const std::int64_t now_ms_;
  std::unique_ptr<InputFile> file_;

private:
  /// By its own id; else by the reference that it has in the source; else by its first external reference.
  Result<void> name() {
    if (!ticket_.is_object()) return fail(ErrorCode::invalid, "no JSON object.");
    const std::string& id = ticket_["id"].as_string();
    std::string reference = ticket_["reference"].as_string();
    if (const auto own = from_uuid_text(id); own && own->size() == TicketId::size_bytes) {
      item_.ticket = TicketId::or_zero(*own);
      item_.reference = ticket_["number"].is_string() ? ticket_["number"].as_string() : id;
      return {};
    }
    std::string type = type_;
    if (reference.empty() && !id.empty()) reference = id;  // an id of another house
    if (reference.empty() && ticket_["number"].is_string()) reference = ticket_["number"].as_string();
    if (reference.empty() && ticket_["external_refs"].size() > 0) {
      type = ticket_["external_refs"].items().front()["type"].as_string();
      reference = ticket_["external_refs"].items().front()["id"].as_string();
    }
    if (reference.empty())
      return fail(ErrorCode::invalid, "it has no reference, so that it would come in again each time.",
                  "Give it a \"reference\", an \"id\" or a \"number\".");
    TERN_CHECKED(sync::validate_key(*sync::find_field(sync::FieldId::external_ref), type));
    item_.ticket = imported_id(tenant_.id(), type, reference);
    item_.reference = reference;
    item_.type = type;
    note_reference(type, reference);
    return {};
  }

  void note_reference(const std::string& type, const std::string& reference) {
    Json references = Json::array();
    for (const Json& one : ticket_["external_refs"].items())
      if (one["type"].as_string() != type) references.push(one);
    references.push(Json::object({{"type", Json(type)}, {"id", Json(reference)}}));
    ticket_.set("external_refs", std::move(references));
    ticket_.set("id", Json());
  }

  Json ticket_;
  ImportItem item_;
  std::optional<Error> wrong_;
  std::size_t line_ = 0;
};

/// "OFFSET.LINE"
Result<std::pair<std::uint64_t, std::size_t>> file_place(const std::string& token) {
  std::uint64_t offset = 0;
  std::size_t line = 0;
  const char* const end = token.data() + token.size();
  const auto first = std::from_chars(token.data(), end, offset);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '.') {
    const auto second = std::from_chars(first.ptr + 1, end, line);
    if (second.ec == std::errc() && second.ptr == end && line > 0) return std::pair(offset, line);
  }
  return fail(ErrorCode::invalid, "\"" + token + "\" is no token of a page.", "Take it from the page before.", "after");
}

class LinesOfTickets final : public TicketFile {
public:
  using TicketFile::TicketFile;

  Result<std::optional<ImportItem>> next() override {
    for (;;) {
      const std::size_t line = file_->line();
      TERN_TRY(const auto text, file_->next_line(line_bytes_of_import_max));
      if (!text) return std::optional<ImportItem>();
      if (text->find_first_not_of(" \t") == std::string::npos) continue;
      return item_of(line,
                     parse_json(*text, {.depth_max = 32, .bytes_max = line_bytes_of_import_max, .decimals = true}));
    }
  }
  [[nodiscard]] std::string place() const override {
    return std::to_string(file_->offset()) + "." + std::to_string(file_->line());
  }
  Result<void> go_to(const std::string& place) override {
    TERN_TRY(const auto at, file_place(place));
    file_->go_to(at.first, at.second);
    return {};
  }
};

class RowsOfTickets final : public TicketFile {
public:
  RowsOfTickets(const AdminCall& call, std::unique_ptr<InputFile> file)
      : TicketFile(call, std::move(file)), csv_([this](std::uint64_t offset, char* buffer, std::size_t bytes) {
          return file_->read_at(offset, buffer, bytes);
        }) {}

  Result<void> read_header(const Json::Array& renamed) {
    std::vector<std::string> names;
    TERN_TRY(const bool any, csv_.next(names));
    if (!any) return fail(ErrorCode::invalid, "The file has no rows.", "", "file");
    TERN_CHECKED(rows_.set_columns(std::move(names), renamed));
    return peek();
  }
  Result<std::optional<ImportItem>> next() override {
    if (!there_) return std::optional<ImportItem>();
    auto item = item_of(line_of_next_, rows_.ticket(record_));
    TERN_CHECKED(peek());
    return item;
  }
  [[nodiscard]] std::string place() const override {
    return std::to_string(offset_of_next_) + "." + std::to_string(line_of_next_);
  }
  Result<void> go_to(const std::string& place) override {
    TERN_TRY(const auto at, file_place(place));
    csv_.go_to(at.first, at.second);
    return peek();
  }

private:
  /// One row ahead: where the next one begins is known only when it was read.
  Result<void> peek() {
    TERN_TRY(there_, csv_.next(record_));
    offset_of_next_ = csv_.offset();
    line_of_next_ = csv_.line();
    return {};
  }

  CsvReader csv_;
  RowReader rows_;
  std::vector<std::string> record_;
  bool there_ = false;
  std::uint64_t offset_of_next_ = 0;
  std::size_t line_of_next_ = 1;
};

}  // namespace

Result<Json> import_tickets(AdminCall& call) {
  const std::string& path = call.text("file");
  const std::string format = call.has("format") ? call.text("format") : path.ends_with(".csv") ? "csv" : "jsonl";
  if (format != "csv" && format != "jsonl")
    return fail(ErrorCode::invalid, "There is no format \"" + format + "\".", "Formats: jsonl, csv.", "format");
  TERN_TRY(auto file, InputFile::open(path));
  if (format == "jsonl") {
    if (call.has("map")) return fail(ErrorCode::usage, "--map is of columns: it goes with CSV.", "", "map");
    LinesOfTickets lines(call, std::move(file));
    return run_import(call, lines, known_of_import(call));
  }
  RowsOfTickets rows(call, std::move(file));
  TERN_CHECKED(rows.read_header(call.list("map")));
  return run_import(call, rows, known_of_import(call));
}

}  // namespace tern::server::admin
