#include "commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <span>

#include "exchange/sync_state.hpp"
#include "files/file_policy.hpp"
#include "files/new_files.hpp"
#include "finder.hpp"
#include "follow_ups.hpp"
#include "macro_changes.hpp"
#include "offered.hpp"
#include "outbox/other_holder.hpp"
#include "outbox/outbox.hpp"
#include "outbox/salvage_files.hpp"
#include "replica/replica.hpp"
#include "tern/protocol/limits.hpp"
#include "views/late_ends.hpp"
#include "views/name_book.hpp"
#include "views/not_mine.hpp"
#include "views/time_text.hpp"

namespace tern::client {
namespace {

using sync::Change;
using sync::Intent;

/// Where a new change meets a ticket.
struct Ground {
  std::uint64_t seen_seq = 0;      // version of the confirmed state shown
  std::optional<ChangeId> create;  // of the ticket, while nobody else can know it
  TicketLabel label;
};

class CommandsImpl final : public Commands {
public:
  explicit CommandsImpl(CommandParts parts) : parts_(parts) {}

  Result<std::vector<SavedChange>> save(std::vector<Change> changes) override {
    if (changes.empty()) return std::vector<SavedChange>{};
    TERN_CHECKED(check_writable());
    TERN_CHECKED(ask([&] {
      grounds_.clear();
      return prepare(changes);
    }));
    const std::int64_t boot_ms = parts_.environment.boot_ms();
    const BootId boot = parts_.environment.boot_id();
    TERN_CHECKED(seal_what_rested(boot_ms, boot));
    std::vector<TicketLabel> labels;
    labels.reserve(grounds_.size());
    for (const auto& [ticket, ground] : grounds_) labels.push_back(ground.label);
    TERN_CHECKED(parts_.outbox.save(changes, parts_.environment, labels));
    show();

    std::vector<SavedChange> saved;
    saved.reserve(changes.size());
    for (const Change& change : changes) saved.push_back({change.ref, change.ticket});
    return saved;
  }

  Result<void> check_offered(const Change& change) override {
    return ask([&] { return client::check_offered(parts_.replica, parts_.identity, change); });
  }

  Result<TicketId> find_ticket(std::string_view name) override {
    return ask([&] { return client::find_ticket(parts_.replica, name); });
  }

  Result<RecordId> find_record(std::uint32_t record_kind, std::string_view name) override {
    return ask([&] {
      return client::find_record(parts_.replica, static_cast<sync::RecordKind>(record_kind), name, parts_.identity);
    });
  }

  Result<std::vector<SavedChange>> apply_macro(const TicketId& ticket, std::string_view macro) override {
    TERN_CHECKED(check_writable());
    TERN_TRY(std::vector<Change> changes,
             ask([&] { return macro_changes(parts_.replica, parts_.identity, ticket, macro); }));
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const std::span<const Change> before(changes.data(), i);  // a step may fill what a later one needs
      TERN_CHECKED(ask([&] { return client::check_offered(parts_.replica, parts_.identity, changes[i], before); }));
    }
    return save(std::move(changes));
  }

  Result<std::vector<SavedChange>> attach(const NewFiles& files) override {
    TERN_CHECKED(check_writable());
    if (parts_.outgoing == nullptr) return fail(ErrorCode::usage, "this device keeps no files");
    TERN_TRY(const std::uint64_t bytes_max, load_file_limit(parts_.outbox));
    TERN_TRY(std::vector<Change> changes, plan_files(files, parts_.identity.device, bytes_max, parts_.environment));
    for (const Change& change : changes) TERN_CHECKED(check_offered(change));
    auto saved = read_in_files(files, changes, *parts_.outgoing).and_then([&] { return save(changes); });
    if (!saved) static_cast<void>(drop_files(changes, *parts_.outgoing));  // else a later round does
    return saved;
  }

