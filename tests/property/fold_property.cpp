// The properties that the fold promises (docs/merge-rules.md), over random histories of one ticket.
#include <functional>
#include <utility>

#include "fold_history.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

using Log = std::vector<PlacedChange>;

/// Drawn at full size from the start: small sizes would only ever draw short histories of the first kinds.
template <typename T>
rc::Gen<T> full_range(T min, T max) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<T>(min, max));
}

std::vector<Step> any_steps(std::size_t count_max = 60) {
  const auto byte = rc::gen::map(full_range(0, 256), [](int value) { return static_cast<std::uint8_t>(value); });
  const auto count = *full_range<std::size_t>(1, count_max);
  return *rc::gen::container<std::vector<Step>>(count, rc::gen::container<Step>(byte));
}

/// Folds a log in any sequence, as a server does.
struct SequenceFold {
  TicketState state;
  std::map<ChangeRef, Message> messages;
  std::map<ChangeRef, Standing> standings;
  Log edits;

  void fold(const PlacedChange& placed) {
    FoldEffect effect = fold_in(state, placed);
    if (effect.edits_message) effect = fold_message_edit(messages.at(placed.change.targets.at(0)), placed);
    if (effect.message) messages[placed.stamp.ref()] = *effect.message;
    if (effect.description_changed || placed.change.intent == Intent::create) edits.push_back(placed);
    standings[placed.stamp.ref()] = effect.standing;
    for (const StandingChange& change : effect.altered) {
      RC_ASSERT(standings.at(change.change) == change.before);
      standings[change.change] = change.after;
    }
  }
  void finish() {
    std::vector<const PlacedChange*> pointers;
    for (const PlacedChange& edit : edits) pointers.push_back(&edit);
    const DescriptionFold fold = fold_description(pointers, state);
    state.description = fold.text;
    state.description_erased = fold.erased;
    for (std::size_t i = 0; i < edits.size(); ++i) standings[edits[i].stamp.ref()] = fold.standings[i];
  }
  [[nodiscard]] std::vector<Message> shown() const {
    std::vector<Message> list;
    for (const auto& [ref, message] : messages) list.push_back(message);
    std::ranges::sort(list, [](const Message& a, const Message& b) { return before(a.stamp, b.stamp); });
    return list;
  }
};

/// Whether `a` must be folded before `b`: b saw it, or the order of claims says so.
bool must_precede(const PlacedChange& a, const PlacedChange& b) {
  if (knows(b.stamp, a.stamp)) return true;
  const bool committed_first = a.stamp.commit_seq < b.stamp.commit_seq;
  const auto merges = [](const PlacedChange& x) {
    return x.change.intent == Intent::merge || x.change.intent == Intent::unmerge;
  };
  const bool merge = merges(a) || merges(b);
  return committed_first && (merge || (a.stamp.kind == 2 && b.stamp.kind == 2));
}

/// A sequence that respects must_precede; `choose` picks among those that may come next.
template <typename Choose>
SequenceFold fold_in_sequence(const Log& log, Choose choose) {
  SequenceFold fold;
  std::vector<const PlacedChange*> waiting;
  for (const PlacedChange& placed : log) waiting.push_back(&placed);
  while (!waiting.empty()) {
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (std::ranges::none_of(waiting, [&](const PlacedChange* other) {
            return other != waiting[i] && must_precede(*other, *waiting[i]);
          }))
        ready.push_back(i);
    RC_ASSERT(!ready.empty());
    const std::size_t next = ready[choose(waiting, ready)];
    fold.fold(*waiting[next]);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(next));
  }
  fold.finish();
  return fold;
}

void assert_same(const SequenceFold& fold, const FoldDesk& desk) {
  RC_ASSERT(fold.state == desk.state());
  RC_ASSERT(fold.shown() == desk.messages());
  RC_ASSERT(fold.standings == desk.standings());
}

