// Reads a damaged outbox row by row: what lies on pages that are whole.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::client {

using Cell = std::variant<std::monostate, std::int64_t, std::string>;  // NULL, INTEGER, TEXT or BLOB
using Cells = std::vector<Cell>;

/// One letter for each column: i INTEGER, b BLOB, t TEXT. The first column is the key, in whose order rows are read.
struct TableForm {
  std::string_view name, columns, letters;
};
inline constexpr TableForm meta_form{"meta", "name, value", "tb"};
inline constexpr TableForm chain_form{"chain", "only_row, device_epoch, chain_seq, hash, acked_seq", "iiibi"};
inline constexpr TableForm set_form{
    "change_set",
    "id, device_epoch, chain_seq, origin_epoch, origin_seq, state, hash, header, signature, original_header, "
    "original_signature, first_position, change_count, size_bytes, sealed_wall_ms, commit_seq, commit_ms, outcomes",
    "iiiiiibbbbbiiiiiib"};
inline constexpr TableForm change_form{
    "change",
    "position, set_id, ticket_id, change_id, skeleton, salt, body, erased_commitment, saved_wall_ms, saved_boot_ms, "
    "saved_boot, attention, dismissed, amendment",
    "iibbbbbbiibiib"};
inline constexpr TableForm label_form{"ticket_label", "ticket_id, number, subject, subject_device, subject_change",
                                      "bttbb"};
inline constexpr TableForm list_form{"receipt_list", "id, epoch, wire", "ibb"};
inline constexpr TableForm proof_form{"receipt_proof", "set_id, list_id", "ii"};

struct DamagedOutbox {
  bool whole = true;  // every page and every index was in order
  std::vector<Cells> meta, chain, labels, lists, proofs;
  std::map<std::int64_t, Cells> sets, changes;   // by id; by position
  std::map<std::int64_t, Bytes> change_tickets;  // positions that an index names, and their tickets where known
  std::set<std::pair<std::int64_t, std::int64_t>> set_places;  // epoch and seq that an index names
};

/// With its log, as a program that was killed leaves it. `corrupt` when not even its first pages can be read; other
/// errors are those of the disk, and say nothing of the file.
Result<DamagedOutbox> read_damaged_outbox(const std::string& path, ByteView data_key, const std::string& vfs);

}  // namespace tern::client