  Result<void> want_file(const TicketId& ticket, const sync::ChangeRef& file) override {
    TERN_CHECKED(check_writable());
    if (parts_.fetched == nullptr) return fail(ErrorCode::usage, "this device keeps no files");
    TERN_TRY(const auto messages, ask([&] { return parts_.replica.messages(ticket); }));
    const auto named = std::ranges::find_if(messages, [&](const auto& one) { return one.stamp.ref() == file; });
    const bool there = named != messages.end() && named->kind == sync::MessageKind::file && !named->erased &&
                       !sync::is_deleted(*named);
    if (!there) return fail(ErrorCode::not_found, "there is no such file on this ticket", {}, "file");
    return want(ticket, *named, *parts_.outgoing, *parts_.fetched);
  }

  Result<FilePolicy> file_policy() override { return load_file_policy(parts_.outbox); }
  Result<void> set_file_policy(const FilePolicy& policy) override {
    TERN_CHECKED(check_writable());
    return store_file_policy(parts_.outbox, policy);
  }

  Result<void> mark_read(const TicketId& ticket, std::int64_t read_mark) override {
    TERN_CHECKED(check_writable());
    return ask([&]() -> Result<void> {
      TERN_TRY(const auto held, parts_.replica.held(ticket));
      if (!held) return fail(ErrorCode::not_found, "this ticket is not on this device", {}, "ticket");
      TERN_CHECKED(parts_.replica.mark_read(ticket, read_mark));
      std::set<TicketId> marked{ticket};
      return mark_merged(ticket, marked);
    });
  }

  Result<void> mark_all_read() override {
    TERN_CHECKED(check_writable());
    return ask([&] { return parts_.replica.mark_all_read(); });
  }

  Result<void> dismiss(const sync::ChangeRef& ref) override {
    TERN_CHECKED(check_writable());
    if (ref.device == parts_.identity.device) return dismiss_own(ref);
    TERN_TRY(const auto late, late_end(ref));
    return late ? dealt_with(*late) : parts_.outbox.dismiss(ref);
  }

  Result<void> dismiss_notice() override {
    TERN_CHECKED(check_writable());
    TERN_TRY(const SyncState state, load_sync_state(parts_.outbox));
    TERN_CHECKED(parts_.outbox.set_meta(meta_salvage_notice, {}));
    return parts_.outbox.set_meta(meta_notice_dismissed, state.notice);
  }

  Result<FollowedUp> follow_up(const sync::ChangeRef& ref, std::string_view id, std::string_view reason) override {
    TERN_CHECKED(check_writable());
    TERN_TRY(auto own, parts_.outbox.find(ref));
    if (!own) {
      TERN_TRY(own, late_end(ref));
    }
    if (!own) {
      TERN_TRY(own, find_others_change(parts_.outbox, ref));
    }
    if (!own) return fail(ErrorCode::not_found, "there is no such work of yours on this device", {}, "change");
    TERN_TRY(FollowUpPlan plan, ask([&] { return plan_follow_up(follow_up_parts(), *own, id, reason); }));
    FollowedUp done;
    done.ticket = plan.ticket;
    done.rest = plan.rest;
    if (plan.rest != FollowedUp::Rest::nothing) return done;
    if (!plan.changes.empty()) {
      TERN_CHECKED(check_offered(plan.changes.front()));
      TERN_TRY(done.saved, save(std::move(plan.changes)));
      // Said to have failed it would be saved twice: what cannot be noted now stays to be dismissed.
      static_cast<void>(dealt_with(*own));
      return done;
    }
    TERN_CHECKED(dealt_with(*own));
    return done;
  }

private:
  /// What was written to those that a ticket shows with it.
  Result<void> mark_merged(const TicketId& ticket, std::set<TicketId>& marked) {
    TERN_TRY(const auto state, parts_.replica.shown(ticket));
    if (!state) return {};
    for (const sync::Claim& merged : state->merged_from) {
      const auto source = TicketId::or_zero(merged.value);
      if (!marked.insert(source).second) continue;
      TERN_CHECKED(parts_.replica.mark_read(source, std::numeric_limits<std::int64_t>::max()));
      TERN_CHECKED(mark_merged(source, marked));
    }
    return {};
  }

