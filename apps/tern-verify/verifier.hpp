// An export, line by line: the first thing that is wrong ends it. Nothing is believed that does not follow from the
// root.
//
// What is held in memory grows with the tickets (their folded state) and with the number of changes (some hundred bytes
// each), not with what was written in them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger.hpp"
#include "tern/protocol/ledger_export.hpp"

namespace tern::verify {

struct TicketReport {
  TicketId id;
  std::uint64_t integer_id = 0;
  std::string number;
  std::vector<std::string> aliases;
  std::uint64_t changes = 0, erased = 0;
  std::size_t authors = 0, devices = 0;
};

/// What was proven. There is none unless everything holds, so there are never gaps.
struct Report {
  TenantId tenant;
  protocol::RootId root;
  protocol::LogHead head;
  std::int64_t time_ms = 0;  // of the export
  std::uint64_t changes = 0, erased = 0;
  std::size_t authors = 0, devices = 0;
  std::vector<TicketReport> tickets;  // as the export orders them
};

class Verifier {
public:
  explicit Verifier(std::optional<protocol::RootId> root = {}) : trust_(root), ledger_(trust_) {}
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// The next line, without its newline. `verification_failed` names the line; `upgrade_required`: a later version of
  /// the format, of which nothing can be said. After an error nothing more may be asked.
  Result<void> take(std::string_view line);
  /// Behind the last line.
  Result<Report> finish();

  [[nodiscard]] std::uint64_t lines() const { return lines_.lines(); }

private:
  enum class Stage : std::uint8_t {
    nothing,
    header,
    root,
    key_list,
    epoch,
    withdrawal,
    erasure,
    device,
    ledger,
    ticket,
    record,
    end
  };
  struct Kind {
    std::string_view name;
    Stage stage;
    Result<void> (Verifier::*take)(const Json& line);
  };
  static const Kind* find_kind(std::string_view name);

  Result<void> take_parsed(const Json& line);
  Result<void> take_header(const Json& line) { return trust_.take_header(line); }
  Result<void> take_root(const Json& line) { return trust_.take_root(line); }
  Result<void> take_key_list(const Json& line) { return trust_.take_key_list(line); }
  Result<void> take_epoch(const Json& line) { return trust_.take_epoch(line); }
  Result<void> take_withdrawal(const Json& line) { return trust_.take_withdrawal(line); }
  Result<void> take_erasure(const Json& line) { return trust_.take_erasure(line); }
  Result<void> take_device(const Json& line) { return trust_.take_device(line); }
  Result<void> take_anchor(const Json& line) { return ledger_.take_anchor(line); }
  Result<void> take_set(const Json& line) { return ledger_.take_set(line); }
  Result<void> take_amendment(const Json& line) { return ledger_.take_amendment(line); }
  Result<void> take_ticket(const Json& line);
  Result<void> take_message(const Json& line);
  Result<void> take_record(const Json& line);
  Result<void> take_end(const Json& line);
  Result<void> end_ticket();
  Result<void> end_tickets();

  protocol::ExportLineCheck lines_;
  std::uint64_t lines_before_ = 0;  // and their sum: of all but the line in hand
  Hash sum_before_;
  Trust trust_;
  Ledger ledger_;
  Stage stage_ = Stage::nothing;
  TicketId ticket_;                                // whose messages come
  std::map<sync::ChangeRef, Bytes> messages_due_;  // of it
  std::set<TicketId> tickets_seen_;
  std::set<std::pair<std::uint8_t, RecordId>> records_seen_;
  Report report_;
};

}  // namespace tern::verify
