#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include "simulation/catch_session.hpp"

#include <catch2/catch.hpp>

extern "C" int catch_main(int argc, char** argv);  // tests/CMakeLists.txt

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
  std::string words[] = {"tern_sim", "-r", "silent"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  static_cast<void>(catch_main(3, arguments));
}

const std::string& last_failure() {
  return failure;
}

}  // namespace tern::test