  Result<std::optional<OwnChange>> late_end(const sync::ChangeRef& ref) {
    return ask([&] {
      NameBook names(parts_.replica, parts_.identity);
      return find_late_end({parts_.outbox, parts_.replica, names}, ref);
    });
  }

  /// Made here, or by another copy of this device.
  Result<void> dismiss_own(const sync::ChangeRef& ref) {
    TERN_TRY(const auto others, find_others_change(parts_.outbox, ref));
    return others ? settle_others_change(parts_.outbox, ref.id) : parts_.outbox.dismiss(ref);
  }

  /// An own change, or a colleague's close that ended a ticket of mine.
  Result<void> dealt_with(const OwnChange& change) {
    if (change.change.ref.device == parts_.identity.device) return dismiss_own(change.change.ref);
    return dismiss_late_end(parts_.outbox, change);
  }

  FollowUpParts follow_up_parts() { return {parts_.replica, parts_.identity}; }

  /// A copy that turns out to be damaged is rebuilt, and asked again.
  template <typename Question>
  auto ask(const Question& question) -> decltype(question()) {
    if (auto there = check_not_wiped(parts_.wipe, parts_.outbox); !there) return tl::unexpected(there.error());
    auto answer = question();
    return !answer && parts_.replica.heal(parts_.outbox, answer.error()) ? question() : answer;
  }

  Result<void> check_writable() const {
    TERN_CHECKED(check_not_wiped(parts_.wipe, parts_.outbox));
    if (parts_.writable) return {};
    return fail(ErrorCode::busy, "this home was opened to look only", "try again when the other program has ended");
  }

  // ---- saving ----

  Result<void> prepare(std::vector<Change>& changes) {
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    TERN_TRY(const AnchorHeld anchor, parts_.outbox.anchor());
    const EpochId seen_epoch = cursor.epoch == anchor.epoch ? EpochId{} : cursor.epoch;
    const std::int64_t wall_ms = parts_.environment.wall_ms();
    TERN_CHECKED(give_customers(changes));
    TicketId created;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      Change& change = changes[i];
      change.ref.device = parts_.identity.device;
      if (change.ref.id.is_zero()) change.ref.id = random_id<ChangeId>(parts_.environment);
      if (change.wall_ms == 0) change.wall_ms = wall_ms;
      if (change.intent == Intent::create) TERN_CHECKED(begin_ticket(change));
      if (change.intent == Intent::create) created = change.ticket;
      if (change.ticket.is_zero()) change.ticket = created;
      TERN_TRY(Ground * ground, ground_of(change));
      change.seen_seq = change.seen_seq == 0 ? ground->seen_seq : std::min(change.seen_seq, ground->seen_seq);
      change.seen_epoch = change.seen_seq == 0 ? EpochId{} : seen_epoch;
      TERN_CHECKED(depend(change, *ground, i > 0 ? &changes[i - 1] : nullptr));
      TERN_CHECKED(sync::validate_change(change));
    }
    return {};
  }

  /// Of tickets that are split to those that are made of them.
  Result<void> give_customers(std::vector<Change>& changes) {
    for (const Change& split : changes) {
      if (split.intent != Intent::split) continue;
      const auto made = std::ranges::find_if(changes, [&](const Change& create) {
        return create.intent == Intent::create && create.ticket.view() == split.target;
      });
      if (made == changes.end()) continue;
      TERN_TRY(const auto source, parts_.replica.shown(split.ticket));
      if (source) sync::take_over_customer(*source, *made);
    }
    return {};
  }

  Result<void> begin_ticket(Change& change) {
    if (change.ticket.is_zero()) change.ticket = random_id<TicketId>(parts_.environment);
    if (!change.provisional_number.empty()) return {};
    TERN_TRY(const std::uint64_t n, parts_.outbox.next_provisional());
    const std::string device = to_hex(parts_.identity.device).substr(0, 4);
    change.provisional_number = fmt::format("T-{}-x{}-{}", year_of(change.wall_ms), device, n);
    return {};
  }

