// Folding the ledger again in commit order, in memory: what receipts and amendments must say. For verify.
#pragma once

#include <map>
#include <vector>

#include "store/ledger.hpp"

namespace tern::server {

class LedgerFold {
public:
  struct Step {
    sync::Standing standing;
    std::vector<sync::StandingChange> altered;
  };

  /// One committed change, in commit order. What was not admitted alters nothing and has the standing of its admission.
  Step fold(const LedgerChange& change);
  /// The description of this ticket went through a body that is erased: how it was merged cannot be told any more.
  [[nodiscard]] bool description_erased(const TicketId& ticket) const;

  /// Its create was folded.
  [[nodiscard]] bool is_made(const TicketId& ticket) const;

private:
  struct Ticket {
    sync::TicketState state;
    std::map<sync::ChangeRef, sync::Message> messages;
    std::vector<sync::PlacedChange> edits;  // of the description
    std::vector<sync::Standing> edit_standings;
    std::map<sync::ChangeRef, sync::PlacedChange> held;
    bool erased = false;
  };

  Step fold_placed(Ticket& ticket, const sync::PlacedChange& placed);
  static Step fold_description(Ticket& ticket, const sync::PlacedChange& placed);
  Step fold_release(Ticket& ticket, const LedgerChange& release);

  std::map<TicketId, Ticket> tickets_;
};

}  // namespace tern::server
