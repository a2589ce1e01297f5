// The rules of the fold, said as plainly as possible: each is asked anew of the whole list of changes. Slow, and with
// no line in common with the product's fold but the lifecycle table and the merge of three texts.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::test {

/// All that a person can tell of a ticket: no stamps, no commit numbers.
struct Observed {
  std::map<sync::FieldKey, std::optional<Bytes>> fields;
  std::set<sync::ElementKey> elements;
  sync::Status status{};
  std::string result, hold_reason, description;
  std::int64_t since_ms = 0, resolved_ms = 0, closed_ms = 0, updated_ms = 0, first_response_ms = 0;
  std::optional<Bytes> assignee, queue, merged_into;
  bool deleted = false;
  std::set<OperatorId> custody;
  std::map<sync::ChangeRef, bool> decisions;
  std::vector<std::pair<sync::ChangeRef, std::string>> messages;  // in order, as shown
  std::vector<std::pair<std::int64_t, std::string>> times;        // in order
  std::set<std::string> notes;                                    // texts of what was overtaken
  std::size_t message_count = 0;
  std::map<sync::ChangeRef, sync::Standing> standings;
  bool operator==(const Observed&) const = default;
};

/// What a report from on site says beside its text; nothing for other messages.
inline std::string words_of(const sync::OnSite& report) {
  if (report.from_ms == 0) return {};
  return "|" + std::to_string(report.from_ms) + "-" + std::to_string(report.to_ms) + "|" + report.contact + "|" +
         report.signed_by + "|" + report.media_type + "|" + report.signature;
}

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
      if (placed.change.intent != Intent::pin && placed.change.intent != Intent::unpin &&
          placed.change.intent != Intent::custody_end)
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

  static bool is_create(const Placed& x) { return x.change.intent == Intent::create; }
  static bool is_fact(const Placed& x) { return find_intent(x.change.intent)->ruling == sync::Ruling::fact; }

  static bool saw(const Placed& x, const Placed& w) {
    if (is_create(x)) return false;
    if (is_create(w)) return true;
    const sync::Stamp& a = x.stamp;
    const sync::Stamp& b = w.stamp;
    if (b.commit_seq > a.commit_seq) return false;
    const bool earlier = std::pair{b.origin.chain_seq, b.origin.index} < std::pair{a.origin.chain_seq, a.origin.index};
    bool chain = a.origin.device == b.origin.device && a.origin.device_epoch == b.origin.device_epoch && earlier;
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

  template <typename Which>
  std::vector<const Placed*> all(Which which) const {
    std::vector<const Placed*> found;
    for (const Placed& placed : log_)
      if (which(placed)) found.push_back(&placed);
    return found;
  }
  template <typename Which>
  std::vector<const Placed*> in_order(Which which) const {
    auto found = all(which);
    std::ranges::sort(found, [](const Placed* a, const Placed* b) { return earlier(*a, *b); });
    return found;
  }

  bool after_merge(const Placed& fact) const {
    if (merge_ == nullptr || is_create(fact)) return false;
    if (saw(fact, *merge_)) return true;
    return fact.stamp.commit_seq > merge_->stamp.commit_seq && fact.stamp.order_ms > merge_->stamp.order_ms;
  }
  bool counts(const Placed& fact) const { return is_fact(fact) && !after_merge(fact); }

  // ---- standings ----

  static Standing fine(Rule rule = Rule::sequential) { return {Outcome::applied, rule, {}, {}}; }
  static Standing lost(Outcome outcome, Rule rule, const Placed& to) {
    return {outcome, rule, to.stamp.ref(), to.stamp.author};
  }
  void stand(const Placed& placed, const Standing& standing) { seen_.standings[placed.stamp.ref()] = standing; }

  Standing overtaken_by_merge(const Placed& fact) {
    const Intent intent = fact.change.intent;
    const bool appends = intent == Intent::message || intent == Intent::attach || intent == Intent::log_time ||
                         intent == Intent::on_site;
    if (!appends) note(fact);
    return lost(appends ? Outcome::redirected : Outcome::overtaken, Rule::merged_ticket, *merge_);
  }
  void note(const Placed& fact) {
    std::string text = fact.change.text;
    if (fact.change.intent == Intent::set) {
      const sync::FieldSetting& setting = fact.change.fields.at(0);
      if (find_field(setting.field)->place == sync::Place::body) text = setting.value.value_or("");
    }
    if (!text.empty()) seen_.notes.insert(text);
  }

  // ---- fields ----

  struct Setting {
    const Placed* placed;
    std::optional<Bytes> value;
  };

  void tell_fields() {
    std::map<sync::FieldKey, std::vector<Setting>> settings;
    for (const Placed* placed : in_order([&](const Placed& x) { return counts(x); }))
      for (const sync::FieldSetting& setting : placed->change.fields)
        settings[{setting.field, setting.key}].push_back({placed, setting.value});
    for (const auto& [key, list] : settings) tell_field(key, list);
  }

  static char rank(const Setting& setting) { return setting.value ? setting.value->at(0) : '2'; }

  void tell_field(const sync::FieldKey& key, const std::vector<Setting>& list) {
    const bool highest = key.field == FieldId::priority;
    std::vector<Setting> unseen;  // those that no other setting had seen, in order
    for (const Setting& one : list)
      if (std::ranges::none_of(list, [&](const Setting& other) { return saw(*other.placed, *one.placed); }))
        unseen.push_back(one);
    Setting stands = unseen.at(0);
    for (const Setting& one : unseen)
      if (!highest || rank(one) >= rank(stands)) stands = one;
    seen_.fields[key] = stands.value;

    const Rule rule = highest ? Rule::priority_highest : Rule::latest_wins;
    for (const Setting& one : list) {
      if (is_create(*one.placed)) {
        stand(*one.placed, fine());
        continue;
      }
      const bool open = std::ranges::any_of(unseen, [&](const Setting& other) { return other.placed == one.placed; });
      const bool same = find_field(key.field)->place == sync::Place::skeleton && one.value == stands.value;
      if (!open)
        stand(*one.placed, fine());  // overwritten by someone who saw it
      else if (one.placed == stands.placed)
        stand(*one.placed, fine(unseen.size() > 1 ? rule : Rule::sequential));
      else
        stand(*one.placed, lost(same ? Outcome::merged : Outcome::superseded, rule, *stands.placed));
    }
  }

  void tell_elements() {
    const auto key_of = [](const Placed& x) -> std::optional<std::pair<sync::ElementKey, bool>> {
      const auto key = [&](FieldId field) { return sync::ElementKey{field, element_of(x.change, x.stamp.author)}; };
      switch (x.change.intent) {
        case Intent::tag:
          return std::pair{key(FieldId::tags), true};
        case Intent::untag:
          return std::pair{key(FieldId::tags), false};
        case Intent::watch:
          return std::pair{key(FieldId::watchers), true};
        case Intent::unwatch:
          return std::pair{key(FieldId::watchers), false};
        case Intent::pin:
          return std::pair{key(FieldId::pins), true};
        case Intent::unpin:
          return std::pair{key(FieldId::pins), false};
        case Intent::take:
          return std::pair{sync::ElementKey{FieldId::watchers, "o" + Bytes(x.stamp.author.view())}, true};
        default:
          return std::nullopt;
      }
    };
    const auto touches = [&](const Placed& x) {
      return x.change.intent == Intent::take ? lost_takes_.contains(x.stamp.ref()) : counts(x);
    };
    std::map<sync::ElementKey, std::vector<const Placed*>> stays;  // adds that no remove had seen
    for (const Placed& add : log_) {
      const auto added = key_of(add);
      if (!added || !added->second || !touches(add)) continue;
      if (add.change.intent != Intent::take) stand(add, fine());
      const bool removed = std::ranges::any_of(log_, [&](const Placed& remove) {
        const auto gone = key_of(remove);
        return gone && !gone->second && gone->first == added->first && counts(remove) && saw(remove, add);
      });
      if (removed) continue;
      seen_.elements.insert(added->first);
      // A later add of the same device says it again; whoever is told, is told of that one.
      const bool said_again = std::ranges::any_of(log_, [&](const Placed& other) {
        const auto key = key_of(other);
        const bool same_chain = other.stamp.origin.device == add.stamp.origin.device &&
                                other.stamp.origin.device_epoch == add.stamp.origin.device_epoch;
        return key && key->second && key->first == added->first && touches(other) && same_chain && saw(other, add);
      });
      if (!said_again) stays[added->first].push_back(&add);
    }
    for (const Placed& remove : log_) {
      const auto gone = key_of(remove);
      if (!gone || gone->second || !counts(remove)) continue;
      const bool known = std::ranges::any_of(log_, [&](const Placed& other) {
        const auto key = key_of(other);
        return key && key->first == gone->first && touches(other) && saw(other, remove);
      });
      const Placed* there = nullptr;  // the latest that keeps the element
      for (const Placed* add : stays[gone->first])
        if (there == nullptr || before(there->stamp, add->stamp)) there = add;
      const bool told = !known && there != nullptr && gone->first.field != FieldId::pins;
      stand(remove, told ? lost(Outcome::superseded, Rule::add_wins, *there) : fine());
    }
  }

  // ---- claims ----

  /// What stands in a claim's way, and by which rule; or only that it changes nothing.
  struct Verdict {
    const Placed* against = nullptr;
    Rule rule = Rule::sequential;
  };

  static Bytes assignee_by(const Placed& x) {
    return x.change.intent == Intent::take ? Bytes(x.stamp.author.view()) : x.change.target;
  }
  static bool deletes(const Placed& x) { return x.change.intent == Intent::delete_ticket; }
  [[nodiscard]] bool is_deleted() const { return deletion_ != nullptr && deletes(*deletion_); }

  /// Assignee and queue: the claim that stands must have been seen, also by one of the same value.
  template <typename ValueOf>
  static Verdict grip(const Placed& x, const Placed* stands, ValueOf value_of) {
    if (stands == nullptr) return {};
    if (!saw(x, *stands)) return {stands, Rule::claim_stands};
    return {nullptr, value_of(*stands) == value_of(x) ? Rule::no_effect : Rule::sequential};
  }
  static Bytes target_of(const Placed& x) { return x.change.target; }

  /// Deletion and estimates: who wants what is so already changes nothing.
  template <typename ValueOf>
  static Verdict decision(const Placed& x, const Placed* stands, ValueOf value_of, Rule rule) {
    if (stands == nullptr) return {};
    if (value_of(*stands) == value_of(x)) return {nullptr, Rule::no_effect};
    return saw(x, *stands) ? Verdict{} : Verdict{stands, rule};
  }

  Verdict verdict_on(const Placed& x) {
    const Intent intent = x.change.intent;
    const bool of_deletion = intent == Intent::delete_ticket || intent == Intent::restore;
    if (merge_ != nullptr) return {merge_, Rule::merged_ticket};
    if (!of_deletion && is_deleted() && !saw(x, *deletion_)) return {deletion_, Rule::deleted_ticket};
    switch (intent) {
      case Intent::take:
        if (assigned_ == nullptr || assignee_by(*assigned_).empty()) return {};
        if (assignee_by(*assigned_) == assignee_by(x)) return {nullptr, Rule::no_effect};
        return {assigned_, Rule::taken};
      case Intent::assign:
        return grip(x, assigned_, assignee_by);
      case Intent::move_queue:
        return grip(x, queued_, target_of);
      case Intent::restore:
        if (!is_deleted()) return {nullptr, Rule::no_effect};
        return decision(x, deletion_, deletes, Rule::claim_stands);
      case Intent::delete_ticket: {
        const Verdict verdict = decision(x, deletion_, deletes, Rule::claim_stands);
        if (verdict.against != nullptr || verdict.rule == Rule::no_effect) return verdict;
        const Placed* unread = unread_message(x);
        return unread == nullptr ? verdict : Verdict{unread, Rule::unseen_customer};
      }
      case Intent::approve_estimate:
      case Intent::reject_estimate:
        return decision(
            x, decided_[x.change.targets.at(0)], [](const Placed& y) { return y.change.intent; }, Rule::estimate_claim);
      default:
        return {};
    }
  }

  /// Where the total order has a claim and what stands in its way.
  static bool stands_before(const Placed& x, const Placed& y) {
    const auto key = [](const Placed& z) { return std::tuple{z.stamp.order_ms, !is_fact(z), z.stamp.commit_seq}; };
    return key(x) < key(y);
  }

  /// What came back after a restore with its receipt of then is what that says, but where a claim was made since by
  /// somebody who had not seen it.
  Verdict as_then(const Placed& x, const Verdict& now) const {
    const auto then = then_.find(x.stamp.ref());
    if (then == then_.end() || then->second.outcome == Outcome::overtaken || now.against == nullptr) return now;
    if (!stands_before(x, *now.against)) return {};
    return then_.contains(now.against->stamp.ref()) ? Verdict{nullptr, Rule::no_effect} : now;
  }
  [[nodiscard]] const Standing* overtaken_then(const Placed& x) const {
    const auto then = then_.find(x.stamp.ref());
    return then != then_.end() && then->second.outcome == Outcome::overtaken ? &then->second : nullptr;
  }

  void judge_claims() {
    for (const Placed& x : log_) {
      const Intent intent = x.change.intent;
      if (intent == Intent::custody_end) {
        seen_.custody.erase(OperatorId::or_zero(x.change.target));
        stand(x, fine());
      }
      if (find_intent(intent)->ruling != sync::Ruling::claim) continue;
      if (const Standing* then = overtaken_then(x)) {
        stand(x, *then);
        if (intent == Intent::take && then->rule == Rule::taken) lost_takes_.insert(x.stamp.ref());
        continue;
      }
      const Verdict verdict = as_then(x, verdict_on(x));
      if (verdict.against != nullptr) {
        stand(x, lost(Outcome::overtaken, verdict.rule, *verdict.against));
        if (verdict.rule == Rule::taken) lost_takes_.insert(x.stamp.ref());
        continue;
      }
      stand(x, fine(verdict.rule));
      take_hold(x, verdict.rule == Rule::no_effect);
    }
    if (assigned_ != nullptr && !assignee_by(*assigned_).empty()) seen_.assignee = assignee_by(*assigned_);
    if (queued_ != nullptr && !queued_->change.target.empty()) seen_.queue = queued_->change.target;
    if (merge_ != nullptr) seen_.merged_into = merge_->change.target;
    seen_.deleted = is_deleted();
    for (const auto& [estimate, decision] : decided_)
      if (decision != nullptr) seen_.decisions[estimate] = decision->change.intent == Intent::approve_estimate;
  }

  /// The claim stands from here on. One that changes nothing becomes its author's own where they saw what stood.
  void take_hold(const Placed& x, bool changes_nothing) {
    const auto hold = [&](const Placed*& stands) {
      if (!changes_nothing || (stands != nullptr && saw(x, *stands))) stands = &x;
    };
    switch (x.change.intent) {
      case Intent::take:
      case Intent::assign: {
        const Placed* before = assigned_;
        hold(assigned_);
        move_custody(before, assigned_);
        break;
      }
      case Intent::move_queue:
        hold(queued_);
        break;
      case Intent::delete_ticket:
      case Intent::restore:
        if (!changes_nothing) deletion_ = &x;
        break;
      case Intent::approve_estimate:
      case Intent::reject_estimate:
        if (!changes_nothing) decided_[x.change.targets.at(0)] = &x;
        break;
      case Intent::merge:
        if (!changes_nothing) merge_ = &x;
        break;
      default:
        break;
    }
  }

  void move_custody(const Placed* before, const Placed* now) {
    if (before == now) return;
    const Bytes to = assignee_by(*now);
    if (before != nullptr && !assignee_by(*before).empty() && assignee_by(*before) != to)
      seen_.custody.insert(OperatorId::or_zero(assignee_by(*before)));
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
    return x.change.intent == Intent::message && x.change.visibility == sync::Visibility::open &&
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
        if (unread == nullptr && y->change.intent == Intent::message && earlier(*y, *x) && !saw(*x, *y)) unread = y;
      const bool answers = next == waiting || next == estimated || next == resolved || next == closed;
      if (!next) {
        stand(*x, last == nullptr ? Standing{Outcome::overtaken, Rule::lifecycle, {}, {}}
                                  : lost(Outcome::overtaken, Rule::lifecycle, *last));
        note(*x);
      } else if (*next == status && intent != Intent::hold && intent != Intent::estimate) {
        stand(*x, fine(Rule::no_effect));
        if (intent == Intent::resolve && !x->change.text.empty()) seen_.result = x->change.text;
      } else if (answers && unread != nullptr) {
        stand(*x, lost(Outcome::overtaken, Rule::unseen_customer, *unread));
        note(*x);
      } else {
        stand(*x, fine());
        go(*next, *x);
        if (intent == Intent::resolve) seen_.result = x->change.text;
        if (intent == Intent::hold) seen_.hold_reason = x->change.text;
      }
    }
    seen_.status = status;
  }

  // ---- messages, times ----

  void tell_messages() {
    const auto is_message = [](const Placed& x) {
      const Intent intent = x.change.intent;
      return intent == Intent::message || intent == Intent::attach || intent == Intent::on_site;
    };
    for (const Placed* x : in_order([&](const Placed& y) { return is_fact(y); })) {
      if (x->change.intent == Intent::log_time) seen_.times.emplace_back(x->change.number, x->change.text);
      const bool appends = is_message(*x) || x->change.intent == Intent::log_time;
      if (appends && counts(*x)) stand(*x, fine(Rule::append));
      if (!is_message(*x)) continue;
      ++seen_.message_count;
      const bool response = x->change.intent == Intent::message && counts(*x) &&
                            x->change.visibility == sync::Visibility::open &&
                            x->stamp.author_kind == sync::PrincipalKind::operator_;
      if (response && (seen_.first_response_ms == 0 || x->stamp.order_ms < seen_.first_response_ms))
        seen_.first_response_ms = x->stamp.order_ms;
      seen_.messages.emplace_back(x->stamp.ref(), shown(*x));
    }
  }

  std::string shown(const Placed& message) {
    const auto about = [&](Intent intent) {
      return in_order([&](const Placed& x) {
        return x.change.intent == intent && counts(x) && x.change.targets.at(0) == message.stamp.ref();
      });
    };
    const auto edits = about(Intent::edit_message);
    const auto deletes = about(Intent::delete_message);
    if (message.change.intent == Intent::on_site) {  // signed for as it is
      for (const auto& tried : {edits, deletes})
        for (const Placed* x : tried) stand(*x, lost(Outcome::overtaken, Rule::append, message));
      const sync::Change& made = message.change;
      return made.text +
             words_of({made.from_ms, made.to_ms, made.target, made.file_name, made.media_type, made.signature});
    }
    const auto unseen = [](const std::vector<const Placed*>& list, const std::vector<const Placed*>& by) {
      std::vector<const Placed*> found;
      for (const Placed* x : list)
        if (std::ranges::none_of(by, [&](const Placed* y) { return saw(*y, *x); })) found.push_back(x);
      return found;
    };
    auto both = edits;
    both.insert(both.end(), deletes.begin(), deletes.end());
    const auto open_edits = unseen(edits, both);
    const auto open_deletes = unseen(deletes, deletes);
    for (const Placed* x : both) stand(*x, fine());
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
    const auto edits =
        in_order([&](const Placed& x) { return counts(x) && (is_create(x) || x.change.intent == Intent::describe); });
    const auto every = all([&](const Placed& x) { return counts(x) && x.change.intent == Intent::describe; });
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
        const bool unseen = !is_create(*y) && std::ranges::none_of(every, [&](const Placed* z) { return saw(*z, *y); });
        if (!unseen || seen_.standings[y->stamp.ref()].outcome == Outcome::superseded) continue;
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
  const Placed* assigned_ = nullptr;  // the claim that stands, of whatever value
  const Placed* queued_ = nullptr;
  const Placed* deletion_ = nullptr;
  std::map<sync::ChangeRef, const Placed*> decided_;
  std::set<sync::ChangeRef> lost_takes_;
  Observed seen_;
};

}  // namespace tern::test
