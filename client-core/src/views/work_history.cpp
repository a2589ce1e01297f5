#include "views/work_history.hpp"

#include <algorithm>
#include <map>

#include "exchange/sync_state.hpp"
#include "follow_ups.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/v1/exchange.pb.h"
#include "views/change_words.hpp"
#include "views/late_ends.hpp"
#include "views/name_book.hpp"
#include "views/not_mine.hpp"
#include "views/sentences.hpp"
#include "views/time_text.hpp"
#include "views/what_stands.hpp"

namespace tern::client {
namespace {

using sync::Outcome;
using sync::Rule;

/// The table of a stored statement. Its signature was checked before it was stored.
std::optional<protocol::Amendment> read_amendment(ByteView wire) {
  if (wire.size() < protocol::statement_prefix_bytes + Signature::size_bytes) return std::nullopt;
  protocol::ByteReader reader(wire.substr(protocol::statement_prefix_bytes,
                                          wire.size() - protocol::statement_prefix_bytes - Signature::size_bytes));
  protocol::Amendment amendment = protocol::Amendment::read(reader);
  if (!reader.finish()) return std::nullopt;
  return amendment;
}

/// Who made a change, where some stamp of it is in the state.
std::string author_of(const sync::TicketState& state, const sync::ChangeRef& ref, NameBook& names) {
  const auto named = [&](const sync::Stamp& stamp) { return stamp.ref() == ref; };
  for (const auto& [key, field] : state.fields)
    for (const sync::Head& head : field.heads)
      if (named(head.stamp)) return names.author(head.stamp);
  for (const sync::Move& move : state.moves)
    if (named(move.stamp)) return names.author(move.stamp);
  return {};
}

class Teller {
public:
  Teller(ListParts parts, const ClockText& clock) : parts_(parts), clock_(clock ? clock : ClockText(clock_text)) {}

  Result<void> begin() {
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    cursor_seq_ = cursor.commit_seq;
    TERN_TRY(const SyncState state, load_sync_state(parts_.outbox));
    handed_in_epoch_ = state.deposited_epoch;
    handed_in_seq_ = state.deposited_seq;
    return {};
  }

  Result<HistoryEntry> tell(const OwnChange& own) {
    TERN_TRY(const Ticket* ticket, ticket_of(own.change.ticket));
    HistoryEntry entry = made(own, *ticket);
    SentenceFacts facts{
        entry, 0, ticket->ghost && entry.outcome == Outcome::unspecified, unit_of(own.change.intent), {}, 0, 0};
    if (!own.outcome.empty()) TERN_CHECKED(add_receipt(own, entry));
    if (!own.amendment.empty()) add_amendment(own, *ticket, entry, facts);
    if (entry.outcome != Outcome::unspecified) {
      const sync::TicketState* state = ticket->state ? &*ticket->state : nullptr;
      const WhatStands stands = what_stands(own.change, entry.standing, state, parts_.names);
      if (tells_what_stands(entry.standing.outcome)) {
        entry.stands_value = stands.value;
        entry.stands_author = stands.author;
        facts.stands_at_ms = stands.at_ms;
      }
    }
    facts.ghost = ticket->ghost && entry.outcome == Outcome::unspecified;
    for (const std::string_view label : follow_up_labels(entry, facts.ghost, facts.altered > 0))
      entry.follow_ups.push_back(make_follow_up(label, entry.change));
    entry.sentence = sentence_for(facts, clock_);
    return entry;
  }

private:
  struct Ticket {
    std::string number, subject;
    bool ghost = false;
    std::optional<sync::TicketState> state;
  };

  static sync::Unit unit_of(sync::Intent intent) {
    const sync::IntentSpec* spec = sync::find_intent(intent);
    return spec == nullptr ? sync::Unit::none : spec->unit;
  }

  static bool tells_what_stands(Outcome outcome) {
    return outcome == Outcome::superseded || outcome == Outcome::overtaken || outcome == Outcome::redirected;
  }

  Result<const Ticket*> ticket_of(const TicketId& id) {
    if (const auto known = tickets_.find(id); known != tickets_.end()) return &known->second;
    Ticket ticket;
    TERN_TRY(auto rows,
             parts_.replica.database().query("SELECT number, subject, ghost FROM ticket WHERE ticket_id = $1", id));
    TERN_TRY(const bool found, rows.step());
    if (found) {
      ticket.number = rows.text(0);
      ticket.subject = rows.text(1);
      ticket.ghost = rows.boolean(2);
      TERN_TRY(ticket.state, parts_.replica.shown(id));
    } else {
      TERN_TRY(const auto label, parts_.outbox.label(id));
      if (label) ticket.number = label->number;
      if (label) ticket.subject = label->subject;
    }
    return &tickets_.emplace(id, std::move(ticket)).first->second;
  }

  HistoryEntry made(const OwnChange& own, const Ticket& ticket) {
    HistoryEntry entry;
    ChangeWords words = words_of(own.change, parts_.names);
    entry.change = own.change.ref;
    entry.ticket = own.change.ticket;
    entry.number = ticket.number;
    entry.subject = ticket.subject;
    entry.intent = std::move(words.intent);
    entry.field = std::move(words.field);
    entry.value = std::move(words.value);
    entry.text = own.change.text.empty() ? own.change.reason : own.change.text;
    entry.wall_ms = own.change.wall_ms;
    entry.chain_seq = own.state == SetState::draft ? 0 : own.origin.chain_seq;
    entry.commit_seq = own.commit_seq;
    entry.seen_seq = own.change.seen_seq;
    entry.saved = saved(own);
    entry.handed_in = own.state == SetState::sent && own.commit_seq == 0 &&
                      own.origin.device_epoch == handed_in_epoch_ && own.origin.chain_seq <= handed_in_seq_;
    return entry;
  }