void assert_same(const Observed& a, const Observed& b) {
  RC_ASSERT(a.fields == b.fields);
  RC_ASSERT(a.elements == b.elements);
  RC_ASSERT(status_name(a.status) == status_name(b.status));
  RC_ASSERT(a.result == b.result);
  RC_ASSERT(a.hold_reason == b.hold_reason);
  RC_ASSERT(a.description == b.description);
  RC_ASSERT(a.since_ms == b.since_ms);
  RC_ASSERT(a.updated_ms == b.updated_ms);
  RC_ASSERT(a.first_response_ms == b.first_response_ms);
  RC_ASSERT(a.assignee == b.assignee);
  RC_ASSERT(a.queue == b.queue);
  RC_ASSERT(a.deleted == b.deleted);
  RC_ASSERT(a.custody == b.custody);
  RC_ASSERT(a.decisions == b.decisions);
  RC_ASSERT(a.messages == b.messages);
  RC_ASSERT(a.times == b.times);
  RC_ASSERT(a.notes == b.notes);
  RC_ASSERT(a.standings.size() == b.standings.size());
  for (const auto& [ref, standing] : a.standings) {
    const auto other = b.standings.find(ref);
    RC_ASSERT(other != b.standings.end());
    RC_ASSERT(to_string(standing.outcome) == to_string(other->second.outcome));
    RC_ASSERT(to_string(standing.rule) == to_string(other->second.rule));
    RC_ASSERT(standing == other->second);
  }
  RC_ASSERT(a == b);
}

void property(const char* name, const std::function<void()>& body) {
  CHECK(rc::check(name, body));
}

}  // namespace

TEST_CASE("the fold agrees with its rules as plainly said", "[sync][fold][property]") {
  property("fold == model", [] {
    const History history(any_steps());
    RC_ASSERT(history.desk.consistent);
    assert_same(observe(history.desk), FoldModel(history.desk.log()).observed());
  });
}

TEST_CASE("property 1: any sequence that respects who saw whom gives the same state", "[sync][fold][property]") {
  property("any sequence", [] {
    const History history(any_steps(40));
    assert_same(
        fold_in_sequence(history.desk.log(),
                         [](const auto&, const auto& ready) { return *full_range<std::size_t>(0, ready.size()); }),
        history.desk);
  });
}

namespace {

/// Facts made offline in rounds: at the end of each some devices hand in what they have, in any order among them. What
/// each had seen is the same in every order, though the commit numbers are not.
struct Rounds {
  struct Round {
    std::vector<std::vector<Draft>> sets;  // of each device that syncs
  };
  std::vector<Round> rounds;

  explicit Rounds(const std::vector<Step>& steps) {
    static const std::array<std::string, 5> names = {"anna", "bert", "cara", "boss", "customer"};
    FoldDesk maker;
    DraftMaker drafts;
    std::map<std::string, std::vector<Draft>> outboxes;
    std::map<std::string, std::uint64_t> views;
    std::vector<std::pair<ChangeRef, std::uint64_t>> messages;  // with the commit up to which they are in
    std::int64_t now = at(9);
    std::uint64_t version = 1;
    for (const Step& step : steps) {
      const std::string& name = names[step[0] % names.size()];
      std::uint64_t& view = views.try_emplace(name, 1).first->second;
      std::vector<ChangeRef> known;
      for (const auto& [ref, in] : messages)
        if (in <= view || ref.device == named<DeviceId>("dev-" + name)) known.push_back(ref);
      std::size_t kind = step[5] % DraftMaker::fact_count;
      if (name == "customer") kind = 8;
      Draft draft = drafts.make(maker, name, kind, step[4], "one\ntwo\nthree", known, {});
      draft.seen_seq = view;
      draft.effective_ms = now += 1 + step[2] % 3;
      if (draft.change.intent == Intent::message || draft.change.intent == Intent::on_site)
        messages.emplace_back(draft.ref(), UINT64_MAX);
      outboxes[name].push_back(std::move(draft));
      if (step[1] % 3 != 0) continue;
      Round round;
      std::vector<std::string> synced;
      for (auto& [who, outbox] : outboxes)
        if (!outbox.empty() && (step[3] + who.size()) % 3 != 0) {
          version += outbox.size();
          synced.push_back(who);
          round.sets.push_back(std::exchange(outbox, {}));
        }
      for (auto& [ref, in] : messages)
        for (const std::string& who : synced)
          if (in == UINT64_MAX && ref.device == named<DeviceId>("dev-" + who)) in = version;
      for (const std::string& who : synced) views[who] = version;
      rounds.push_back(std::move(round));
    }
    Round last;
    for (auto& [who, outbox] : outboxes) last.sets.push_back(std::move(outbox));
    rounds.push_back(std::move(last));
  }

