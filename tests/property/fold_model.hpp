// The rules of the fold, said as plainly as possible: each is asked anew of the whole list of changes. Slow, and with
// no line in common with the product's fold but the lifecycle table and the merge of three texts.
#pragma once

#include <algorithm>
#include <span>
#include <utility>

#include "observed.hpp"

namespace tern::test {

class FoldModel {
public:
  /// `then`: what receipts of a history that is over say of claims that came back.
  explicit FoldModel(std::span<const sync::PlacedChange> log, std::map<sync::ChangeRef, sync::Standing> then = {})
      : log_(log.begin(), log.end()), then_(std::move(then)) {
    std::ranges::sort(log_, {}, [](const auto& placed) {
      return std::pair{placed.stamp.commit_seq, placed.stamp.origin};
    });
    judge_claims();
    for (const auto& placed : log_) {
      if (!is(placed, Intent::pin, Intent::unpin, Intent::custody_end))
        seen_.updated_ms = std::max(seen_.updated_ms, placed.stamp.order_ms);
      if (is_fact(placed) && after_merge(placed)) stand(placed, overtaken_by_merge(placed));
    }
    tell_fields();
    tell_elements();
    tell_status();
    tell_messages();
    tell_description();
  }

  [[nodiscard]] const Observed& observed() const { return seen_; }

private:
  using Placed = sync::PlacedChange;
  using Intent = sync::Intent;
  using Outcome = sync::Outcome;
  using Rule = sync::Rule;
  using FieldId = sync::FieldId;
  using Standing = sync::Standing;

  // ---- who saw whom, what came first ----

  template <typename... Intents>
  static bool is(const Placed& x, Intents... intents) {
    return ((x.change.intent == intents) || ...);
  }
  static bool is_create(const Placed& x) { return is(x, Intent::create); }
  static bool is_fact(const Placed& x) { return find_intent(x.change.intent)->ruling == sync::Ruling::fact; }

  static bool same_chain(const sync::Stamp& a, const sync::Stamp& b) {
    return a.origin.device == b.origin.device && a.origin.device_epoch == b.origin.device_epoch;
  }
  static bool saw(const Placed& x, const Placed& w) {
    if (is_create(x)) return false;
    if (is_create(w)) return true;
    const sync::Stamp& a = x.stamp;
    const sync::Stamp& b = w.stamp;
    if (b.commit_seq > a.commit_seq) return false;
    const bool earlier = std::pair{b.origin.chain_seq, b.origin.index} < std::pair{a.origin.chain_seq, a.origin.index};
    bool chain = same_chain(a, b) && earlier;
    // The server speaks for many: its chain is nobody's own, but what one did in one set.
    const bool server = x.change.principal_kind != sync::PrincipalKind::unspecified;
    if (server) chain = chain && a.origin.chain_seq == b.origin.chain_seq && a.author == b.author;
    return chain || (b.commit_seq <= a.seen_seq && (b.commit_seq != a.commit_seq || earlier));
  }

  /// The order of facts among themselves.
  static bool earlier(const Placed& a, const Placed& b) {
    const auto key = [](const Placed& x) {
      return std::tuple{!is_create(x), x.stamp.order_ms, x.stamp.origin, x.stamp.change};
    };
    return key(a) < key(b);
  }

  using List = std::vector<const Placed*>;
  template <typename Which>
  List in_order(Which which) const {
    List found;
    for (const Placed& placed : log_)
      if (which(placed)) found.push_back(&placed);
    std::ranges::sort(found, [](const Placed* a, const Placed* b) { return earlier(*a, *b); });
    return found;
  }
  template <typename Which>
  static bool any(const List& list, Which which) {
    return std::ranges::any_of(list, [&](const Placed* x) { return which(*x); });
  }
  /// Those that none of the others had seen.
  static List unseen(const List& list, const List& by) {
    List found;
    for (const Placed* x : list)
      if (!any(by, [&](const Placed& y) { return saw(y, *x); })) found.push_back(x);
    return found;
  }

