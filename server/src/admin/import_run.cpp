#include "import_run.hpp"

#include <sys/stat.h>

#include <utility>

#include "admin/erased_words.hpp"
#include "admin/import_memory.hpp"
#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t names_max = 100'000;
constexpr std::size_t rows_max = 10'000;            // of one answer of a dry run
constexpr std::size_t refused_rows_max = 1'000;     // of one answer of an import
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

/// Gives every wanted name its record; those that are missing are made. A contact who was erased stays it: `stay` gets
/// who that is.
Result<std::size_t> make_wanted(const AdminCall& call, WantedRecords& wanted, std::vector<std::string>& stay) {
  TERN_TRY(const auto naming, call.lock_names());
  const WantedRecords there = records_there(call.tenant());
  const ErasedWords erased_words(call.tenant());
  std::vector<sync::Record> missing;
  for (auto& [key, id] : wanted) {
    if (const auto found = there.find(key); found != there.end()) {
      id = found->second;
      continue;
    }
    if (key.first == sync::RecordKind::contact) {
      TERN_TRY(const auto erased, erased_words.whose(key.second, key.second));
      if (erased) {
        id = *erased;
        stay.push_back(key.second);
        continue;
      }
    }
    missing.push_back(imported_record(key.first, key.second, call.tenant().environment()));
    id = missing.back().id;
  }
  TERN_CHECKED(write_in_parts(call, missing));
  return missing.size();
}

/// Of which import it is, and where it goes on; the file as it is now.
std::string import_key(const AdminCall& call, const std::string& place) {
  struct stat info {};
  const std::string& path = call.text("file");
  if (::stat(path.c_str(), &info) != 0) return {};
  Json key = Json::object({{"command", Json(call.name())},
                           {"tenant", Json(to_hex(call.tenant().id()))},
                           {"file", Json(path)},
                           {"inode", Json(static_cast<std::int64_t>(info.st_ino))},
                           {"bytes", Json(static_cast<std::int64_t>(info.st_size))},
                           {"written_s", Json(static_cast<std::int64_t>(info.st_mtim.tv_sec))},
                           {"written_ns", Json(static_cast<std::int64_t>(info.st_mtim.tv_nsec))},
                           {"dry", Json(call.flag("dry_run"))},
                           {"place", Json(place)}});
  for (const char* argument : {"source", "format", "map"}) key.append_member(argument, call.object(argument));
  return to_text(key);
}

struct ImportCounts {
  std::size_t tickets = 0, skipped = 0, changes = 0, refused = 0;
};

/// One import: of a whole file, or of a page of it.
class ImportRun {
public:
  ImportRun(const AdminCall& call, ImportSource& source, std::unique_ptr<ImportKnown> known)
      : call_(call),
        source_(source),
        dry_(call.flag("dry_run")),
        goes_on_(known != nullptr),
        known_(known ? std::move(known) : std::make_unique<ImportKnown>(call.tenant())) {}

  Result<Json> run() {
    limit_ = call_.integer("limit", INT64_MAX);
    if (limit_ < 1) return fail(ErrorCode::invalid, "A page has at least one ticket.", "", "limit");
    if (dry_) limit_ = std::min<std::int64_t>(limit_, rows_max);
    const std::string first = source_.place();
    if (call_.has("after")) TERN_CHECKED(source_.go_to(call_.text("after")));
    const std::string begin = source_.place();
    if (!goes_on_) TERN_CHECKED(dry_ ? tell_before(first, begin) : judge_and_name(begin));
    TERN_TRY(const bool more, each_item());
    if (trouble_) return tl::unexpected(*trouble_);
    // At the end of the file, whichever call or part comes there: what waited may stand in the lines of another.
    const bool some_wait = links_wait_ || counts_.skipped > 0 || call_.has("after");
    if (!dry_ && !more && some_wait) TERN_CHECKED(settle_links(first));
    Json out = answer(more);
    if (more) {
      known_->index = source_.index();
      call_.parts().imports.keep(import_key(call_, source_.place()), std::move(known_),
                                 call_.parts().environment.boot_ms());
    }
    return out;
  }

private:
  /// Notes what is asked for. In a dry run what is new is told once, in `records`.
  RecordLookup collecting(Json* records) {
    return [this, records](sync::RecordKind kind, const std::string& name) {
      const bool fresh = known_->wanted.try_emplace({kind, name}, RecordId{}).second;
      if (!fresh || records == nullptr) return some_id();
      const auto erased =
          kind == sync::RecordKind::contact ? erased_words_.whose(name, name) : Result<std::optional<RecordId>>();
      if (!erased)
        trouble_ = erased.error();
      else if (*erased)
        stay_.push_back(name);
      else
        records->push(Json(std::string(sync::to_string(kind)) + " " + name));
      return some_id();
    };
  }
  /// Of a record that may not be there yet: where a change is judged it stands for one.
  static RecordId some_id() {
    RecordId id;
    id.data()[0] = 1;
    return id;
  }