  [[nodiscard]] FoldDesk arrive_shuffled() const {
    FoldDesk desk;
    for (Round round : rounds)
      for (;;) {
        std::erase_if(round.sets, [](const auto& set) { return set.empty(); });
        if (round.sets.empty()) break;
        auto& set = round.sets[*full_range<std::size_t>(0, round.sets.size())];
        desk.commit(set.front());
        set.erase(set.begin());
      }
    return desk;
  }
};

}  // namespace

TEST_CASE("property 1: facts give the same ticket whoever syncs first", "[sync][fold][property][I11]") {
  property("any arrival", [] {
    const Rounds rounds(any_steps(50));
    const FoldDesk one = rounds.arrive_shuffled();
    const FoldDesk other = rounds.arrive_shuffled();
    assert_same(but_for_withholding(observe(one)), but_for_withholding(observe(other)));
  });
}

TEST_CASE("property 2: folding in the middle equals folding from zero", "[sync][fold][property]") {
  property("middle == zero", [] {
    const History history(any_steps());
    RC_ASSERT(history.desk.equals_zero());
    const Log& log = history.desk.log();
    Log shuffled = log;
    for (std::size_t i = shuffled.size(); i > 1; --i)
      std::swap(shuffled[i - 1], shuffled[*full_range<std::size_t>(0, i)]);
    RC_ASSERT(fold_from_zero(shuffled).state == history.desk.state());
    // From the beginning of the ticket's order, where nothing is ever folded into the middle but late claims.
    assert_same(fold_in_sequence(log,
                                 [](const auto& waiting, const auto& ready) {
                                   std::size_t first = 0;
                                   for (std::size_t i = 1; i < ready.size(); ++i)
                                     if (before(waiting[ready[i]]->stamp, waiting[ready[first]]->stamp)) first = i;
                                   return first;
                                 }),
                history.desk);
  });
}

TEST_CASE("property 2: a pending change placed below confirmed ones shows what folding from zero would",
          "[sync][fold][property]") {
  property("pending in the middle", [] {
    History history(any_steps(40));
    FoldDesk& desk = history.desk;
    Log log = desk.log();
    TicketState shown = desk.state();
    DraftMaker maker;
    std::map<ChangeRef, Message> messages;
    for (const Message& message : desk.messages()) messages[message.stamp.ref()] = message;
    const std::uint64_t view = *full_range<std::uint64_t>(1, desk.version() + 1);
    std::vector<ChangeRef> known;
    for (const auto& [ref, message] : messages)
      if (message.stamp.commit_seq <= view) known.push_back(ref);
    std::int64_t floor = 0;
    for (const Step& step : any_steps(6)) {
      Draft draft = maker.make(desk, "dora", step[5] % DraftMaker::all_count, step[4], shown.description, known, {});
      if (draft.change.intent == Intent::describe || draft.change.intent == Intent::custody_end) continue;
      draft.change.seen_seq = view;
      draft.change.wall_ms = log[view - 1].stamp.order_ms + step[2] * 60'000;
      PlacedChange placed;
      placed.change = draft.change;
      placed.admission = predict_admission(shown, draft.change, draft.origin, floor, draft.author);
      placed.admission.effective_ms = placed.admission.commit_ms = floor = std::max(floor, draft.change.wall_ms);
      placed.stamp =
          make_stamp(draft.change, draft.origin, pending_commit_seq, placed.admission, draft.author, draft.kind);
      const FoldEffect effect = fold_in(shown, placed);
      if (effect.message) messages[placed.stamp.ref()] = *effect.message;
      if (effect.edits_message) fold_message_edit(messages.at(placed.change.targets.at(0)), placed);
      log.push_back(placed);
    }
    RC_ASSERT(shown.version == desk.state().version);
    const FoldResult zero = fold_from_zero(log);
    RC_ASSERT(zero.state == shown);
    for (const Message& message : zero.messages) RC_ASSERT(messages.at(message.stamp.ref()) == message);
    Observed seen = observe(log, zero), model = FoldModel(log).observed();
    seen.custody = model.custody = {};  // a device does not foresee who may be dark
    assert_same(seen, model);
  });
}