  static bool is_after(const Placed& fact, const Placed& merge) {
    if (is_create(fact)) return false;
    if (saw(fact, merge)) return true;
    return fact.stamp.commit_seq > merge.stamp.commit_seq && fact.stamp.order_ms > merge.stamp.order_ms;
  }
  /// The merge that a fact met: the one that stands, or one taken back after the fact had been committed.
  const Placed* merge_met(const Placed& fact) const {
    if (merge_ != nullptr && is_after(fact, *merge_)) return merge_;
    for (const auto& [merge, undo] : undone_)
      if (is_after(fact, *merge) && undo->stamp.commit_seq >= fact.stamp.commit_seq && !saw(fact, *undo)) return merge;
    return nullptr;
  }
  bool after_merge(const Placed& fact) const { return merge_met(fact) != nullptr; }
  bool counts(const Placed& fact) const { return is_fact(fact) && !after_merge(fact); }

  // ---- standings ----

  static Standing fine(Rule rule = Rule::sequential) { return {Outcome::applied, rule, {}, {}}; }
  static Standing lost(Outcome outcome, Rule rule, const Placed& to) {
    return {outcome, rule, to.stamp.ref(), to.stamp.author};
  }
  void stand(const Placed& placed, const Standing& standing) { seen_.standings[placed.stamp.ref()] = standing; }

  Standing overtaken_by_merge(const Placed& fact) {
    const bool appends = is(fact, Intent::message, Intent::attach, Intent::log_time, Intent::on_site);
    if (!appends) note(fact);
    return lost(appends ? Outcome::redirected : Outcome::overtaken, Rule::merged_ticket, *merge_met(fact));
  }
  void note(const Placed& fact) {
    std::string text = fact.change.text;
    if (is(fact, Intent::set)) {
      const sync::FieldSetting& setting = fact.change.fields.at(0);
      if (find_field(setting.field)->place == sync::Place::body) text = setting.value.value_or("");
    }
    if (!text.empty()) seen_.notes.insert(text);
  }

  // ---- fields ----

  void tell_fields() {
    std::map<sync::FieldKey, List> settings;
    for (const Placed* placed : in_order([&](const Placed& x) { return counts(x); }))
      for (const sync::FieldSetting& setting : placed->change.fields)
        settings[{setting.field, setting.key}].push_back(placed);
    for (const auto& [key, list] : settings) tell_field(key, list);
  }

  static std::optional<Bytes> value_in(const Placed& x, const sync::FieldKey& key) {
    for (const sync::FieldSetting& setting : x.change.fields)
      if (setting.field == key.field && setting.key == key.key) return setting.value;
    return std::nullopt;
  }

  void tell_field(const sync::FieldKey& key, const List& list) {
    const auto value = [&](const Placed* x) { return value_in(*x, key); };
    const auto rank = [&](const Placed* x) { return value(x) ? value(x)->at(0) : '2'; };
    const bool highest = key.field == FieldId::priority;
    const List open = unseen(list, list);
    const Placed* stands = open.at(0);
    for (const Placed* x : open)
      if (!highest || rank(x) >= rank(stands)) stands = x;
    seen_.fields[key] = value(stands);

    const Rule rule = highest ? Rule::priority_highest : Rule::latest_wins;
    const bool telling = find_field(key.field)->place == sync::Place::skeleton;
    for (const Placed* x : list) stand(*x, fine());  // also who was overwritten by someone who saw it
    for (const Placed* x : open) {
      if (is_create(*x)) continue;
      const Outcome outcome = telling && value(x) == value(stands) ? Outcome::merged : Outcome::superseded;
      stand(*x, x != stands ? lost(outcome, rule, *stands) : fine(open.size() > 1 ? rule : Rule::sequential));
    }
  }

  /// Tags, watchers, pins: the element that a change adds, or takes away.
  struct Touch {
    sync::ElementKey key;
    bool adds = true;
  };
  static std::optional<Touch> touch_of(const Placed& x) {
    constexpr std::tuple<Intent, FieldId, bool> touching[] = {
        {Intent::tag, FieldId::tags, true},       {Intent::untag, FieldId::tags, false},
        {Intent::watch, FieldId::watchers, true}, {Intent::unwatch, FieldId::watchers, false},
        {Intent::pin, FieldId::pins, true},       {Intent::unpin, FieldId::pins, false}};
    for (const auto& [intent, field, adds] : touching)
      if (x.change.intent == intent) return Touch{{field, element_of(x.change, x.stamp.author)}, adds};
    if (!is(x, Intent::take)) return std::nullopt;
    return Touch{{FieldId::watchers, "o" + Bytes(x.stamp.author.view())}};  // who takes too late watches
  }

