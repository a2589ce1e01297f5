// Random histories of one ticket: devices with stale views and wild clocks that work offline and sync when they can.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "fold_model.hpp"
#include "support/fold_desk.hpp"
#include "tern/sync/trusted_time.hpp"

namespace tern::test {

/// One thing that happens, as drawn: who, what, with what, when, how wrong.
using Step = std::array<std::uint8_t, 6>;

inline Observed observe(const sync::TicketState& state, std::vector<sync::Message> messages,
                        std::map<sync::ChangeRef, sync::Standing> standings) {
  Observed seen;
  for (const auto& [key, settings] : state.fields) seen.fields[key] = field_value(state, key.field, key.key);
  for (const auto& [key, adds] : state.elements) seen.elements.insert(key);
  const sync::StatusView view = status_view(state);
  seen.status = view.status;
  seen.result = view.result;
  seen.hold_reason = view.hold_reason;
  seen.description = state.description;
  seen.since_ms = view.since_ms;
  seen.resolved_ms = view.resolved_ms;
  seen.closed_ms = view.closed_ms;
  seen.updated_ms = state.updated_ms;
  seen.first_response_ms = state.first_response_ms;
  if (const auto assignee = assignee_of(state)) seen.assignee = Bytes(assignee->view());
  if (const auto queue = queue_of(state)) seen.queue = Bytes(queue->view());
  if (state.merged_into) seen.merged_into = state.merged_into->value;
  seen.deleted = is_deleted(state);
  for (const sync::Custody& mark : state.custody) seen.custody.insert(mark.operator_id);
  for (const sync::EstimateDecision& decision : state.estimate_decisions)
    seen.decisions[decision.estimate] = decision.approved;
  for (const sync::Message& message : messages)
    seen.messages.emplace_back(message.stamp.ref(), standing_text(message) + words_of(message.on_site));
  for (const sync::TimeEntry& entry : state.time_entries) seen.times.emplace_back(entry.minutes, entry.note);
  for (const sync::Message& note : derived_notes(state)) seen.notes.insert(note.text);
  seen.message_count = state.message_count;
  seen.standings = std::move(standings);
  return seen;
}

inline Observed observe(const FoldDesk& desk) {
  return observe(desk.state(), desk.messages(), desk.standings());
}

inline Observed observe(std::span<const sync::PlacedChange> log, const sync::FoldResult& zero) {
  std::map<sync::ChangeRef, sync::Standing> standings;
  for (std::size_t i = 0; i < log.size(); ++i) standings.emplace(log[i].stamp.ref(), zero.standings[i]);
  return observe(zero.state, zero.messages, standings);
}

/// Makes drafts out of drawn bytes. `targets`: messages and estimates that the author can name.
class DraftMaker {
public:
  static constexpr std::size_t fact_count = 28;
  static constexpr std::size_t all_count = fact_count + 11;

