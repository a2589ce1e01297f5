#include "import_run.hpp"

#include <set>
#include <unordered_set>

#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t names_max = 100'000;
constexpr std::size_t rows_max = 10'000;            // of one answer of a dry run
constexpr std::size_t refused_rows_max = 1'000;     // of one answer of an import
constexpr std::size_t links_waiting_max = 100'000;  // to tickets that come later in the file
constexpr std::size_t items_between_looks = 1'024;  // whether to go on

constexpr sync::RecordKind kinds_made[] = {sync::RecordKind::operator_,    sync::RecordKind::queue,
                                           sync::RecordKind::contact,      sync::RecordKind::category,
                                           sync::RecordKind::organisation, sync::RecordKind::custom_field};

sync::Record imported_record(sync::RecordKind kind, const std::string& name, Environment& environment) {
  sync::Record record;
  record.kind = kind;
  record.id = random_id<RecordId>(environment);
  record.name = name;
  if (kind == sync::RecordKind::operator_) record.attributes = {{"role", "operator"}, {"active", "1"}};
  if (kind == sync::RecordKind::custom_field) record.attributes = {{"type", "text"}};
  return record;
}

/// Records that are there, by name and by id.
WantedRecords records_there(const Tenant& tenant) {
  WantedRecords there;
  for (const auto kind : kinds_made)
    for (const sync::Record& record : tenant.records(kind)) {
      if (!record.deleted) there.try_emplace({kind, record.name}, record.id);
      there.try_emplace({kind, to_uuid_text(record.id.view())}, record.id);
    }
  return there;
}

/// Gives every wanted name its record; those that are missing are made.
Result<std::size_t> make_wanted(const AdminCall& call, WantedRecords& wanted) {
  TERN_TRY(const auto naming, call.lock_names());
  const WantedRecords there = records_there(call.tenant());
  std::vector<sync::Record> missing;
  for (auto& [key, id] : wanted) {
    if (const auto found = there.find(key); found != there.end()) {
      id = found->second;
      continue;
    }
    missing.push_back(imported_record(key.first, key.second, call.tenant().environment()));
    id = missing.back().id;
  }
  TERN_CHECKED(write_in_parts(call, missing));
  return missing.size();
}

/// External references of one type that tickets have by now.
class KnownReferences {
public:
  explicit KnownReferences(Tenant& tenant) : tenant_(tenant) {}

  Result<bool> has(const std::string& type, const std::string& reference) {
    if (type.empty()) return false;
    if (!read_.contains(type)) TERN_CHECKED(read(type));
    return known_.contains(short_hash(type, reference));
  }

private:
  static std::uint64_t short_hash(std::string_view type, std::string_view reference) {
    const Hash hash = protocol::hash("TRN1-REFERENCE", std::string(type) + '\0' + std::string(reference));
    std::uint64_t out = 0;
    for (const char c : hash.view().substr(0, 8)) out = out << 8 | static_cast<unsigned char>(c);
    return out;
  }
  Result<void> read(const std::string& type) {
    read_.insert(type);
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1", tenant_.number()));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(0)));
      if (const auto reference = sync::field_value(state, sync::FieldId::external_ref, type))
        known_.insert(short_hash(type, *reference));
    }
  }

  Tenant& tenant_;
  std::set<std::string> read_;
  std::unordered_set<std::uint64_t> known_;  // eight bytes each, whatever the references are
};

struct ImportCounts {
  std::size_t tickets = 0, skipped = 0, changes = 0, refused = 0;
};

/// One import: of a whole file, or of a page of it.
class ImportRun {
public:
  ImportRun(const AdminCall& call, ImportSource& source)
      : call_(call), source_(source), dry_(call.flag("dry_run")), references_(call.tenant()) {}

  Result<Json> run() {
    limit_ = call_.integer("limit", INT64_MAX);
    if (limit_ < 1) return fail(ErrorCode::invalid, "A page has at least one ticket.", "", "limit");
    if (dry_) limit_ = std::min<std::int64_t>(limit_, rows_max);
    if (call_.has("after")) TERN_CHECKED(source_.go_to(call_.text("after")));
    const std::string begin = source_.place();
    if (dry_) {
      wanted_ = records_there(call_.tenant());
    } else {
      TERN_CHECKED(judge());
      TERN_TRY(made_, make_wanted(call_, wanted_));
      TERN_CHECKED(source_.go_to(begin));
    }
    TERN_TRY(const bool more, each_item());
    if (!dry_) TERN_CHECKED(settle_links());
    return answer(more);
  }

private:
  /// Notes what is asked for. In a dry run what is new is told once, in `records`.
  RecordLookup collecting(Json* records) {
    return [this, records](sync::RecordKind kind, const std::string& name) {
      const bool fresh = wanted_.try_emplace({kind, name}, RecordId{}).second;
      if (fresh && records != nullptr) records->push(Json(std::string(sync::to_string(kind)) + " " + name));
      return some_id();
    };
  }
  /// Of a record that may not be there yet: where a change is judged it stands for one.
  static RecordId some_id() {
    RecordId id;
    id.data()[0] = 1;
    return id;
  }

