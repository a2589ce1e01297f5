// A program that writes over the API, and asks again with the same Idempotency-Key until it is answered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/world.hpp"

namespace tern::test {

class Integration {
public:
  /// `world` outlives it.
  Integration(World& world, Seed seed) : world_(world), random_(seed, "integration") {}

  /// Who asks: the header that says so, and where to.
  struct Asker {
    std::string header, secret, target;
  };
  /// One write, in which `text` stands and nowhere else.
  void write(const Asker& asker, const Json& request, const std::string& text);
  /// Nothing is under way any more.
  [[nodiscard]] bool idle() const { return waiting_ == 0; }

  /// I3: what was answered as done is there once, what was not at most once. `complete`: nothing was lost by a restore.
  void judge(const TenantId& tenant, bool complete);

  [[nodiscard]] std::uint64_t done() const { return done_; }
  /// Requests that were sent more than once, and answers of what had been done before.
  [[nodiscard]] std::uint64_t asked_again() const { return asked_again_; }
  [[nodiscard]] std::uint64_t answered_again() const { return answered_again_; }

private:
  struct Asked {
    Asker asker;
    Bytes body;
    std::string key, text;
    unsigned tries = 0;
    bool done = false, refused = false;
    std::string answer;  // the id of what it made
  };
  void ask(std::size_t which);
  void hear(std::size_t which, const Result<client::HttpAnswer>& answer);

  World& world_;
  Random random_;
  std::vector<Asked> asked_;
  std::size_t waiting_ = 0;
  std::uint64_t done_ = 0, asked_again_ = 0, answered_again_ = 0;
};

}  // namespace tern::test
