// A salvage in words.
#include <fmt/format.h>

#include <algorithm>

#include "tern/client/salvage.hpp"

namespace tern::client {
namespace {

using Found = SalvageReport::Found;

}  // namespace

std::string to_sentence(const SalvageReport& report) {
  if (report.found == Found::whole) return "The outbox of this device is whole; nothing was changed.";
  if (report.found == Found::finished) return "A salvage that was interrupted is finished; tern status has its notice.";
  const auto joined = [](const auto& values, const char* separator) {
    return fmt::format(
        "{}",
        fmt::join(values.begin(),
                  values.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(values.size(), 20)), separator));
  };
  std::string text = report.found == Found::damaged   ? "The outbox of this device was damaged and made anew"
                     : report.found == Found::missing ? "The outbox of this device was missing and made anew"
                                                      : "The outbox of this device could not be read and was made anew";
  if (report.found != Found::damaged) return text + "; how much unsent work was in it is not known.";
  text += fmt::format("; {} change{} kept, {} could not be read", report.kept, report.kept == 1 ? " was" : "s were",
                      report.lost);
  if (!report.lost_sets.empty()) text += "; sets that could not be read: " + joined(report.lost_sets, ", ");
  if (!report.lost_tickets.empty())
    text += "; what could not be read was work on: " + joined(report.lost_tickets, ", ");
  return text + ". What the server had received comes back with the next sync.";
}

Json to_json(const SalvageReport& report) {
  constexpr const char* names[] = {"whole", "damaged", "unreadable", "missing", "finished"};
  Json sets = Json::array({}), tickets = Json::array({});
  for (const std::uint64_t seq : report.lost_sets) sets.push(Json(seq));
  for (const std::string& ticket : report.lost_tickets) tickets.push(Json(ticket));
  return Json::object({{"found", Json(names[static_cast<std::size_t>(report.found)])},
                       {"kept", Json(report.kept)},
                       {"to_send", Json(report.to_send)},
                       {"lost", Json(report.lost)},
                       {"lost_sets", std::move(sets)},
                       {"lost_tickets", std::move(tickets)},
                       {"set_aside", report.set_aside.empty() ? Json() : Json(report.set_aside)}});
}

}  // namespace tern::client