  /// Everything that can be wrong with the file is found before anything is written.
  Result<void> judge() {
    source_.add_records(wanted_);
    if (source_.is_judged()) return {};
    const RecordLookup lookup = collecting(nullptr);
    const bool page = call_.has("after");  // the page before has judged all
    for (std::int64_t i = 0; !page || i < limit_; ++i) {
      TERN_TRY(const auto item, source_.next());
      if (!item) return {};
      if (static_cast<std::size_t>(i) % items_between_looks == 0)
        TERN_CHECKED(check_not_interrupted(call_.is_stopped(), "nothing was imported"));
      TERN_TRY(const auto changes, source_.changes(lookup));
      TERN_CHECKED(check_changes(*item, changes));
      if (wanted_.size() > names_max)
        return error_at(item->line, ErrorCode::too_large, "more names than one import takes; split the file.");
    }
    return {};
  }

  Result<void> check_changes(const ImportItem& item, const std::vector<ServerChange>& changes) const {
    for (const ServerChange& change : changes) {
      sync::Change judged = change.change;
      judged.ref.device = call_.tenant().keys().sealing_device;
      if (judged.ref.id.is_zero()) judged.ref.id.data()[0] = 1;
      if (const auto good = sync::validate_change(judged); !good)
        return error_at(item.line, good.error().code, good.error().message);
    }
    return {};
  }

  /// True: there are more.
  Result<bool> each_item() {
    for (std::int64_t i = 0; i < limit_; ++i) {
      TERN_TRY(const auto item, source_.next());
      if (!item) return false;
      TERN_CHECKED(check_not_interrupted(
          call_.is_stopped(), dry_ ? "nothing was imported" : "what is there by now is skipped the next time"));
      TERN_TRY(const std::string there, number_there(*item));
      if (!there.empty()) {
        ++counts_.skipped;
        if (dry_) add_row(*item, "skip", Json::object({{"ticket", Json(there)}}));
        continue;
      }
      TERN_CHECKED(dry_ ? tell(*item) : make(*item));
    }
    const std::string place = source_.place();
    TERN_TRY(const auto next, source_.next());
    TERN_CHECKED(source_.go_to(place));
    return next.has_value();
  }