  void tell_elements() {
    std::map<sync::ElementKey, std::vector<const Placed*>> touched;
    for (const Placed& x : log_)
      if (const auto touch = touch_of(x))
        if (is(x, Intent::take) ? lost_takes_.contains(x.stamp.ref()) : counts(x)) touched[touch->key].push_back(&x);
    for (const auto& [key, list] : touched) tell_element(key, list);
  }

  void tell_element(const sync::ElementKey& key, const List& list) {
    const auto adds = [](const Placed& x) { return touch_of(x)->adds; };
    const Placed* there = nullptr;  // the latest that keeps the element
    for (const Placed* add : list) {
      if (!adds(*add)) continue;
      if (!is(*add, Intent::take)) stand(*add, fine());
      if (any(list, [&](const Placed& y) { return !adds(y) && saw(y, *add); })) continue;
      seen_.elements.insert(key);
      // A later add of the same device says it again; whoever is told, is told of that one.
      const bool said_again =
          any(list, [&](const Placed& y) { return adds(y) && same_chain(y.stamp, add->stamp) && saw(y, *add); });
      if (!said_again && (there == nullptr || before(there->stamp, add->stamp))) there = add;
    }
    for (const Placed* remove : list) {
      if (adds(*remove)) continue;
      const bool known = any(list, [&](const Placed& y) { return saw(y, *remove); });
      const bool told = !known && there != nullptr && key.field != FieldId::pins;
      stand(*remove, told ? lost(Outcome::superseded, Rule::add_wins, *there) : fine());
    }
  }

  // ---- claims ----

  /// What stands in a claim's way, and by which rule; or only that it changes nothing.
  struct Verdict {
    const Placed* against = nullptr;
    Rule rule = Rule::sequential;
  };

  static Bytes assignee_by(const Placed& x) {
    return is(x, Intent::take) ? Bytes(x.stamp.author.view()) : x.change.target;
  }
  [[nodiscard]] bool is_deleted() const { return deletion_ != nullptr && is(*deletion_, Intent::delete_ticket); }

  /// The claim that stands where this one wants to stand; nullptr: there is no such place.
  const Placed** place_of(const Placed& x) {
    if (is(x, Intent::take, Intent::assign)) return &assigned_;
    if (is(x, Intent::move_queue)) return &queued_;
    if (is(x, Intent::delete_ticket, Intent::restore)) return &deletion_;
    if (is(x, Intent::approve_estimate, Intent::reject_estimate)) return &decided_[x.change.targets.at(0)];
    return is(x, Intent::merge) ? &merge_ : nullptr;
  }
  /// The first split that gave one of these messages away.
  const Placed* split_of(const Placed& x) const {
    for (const Placed* split : splits_)
      for (const sync::ChangeRef& message : x.change.targets)
        if (std::ranges::find(split->change.targets, message) != split->change.targets.end()) return split;
    return nullptr;
  }
  /// Assignee and queue are held by a claim, whatever it says; the others are decisions.
  static bool grips(const Placed& x) { return is(x, Intent::take, Intent::assign, Intent::move_queue); }
  static bool same_value(const Placed& x, const Placed& y) {
    return grips(x) ? assignee_by(x) == assignee_by(y) : is(x, y.change.intent);
  }

