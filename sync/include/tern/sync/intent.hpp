// The one table of intents: how each is ordered, what it needs, who may mean it. Rules: desk.md 2.2, 2.14; fold.md
// "Order".
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tern::sync {

/// Numbers are those of tern.v1.Intent and never reused.
enum class Intent : std::uint8_t {
  unspecified = 0,
  create = 1,
  set = 2,
  describe = 3,
  message = 4,
  edit_message = 5,
  delete_message = 6,
  log_time = 7,
  attach = 8,
  tag = 9,
  untag = 10,
  watch = 11,
  unwatch = 12,
  link = 13,
  unlink = 14,
  pin = 15,
  unpin = 16,
  on_site = 17,
  send_message = 18,
  start = 20,
  wait = 21,
  hold = 22,
  resume = 23,
  estimate = 24,
  resolve = 25,
  close = 26,
  reopen = 27,
  put_back = 28,
  estimate_approved = 29,
  estimate_rejected = 30,
  take = 40,
  assign = 41,
  move_queue = 42,
  merge = 43,
  split = 44,
  delete_ticket = 45,
  restore = 46,
  approve_estimate = 47,
  reject_estimate = 48,
  rate = 49,
  unmerge = 50,
  merged_from = 60,
  split_from = 61,
  custody_end = 62,
  record = 63,
  erase = 64,
  unmerged_from = 65,
  release = 70,
};

enum class Ruling : std::uint8_t { fact, claim, server };

/// What a change of this intent touches.
enum class Unit : std::uint8_t {
  none,
  create,
  field,
  description,
  message,
  message_edit,
  set,
  status,
  assignee,
  queue,
  merge,
  deletion,
  estimate_claim,
  rating,
  record,
  other
};

/// The right an author needs (desk.md 2.14). `rights.hpp` maps roles to rights.
enum class Right : std::uint8_t {
  read,
  create,
  reply,
  note,
  restricted_note,
  set_field,
  move_status,
  take,
  assign_with_reason,
  assign_anyone,
  edit_own_message,
  edit_any_message,
  log_time,
  estimate,
  link,
  tag,
  watch,
  pin,
  merge,
  split,
  delete_ticket,
  restore,
  release,
  approve_estimate,
  rate,        // no role has it: customers alone
  decide_sla,  // whether a breach stands
  administer,
  server_only,
};

struct IntentSpec {
  Intent intent;
  std::string_view name;  // as in --json, history and docs: "take", "set", "resolve"
  Ruling ruling;
  Unit unit;
  Right right;        // reassigning without assign_anyone, and others' messages, are judged further in rights.hpp
  bool append_only;   // appends to a deleted or merged ticket all the same
  bool customer_may;  // a contact may mean it
};

/// Null for an unknown intent.
const IntentSpec* find_intent(Intent intent);
const IntentSpec* find_intent(std::string_view name);
std::span<const IntentSpec> all_intents();
/// Of one message, which `targets` names.
inline bool is_about_message(Intent intent) {
  return intent == Intent::edit_message || intent == Intent::delete_message || intent == Intent::send_message;
}
inline bool is_claim(const IntentSpec& spec) {
  return spec.ruling == Ruling::claim;
}

}  // namespace tern::sync