  Saved saved(const OwnChange& own) const {
    if (own.attention) return Saved::needs_attention;
    if (own.state < SetState::sent) return Saved::saved_here;
    return own.commit_seq != 0 && own.commit_seq <= cursor_seq_ ? Saved::confirmed : Saved::sent;
  }

  static Result<void> add_receipt(const OwnChange& own, HistoryEntry& entry) {
    v1::ChangeOutcome outcome;
    if (!outcome.ParseFromString(own.outcome)) {
      return fail(ErrorCode::corrupt, "the outbox of this device holds a receipt that cannot be read", {}, "outbox");
    }
    entry.outcome = static_cast<Outcome>(outcome.outcome());
    entry.rule = static_cast<Rule>(outcome.rule());
    entry.reason = static_cast<sync::ReasonCode>(outcome.reason());
    entry.standing.outcome = entry.outcome;
    entry.standing.rule = entry.rule;
    entry.standing.stands.device = DeviceId::or_zero(outcome.stands_device());
    entry.standing.stands.id = ChangeId::or_zero(outcome.stands_change());
    entry.standing.stands_author = OperatorId::or_zero(outcome.stands_author());
    entry.seen_seq = outcome.seen_seq();
    entry.effective_ms = outcome.effective_ms();
    entry.lo_ms = outcome.lo_ms();
    entry.hi_ms = outcome.hi_ms();
    entry.time_flags = outcome.time_flags();
    if (entry.number.empty()) entry.number = outcome.number();
    return {};
  }

  /// The newest statement says what the fold says of the change today, or what the change did to others'.
  void add_amendment(const OwnChange& own, const Ticket& ticket, HistoryEntry& entry, SentenceFacts& facts) {
    const auto amendment = read_amendment(own.amendment);
    if (!amendment) return;
    entry.amended = true;
    for (const protocol::AmendedChange& changed : amendment->changes) {
      const sync::ChangeRef name{changed.name.device, changed.name.change};
      const sync::ChangeRef cause{changed.cause.device, changed.cause.change};
      if (name == own.change.ref) {
        entry.standing = {static_cast<Outcome>(changed.after), static_cast<Rule>(changed.rule), cause, {}};
        if (ticket.state) facts.amended_by = author_of(*ticket.state, cause, parts_.names);
        facts.amended_ms = amendment->time_ms;
      } else if (cause == own.change.ref) {
        ++facts.altered;
      }
    }
  }

  ListParts parts_;
  const ClockText clock_;
  std::uint64_t cursor_seq_ = 0, handed_in_epoch_ = 0, handed_in_seq_ = 0;
  std::map<TicketId, Ticket> tickets_;
};

Result<std::vector<HistoryEntry>> tell_all(ListParts parts, const std::vector<OwnChange>& changes,
                                           const ClockText& clock) {
  Teller teller(parts, clock);
  TERN_CHECKED(teller.begin());
  std::vector<HistoryEntry> out;
  for (const OwnChange& own : changes) {
    TERN_TRY(auto entry, teller.tell(own));
    out.push_back(std::move(entry));
  }
  return out;
}

/// Pending work on tickets that have left.
Result<void> add_ghosts(ListParts parts, std::vector<OwnChange>& changes) {
  TERN_TRY(const CursorHeld cursor, parts.replica.cursor());
  std::vector<TicketId> ghosts;
  {
    TERN_TRY(auto rows, parts.replica.database().query("SELECT ticket_id FROM ticket WHERE ghost = 1"));
    for (;;) {
      TERN_TRY(const bool row, rows.step());
      if (!row) break;
      ghosts.push_back(rows.id<TicketId>(0));
    }
  }
  for (const TicketId& ghost : ghosts) {
    TERN_TRY(auto pending, parts.outbox.pending(cursor.commit_seq, ghost));
    for (OwnChange& own : pending) {
      const bool told =
          std::ranges::any_of(changes, [&](const OwnChange& c) { return c.change.ref == own.change.ref; });
      if (!told && !own.dismissed) changes.push_back(std::move(own));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<HistoryEntry>> work_history(ListParts parts, const std::optional<TicketId>& ticket,
                                               const ClockText& clock) {
  TERN_TRY(const auto changes, parts.outbox.own_changes(ticket));
  return tell_all(parts, changes, clock);
}

Result<std::vector<HistoryEntry>> work_attention(ListParts parts, const ClockText& clock) {
  TERN_TRY(auto changes, parts.outbox.attention());
  TERN_CHECKED(add_ghosts(parts, changes));
  std::ranges::sort(changes, [](const OwnChange& a, const OwnChange& b) { return a.position > b.position; });
  TERN_TRY(auto entries, tell_all(parts, changes, clock));
  TERN_TRY(auto late, late_ends(parts, clock));
  std::ranges::move(late, std::back_inserter(entries));
  TERN_TRY(auto others, others_entries(parts, clock));
  std::ranges::move(others, std::back_inserter(entries));
  return entries;
}

}  // namespace tern::client