  Verdict verdict_on(const Placed& x) {
    constexpr Verdict no_effect{nullptr, Rule::no_effect};
    const bool undoes = is(x, Intent::unmerge);
    if (merge_ != nullptr && !undoes) return {merge_, Rule::merged_ticket};
    if (!is(x, Intent::delete_ticket, Intent::restore) && is_deleted() && !saw(x, *deletion_))
      return {deletion_, Rule::deleted_ticket};
    if (is(x, Intent::split)) {
      const Placed* given_away = split_of(x);
      return given_away == nullptr ? Verdict{} : Verdict{given_away, Rule::claim_stands};
    }
    if (undoes) {
      if (merge_ == nullptr) return no_effect;
      const bool meant = saw(x, *merge_) && merge_->change.target == x.change.target;
      return meant ? Verdict{} : Verdict{merge_, Rule::claim_stands};
    }
    if (is(x, Intent::merge) && !undone_.empty() && !saw(x, *undone_.back().second))
      return {undone_.back().second, Rule::claim_stands};
    const Placed** place = place_of(x);
    const Placed* stands = place == nullptr ? nullptr : *place;
    if (is(x, Intent::restore) && stands == nullptr) return no_effect;
    const bool same = stands != nullptr && same_value(x, *stands);
    if (is(x, Intent::take)) {
      if (stands == nullptr || assignee_by(*stands).empty()) return {};
      return same ? no_effect : Verdict{stands, Rule::taken};
    }
    if (same && !grips(x)) return no_effect;  // who wants what is so already need not have seen it
    const bool estimate = is(x, Intent::approve_estimate, Intent::reject_estimate);
    if (stands != nullptr && !saw(x, *stands)) return {stands, estimate ? Rule::estimate_claim : Rule::claim_stands};
    if (same) return no_effect;
    const Placed* unread = is(x, Intent::delete_ticket) ? unread_message(x) : nullptr;
    return unread == nullptr ? Verdict{} : Verdict{unread, Rule::unseen_customer};
  }

  /// Where the total order has a claim and what stands in its way.
  static bool stands_before(const Placed& x, const Placed& y) {
    const auto key = [](const Placed& z) { return std::tuple{z.stamp.order_ms, !is_fact(z), z.stamp.commit_seq}; };
    return key(x) < key(y);
  }

  /// What came back after a restore with its receipt of then is what that says, but where a claim was made since by
  /// somebody who had not seen it.
  Standing ruled(const Placed& x) {
    const auto then = then_.find(x.stamp.ref());
    if (then != then_.end() && then->second.outcome == Outcome::overtaken) return then->second;
    Verdict verdict = verdict_on(x);
    if (then != then_.end() && verdict.against != nullptr) {
      if (!stands_before(x, *verdict.against))
        verdict = {};
      else if (then_.contains(verdict.against->stamp.ref()))
        verdict = {nullptr, Rule::no_effect};
    }
    if (verdict.against == nullptr) return fine(verdict.rule);
    return lost(Outcome::overtaken, verdict.rule, *verdict.against);
  }

  void judge_claims() {
    for (const Placed& x : log_) {
      if (is(x, Intent::custody_end)) {
        seen_.custody.erase(OperatorId::or_zero(x.change.target));
        stand(x, fine());
      }
      if (find_intent(x.change.intent)->ruling != sync::Ruling::claim) continue;
      const Standing standing = ruled(x);
      stand(x, standing);
      if (standing.outcome != Outcome::overtaken)
        take_hold(x, standing.rule == Rule::no_effect);
      else if (is(x, Intent::take) && standing.rule == Rule::taken)
        lost_takes_.insert(x.stamp.ref());
    }
    if (assigned_ != nullptr && !assignee_by(*assigned_).empty()) seen_.assignee = assignee_by(*assigned_);
    if (queued_ != nullptr && !queued_->change.target.empty()) seen_.queue = queued_->change.target;
    if (merge_ != nullptr) seen_.merged_into = merge_->change.target;
    seen_.deleted = is_deleted();
    for (const auto& [estimate, decision] : decided_)
      if (decision != nullptr) seen_.decisions[estimate] = is(*decision, Intent::approve_estimate);
  }

  /// The claim stands from here on. One that changes nothing becomes its author's own where they saw what stood.
  void take_hold(const Placed& x, bool changes_nothing) {
    if (is(x, Intent::split)) splits_.push_back(&x);
    if (is(x, Intent::unmerge) && !changes_nothing && merge_ != nullptr)
      undone_.emplace_back(std::exchange(merge_, nullptr), &x);
    const Placed** place = place_of(x);
    if (place == nullptr) return;
    const Placed* before = *place;
    if (changes_nothing && !(grips(x) && before != nullptr && saw(x, *before))) return;
    *place = &x;
    if (place != &assigned_) return;
    const Bytes from = before == nullptr ? Bytes() : assignee_by(*before), to = assignee_by(x);
    if (!from.empty() && from != to) seen_.custody.insert(OperatorId::or_zero(from));
    seen_.custody.erase(OperatorId::or_zero(to));
  }

