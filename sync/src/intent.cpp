#include "tern/sync/intent.hpp"

#include <array>

namespace tern::sync {
namespace {

constexpr auto fact = Ruling::fact;
constexpr auto claim = Ruling::claim;
constexpr auto server = Ruling::server;
constexpr bool appends = true;
constexpr bool customer = true;

// In the order of their numbers. Right of `message` and `attach`: rights.cpp judges their visibility. A report from on
// site is the author's own work, like a time entry.
constexpr std::array intents = {
    IntentSpec{Intent::create, "create", fact, Unit::create, Right::create, !appends, customer},
    IntentSpec{Intent::set, "set", fact, Unit::field, Right::set_field, !appends, !customer},
    IntentSpec{Intent::describe, "describe", fact, Unit::description, Right::set_field, !appends, !customer},
    IntentSpec{Intent::message, "message", fact, Unit::message, Right::reply, appends, customer},
    IntentSpec{Intent::edit_message, "edit_message", fact, Unit::message_edit, Right::edit_own_message, !appends,
               !customer},
    IntentSpec{Intent::delete_message, "delete_message", fact, Unit::message_edit, Right::edit_own_message, !appends,
               !customer},
    IntentSpec{Intent::log_time, "log_time", fact, Unit::other, Right::log_time, appends, !customer},
    IntentSpec{Intent::attach, "attach", fact, Unit::message, Right::reply, appends, customer},
    IntentSpec{Intent::tag, "tag", fact, Unit::set, Right::tag, !appends, !customer},
    IntentSpec{Intent::untag, "untag", fact, Unit::set, Right::tag, !appends, !customer},
    IntentSpec{Intent::watch, "watch", fact, Unit::set, Right::watch, !appends, !customer},
    IntentSpec{Intent::unwatch, "unwatch", fact, Unit::set, Right::watch, !appends, !customer},
    IntentSpec{Intent::link, "link", fact, Unit::set, Right::link, !appends, !customer},
    IntentSpec{Intent::unlink, "unlink", fact, Unit::set, Right::link, !appends, !customer},
    IntentSpec{Intent::pin, "pin", fact, Unit::set, Right::pin, !appends, !customer},
    IntentSpec{Intent::unpin, "unpin", fact, Unit::set, Right::pin, !appends, !customer},

    IntentSpec{Intent::on_site, "on_site", fact, Unit::message, Right::log_time, appends, !customer},
    IntentSpec{Intent::start, "start", fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::wait, "wait", fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::hold, "hold", fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::resume, "resume", fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::estimate, "estimate", fact, Unit::status, Right::estimate, !appends, !customer},
    IntentSpec{Intent::resolve, "resolve", fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::close, "close", fact, Unit::status, Right::move_status, !appends, customer},
    IntentSpec{Intent::reopen, "reopen", fact, Unit::status, Right::move_status, !appends, customer},
    IntentSpec{Intent::put_back, "put_back", fact, Unit::status, Right::move_status, !appends, !customer},
    IntentSpec{Intent::estimate_approved, "estimate_approved", fact, Unit::status, Right::approve_estimate, !appends,
               customer},
    IntentSpec{Intent::estimate_rejected, "estimate_rejected", fact, Unit::status, Right::approve_estimate, !appends,
               customer},

    IntentSpec{Intent::take, "take", claim, Unit::assignee, Right::take, !appends, !customer},
    IntentSpec{Intent::assign, "assign", claim, Unit::assignee, Right::assign_with_reason, !appends, !customer},
    IntentSpec{Intent::move_queue, "move_queue", claim, Unit::queue, Right::set_field, !appends, !customer},
    IntentSpec{Intent::merge, "merge", claim, Unit::merge, Right::merge, !appends, !customer},
    IntentSpec{Intent::split, "split", claim, Unit::other, Right::split, !appends, !customer},
    IntentSpec{Intent::delete_ticket, "delete", claim, Unit::deletion, Right::delete_ticket, !appends, !customer},
    IntentSpec{Intent::restore, "restore", claim, Unit::deletion, Right::restore, !appends, !customer},
    IntentSpec{Intent::approve_estimate, "approve_estimate", claim, Unit::estimate_claim, Right::approve_estimate,
               !appends, customer},
    IntentSpec{Intent::reject_estimate, "reject_estimate", claim, Unit::estimate_claim, Right::approve_estimate,
               !appends, customer},
    IntentSpec{Intent::rate, "rate", claim, Unit::rating, Right::rate, !appends, customer},

    IntentSpec{Intent::merged_from, "merged_from", server, Unit::merge, Right::server_only, !appends, !customer},
    IntentSpec{Intent::split_from, "split_from", server, Unit::other, Right::server_only, !appends, !customer},
    IntentSpec{Intent::custody_end, "custody_end", server, Unit::other, Right::server_only, !appends, !customer},
    IntentSpec{Intent::record, "record", server, Unit::record, Right::server_only, !appends, !customer},
    IntentSpec{Intent::erase, "erase", server, Unit::other, Right::server_only, !appends, !customer},

    IntentSpec{Intent::release, "release", fact, Unit::other, Right::release, !appends, !customer},
};

constexpr bool ascending() {
  for (std::size_t i = 1; i < intents.size(); ++i)
    if (intents[i - 1].intent >= intents[i].intent) return false;
  return true;
}

// The server alone may mean what the server rules, and a claim never appends: fold.md "Order".
constexpr bool rulings_agree() {
  for (const IntentSpec& spec : intents) {
    if ((spec.ruling == server) != (spec.right == Right::server_only)) return false;
    if (spec.append_only && spec.ruling != fact) return false;
    const bool claimed_unit = spec.unit == Unit::assignee || spec.unit == Unit::queue || spec.unit == Unit::deletion ||
                              spec.unit == Unit::estimate_claim || spec.unit == Unit::rating;
    if (claimed_unit && spec.ruling != claim) return false;
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