TEST_CASE("property 3: duplicates change nothing", "[sync][fold][property][I11]") {
  property("duplicates", [] {
    const History history(any_steps());
    Log log = history.desk.log();
    const std::size_t count = log.size();
    for (const std::size_t copy : *rc::gen::container<std::vector<std::size_t>>(full_range<std::size_t>(0, count)))
      log.push_back(log[copy]);
    const FoldResult zero = fold_from_zero(log);
    RC_ASSERT(zero.state == history.desk.state());
    RC_ASSERT(zero.messages == history.desk.messages());
    for (std::size_t i = 0; i < log.size(); ++i)
      RC_ASSERT(zero.standings[i] == history.desk.standings().at(log[i].stamp.ref()));
  });
}

TEST_CASE("property 4: one outcome for ever, one standing at each commit, and claims are never amended",
          "[sync][fold][property]") {
  property("standings", [] {
    const History history(any_steps());
    const Log& log = history.desk.log();
    // At every commit the standings held are those of the fold from zero so far.
    SequenceFold fold;
    for (std::size_t i = 0; i < log.size(); ++i) {
      const auto held = fold.standings;
      fold.fold(log[i]);
      fold.finish();
      const FoldResult zero = fold_from_zero(std::span(log).first(i + 1));
      for (std::size_t j = 0; j <= i; ++j) {
        RC_ASSERT(zero.standings[j] == fold.standings.at(log[j].stamp.ref()));
        RC_ASSERT(zero.standings[j].outcome != Outcome::unspecified);
        if (log[j].stamp.kind == 2 && j < i) RC_ASSERT(held.at(log[j].stamp.ref()) == zero.standings[j]);
      }
    }
  });
}

TEST_CASE("property 4: no text is ever lost", "[sync][fold][property]") {
  property("texts", [] {
    const History history(any_steps());
    const TicketState& state = history.desk.state();
    std::set<std::string> kept;
    for (const Message& message : history.desk.messages()) {
      kept.insert(message.text);
      for (const MessageEdit& edit : message.edits) kept.insert(edit.text);
    }
    for (const Move& move : state.moves) kept.insert(move.text);
    for (const TimeEntry& entry : state.time_entries) kept.insert(entry.note);
    const auto overwritten_knowingly = [&](const PlacedChange& placed) {
      return std::ranges::any_of(history.desk.log(), [&](const PlacedChange& other) {
        const bool later_edit =
            other.change.intent == placed.change.intent || other.change.intent == Intent::delete_message;
        return later_edit && knows(other.stamp, placed.stamp);
      });
    };
    for (const PlacedChange& placed : history.desk.log()) {
      const Outcome outcome = history.desk.standings().at(placed.stamp.ref()).outcome;
      switch (find_intent(placed.change.intent)->unit) {
        case Unit::message:
        case Unit::status:
          RC_ASSERT(placed.change.text.empty() || kept.contains(placed.change.text));
          break;
        case Unit::message_edit:
          // An edit of a report from on site has no effect, which its author is told; the device keeps the words.
          if (history.desk.standings().at(placed.stamp.ref()).rule == Rule::append) break;
          if (placed.change.intent == Intent::edit_message && !overwritten_knowingly(placed))
            RC_ASSERT(kept.contains(placed.change.text));
          break;
        case Unit::field:
          if (placed.change.fields[0].field != FieldId::subject) break;
          // It stands, or its author was told what stands, or somebody read it and wrote another.
          RC_ASSERT(history.desk.value(FieldId::subject) == placed.change.fields[0].value ||
                    outcome == Outcome::superseded || kept.contains(*placed.change.fields[0].value) ||
                    overwritten_knowingly(placed));
          break;
        default:
          break;
      }
    }
  });
}

TEST_CASE("property 5: a held or rejected change blocks nothing behind it", "[sync][fold][property]") {
  property("held", [] {
    const History history(any_steps());
    const Log& log = history.desk.log();
    Log with, without;
    for (const PlacedChange& placed : log) {
      const bool lost = placed.change.intent != Intent::create && *full_range(0, 5) == 0;
      // What others build on is not taken away here: admission holds those with it.
      const bool named = placed.change.intent == Intent::message || placed.change.intent == Intent::on_site ||
                         placed.change.intent == Intent::estimate;
      with.push_back(placed);
      if (lost && !named) {
        with.back().admission.verdict = Admission::Verdict::held;
        with.back().admission.reason = ReasonCode::not_permitted;
      } else {
        without.push_back(placed);
      }
    }
    const FoldResult all = fold_from_zero(with);
    const FoldResult rest = fold_from_zero(without);
    RC_ASSERT(all.state == rest.state);
    RC_ASSERT(all.messages == rest.messages);
    std::size_t at_rest = 0;
    for (std::size_t i = 0; i < with.size(); ++i) {
      if (with[i].admission.verdict == Admission::Verdict::held)
        RC_ASSERT(all.standings[i].outcome == Outcome::held);
      else
        RC_ASSERT(all.standings[i] == rest.standings[at_rest++]);
    }
  });
}