  /// `kind` below fact_count gives a fact, below all_count perhaps a claim.
  Draft make(FoldDesk& desk, std::string_view who, std::size_t kind, std::uint8_t argument,
             const std::string& shown_text, const std::vector<sync::ChangeRef>& messages,
             const std::vector<sync::ChangeRef>& estimates) {
    using sync::FieldId;
    using sync::Intent;
    const std::string word = "text" + std::to_string(++words_);
    const std::int64_t ms = 0;  // given by the history
    const auto pick = [&](const auto& list) { return list[argument % list.size()]; };
    static const std::array<std::string, 3> people = {"anna", "bert", ""};
    static const std::array<std::string, 2> tags = {"vip", "hot"};
    const Bytes rank(1, static_cast<char>('1' + argument % 4));
    switch (kind) {
      case 0:
        return desk.set(who, ms, FieldId::category,
                        argument % 5 == 0 ? std::nullopt : std::optional(raw_id(pick(tags))));
      case 1:
        return desk.set(who, ms, FieldId::subject, word);
      case 2:
      case 3:
        return desk.set(who, ms, FieldId::priority, argument % 9 == 0 ? std::nullopt : std::optional(rank));
      case 4:
        return desk.set(who, ms, FieldId::custom, argument % 4 == 0 ? std::nullopt : std::optional(word), pick(tags));
      case 5:
      case 6:
        return desk.describe(who, ms, shown_text, edited(shown_text, word, argument));
      case 7:
      case 8:
        return desk.message(who, ms, word);
      case 9:
        return desk.message(who, ms, word, sync::Visibility::team);
      case 10:
        if (argument % 2 == 0) return desk.text(who, ms, Intent::log_time, word, 1 + argument);
        return on_site(desk, who, word, argument);
      case 11:
        return desk.tag(who, ms, Intent::tag, pick(tags));
      case 12:
        return desk.tag(who, ms, Intent::untag, pick(tags));
      case 13:
        return desk.to(who, ms, argument % 2 == 0 ? Intent::watch : Intent::unwatch, argument % 3 == 0 ? who : "anna");
      case 14:
        return desk.draft(who, argument % 2 == 0 ? Intent::pin : Intent::unpin, ms);
      case 15:
        return desk.draft(who, Intent::start, ms);
      case 16:
        return desk.draft(who, Intent::wait, ms);
      case 17:
        return desk.text(who, ms, Intent::hold, word);
      case 18:
        return desk.draft(who, Intent::resume, ms);
      case 19:
        return desk.text(who, ms, Intent::estimate, word, 30);
      case 20:
        return desk.text(who, ms, Intent::resolve, argument % 3 == 0 ? "" : word);
      case 21:
        return desk.draft(who, Intent::close, ms);
      case 22:
        return desk.text(who, ms, Intent::reopen, word);
      case 23:
        return desk.draft(who, argument % 2 == 0 ? Intent::put_back : Intent::estimate_approved, ms);
      case 24:
      case 25:
      case 26:
      case 27:
        if (messages.empty()) return desk.message(who, ms, word);
        // Few messages, so that people meet at one.
        if (argument % 6 == 0)
          return desk.on(who, ms, argument % 16 == 0 ? Intent::send_message : Intent::delete_message,
                         messages[argument % std::min<std::size_t>(3, messages.size())]);
        return desk.on(who, ms, Intent::edit_message, messages[argument % std::min<std::size_t>(2, messages.size())],
                       word);
      case 28:
      case 29:
      case 30:
        return desk.draft(who, Intent::take, ms);
      case 31:
      case 32:
        return desk.to(who, ms, Intent::assign, pick(people));
      case 33:
        return desk.to(who, ms, Intent::move_queue, argument % 3 == 0 ? "" : pick(tags));
      case 34:
        return desk.draft(who, argument % 2 == 0 ? Intent::delete_ticket : Intent::restore, ms);
      case 35:
        return desk.draft(who, Intent::delete_ticket, ms);
      case 36:
        if (estimates.empty()) return desk.text(who, ms, Intent::estimate, word, 60);
        return desk.on(who, ms, argument % 3 == 0 ? Intent::reject_estimate : Intent::approve_estimate,
                       pick(estimates));
      case 37:
        return desk.to(who, ms, Intent::custody_end, argument % 2 == 0 ? "anna" : "bert");
      default:  // a merge ends much, so it is rare
        if (argument % 4 == 0) return desk.to(who, ms, Intent::merge, "target");
        if (argument % 4 == 1) return desk.to(who, ms, Intent::unmerge, argument % 8 == 1 ? "target" : "other");
        return desk.draft(who, Intent::start, ms);
    }
  }

private:
  static Draft on_site(FoldDesk& desk, std::string_view who, const std::string& word, std::uint8_t argument) {
    Draft draft = desk.text(who, 0, sync::Intent::on_site, word);
    draft.change.visibility = sync::Visibility::open;
    draft.change.from_ms = at(8);
    draft.change.to_ms = at(8) + argument;
    if (argument % 3 == 0) return draft;
    draft.change.file_name = "signer of " + word;
    draft.change.media_type = "image/png";
    draft.change.signature = "drawn " + word;
    return draft;
  }

  /// One line of a text replaced, added or taken away.
  static std::string edited(const std::string& text, const std::string& word, std::uint8_t argument) {
    std::vector<std::string> lines(1);
    for (const char c : text) {
      if (c == '\n')
        lines.emplace_back();
      else
        lines.back() += c;
    }
    const auto line = lines.begin() + argument % static_cast<int>(lines.size());
    if (argument % 3 == 0 && lines.size() < 8)
      lines.insert(line, word);
    else if (argument % 7 == 1 && lines.size() > 1)
      lines.erase(line);
    else
      *line = word;
    std::string joined;
    for (std::size_t i = 0; i < lines.size(); ++i) joined += (i > 0 ? "\n" : "") + lines[i];
    return joined;
  }

  std::size_t words_ = 0;
};

/// A whole history, folded as it arrived. Times are given as the server gives them, from clocks that are wildly wrong.
class History {
public:
  explicit History(const std::vector<Step>& steps) {
    desk.custody = true;
    desk.reopen_window_ms = 600'000;
    for (const Step& step : steps) play(step);
    for (auto& [name, device] : devices_) sync(device);
  }

  FoldDesk desk;
  std::map<sync::ChangeRef, sync::TrustedTime> times;  // of every change

private:
  struct Device {
    std::string name;
    std::uint64_t view = 1;          // newest commit on its screen
    std::int64_t synced_ms = at(9);  // its anchor
    std::int64_t skew_ms = 0;
    bool has_mono = true;
    std::string shown_text = "one\ntwo\nthree";
    std::vector<std::pair<Draft, std::int64_t>> outbox = {};  // with the true time
    std::int64_t last_effective_ms = 0, last_lo_ms = 0;
  };

