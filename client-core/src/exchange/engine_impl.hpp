// The engine's inside, shared by its parts: rounds (engine.cpp), sessions (engine_session.cpp), answers
// (engine_answer.cpp), content of attachments (engine_files.cpp) and the stream (engine_stream.cpp).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange/answer_checker.hpp"
#include "exchange/backoff.hpp"
#include "exchange/engine.hpp"
#include "exchange/exchange_builder.hpp"
#include "exchange/sync_state.hpp"
#include "files/file_transfers.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"

namespace tern::client {

inline constexpr unsigned same_page_failures_max = 3;  // at one place in a row; then that page is passed by for once
inline constexpr unsigned useless_repairs_max = 3;     // repairs in a row that brought the digests no closer
inline constexpr unsigned repairs_max = 300;           // of buckets, until the digests agree once
inline constexpr unsigned useless_exchanges_max = 3;   // answers in a row that promised more and brought nothing

class Engine final : public SyncEngine {
public:
  explicit Engine(EngineParts parts);
  Result<void> load();

  void start_round() override;
  void retry_now() override;
  void send_ahead(bool on) override { ahead_wanted_ = on; }
  EngineStep next() override;
  Result<void> on_answer(const Result<HttpAnswer>& answer) override;
  Result<bool> apply_slice(std::size_t row_budget) override;

  std::optional<HttpRequest> stream_upgrade() override;
  Result<void> on_stream_open(const HttpAnswer& answer) override;
  Result<void> on_stream_message(ByteView message) override;
  std::optional<Bytes> next_stream_message() override;
  void on_stream_closed() override;
  [[nodiscard]] bool stream_answer_is_overdue() const override;
  [[nodiscard]] bool is_over() const override { return over_; }
  [[nodiscard]] bool files_under_way() const override { return files_under_way_; }

  const EngineReport& report() const override { return report_; }

private:
  /// The request that is out.
  struct Flight {
    enum class Kind : std::uint8_t { hello, proof, exchange, file };
    Kind kind = Kind::hello;
    bool on_stream = false;
    protocol::Mac mac;
    std::int64_t request_boot_ms = 0;
    ExchangePlan plan;
    BuiltExchange built;
    std::uint64_t copy_life = 0;     // of the replica that the answer's page is for
    std::uint64_t acked_before = 0;  // of the outbox, or of the deposit
    bool ahead = false;              // sent while a page was applied
    std::int64_t awaited_ms = 0;     // boot clock: since when nothing else is left to do
  };

  /// A page on its way into the replica, and what is to be known when it is in.
  struct Page {
    std::unique_ptr<PageApplier> applier;
    CursorHeld cursor;
    Bytes token;
    bool more = false;
    bool pushed = false;               // came unasked
    std::optional<Hash> scope_digest;  // of the checkpoint
    bool was_complete = false;         // the first replica, before this page
    bool devices = false;              // it brings records of devices
    bool may_ask_ahead = false;        // nothing but its token decides on the page behind it
  };

  // engine.cpp: rounds
  Result<HttpRequest> next_request();
  Result<Flight> begin_flight(std::optional<PagePlace> behind);
  Result<Flight> begin_showing_history();
  Result<HttpRequest> exchange_request(std::optional<PagePlace> behind = {});
  ExchangePlan plan_exchange() const;
  bool fits_ahead();
  void drop_ahead();
  [[nodiscard]] bool others_due() const;
  Result<void> take_answer(const HttpAnswer& answer);
  Result<void> finish_exchange();
  Result<bool> work_left();
  Result<void> note_handed_back(const v1::ExchangeResponse& response, const BuiltExchange& built);
  void finish_round();
  tl::unexpected<Error> fault(Error error, std::int64_t at_least_ms = 0);
  /// For what only a person can mend: told under `paused`, tried again at the longest distance.
  tl::unexpected<Error> pause(Error error);
  /// True when it was the copy that was damaged: it is empty now, and the round goes on with fetching it again.
  bool begins_anew(const Error& error);
  void tell(const std::string& news);
  void save_state();
  [[nodiscard]] std::int64_t server_time_ms() const;
  [[nodiscard]] bool push_only() const { return parts_.wiped || session_.mode() == protocol::SessionMode::deposit; }

  // engine_session.cpp
  Result<void> on_hello_answer(const HttpAnswer& answer);
  Result<void> on_welcome(const HttpAnswer& answer);
  Result<void> take_welcome(const Welcomed& welcomed);
  [[nodiscard]] protocol::LogHead head_to_show() const;
  Result<void> judge_history(const Welcomed& welcomed);
  Result<void> follow_epoch_record(const Welcomed& welcomed);
  Result<bool> step_back();
  [[nodiscard]] Result<PastEpoch> shared_past() const;
  [[nodiscard]] Result<bool> keeps_receipts(const protocol::ChainHead& there) const;
  Result<void> adopt_way();
  void forget_way();
  Result<void> learn_epochs(const v1::ExchangeResponse& response);
  Result<void> bring_replica_along();
  Result<void> move_replica_to(const EpochId& epoch, std::uint64_t kept_seq);
  /// True when a new session may be tried in this round.
  bool renew_session();
  bool renewal_may_help();
  Result<void> seal_open_set();
  Result<void> adopt_key_list(const protocol::Signed<protocol::KeyList>& list);
  Result<void> adopt_certificate(const protocol::Signed<protocol::Certificate>& certificate);
  Result<void> finish_reseal();
  Result<void> take_others_sets(const CheckedAnswer& answer);
  Result<void> look_at_devices();
  Result<void> rollback(const Error& error);
  tl::unexpected<Error> pause_for_rollback();