  /// What the ticket is called; "?" where that is not known; empty: it is not there.
  Result<std::string> number_there(const ImportItem& item) {
    if (item.ticket.is_zero()) return std::string();
    if (dry_ && !seen_.insert(item.ticket).second) return std::string("?");
    TERN_TRY(auto reader, call_.tenant().reader());
    TERN_TRY(auto rows, reader.db().query("SELECT number FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                          call_.tenant().number(), item.ticket));
    TERN_TRY(const bool found, rows.step());
    if (found) return std::string(rows.text(0));
    TERN_TRY(const bool known, references_.has(item.type, item.reference));
    return std::string(known ? "?" : "");
  }

  void add_row(const ImportItem& item, const char* would, const Json& more) {
    Json row = Json::object({{"line", Json(item.line)},
                             {"reference", item.reference.empty() ? Json() : Json(item.reference)},
                             {"would", Json(would)}});
    for (const auto& [name, value] : more.members()) row.append_member(name, value);
    rows_.push(std::move(row));
  }

  /// What would become of it.
  Result<void> tell(const ImportItem& item) {
    Json records = Json::array();
    const auto changes = source_.changes(collecting(&records));
    const auto good = changes ? check_changes(item, *changes) : Result<void>(tl::unexpected(changes.error()));
    if (!good) {
      ++counts_.refused;
      add_row(item, "refuse", Json::object({{"why", Json(good.error().message)}}));
      return {};
    }
    ++counts_.tickets;
    counts_.changes += changes->size();
    made_ += records.size();
    add_row(item, "make", Json::object({{"changes", Json(changes->size())}, {"records", std::move(records)}}));
    return {};
  }

  Result<bool> is_there(const Bytes& ticket) {
    TERN_TRY(auto reader, call_.tenant().reader());
    TERN_TRY(const auto found, reader.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                                    call_.tenant().number(), TicketId::or_zero(ticket)));
    return found.has_value();
  }

  /// Links to what comes later in the file wait for it.
  Result<std::vector<ServerChange>> without_waiting(const ImportItem& item, std::vector<ServerChange> changes) {
    std::vector<ServerChange> out;
    for (ServerChange& change : changes) {
      const sync::Intent intent = change.change.intent;
      const bool names = intent == sync::Intent::link || intent == sync::Intent::merge;
      if (names && links_.size() < links_waiting_max) {
        TERN_TRY(const bool there, is_there(change.change.target));
        if (!there) {
          links_.emplace_back(item, std::move(change));
          continue;
        }
      }
      out.push_back(std::move(change));
    }
    return out;
  }

  Result<void> make(const ImportItem& item) {
    bool changed = false;
    TERN_TRY(auto changes, source_.changes([&](sync::RecordKind kind, const std::string& name) {
      const auto found = wanted_.find({kind, name});
      changed = changed || found == wanted_.end();
      return found == wanted_.end() ? RecordId{} : found->second;
    }));
    if (changed)
      return fail(ErrorCode::invalid, "The file changed while it was imported.",
                  "Import it again: what is there is skipped.", "file");
    TERN_TRY(changes, without_waiting(item, std::move(changes)));
    TERN_CHECKED(commit(item, std::move(changes)));
    ++counts_.tickets;
    return {};
  }

  Result<void> commit(const ImportItem& item, std::vector<ServerChange> changes) {
    counts_.changes += changes.size();
    TERN_TRY(const ServerCommit done,
             call_.on_strand([&] { return commit_server(call_.tenant(), std::move(changes)); }));
    for (std::size_t i = 0; i < done.outcomes.size(); ++i)
      if (done.outcomes[i] == sync::Outcome::rejected || done.outcomes[i] == sync::Outcome::held)
        refuse(item, std::string(sync::sentence(done.reasons[i])));
    return {};
  }

  void refuse(const ImportItem& item, const std::string& why) {
    if (++counts_.refused > refused_rows_max) return;
    rows_.push(Json::object({{"line", Json(item.line)}, {"reference", Json(item.reference)}, {"why", Json(why)}}));
  }

  /// The tickets that they name are there by now, or never come.
  Result<void> settle_links() {
    for (auto& [item, change] : links_) {
      TERN_TRY(const bool there, is_there(change.change.target));
      if (!there) {
        refuse(item, "It names ticket " + to_uuid_text(change.change.target) + ", which is not here.");
        continue;
      }
      std::vector<ServerChange> one;
      one.push_back(std::move(change));
      TERN_CHECKED(commit(item, std::move(one)));
    }
    return {};
  }

  Json answer(bool more) {
    Json out = Json::object({});
    if (dry_) out.append_member("dry_run", Json(true));
    out.append_member("tickets", Json(counts_.tickets));
    out.append_member("skipped", Json(counts_.skipped));
    out.append_member("changes", Json(counts_.changes));
    out.append_member("refused", Json(counts_.refused));
    out.append_member("records", Json(made_));
    if (dry_ || rows_.size() > 0) out.append_member("rows", std::move(rows_));
    if (more) out.append_member("next", Json(source_.place()));
    if (counts_.refused > 0) out.append_member("needs_attention", Json(true));
    return out;
  }

  const AdminCall& call_;
  ImportSource& source_;
  const bool dry_;
  std::int64_t limit_ = 0;
  KnownReferences references_;
  WantedRecords wanted_;
  std::set<TicketId> seen_;  // of a dry run
  std::vector<std::pair<ImportItem, ServerChange>> links_;
  ImportCounts counts_;
  std::size_t made_ = 0;
  Json rows_ = Json::array();
};

}  // namespace

TicketId imported_id(const TenantId& tenant, std::string_view type, std::string_view reference) {
  const Hash hash =
      protocol::hash("TRN1-IMPORTED", std::string(tenant.view()) + std::string(type) + '\0' + std::string(reference));
  return TicketId::or_zero(hash.view().substr(0, TicketId::size_bytes));
}

tl::unexpected<Error> error_at(std::size_t line, ErrorCode code, const std::string& what, const std::string& hint) {
  return fail(code, "Line " + std::to_string(line) + ": " + what, hint, "file");
}

Result<Json> run_import(const AdminCall& call, ImportSource& source) {
  return ImportRun(call, source).run();
}

}  // namespace tern::server::admin
