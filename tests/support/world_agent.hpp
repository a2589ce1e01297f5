// An agent who works at random: every kind of intent, on whatever the device shows, wise or not.
#pragma once

#include <string>
#include <vector>

#include "support/world.hpp"

namespace tern::test {

/// What agents choose from. All of one tenant.
struct Shop {
  std::vector<OperatorId> people;
  std::vector<RecordId> queues;
  std::vector<RecordId> categories;
};

class Agent {
public:
  Agent(Device& device, const Shop& shop, Seed seed)
      : device_(device), shop_(shop), random_(seed, "agent " + device.name()) {}

  /// One to three changes, saved as one call or as several. Whether they make sense is for the fold to say.
  void work() { must(try_work()); }
  /// The same where the disk may refuse.
  Result<void> try_work();
  [[nodiscard]] Device& device() { return device_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

private:
  Result<void> create();
  Result<void> touch(const TicketId& ticket, const TicketId& other);
  Result<std::optional<ChangeRef>> a_message(const TicketId& ticket);
  sync::Change on(const TicketId& ticket, Intent intent) const;
  std::string words(const std::string& what);

  Device& device_;
  const Shop& shop_;
  Random random_;
  std::uint64_t changes_ = 0;
};

}  // namespace tern::test
