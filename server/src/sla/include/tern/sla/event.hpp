// What happened on a ticket, as the clock reads it: a list in the fold's order (rules K3 to K5, K17, K21, K22).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tern/sla/policy.hpp"

namespace tern::sla {

enum class EventKind : std::uint8_t {
  create,            // the first of the list
  status,            // a move that took effect
  attributes,        // what the rules look at, as the fold says after a commit, at the time of that commit
  agent_message,     // by staff or by the house itself
  customer_message,  // by the customer
  call,              // an agent's record of a phone call
  arrival,           // an agent at the customer's (on_site)
  withdrawn,         // merged away, or deleted: all cycles cancelled (K22)
  restored,          // that undone: they go on
  merged_in,         // another ticket was merged into this one (K22)
  decision,          // a manager's word on a cycle (K18, K19)
  nothing            // anything else; takes no part
};

/// How a ticket came to be (K3).
enum class Opening : std::uint8_t {
  by_customer,        // or by an agent for a customer who knows of it
  by_public_message,  // an agent wrote to the customer first
  internal            // a task; no customer knows of it
};

enum class DecisionVerdict : std::uint8_t { accept, reject, excuse };

/// What is known of the time of an offline change (K17).
struct OfflineTime {
  Instant lower_bound = 0;                   // proven: an anchor or something that it saw
  Instant window_begin = 0, window_end = 0;  // cut by the device's monotonic clock where that is known
  Instant received = 0;                      // proven: the only upper end that is

  /// The device's clock narrowed the late end.
  [[nodiscard]] bool attested() const { return window_end < received; }
};

struct Event {
  EventKind kind = EventKind::nothing;
  std::string id;                      // of the change
  Instant at = 0;                      // effective time
  std::optional<OfflineTime> offline;  // empty: made online, received at `at`
  std::optional<Instant> readable_at;  // of a message: when the customer could read it; empty: on receipt

  sync::Status status = sync::Status::new_;  // of a move
  bool is_public = true;                     // of a message
  bool automatic = false;    // of a message: auto-reply, rule, bot, forwarding; of a customer's: no person wrote it
  bool light_agent = false;  // their words are notes
  bool answered = false;     // of a call
  Attributes attributes;     // of create and attributes
  Opening opening = Opening::by_customer;
  /// Of create: the original message's instant, for a split that inherits the clock. Of merged_in: when the other's
  /// first_response started, if nobody had answered it.
  std::optional<Instant> clock_start;
  Metric metric = Metric::first_response;  // of a decision, with the id of the change that started the cycle
  std::string cycle;
  DecisionVerdict verdict = DecisionVerdict::accept;

  [[nodiscard]] Instant received() const { return offline ? offline->received : at; }
};

/// A public message of a person on staff, or an answered call: what answers a customer (K3).
bool answers_customer(const Event& event);

/// clamp(claimed, window): the effective time of an offline change that stands alone (K17).
Instant effective_time(Instant claimed, const OfflineTime& time);

/// The moves that a customer's messages make (waiting -> open; resolved, or closed within `reopen_window` -> reopened),
/// put in as events behind their messages, unless the next event is a move of that instant. For lists that hold only
/// what people did; what comes from the fold has them.
std::vector<Event> with_customer_moves(std::vector<Event> events, Seconds reopen_window = 14 * day_s);

}  // namespace tern::sla