  Result<Ground*> ground_of(const Change& change) {
    if (const auto known = grounds_.find(change.ticket); known != grounds_.end()) return &known->second;
    Ground ground;
    ground.label.ticket = change.ticket;
    if (change.intent == Intent::create) {
      ground.create = change.ref.id;
      ground.label.number = change.provisional_number;
      for (const sync::FieldSetting& setting : change.fields) {
        if (setting.field == sync::FieldId::subject) ground.label.subject = setting.value.value_or("");
      }
      ground.label.subject_by = change.ref;
    } else {
      TERN_TRY(const auto held, parts_.replica.held(change.ticket));
      if (!held || held->ghost) return not_here();
      ground.seen_seq = held->version;
      if (held->pending > 0) {
        TERN_TRY(ground.create, pending_create(change.ticket));
      }
      ground.label.number = held->number;
      TERN_CHECKED(label_subject(ground.label));
    }
    return &grounds_.emplace(change.ticket, std::move(ground)).first->second;
  }

  Result<void> label_subject(TicketLabel& label) {
    TERN_TRY(const auto state, parts_.replica.shown(label.ticket));
    const sync::Head* subject = state ? sync::standing_head(*state, sync::FieldId::subject) : nullptr;
    if (subject == nullptr || !subject->value) return {};
    label.subject = *subject->value;
    label.subject_by = subject->stamp.ref();
    return {};
  }

  Result<std::optional<ChangeId>> pending_create(const TicketId& ticket) {
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    TERN_TRY(const auto first, parts_.outbox.first_pending(cursor.commit_seq, ticket));
    if (!first || first->change.intent != Intent::create) return std::nullopt;
    return first->change.ref.id;
  }

  /// What has to be there before it: the ticket's create, own messages and estimates it names, the decision it goes
  /// with.
  Result<void> depend(Change& change, const Ground& ground, const Change* before) {
    const auto after = [&change](const ChangeId& id) {
      const bool known = id == change.ref.id || std::ranges::find(change.after, id) != change.after.end();
      if (!known && change.after.size() < limits::after_per_change_max) change.after.push_back(id);
    };
    if (ground.create && change.intent != Intent::create) after(*ground.create);
    for (const sync::ChangeRef& target : change.targets) {
      if (target.device != parts_.identity.device) continue;
      TERN_TRY(const auto own, parts_.outbox.find(target));
      if (!own || own->commit_seq == 0) after(target.id);
    }
    const bool moves_estimate =
        change.intent == Intent::estimate_approved || change.intent == Intent::estimate_rejected;
    if (moves_estimate && before != nullptr && before->ticket == change.ticket &&
        (before->intent == Intent::approve_estimate || before->intent == Intent::reject_estimate)) {
      after(before->ref.id);
    }
    return {};
  }

  /// The open set ends where its author paused.
  Result<void> seal_what_rested(std::int64_t boot_ms, const BootId& boot) {
    TERN_TRY(const bool due, parts_.outbox.seal_due(boot_ms, boot));
    if (!due) return {};
    TERN_TRY(const SealContext context,
             ask([&] { return seal_context(parts_.outbox, parts_.replica, parts_.identity); }));
    return parts_.outbox.seal(parts_.key, context, parts_.environment).map([](std::size_t) {});
  }

  /// The work is saved: a replica that cannot show it now shows it after the next opening.
  void show() {
    std::vector<TicketId> touched;
    touched.reserve(grounds_.size());
    for (const auto& [ticket, ground] : grounds_) touched.push_back(ticket);
    const auto shown = parts_.replica.refold(parts_.outbox, touched);
    if (!shown) static_cast<void>(parts_.replica.heal(parts_.outbox, shown.error()));
  }

  static tl::unexpected<Error> not_here() {
    return fail(ErrorCode::not_found, "this ticket is not on this device", "sync, or look for it with search");
  }

  CommandParts parts_;
  std::map<TicketId, Ground> grounds_;  // of the running call
};

}  // namespace

std::unique_ptr<Commands> make_commands(CommandParts parts) {
  return std::make_unique<CommandsImpl>(parts);
}

}  // namespace tern::client