TEST_CASE("property 6: what a device shows is what the server has after the sync when nobody else wrote",
          "[sync][fold][property]") {
  property("prediction", [] {
    History history(any_steps(30));
    FoldDesk& desk = history.desk;
    desk.custody = false;
    TicketState shown = desk.state();
    DraftMaker maker;
    std::vector<Draft> drafts;
    std::vector<ChangeRef> known;
    for (const Message& message : desk.messages()) known.push_back(message.stamp.ref());
    std::int64_t floor = 0;
    const std::int64_t clock = desk.state().updated_ms + *full_range(-600'000, 600'000);
    for (const Step& step : any_steps(8)) {
      Draft draft = maker.make(desk, "dora", step[5] % DraftMaker::all_count, step[4], shown.description, known, {});
      if (draft.change.intent == Intent::custody_end) continue;
      draft.change.wall_ms = clock + step[2] * 1'000;
      const Admission admission = predict_admission(shown, draft.change, draft.origin, floor, draft.author);
      draft.effective_ms = floor = admission.effective_ms;
      const Stamp stamp =
          make_stamp(draft.change, draft.origin, pending_commit_seq, admission, draft.author, draft.kind);
      fold_in(shown, PlacedChange{draft.change, stamp, admission});
      drafts.push_back(std::move(draft));
    }
    const std::int64_t now = desk.state().updated_ms;
    for (const Draft& draft : drafts) desk.commit(draft, std::max(now, draft.effective_ms));
    const Observed server = observe(desk.state(), {}, {});
    Observed device = observe(shown, {}, {});
    RC_ASSERT(server.fields == device.fields);
    RC_ASSERT(server.elements == device.elements);
    RC_ASSERT(server.status == device.status);
    RC_ASSERT(server.result == device.result);
    RC_ASSERT(server.description == device.description);
    RC_ASSERT(server.assignee == device.assignee);
    RC_ASSERT(server.queue == device.queue);
    RC_ASSERT(server.deleted == device.deleted);
    RC_ASSERT(server.times == device.times);
    RC_ASSERT(server.notes == device.notes);
    RC_ASSERT(server.message_count == device.message_count);
  });
}

TEST_CASE("property 7: wild clocks never turn around what somebody saw, nor leave their windows",
          "[sync][fold][property]") {
  property("clocks", [] {
    const History history(any_steps());
    const Log& log = history.desk.log();
    for (const PlacedChange& placed : log) {
      if (placed.change.intent == Intent::create) continue;
      const TrustedTime& time = history.times.at(placed.stamp.ref());
      RC_ASSERT(time.lo_ms <= time.hi_ms);
      RC_ASSERT(time.effective_ms >= time.lo_ms);
      if ((time.flags & (time_flag_raised_chain | time_flag_raised_seen)) == 0)
        RC_ASSERT(time.effective_ms <= time.hi_ms);
      for (const PlacedChange& other : log)
        if (placed.stamp.kind != 2 && other.stamp.kind != 2 && knows(placed.stamp, other.stamp))
          RC_ASSERT(before(other.stamp, placed.stamp));
    }
  });
}

namespace {

PlacedChange without_body(PlacedChange placed) {
  Change& change = placed.change;
  change.body_erased = true;
  change.text.clear();
  change.base.clear();
  change.reason.clear();
  change.file_name.clear();
  change.media_type.clear();
  change.signature.clear();
  for (FieldSetting& setting : change.fields)
    if (setting.value && find_field(setting.field)->place == Place::body) {
      setting.value.reset();
      setting.erased = true;
    }
  return placed;
}

}  // namespace

