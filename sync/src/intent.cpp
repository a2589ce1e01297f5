#include "tern/sync/intent.hpp"

#include <array>

namespace tern::sync {
namespace {

constexpr auto by_fact = Ruling::fact;
constexpr auto by_claim = Ruling::claim;
constexpr auto by_server = Ruling::server;
constexpr bool appends = true;
constexpr bool customer = true;

// In the order of their numbers. Right of `message` and `attach`: rights.cpp judges their visibility. A report from on
// site is the author's own work, like a time entry.
constexpr std::array intents = {
    IntentSpec{Intent::create, "create", by_fact, Unit::create, Right::create, !appends, customer},
    IntentSpec{Intent::set, "set", by_fact, Unit::field, Right::set_field, !appends, !customer},
    IntentSpec{Intent::describe, "describe", by_fact, Unit::description, Right::set_field, !appends, !customer},
    IntentSpec{Intent::message, "message", by_fact, Unit::message, Right::reply, appends, customer},
    IntentSpec{Intent::edit_message, "edit_message", by_fact, Unit::message_edit, Right::edit_own_message, !appends,
               !customer},
    IntentSpec{Intent::delete_message, "delete_message", by_fact, Unit::message_edit, Right::edit_own_message, !appends,
               !customer},
    IntentSpec{Intent::log_time, "log_time", by_fact, Unit::other, Right::log_time, appends, !customer},
    IntentSpec{Intent::attach, "attach", by_fact, Unit::message, Right::reply, appends, customer},
    IntentSpec{Intent::tag, "tag", by_fact, Unit::set, Right::tag, !appends, !customer},
    IntentSpec{Intent::untag, "untag", by_fact, Unit::set, Right::tag, !appends, !customer},
    IntentSpec{Intent::watch, "watch", by_fact, Unit::set, Right::watch, !appends, !customer},
    IntentSpec{Intent::unwatch, "unwatch", by_fact, Unit::set, Right::watch, !appends, !customer},
    IntentSpec{Intent::link, "link", by_fact, Unit::set, Right::link, !appends, !customer},
    IntentSpec{Intent::unlink, "unlink", by_fact, Unit::set, Right::link, !appends, !customer},
    IntentSpec{Intent::pin, "pin", by_fact, Unit::set, Right::pin, !appends, !customer},
    IntentSpec{Intent::unpin, "unpin", by_fact, Unit::set, Right::pin, !appends, !customer},

    IntentSpec{Intent::on_site, "on_site", by_fact, Unit::message, Right::log_time, appends, !customer},
    IntentSpec{Intent::send_message, "send_message", by_fact, Unit::message_edit, Right::reply, !appends, !customer},
    IntentSpec{Intent::start, "start", by_fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::wait, "wait", by_fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::hold, "hold", by_fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::resume, "resume", by_fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::estimate, "estimate", by_fact, Unit::status, Right::estimate, !appends, !customer},
    IntentSpec{Intent::resolve, "resolve", by_fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::close, "close", by_fact, Unit::status, Right::move_status, !appends, customer},
    IntentSpec{Intent::reopen, "reopen", by_fact, Unit::status, Right::move_status, !appends, customer},
    IntentSpec{Intent::put_back, "put_back", by_fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::estimate_approved, "estimate_approved", by_fact, Unit::status, Right::approve_estimate, !appends,
               customer},
    IntentSpec{Intent::estimate_rejected, "estimate_rejected", by_fact, Unit::status, Right::approve_estimate, !appends,
               customer},

    IntentSpec{Intent::take, "take", by_claim, Unit::assignee, Right::take, !appends, !customer},
    IntentSpec{Intent::assign, "assign", by_claim, Unit::assignee, Right::assign_with_reason, !appends, !customer},
    IntentSpec{Intent::move_queue, "move_queue", by_claim, Unit::queue, Right::set_field, !appends, !customer},
    IntentSpec{Intent::merge, "merge", by_claim, Unit::merge, Right::merge, !appends, !customer},
    IntentSpec{Intent::split, "split", by_claim, Unit::other, Right::split, !appends, !customer},
    IntentSpec{Intent::delete_ticket, "delete", by_claim, Unit::deletion, Right::delete_ticket, !appends, !customer},
    IntentSpec{Intent::restore, "restore", by_claim, Unit::deletion, Right::restore, !appends, !customer},
    IntentSpec{Intent::approve_estimate, "approve_estimate", by_claim, Unit::estimate_claim, Right::approve_estimate,
               !appends, customer},
    IntentSpec{Intent::reject_estimate, "reject_estimate", by_claim, Unit::estimate_claim, Right::approve_estimate,
               !appends, customer},
    IntentSpec{Intent::rate, "rate", by_claim, Unit::rating, Right::rate, !appends, customer},
    IntentSpec{Intent::unmerge, "unmerge", by_claim, Unit::merge, Right::merge, !appends, !customer},

    IntentSpec{Intent::merged_from, "merged_from", by_server, Unit::merge, Right::server_only, !appends, !customer},
    IntentSpec{Intent::split_from, "split_from", by_server, Unit::other, Right::server_only, !appends, !customer},
    IntentSpec{Intent::custody_end, "custody_end", by_server, Unit::other, Right::server_only, !appends, !customer},
    IntentSpec{Intent::record, "record", by_server, Unit::record, Right::server_only, !appends, !customer},
    IntentSpec{Intent::erase, "erase", by_server, Unit::other, Right::server_only, !appends, !customer},
    IntentSpec{Intent::unmerged_from, "unmerged_from", by_server, Unit::merge, Right::server_only, !appends, !customer},

    IntentSpec{Intent::release, "release", by_fact, Unit::other, Right::release, !appends, !customer},
};

constexpr bool ascending() {
  for (std::size_t i = 1; i < intents.size(); ++i)
    if (intents[i - 1].intent >= intents[i].intent) return false;
  return true;
}

// The server alone may mean what the server rules, and a claim never appends: fold.md "Order".
constexpr bool rulings_agree() {
  for (const IntentSpec& spec : intents) {
    if ((spec.ruling == by_server) != (spec.right == Right::server_only)) return false;
    if (spec.append_only && spec.ruling != by_fact) return false;
    const bool claimed_unit = spec.unit == Unit::assignee || spec.unit == Unit::queue || spec.unit == Unit::deletion ||
                              spec.unit == Unit::estimate_claim || spec.unit == Unit::rating;
    if (claimed_unit && spec.ruling != by_claim) return false;
  }
  return true;
}
static_assert(ascending());
static_assert(rulings_agree());

constexpr auto make_index() {
  std::array<std::int16_t, 256> index{};
  index.fill(-1);
  for (std::size_t i = 0; i < intents.size(); ++i)
    index[static_cast<std::uint8_t>(intents[i].intent)] = static_cast<std::int16_t>(i);
  return index;
}
constexpr auto by_number = make_index();

}  // namespace

const IntentSpec* find_intent(Intent intent) {
  const std::int16_t at = by_number[static_cast<std::uint8_t>(intent)];
  return at < 0 ? nullptr : &intents[static_cast<std::size_t>(at)];
}

const IntentSpec* find_intent(std::string_view name) {
  for (const IntentSpec& spec : intents)
    if (spec.name == name) return &spec;
  return nullptr;
}

std::span<const IntentSpec> all_intents() {
  return intents;
}

}  // namespace tern::sync
