#include "admin/ledger_export.hpp"

#include "access/private_file.hpp"
#include "admin/interrupted.hpp"
#include "store/ledger.hpp"
#include "store/tenant_internals.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/ledger_export.hpp"
#include "tern/protocol/merkle.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::admin {
namespace {

using protocol::ExportLines;

Json wire_json(ByteView bytes) {
  return Json(to_base64(bytes));
}

Json line_of(std::string_view kind, std::initializer_list<Json::Member> members) {
  Json line = Json::object({{"kind", Json(kind)}});
  for (const auto& [name, value] : members) line.append_member(name, value);
  return line;
}

class LedgerExport {
public:
  LedgerExport(const AdminCall& call, sqlite::Database& db, PrivateFileWriter& file)
      : call_(call), tenant_(call.tenant()), db_(db), file_(file), number_(tenant_.number()) {}

  Result<void> write() {
    TERN_TRY(const auto epoch, read_meta(db_, number_, "epoch"));
    epoch_ = EpochId::or_zero(epoch.value_or(Bytes{}));
    TERN_TRY(const auto commits, read_meta(db_, number_, "commit_seq"));
    commits_ = meta_number(commits);
    TERN_CHECKED(put(line_of("export", {{"version", Json(protocol::ledger_export_version)},
                                        {"tenant", Json(to_uuid_text(tenant_.id().view()))},
                                        {"epoch", Json(to_uuid_text(epoch_.view()))},
                                        {"commits", Json(commits_)},
                                        {"program", Json("ternd " + call_.parts().options.server_version)}})));
    TERN_CHECKED(write_keys());
    TERN_CHECKED(write_wires("epoch", "SELECT record FROM past_epoch WHERE tenant_id = $1 ORDER BY kept_seq"));
    TERN_CHECKED(write_wires("withdrawal",
                             "SELECT value FROM meta WHERE tenant_id = $1 AND name LIKE 'withdrawn_%' "
                             "ORDER BY name"));
    TERN_CHECKED(write_wires("erasure",
                             "SELECT DISTINCT statement FROM erasure WHERE tenant_id = $1 "
                             "ORDER BY statement"));
    TERN_CHECKED(write_devices());
    TERN_CHECKED(write_ledger());
    TERN_CHECKED(write_tickets());
    TERN_CHECKED(write_wires("record", "SELECT data FROM record WHERE tenant_id = $1 ORDER BY kind, record_id"));
    return write_end();
  }

  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  [[nodiscard]] std::uint64_t tickets() const { return tickets_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_.lines(); }

private:
  Result<void> put(const Json& line) {
    TERN_CHECKED(check_not_interrupted(call_));
    return file_.write(lines_.close(line));
  }

  Result<void> write_keys() {
    for (const protocol::PublicKey& root : tenant_.keys().roots)
      TERN_CHECKED(put(line_of("root", {{"public_key", wire_json(root.view())}})));
    return put(line_of("key_list", {{"wire", wire_json(tenant_.keys().key_list)}}));
  }

  Result<void> write_wires(std::string_view kind, std::string_view sql) {
    TERN_TRY(auto rows, db_.query(sql, number_));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_CHECKED(put(line_of(kind, {{"wire", wire_json(rows.blob(0))}})));
    }
  }

  Result<void> write_devices() {
    TERN_TRY(const auto devices, read_devices(db_, number_));
    for (const Device& device : devices) {
      Json line = line_of("device", {{"wire", wire_json(device.row.certificate)}});
      if (!device.row.revocation.empty()) line.append_member("revocation", wire_json(device.row.revocation));
      TERN_TRY(Json earlier, earlier_certificates(device.row.id));
      if (earlier.size() != 0) line.append_member("earlier", std::move(earlier));
      TERN_CHECKED(put(line));
    }
    return {};
  }

