// Every limit of the wire and of a ticket, in one place. docs/protocol.md lists them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tern::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

// A ticket.
inline constexpr std::size_t subject_code_points_max = 255;
inline constexpr std::size_t text_bytes_max = 64 * kib;       // description, message
inline constexpr std::size_t result_bytes_max = 8 * kib;      // result, reason
inline constexpr std::size_t signature_bytes_max = 32 * kib;  // drawn by a customer on site
inline constexpr std::size_t name_bytes_max = 200;
inline constexpr std::size_t tag_bytes_max = 64;
inline constexpr std::size_t tags_per_ticket_max = 50;
inline constexpr std::size_t watchers_per_ticket_max = 200;
inline constexpr std::size_t links_per_ticket_max = 200;
inline constexpr std::size_t custom_fields_max = 100;
inline constexpr std::size_t custom_value_bytes_max = 4 * kib;
inline constexpr std::size_t messages_per_ticket_max = 10'000;
inline constexpr std::size_t changes_per_ticket_max = 100'000;
// All that is folded of a ticket but its messages travels in one piece, so it has one bound. The reserve is for status
// moves, claims and what customers write: a full ticket can still be finished.
inline constexpr std::size_t ticket_state_bytes_max = mib;
inline constexpr std::size_t ticket_state_reserve_bytes = 64 * kib;

// A change.
inline constexpr std::size_t field_key_bytes_max = 64;       // name of a custom field, type of an external reference
inline constexpr std::size_t fields_per_change_max = 128;    // of a create
inline constexpr std::size_t targets_per_change_max = 1000;  // messages of a split, changes of an erasure
inline constexpr std::size_t media_type_bytes_max = 127;
inline constexpr std::size_t provisional_number_bytes_max = 40;
inline constexpr std::int64_t minutes_per_entry_max = 100'000;       // a time entry, an estimate
inline constexpr std::int64_t instant_ms_max = 253'402'300'799'999;  // the end of year 9999

// A reference record.
inline constexpr std::size_t record_attributes_max = 64;
inline constexpr std::size_t record_refs_max = 1000;

// A change set and an exchange.
inline constexpr std::size_t changes_per_set_max = 1000;
inline constexpr std::size_t change_set_bytes_max = mib;
inline constexpr std::size_t after_per_change_max = 16;
inline constexpr std::size_t sets_per_exchange_max = 64;
inline constexpr std::size_t want_bytes_min = 4 * kib;
inline constexpr std::size_t want_bytes_max = mib;
inline constexpr std::size_t want_bytes_default = 256 * kib;
inline constexpr std::size_t decompressed_bytes_max = 4 * mib;
inline constexpr std::size_t receipts_bytes_max = 768 * kib;  // of one answer; what is behind is asked for again
inline constexpr std::size_t old_receipts_bytes_max = receipts_bytes_max + 64 * kib;  // of one request, after a restore
inline constexpr std::size_t statements_bytes_max = 640 * kib;  // of one answer; the rest follows on pages of its own
inline constexpr std::size_t patch_messages_bytes_max = 512 * kib;  // of one ticket on one page
inline constexpr int zstd_window_log_max = 20;
inline constexpr int protobuf_recursion_max = 32;
inline constexpr std::size_t file_piece_bytes_max = 256 * kib;  // of one request, or of one answer
inline constexpr std::size_t file_piece_bytes = 64 * kib;       // each begins at a multiple of it
inline constexpr std::size_t files_per_message_max = 20;
inline constexpr std::uint64_t file_bytes_max = 100 * mib;       // of the largest plan
inline constexpr std::uint64_t file_bytes_max_untold = 5 * mib;  // what a device takes before its server said more
inline constexpr std::int64_t unfinished_file_ms = 30LL * 86'400'000;  // the server forgets what came no further
inline constexpr std::size_t frame_bytes_max = mib;
inline constexpr std::size_t json_body_bytes_max = mib;

// A tenant.
inline constexpr std::size_t devices_per_operator_max = 20;
inline constexpr std::size_t quarantine_bytes_max = 16 * mib;
inline constexpr std::size_t quarantine_sets_max = 1000;

// Time.
inline constexpr std::int64_t seal_after_idle_ms = 30'000;    // the open set is sealed after this long without a change
inline constexpr std::int64_t anchor_answer_ms_max = 30'000;  // a slower answer brings no anchor
inline constexpr std::int64_t anchor_interval_ms = 1'000;
inline constexpr std::int64_t clock_jump_ms_max = 60'000;
inline constexpr std::int64_t enrolment_code_ttl_ms = 600'000;
inline constexpr std::int64_t handshake_ttl_ms = 60'000;
inline constexpr std::int64_t session_ttl_ms = 12 * 3'600'000;
inline constexpr std::int64_t session_idle_ms = 3'600'000;
inline constexpr std::int64_t reopen_window_ms = 14LL * 86'400'000;
inline constexpr std::int64_t retention_ms_min = 30LL * 86'400'000;
inline constexpr std::uint64_t message_epoch_block = 1'000'000;  // the same of ids of messages
inline constexpr std::uint64_t epoch_block = 10'000;  // counters of a new epoch start a whole block further on

inline constexpr std::uint32_t schema_version = 3;  // of change.proto and the field table; 2: on_site; 3: rate
inline constexpr std::uint32_t schema_version_min = 1;

static_assert(change_set_bytes_max + want_bytes_max <= decompressed_bytes_max);
static_assert(old_receipts_bytes_max + 64 * kib <= want_bytes_max);  // sets and the receipts beside them are one body
// A page that is all but full takes one ticket more; with everything else of an answer a device can still unpack it.
static_assert(want_bytes_max + ticket_state_bytes_max + patch_messages_bytes_max + receipts_bytes_max +
                  statements_bytes_max + 64 * kib <=
              decompressed_bytes_max);
static_assert(seal_after_idle_ms <= anchor_answer_ms_max);

}  // namespace tern::limits