  /// The first customer's message in order, committed before it, that the author of `x` had not seen.
  const Placed* unread_message(const Placed& x) const {
    for (const Placed* message : in_order([&](const Placed& y) { return is_customer_message(y) && counts(y); }))
      if (message->stamp.commit_seq < x.stamp.commit_seq && !saw(x, *message)) return message;
    return nullptr;
  }

  // ---- status ----

  static bool is_customer_message(const Placed& x) {
    return is(x, Intent::message) && x.change.visibility == sync::Visibility::open &&
           x.stamp.author_kind == sync::PrincipalKind::contact;
  }

  void tell_status() {
    using enum sync::Status;
    sync::Status status = new_, before_hold = new_;
    const Placed* last = nullptr;
    for (const Placed& x : log_)
      if (is_create(x)) seen_.since_ms = x.stamp.order_ms;
    const auto go = [&](sync::Status next, const Placed& x) {
      if (next == status) return;
      if (next == on_hold) before_hold = status;
      if (status == on_hold) seen_.hold_reason.clear();
      if (next == resolved) seen_.resolved_ms = x.stamp.order_ms;
      if (next == closed) seen_.closed_ms = x.stamp.order_ms;
      if (next == reopened) seen_.resolved_ms = seen_.closed_ms = 0;
      status = next;
      seen_.since_ms = x.stamp.order_ms;
      last = &x;
    };
    const auto moves = in_order([&](const Placed& x) {
      return counts(x) && (find_intent(x.change.intent)->unit == sync::Unit::status || is_customer_message(x));
    });
    for (const Placed* x : moves) {
      const Intent intent = x->change.intent;
      if (intent == Intent::message) {
        const bool late = status == closed && x->stamp.order_ms - seen_.closed_ms > x->admission.reopen_window_ms;
        if (!late) go(*next_status(status, intent, before_hold), *x);
        continue;
      }
      auto next = next_status(status, intent, before_hold);
      const bool by_customer = x->stamp.author_kind == sync::PrincipalKind::contact;
      if (intent == Intent::close && by_customer && status != resolved && status != closed) next = std::nullopt;
      const Placed* unread = nullptr;
      for (const Placed* y : moves)
        if (unread == nullptr && is(*y, Intent::message) && earlier(*y, *x) && !saw(*x, *y)) unread = y;
      const bool answers = next == waiting || next == estimated || next == resolved || next == closed;
      const bool stays = next == status && intent != Intent::hold && intent != Intent::estimate;
      if (!next || (!stays && answers && unread != nullptr)) {
        const Placed* against = next ? unread : last;
        const Rule rule = next ? Rule::unseen_customer : Rule::lifecycle;
        stand(*x, against == nullptr ? Standing{Outcome::overtaken, rule, {}, {}}
                                     : lost(Outcome::overtaken, rule, *against));
        note(*x);
        continue;
      }
      stand(*x, fine(stays ? Rule::no_effect : Rule::sequential));
      if (!stays) go(*next, *x);
      if (intent == Intent::resolve && (!stays || !x->change.text.empty())) seen_.result = x->change.text;
      if (intent == Intent::hold) seen_.hold_reason = x->change.text;
    }
    seen_.status = status;
  }

  // ---- messages, times ----

  void tell_messages() {
    for (const Placed* x : in_order([&](const Placed& y) { return is_fact(y); })) {
      const bool is_message = is(*x, Intent::message, Intent::attach, Intent::on_site);
      if (is(*x, Intent::log_time)) seen_.times.emplace_back(x->change.number, x->change.text);
      if ((is_message || is(*x, Intent::log_time)) && counts(*x))
        stand(*x, fine(is_behind(*x) ? Rule::unseen_customer : Rule::append));
      if (!is_message) continue;
      ++seen_.message_count;
      const bool response = is(*x, Intent::message) && counts(*x) && x->change.visibility == sync::Visibility::open &&
                            x->stamp.author_kind == sync::PrincipalKind::operator_;
      if (response && (seen_.first_response_ms == 0 || x->stamp.order_ms < seen_.first_response_ms))
        seen_.first_response_ms = x->stamp.order_ms;
      seen_.messages.emplace_back(x->stamp.ref(), shown(*x));
    }
  }