TEST_CASE("property 8: erasing any body leaves order, status and every other value as they were",
          "[sync][fold][property]") {
  property("erasure", [] {
    const History history(any_steps());
    Log log = history.desk.log();
    std::set<ChangeRef> erased;
    for (PlacedChange& placed : log)
      if (*full_range(0, 3) == 0) {
        placed = without_body(placed);
        erased.insert(placed.stamp.ref());
      }
    const FoldResult zero = fold_from_zero(log);
    const TicketState& before_it = history.desk.state();
    const StatusView old_view = status_view(before_it);
    const StatusView view = status_view(zero.state);
    RC_ASSERT(view.status == old_view.status);
    RC_ASSERT(view.move_applied == old_view.move_applied);
    RC_ASSERT(view.move_rule == old_view.move_rule);
    RC_ASSERT(view.since_ms == old_view.since_ms);
    RC_ASSERT(view.estimate_minutes == old_view.estimate_minutes);
    RC_ASSERT(priority_of(zero.state) == priority_of(before_it));
    RC_ASSERT(zero.state.assignee == before_it.assignee);
    RC_ASSERT(zero.state.queue == before_it.queue);
    RC_ASSERT(zero.state.elements == before_it.elements);
    RC_ASSERT(zero.state.version == before_it.version);
    RC_ASSERT(zero.state.updated_ms == before_it.updated_ms);
    RC_ASSERT(zero.messages.size() == history.desk.messages().size());
    for (std::size_t i = 0; i < zero.messages.size(); ++i) {
      const Message old = history.desk.messages()[i];
      RC_ASSERT(zero.messages[i].stamp == old.stamp);
      const bool gone = erased.contains(old.stamp.ref());
      RC_ASSERT(zero.messages[i].text == (gone ? "" : old.text));
      RC_ASSERT(zero.messages[i].on_site.signature == (gone ? "" : old.on_site.signature));
      RC_ASSERT(zero.messages[i].on_site.from_ms == old.on_site.from_ms);
    }
    for (const auto& [key, old] : before_it.fields) {
      const Register& now = zero.state.fields.at(key);
      RC_ASSERT(now.heads.size() == old.heads.size());
      for (std::size_t i = 0; i < now.heads.size(); ++i) {
        RC_ASSERT(now.heads[i].stamp == old.heads[i].stamp);
        if (!now.heads[i].erased) RC_ASSERT(now.heads[i].value == old.heads[i].value);
      }
    }
    for (std::size_t i = 0; i < log.size(); ++i)
      if (log[i].change.intent != Intent::describe)
        RC_ASSERT(zero.standings[i] == history.desk.standings().at(log[i].stamp.ref()));
    RC_ASSERT(decode_state(encode_state(zero.state)) == zero.state);
  });
}

TEST_CASE("a state of any history survives its stored form", "[sync][state][property]") {
  property("codec", [] {
    const History history(any_steps());
    const Bytes bytes = encode_state(history.desk.state());
    RC_ASSERT(decode_state(bytes) == history.desk.state());
    RC_ASSERT(encode_state(*decode_state(bytes)) == bytes);
    for (const Message& message : history.desk.messages())
      RC_ASSERT(decode_message(encode_message(message)) == message);
  });
}

TEST_CASE("a state of random bytes is refused or reads as some state", "[sync][state][property]") {
  property("decode anything", [] {
    Bytes bytes = encode_state(History(any_steps(20)).desk.state());
    for (const auto& [place, value] : *rc::gen::arbitrary<std::vector<std::pair<std::uint16_t, char>>>())
      bytes[place % bytes.size()] = value;
    if (const auto read = decode_state(bytes)) RC_ASSERT(decode_state(encode_state(*read)) == *read);
  });
}

TEST_CASE("merging by line gives back either side alone, and is blind to whose turn it is", "[sync][fold][property]") {
  property("merge", [] {
    const auto lines =
        rc::gen::map(rc::gen::container<std::vector<int>>(full_range(0, 6)), [](const std::vector<int>& numbers) {
          std::string text;
          for (const int number : numbers) text += std::string(1, static_cast<char>('a' + number)) + "\n";
          return text;
        });
    const std::string base = *lines, ours = *lines, theirs = *lines;
    RC_ASSERT(merge_lines(base, ours, base) == ours);
    RC_ASSERT(merge_lines(base, base, theirs) == theirs);
    RC_ASSERT(merge_lines(base, ours, theirs) == merge_lines(base, theirs, ours));
  });
}