  Result<void> judge_and_name(const std::string& begin) {
    TERN_CHECKED(judge());
    TERN_TRY(made_, make_wanted(call_, known_->wanted, stay_));
    return source_.go_to(begin);
  }

  /// A part of which nobody knows any more what the parts before said: they are looked at again, and told to nobody.
  Result<void> tell_before(const std::string& first, const std::string& begin) {
    known_->wanted = records_there(call_.tenant());
    if (first == begin) return {};
    TERN_CHECKED(source_.go_to(first));
    while (source_.place() != begin) {
      TERN_TRY(const auto item, source_.next());
      if (!item) break;
      TERN_CHECKED(check_not_interrupted(call_.is_stopped(), "nothing was imported"));
      TERN_TRY(const std::string there, number_there(*item));
      if (there.empty()) static_cast<void>(source_.changes(collecting(nullptr)));
    }
    return source_.go_to(begin);
  }

  /// Everything that can be wrong with the file is found before anything is written.
  Result<void> judge() {
    source_.add_records(known_->wanted);
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
      if (known_->wanted.size() > names_max)
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
    if (dry_ && !known_->seen.insert(item.ticket).second) return std::string("?");
    TERN_TRY(auto reader, call_.tenant().reader());
    TERN_TRY(auto rows, reader.db().query("SELECT number FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                          call_.tenant().number(), item.ticket));
    TERN_TRY(const bool found, rows.step());
    if (found) return std::string(rows.text(0));
    TERN_TRY(const bool known, known_->references.has(item.type, item.reference));
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

  Result<bool> is_there(const TicketId& ticket) {
    TERN_TRY(auto reader, call_.tenant().reader());
    TERN_TRY(const auto found, reader.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                                    call_.tenant().number(), ticket));
    return found.has_value();
  }

  static bool names_ticket(const ServerChange& change) {
    const sync::Intent intent = change.change.intent;
    return intent == sync::Intent::link || intent == sync::Intent::unlink || intent == sync::Intent::merge ||
           intent == sync::Intent::unmerge;
  }

  /// Links have names of their own: the same each time, so that each is made once.
  static void name_links(std::vector<ServerChange>& changes) {
    std::size_t n = 0;
    for (ServerChange& one : changes) {
      if (!names_ticket(one)) continue;
      sync::Change& change = one.change;
      const Hash hash = protocol::hash("TRN1-IMPORT-LINK", std::string(change.ticket.view()) + std::to_string(n++));
      if (!change.ref.id.is_zero()) continue;
      change.ref.id = ChangeId::or_zero(hash.view().substr(0, ChangeId::size_bytes));
    }
  }

  /// Links to what comes later in the file wait for it; what undoes one waits with it.
  Result<std::vector<ServerChange>> without_waiting(std::vector<ServerChange> changes) {
    std::vector<ServerChange> out;
    for (ServerChange& change : changes) {
      if (names_ticket(change)) {
        TERN_TRY(const bool there, is_there(TicketId::or_zero(change.change.target)));
        links_wait_ = links_wait_ || !there;
        if (!there) continue;
      }
      out.push_back(std::move(change));
    }
    return out;
  }

  Result<void> make(const ImportItem& item) {
    bool changed = false;
    TERN_TRY(auto changes, source_.changes([&](sync::RecordKind kind, const std::string& name) {
      const auto found = known_->wanted.find({kind, name});
      changed = changed || found == known_->wanted.end();
      return found == known_->wanted.end() ? RecordId{} : found->second;
    }));
    if (changed)
      return fail(ErrorCode::invalid, "The file changed while it was imported.",
                  "Import it again: what is there is skipped.", "file");
    name_links(changes);
    TERN_TRY(changes, without_waiting(std::move(changes)));
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

  /// Once more through the file, for what its tickets say of each other: those are there by now, or never come.
  Result<void> settle_links(const std::string& first) {
    const WantedRecords there = records_there(call_.tenant());
    TERN_CHECKED(source_.go_to(first));
    for (;;) {
      TERN_TRY(const auto item, source_.next());
      if (!item) return {};
      TERN_CHECKED(check_not_interrupted(call_.is_stopped(), "what is there by now is skipped the next time"));
      if (item->ticket.is_zero()) continue;
      TERN_TRY(const bool made, is_there(item->ticket));
      if (!made) continue;  // known by a reference of another's
      auto changes = source_.changes([&](sync::RecordKind kind, const std::string& name) {
        if (const auto found = known_->wanted.find({kind, name}); found != known_->wanted.end()) return found->second;
        const auto known = there.find({kind, name});
        return known == there.end() ? RecordId{} : known->second;
      });
      if (!changes) continue;  // it was refused already
      name_links(*changes);
      TERN_CHECKED(settle_links_of(*item, std::move(*changes)));
    }
  }

  Result<void> settle_links_of(const ImportItem& item, std::vector<ServerChange> changes) {
    for (ServerChange& change : changes) {
      if (!names_ticket(change)) continue;
      TERN_TRY(const bool done, is_done(change.change));
      if (done) continue;
      TERN_TRY(const bool there, is_there(TicketId::or_zero(change.change.target)));
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

  /// By its name, whoever sealed it: the file may be an export of this very tenant.
  Result<bool> is_done(const sync::Change& change) {
    TERN_TRY(auto reader, call_.tenant().reader());
    TERN_TRY(const auto found, reader.db().int64_of("SELECT 1 FROM change WHERE tenant_id = $1 AND ticket_id = $2 AND "
                                                    "change_id = $3",
                                                    call_.tenant().number(), change.ticket, change.ref.id));
    return found.has_value();
  }

  Json answer(bool more) {
    Json out = Json::object({});
    if (dry_) out.append_member("dry_run", Json(true));
    out.append_member("tickets", Json(counts_.tickets));
    out.append_member("skipped", Json(counts_.skipped));
    out.append_member("changes", Json(counts_.changes));
    out.append_member("refused", Json(counts_.refused));
    out.append_member("records", Json(made_));
    if (!stay_.empty()) {
      Json stay = Json::array();
      for (const std::string& name : stay_)
        if (stay.size() < stay_erased_max) stay.push(Json(name));
      out.append_member("stay_erased", std::move(stay));
    }
    if (dry_ || rows_.size() > 0) out.append_member("rows", std::move(rows_));
    if (more) out.append_member("next", Json(source_.place()));
    if (counts_.refused > 0) out.append_member("needs_attention", Json(true));
    return out;
  }

  const AdminCall& call_;
  ImportSource& source_;
  const bool dry_, goes_on_;
  std::int64_t limit_ = 0;
  std::unique_ptr<ImportKnown> known_;
  const ErasedWords erased_words_{call_.tenant()};
  std::optional<Error> trouble_;   // of what was looked up for a dry run
  std::vector<std::string> stay_;  // names of erased persons: their tickets go by the record that is left of them
  bool links_wait_ = false;
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

std::unique_ptr<ImportKnown> known_of_import(const AdminCall& call) {
  return call.parts().imports.take(call.has("after") ? import_key(call, call.text("after")) : std::string());
}

Result<Json> run_import(const AdminCall& call, ImportSource& source, std::unique_ptr<ImportKnown> known) {
  return ImportRun(call, source, std::move(known)).run();
}

}  // namespace tern::server::admin