  void play(const Step& step) {
    static const std::array<std::string, 7> names = {"anna",     "bert",     "cara",    "boss",
                                                     "customer", "web dora", "web emil"};
    const std::string& name = names[step[0] % names.size()];
    Device& device = devices_[name];
    device.name = name;
    now_ms_ += step[2] * 1'000;
    if (step[3] % 16 == 1) device.skew_ms = (step[3] % 5 - 2) * 11 * 30LL * 86'400'000 / (1 + step[4] % 7);
    if (step[3] % 16 == 2) device.has_mono = !device.has_mono;
    const bool online = name == "customer" || name.starts_with("web ");  // customers write through the server, too
    if (online || step[1] % 4 == 0) sync(device);
    if (name.starts_with("web ")) device.view -= std::min<std::uint64_t>(step[3] % 4, device.view - 1);  // an old page
    act(device, step);
    if (online) sync(device);
  }

  void act(Device& device, const Step& step) {
    const std::size_t kinds = device.name == "customer" ? DraftMaker::fact_count : DraftMaker::all_count;
    std::size_t kind = step[5] % kinds;
    if (device.name == "customer" && kind != 7 && kind != 21 && kind != 22) kind = 8;
    Draft draft = maker_.make(desk, device.name, kind, step[4], device.shown_text, seen_by(device, messages_),
                              seen_by(device, estimates_));
    draft.seen_seq = step[3] % 11 == 0 && device.view > 1 ? device.view - 1 : device.view;  // a page left open
    draft.change.seen_seq = draft.seen_seq;
    draft.change.wall_ms = now_ms_ + device.skew_ms;
    if (draft.change.intent == sync::Intent::message || draft.change.intent == sync::Intent::on_site)
      messages_.push_back({draft.ref(), 0});
    if (draft.change.intent == sync::Intent::estimate) estimates_.push_back({draft.ref(), 0});
    if (draft.change.intent == sync::Intent::describe) device.shown_text = draft.change.text;
    device.outbox.emplace_back(std::move(draft), now_ms_);
  }

  struct Known {
    sync::ChangeRef ref;
    std::uint64_t commit_seq = 0;  // 0: only its author has it
  };
  static std::vector<sync::ChangeRef> seen_by(const Device& device, const std::vector<Known>& list) {
    std::vector<sync::ChangeRef> found;
    for (const Known& known : list) {
      const bool own = known.ref.device == named<DeviceId>("dev-" + device.name);
      if (own || (known.commit_seq != 0 && known.commit_seq < device.view)) found.push_back(known.ref);
    }
    return found;
  }

  void sync(Device& device) {
    for (auto& [draft, made_ms] : device.outbox) {
      draft.effective_ms = trusted(device, draft, made_ms);
      desk.commit(draft, now_ms_);
      commit_ms_.push_back(now_ms_);
      for (auto* list : {&messages_, &estimates_})
        for (Known& known : *list)
          if (known.ref == draft.ref()) known.commit_seq = desk.version();
    }
    device.outbox.clear();
    device.view = desk.version();
    device.synced_ms = now_ms_;
    device.shown_text = desk.state().description;
  }

  /// The server seals at once, and after every fact that its principal saw.
  std::int64_t sealed(const Draft& draft) {
    sync::TrustedTime time;
    time.effective_ms = time.lo_ms = time.hi_ms = now_ms_;
    for (const sync::PlacedChange& placed : desk.log()) {
      const bool foreign = placed.stamp.origin.device != draft.origin.device;
      if (foreign && placed.stamp.kind != 2 && placed.stamp.commit_seq <= draft.seen_seq)
        time.effective_ms = std::max(time.effective_ms, placed.stamp.order_ms + 1);
    }
    time.hi_ms = std::max(time.hi_ms, time.effective_ms);
    times[draft.ref()] = time;
    return time.effective_ms;
  }

  std::int64_t trusted(Device& device, const Draft& draft, std::int64_t made_ms) {
    if (device.name.starts_with("web ")) return sealed(draft);
    sync::SetEvidence set;
    set.anchor_ms = device.synced_ms;
    set.previous_lo_ms = device.last_lo_ms;
    set.received_ms = now_ms_;
    if (device.has_mono) set.mono_ms = static_cast<std::uint64_t>(made_ms - device.synced_ms);
    sync::ChangeEvidence change;
    change.wall_ms = draft.change.wall_ms;
    change.seen_commit_ms = draft.seen_seq == 0 ? 0 : commit_ms_[draft.seen_seq - 1];
    change.previous_effective_ms = device.last_effective_ms;
    for (const sync::PlacedChange& placed : desk.log()) {
      const bool foreign = placed.stamp.origin.device != draft.origin.device;
      if (foreign && placed.stamp.kind != 2 && placed.stamp.commit_seq <= draft.seen_seq)
        change.latest_seen_fact_ms = std::max(change.latest_seen_fact_ms, placed.stamp.order_ms);
    }
    const sync::TrustedTime time = trusted_time(set, change);
    times[draft.ref()] = time;
    device.last_effective_ms = time.effective_ms;
    device.last_lo_ms = time.lo_ms;
    return time.effective_ms;
  }

  std::int64_t now_ms_ = at(9);
  std::vector<std::int64_t> commit_ms_{at(9)};
  std::map<std::string, Device> devices_;
  std::vector<Known> messages_, estimates_;
  DraftMaker maker_;
};

}  // namespace tern::test
