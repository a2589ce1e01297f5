// Work that waits for a person.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {

std::vector<AdminEntry> waiting_commands() {
  return {
      {command("held list",
               "Changes that were not allowed when they came, or wait for others: nothing of them counts yet",
               "Example: ternd held list", paged()),
       held_list},
      {command("held release", "Lets a held change take effect, at the time it was made; what waits for it comes along",
               "Example: ternd held release DEVICE:CHANGE --by ann@example.org",
               {positional("change", "DEVICE:CHANGE, as held list shows it"),
                optional("by", "Supervisor or administrator who answers for it; the only one when left out"),
                optional("reason", "Why")}),
       held_release},
      {command(
           "quarantine list", "Work that revoked or frozen devices handed in: nothing of it counts",
           "Each change with the times between which it was made. Kept for 90 days.\nExample: ternd quarantine list",
           paged()),
       quarantine_list},
      {command("quarantine release", "An administrator says again what a set in quarantine says, in their own name",
               "At the time it claims, within the times that are known, and quoting the original. Exit code 7 when "
               "something of it is refused.\nExample: ternd quarantine release 3f2a91 --by ann@example.org",
               {optional_positional("set", "The beginning of its name"), optional("device", "All sets of this device"),
                optional("by", "Administrator who answers for it; the only one when left out")}),
       quarantine_release},
      {command(
           "quarantine drop", "Takes a set off the list; nothing of it ever counts",
           "Example: ternd quarantine drop --device van",
           {optional_positional("set", "The beginning of its name"), optional("device", "All sets of this device")}),
       quarantine_drop},
      {command("handed-back list", "What devices hold of others' work that a restore lost: nothing of it counts yet",
               "With the device whose copy says so. What says comes_itself is waited for: its device's key is good, or "
               "not known to have ended.\nExample: ternd handed-back list",
               paged()),
       handed_back_list},
      {command("handed-back take", "Says again, for its author, what nobody else can send again",
               "The server's own work (customers, administration) and that of devices whose keys ended. Wait until the "
               "others are back; revoke a device that never will be. Exit code 7 when something of it is refused or "
               "held.\nExample: ternd handed-back take",
               {}),
       handed_back_take},
  };
}

}  // namespace tern::server::admin
