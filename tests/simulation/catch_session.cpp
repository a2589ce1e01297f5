#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "simulation/catch_session.hpp"

namespace tern::test {
namespace {

std::function<void()> whole;
std::string failure;

}  // namespace

class SilentReporter : public Catch::StreamingReporterBase<SilentReporter> {
public:
  using StreamingReporterBase::StreamingReporterBase;
  static std::string getDescription() { return "keeps what failed"; }
  void assertionStarting(const Catch::AssertionInfo&) override {}
  bool assertionEnded(const Catch::AssertionStats& stats) override {
    if (stats.assertionResult.isOk()) return true;
    failure = stats.assertionResult.getMessage().data();
    if (failure.empty()) failure = stats.assertionResult.getExpandedExpression();
    return true;
  }
};
CATCH_REGISTER_REPORTER("silent", SilentReporter)

TEST_CASE("everything") {
  whole();
}

void in_catch_session(const std::function<void()>& what) {
  whole = what;
  const char* arguments[] = {"tern_sim", "-r", "silent"};
  Catch::Session session;
  static_cast<void>(session.run(3, arguments));
}

const std::string& last_failure() {
  return failure;
}

}  // namespace tern::test
