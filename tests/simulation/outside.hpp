// Where all arrives that a server sends by itself: webhooks and mails (I30, I31).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/server/egress.hpp"

namespace tern::test {

/// Takes what is sent while `reachable` says so, and remembers it. Thread: the run's.
class Outside final : public server::Egress {
public:
  Result<int> post(const server::WebPost& post) override;
  Result<server::MailAnswer> mail(const server::MailServer& server, const server::MailPost& post) override;
  Result<server::WebAnswer> fetch(const server::WebAsk& what) override;
  [[nodiscard]] bool allows(const std::string& /*host*/, std::uint16_t /*port*/) const override { return true; }
  void stop() override {}

  /// One webhook by its name, however often it was sent.
  struct Delivery {
    std::string event, change;  // what it told of
    unsigned attempts = 0, taken = 0;
  };
  [[nodiscard]] const std::map<std::string, Delivery>& deliveries() const { return deliveries_; }
  [[nodiscard]] std::uint64_t mails_taken() const { return message_ids_.size(); }
  [[nodiscard]] std::uint64_t mails_to_customers() const { return to_customers_; }
  /// How often the same was sent again, as it should be after a loss.
  [[nodiscard]] std::uint64_t again() const { return again_; }

  std::function<bool()> reachable;  // false: nobody hears of it, and the sender is told so
  std::function<std::int64_t()> now_ms;
  std::function<void(std::string)> complain;
  int web = 204, smtp = 250;  // what is answered

private:
  std::map<std::string, Delivery> deliveries_;
  std::map<std::pair<std::string, std::string>, std::string> named_;  // event and change: the delivery
  std::map<std::pair<std::string, std::string>, std::string> told_;   // address and words: the message's name
  std::set<std::string> message_ids_;
  std::map<std::string, std::int64_t> answered_by_itself_ms_;  // the last automatic answer to an address
  std::uint64_t again_ = 0, to_customers_ = 0;
};

}  // namespace tern::test