  Result<Json> earlier_certificates(const DeviceId& device) {
    TERN_TRY(auto rows, db_.query("SELECT certificate FROM past_certificate WHERE tenant_id = $1 AND device_id = $2 "
                                  "ORDER BY device_epoch",
                                  number_, device));
    Json all = Json::array();
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return all;
      all.push(wire_json(rows.blob(0)));
    }
  }

  // ---- the ledger: sets in commit order, each anchor behind the last commit it covers ----

  Result<void> write_ledger() {
    TERN_TRY(auto anchors, db_.query("SELECT wire FROM anchor WHERE tenant_id = $1 ORDER BY anchor_seq", number_));
    TERN_TRY(bool left, anchors.step());
    for (std::uint64_t commit = 0;; ++commit) {
      while (left) {
        TERN_TRY(const auto anchor, tenant_.keys().open_logged<protocol::Anchor>(anchors.blob(0)));
        if (anchor.value.tree_size > commit && commit < commits_) break;
        TERN_CHECKED(put(line_of("anchor", {{"wire", wire_json(anchors.blob(0))}})));
        TERN_TRY(left, anchors.step());
      }
      if (commit == commits_) return {};
      TERN_CHECKED(write_set(commit + 1));
    }
  }

  Result<void> write_set(std::uint64_t commit) {
    TERN_TRY(const auto stored, read_set(db_, number_, commit));
    if (!stored) return fail(ErrorCode::corrupt, "Commit " + std::to_string(commit) + " is missing.", "ternd verify");
    Json line = line_of("set", {{"commit", Json(commit)},
                                {"wire", wire_json(protocol::encode(stored->set))},
                                {"receipt", wire_json(protocol::encode(stored->receipt))},
                                {"lo_ms", Json(stored->lo_ms)}});
    TERN_TRY(Json old_receipts, old_receipts_of(commit));
    if (old_receipts.size() != 0) line.append_member("old_receipts", std::move(old_receipts));
    TERN_TRY(Json notes, notes_of(commit));
    if (notes.size() != 0) line.append_member("notes", std::move(notes));
    frontier_.append(protocol::leaf_hash(stored->receipt.leaf));
    TERN_CHECKED(put(line));
    TERN_TRY(auto rows, db_.query("SELECT statement FROM amendment WHERE tenant_id = $1 AND commit_seq = $2 ORDER BY n",
                                  number_, commit));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_CHECKED(put(line_of("amendment", {{"wire", wire_json(rows.blob(0))}})));
    }
  }

  /// What proves what the set was in an epoch that is over.
  Result<Json> old_receipts_of(std::uint64_t commit) {
    Json lists = Json::array();
    TERN_TRY(auto rows, db_.query("SELECT l.wire FROM old_receipt o JOIN old_receipt_list l ON l.tenant_id = "
                                  "o.tenant_id AND l.list_hash = o.list_hash WHERE o.tenant_id = $1 AND o.commit_seq = "
                                  "$2 ORDER BY o.old_commit_ms",
                                  number_, commit));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return lists;
      lists.push(Json::object({{"wire", wire_json(rows.blob(0))}}));
    }
  }

  /// What admission took from outside the ticket's changes, and neither the change nor its receipt tells.
  Result<Json> notes_of(std::uint64_t commit) {
    TERN_TRY(const auto changes, read_commit(db_, number_, commit));
    Json notes = Json::array();
    for (const LedgerChange& change : changes) {
      const sync::Admission& admission = change.placed.admission;
      Json note = Json::object({{"index", Json(std::uint64_t{change.index})}});
      if (admission.author_has_device) note.append_member("dark", Json(true));
      if (admission.reopen_window_ms != 0) note.append_member("reopen_ms", Json(admission.reopen_window_ms));
      Json released = Json::array();
      for (const ReleasedChange& one : change.released) {
        Json entry =
            Json::object({{"device", Json(to_uuid_text(one.ref.device.view()))}, {"change", Json(to_hex(one.ref.id))}});
        if (one.admission.integer_id != 0) {
          entry.append_member("integer_id", Json(one.admission.integer_id));
          entry.append_member("number", Json(one.admission.number));
        }
        released.push(std::move(entry));
      }
      if (released.size() != 0) note.append_member("released", std::move(released));
      if (note.size() > 1) notes.push(std::move(note));
    }
    return notes;
  }

  // ---- what follows from it ----

  Result<void> write_tickets() {
    TERN_TRY(auto rows,
             db_.query("SELECT ticket_id, state FROM ticket WHERE tenant_id = $1 ORDER BY integer_id", number_));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      ++tickets_;
      const auto id = rows.id<TicketId>(0);
      TERN_CHECKED(
          put(line_of("ticket", {{"ticket", Json(to_uuid_text(id.view()))}, {"state", wire_json(rows.blob(1))}})));
      TERN_TRY(auto messages, db_.query("SELECT data FROM message WHERE tenant_id = $1 AND ticket_id = $2 "
                                        "ORDER BY version, device_id, change_id",
                                        number_, id));
      for (;;) {
        TERN_TRY(const bool another, messages.step());
        if (!another) break;
        TERN_CHECKED(put(line_of("message", {{"wire", wire_json(messages.blob(0))}})));
      }
    }
  }

  Result<void> write_end() {
    protocol::LedgerExportEnd end;
    end.tenant = tenant_.id();
    end.head = {epoch_, frontier_.size(), frontier_.root()};
    end.lines = lines_.lines();
    end.sum = lines_.sum();
    end.time_ms = tenant_.now_ms();
    return put(line_of("end", {{"wire", wire_json(protocol::sign_statement(end, tenant_.keys().log).wire)}}));
  }

  const AdminCall& call_;
  Tenant& tenant_;
  sqlite::Database& db_;
  PrivateFileWriter& file_;
  const std::int64_t number_;
  ExportLines lines_;
  protocol::MerkleFrontier frontier_;
  EpochId epoch_;
  std::uint64_t commits_ = 0, tickets_ = 0;
};

}  // namespace

Result<Json> export_ledger(const AdminCall& call) {
  if (!call.has("to") || call.has("limit") || call.has("after"))
    return fail(ErrorCode::usage, "A ledger is exported in one piece.", "Name a file with --to, and nothing else.",
                "to");
  Tenant& tenant = call.tenant();
  TERN_CHECKED(check_output_file(call.text("to"), call.flag("replace"), "to"));
  TERN_TRY(auto file, PrivateFileWriter::open(call.text("to")));
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  LedgerExport ledger(call, reader.db(), *file);
  TERN_CHECKED(ledger.write());
  snapshot.rollback();
  TERN_CHECKED(file->finish());
  Json answer = Json::object({{"format", Json("ledger")},
                              {"to", Json(call.text("to"))},
                              {"commits", Json(ledger.commits())},
                              {"tickets", Json(ledger.tickets())},
                              {"lines", Json(ledger.lines())}});
  if (!tenant.keys().roots.empty())
    answer.append_member("root", Json(to_hex(protocol::key_id(tenant.keys().roots.front()))));
  return answer;
}

}  // namespace tern::server::admin