  // engine_answer.cpp
  Result<void> on_exchange_answer(const HttpAnswer& answer);
  Result<void> on_refusal(const HttpAnswer& answer);
  Result<void> take_response(std::unique_ptr<v1::ExchangeResponse> response, const Flight& flight);
  [[nodiscard]] Result<CheckContext> check_context(const Flight* flight);
  Result<void> on_bad_response(const Error& error);
  void adapt_page_size(std::int64_t took_ms);
  Result<void> take_own_sets(const CheckedAnswer& answer);
  Result<void> take_receipts(const CheckedAnswer& answer);
  Result<void> take_statements(const CheckedAnswer& answer);
  Result<void> finish_erasing();
  Result<void> take_anchor(const CheckedAnswer& answer, const Flight& flight);
  void take_deposit(const v1::ExchangeResponse& response, const Flight& flight);
  /// Nothing when the error stops only this push; the round goes on.
  Result<void> take_error(const v1::ExchangeResponse& response, const Flight& flight);
  Result<void> check_progress(const v1::ExchangeResponse& response, const Flight& flight);
  Result<void> obey_wipe(const protocol::Signed<protocol::WipeOrder>& order);

  // engine_files.cpp
  /// True while some are on their way: the round goes on.
  bool begin_files();
  [[nodiscard]] bool work_goes_first();
  Result<std::optional<HttpRequest>> file_request();
  Result<void> on_file_answer(const HttpAnswer& answer);
  Result<void> on_file_refusal(const HttpAnswer& answer);
  Result<std::vector<sync::ChangeRef>> kept_for_files(const protocol::Anchor& anchor);
  /// The rest of the round does without them; why is told with its end.
  void stop_files(const Error& error);
  void count_files();

  // engine_page.cpp
  Result<void> begin_page(std::unique_ptr<v1::ExchangeResponse> response, bool pushed);
  Result<void> finish_page();
  Result<void> compare_digests(const Page& page);
  Result<void> check_scope(const Page& page);
  bool asks_for_whole_tickets(const Error& error);
  tl::unexpected<Error> page_failed(const Error& error);

  // engine_stream.cpp
  void drop_stale_stream_request();
  Result<void> take_push(std::unique_ptr<v1::ExchangeResponse> response);

  EngineParts parts_;
  Outbox& outbox_;
  Replica& replica_;
  Environment& environment_;
  ServerKeys keys_;
  protocol::Certificate certificate_;
  Bytes certificate_wire_;
  SyncState state_;
  SyncState saved_state_;
  SessionClient session_;
  Backoff backoff_;
  EngineReport report_;

  // A round.
  bool round_ = false;
  std::int64_t wake_at_ms_ = 0;       // boot clock; 0: no back-off
  std::optional<Error> last_fault_;   // what the wait is for
  bool session_renewed_ = false;      // once between two answers that were taken
  bool clock_corrected_ = false;      // likewise, or between two waits
  std::optional<HttpRequest> proof_;  // the next request of the handshake
  std::optional<Flight> flight_;
  std::optional<Page> page_;
  bool page_more_ = false;     // the last page was not the last one
  bool ahead_wanted_ = false;  // the driver can have a request out while it applies
  std::int64_t newest_server_time_ms_ = 0;
  std::uint32_t want_bytes_ = limits::want_bytes_default;

  // Sending.
  std::uint64_t push_from_ = 0;        // CHAIN_GAP; 0: after the newest set with a receipt
  std::optional<Error> push_stopped_;  // a set that the server will not take: nothing behind it can go
  unsigned gaps_ = 0, useless_exchanges_ = 0;
  unsigned refusals_ = 0;             // in a row, each in a session of its own
  bool others_stopped_ = false;       // of this round: the server refused to say what another copy landed
  bool devices_looked_at_ = false;    // since this engine was made
  std::uint64_t own_sets_until_ = 0;  // the server holds own sets up to here that this outbox lacks

  bool certificate_due_ = false;  // the server says that it knows no such device: it may have been restored

  std::set<sync::ChangeRef> erasing_;  // ordered, and not yet gone from the copy

  // Epochs: a second handshake shows the newest head that the record keeps.
  std::optional<protocol::LogHead> head_shown_;
  std::size_t epochs_back_ = 0;  // shown is the end of an epoch before, so many records ago
  std::vector<protocol::Signed<protocol::EpochRecord>> way_;  // from there on; followed when its end is known

  /// The server shows an older or another history: it is shown what it signed itself, and then left alone.
  std::optional<Error> rollback_;

  // Breakers.
  CursorHeld failing_at_;  // where pages could not be applied
  unsigned page_failures_ = 0;
  bool own_folds_ = true;  // of this round: not once one of them failed
  bool repair_wanted_ = false, digests_stopped_ = false;
  bool given_up_ = false;  // the copy holds what others did before a restore, and the server takes it
  bool scope_check_wanted_ = false, scope_check_stopped_ = false;
  std::optional<HeldToNote> held_to_note_;  // when the page is applied that came with it
  unsigned useless_repairs_ = 0, repairs_ = 0;
  Hash digest_before_repair_;
  TicketId repair_after_;  // the repair under way ended within a bucket, behind this ticket

  // Files.
  std::optional<FileTransfers> files_;
  bool files_under_way_ = false;
  bool tickets_go_first_ = false;           // a round was asked for since
  bool files_taken_ = false;                // this server speaks of them
  std::uint64_t waiting_beside_files_ = 0;  // changes
  std::optional<Error> files_error_;

  // The stream.
  std::optional<protocol::Mac> upgrade_mac_;
  std::optional<SessionClient::Frames> stream_;
  bool too_big_for_stream_ = false;

  bool over_ = false;
};

}  // namespace tern::client