  /// A reply to a customer who had written before it, and had arrived before it, unseen by its author.
  bool is_behind(const Placed& reply) const {
    const bool by_staff = reply.stamp.author_kind == sync::PrincipalKind::operator_ ||
                          reply.stamp.author_kind == sync::PrincipalKind::integration;
    if (!by_staff || !is(reply, Intent::message, Intent::attach) || reply.change.visibility != sync::Visibility::open)
      return false;
    return std::ranges::any_of(log_, [&](const Placed& x) {
      return is_customer_message(x) && counts(x) && x.stamp.commit_seq < reply.stamp.commit_seq && earlier(x, reply) &&
             !saw(reply, x);
    });
  }

  std::string shown(const Placed& message) {
    const auto about = [&](Intent intent) {
      return in_order(
          [&](const Placed& x) { return is(x, intent) && counts(x) && x.change.targets.at(0) == message.stamp.ref(); });
    };
    const auto edits = about(Intent::edit_message);
    const auto deletes = about(Intent::delete_message);
    const auto sends = about(Intent::send_message);
    if (is(message, Intent::on_site)) {  // signed for as it is
      for (const auto& tried : {edits, deletes, sends})
        for (const Placed* x : tried) stand(*x, lost(Outcome::overtaken, Rule::append, message));
      const sync::Change& made = message.change;
      return made.text +
             words_of({made.from_ms, made.to_ms, made.target, made.file_name, made.media_type, made.signature});
    }
    auto both = edits;
    both.insert(both.end(), deletes.begin(), deletes.end());
    const auto open_edits = unseen(edits, both);
    const auto open_deletes = unseen(deletes, deletes);
    for (const Placed* x : both) stand(*x, fine());
    for (const Placed* x : sends) stand(*x, fine());
    for (const Placed* x : open_deletes) stand(*x, fine(open_edits.empty() ? Rule::sequential : Rule::message_deleted));
    for (const Placed* x : open_edits) {
      if (!deletes.empty())
        stand(*x, lost(Outcome::superseded, Rule::message_deleted, *open_deletes.back()));
      else if (x != open_edits.back())
        stand(*x, lost(Outcome::superseded, Rule::message_edit, *open_edits.back()));
      else
        stand(*x, fine(open_edits.size() > 1 ? Rule::message_edit : Rule::sequential));
    }
    if (!deletes.empty()) return "";
    return open_edits.empty() ? message.change.text : open_edits.back()->change.text;
  }

  // ---- description ----

  void tell_description() {
    const auto edits = in_order([&](const Placed& x) { return counts(x) && is(x, Intent::create, Intent::describe); });
    std::string& text = seen_.description;
    bool erased = false;
    for (const Placed* x : edits) {
      const sync::Change& change = x->change;
      if (is_create(*x)) {
        text = change.text;
        erased = change.body_erased;
        continue;
      }
      std::optional<std::string> merged;
      if (!change.body_erased && !erased) merged = sync::merge_lines(change.base, text, change.text);
      if (merged) {
        stand(*x, change.base == text ? fine() : Standing{Outcome::merged, Rule::text_merge, {}, {}});
        text = *merged;
        continue;
      }
      bool told = false;
      for (const Placed* y : edits) {
        if (y == x) break;
        const bool seen = is_create(*y) || any(edits, [&](const Placed& z) { return saw(z, *y); });
        if (seen || seen_.standings[y->stamp.ref()].outcome == Outcome::superseded) continue;
        stand(*y, lost(Outcome::superseded, Rule::text_overlap, *x));
        told = true;
      }
      stand(*x, told ? fine(Rule::text_overlap) : fine());
      text = change.body_erased ? "" : change.text;
      erased = change.body_erased;
    }
  }

  std::vector<Placed> log_;
  std::map<sync::ChangeRef, Standing> then_;
  const Placed* merge_ = nullptr;
  std::vector<std::pair<const Placed*, const Placed*>> undone_;  // a merge, and what took it back
  const Placed* assigned_ = nullptr;                             // the claim that stands, of whatever value
  const Placed* queued_ = nullptr;
  const Placed* deletion_ = nullptr;
  std::map<sync::ChangeRef, const Placed*> decided_;
  List splits_;
  std::set<sync::ChangeRef> lost_takes_;
  Observed seen_;
};

}  // namespace tern::test
