// A house with one supervisor's device, and the place of its backup.
#pragma once

#include <memory>
#include <string>

#include "house.hpp"
#include "support/files.hpp"
#include "support/persist.hpp"

namespace tern::test {

struct BackedUpHouse {
  House house;
  std::unique_ptr<Device> device;
  std::string backup;
  BackedUpHouse() {
    house.add_operator("ann", "supervisor");
    device = std::make_unique<Device>(house, "ann", "all");
    must(device->open_session());
    device->download();
    backup = house.folder.file("backup-1");
  }
  TicketId write(const std::string& subject) {
    const TicketId ticket = random_id<TicketId>(house.environment);
    device->push(device->create(ticket, subject));
    return ticket;
  }
  Result<Json> restore(const std::string& from, std::initializer_list<Json::Member> more = {{"replace", Json(true)}}) {
    house.core.reset();
    Json command = cmd("restore", {{"from", Json(from)}, {"recovery-key", Json(house.recovery_key)}});
    for (const auto& [key, value] : more) command.set(key, value);
    bool again = false;
    return persist([&] {
      if (std::exchange(again, true)) house.environment.advance(1000);  // what is replaced is named after its time
      return server::ServerCore::administer_offline(house.options(), command, house.environment);
    });
  }
};

}  // namespace tern::test
