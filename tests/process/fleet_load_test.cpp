// tern-fleet load, small: that it runs, counts right and leaves nothing behind. Its figures are docs/reliability.md's.
#include <filesystem>

#include "support/catch.hpp"
#include "support/process.hpp"

namespace tern::test {

TEST_CASE("a small load is carried, counted, and leaves no file and no server behind", "[load]") {
  const TempDir folder;
  const Ended ended =
      run({{program("tern-fleet"), "load", "--streams", "40", "--devices", "5", "--sets", "70", "--trickling", "30",
            "--trickle-seconds", "1", "--seconds", "60", "--work", folder.path(), "--json"}},
          90'000);
  INFO(ended.err);
  CHECK(ended.exit_code == 0);
  const Json line = ended.line();
  CHECK(line["streams"]["open"].as_integer() == 40);
  CHECK(line["streams"]["push"]["count"].as_integer() == 5 * 40);
  CHECK(line["streams"]["pushes_missed"].as_integer() == 0);
  CHECK(line["trickle"]["peers"].as_integer() == 30);
  CHECK(line["trickle"]["not_served"].as_integer() == 0);
  CHECK(line["trickle"]["served"]["count"].as_integer() > 10);
  CHECK(line["storm"]["confirmed"].as_integer() == 5 * 70);
  CHECK(line["failures"].size() == 0);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a load without a server, or out of bounds, is refused before it begins", "[load]") {
  const TempDir folder;
  const Ended none = run({{program("tern-fleet"), "load", "--streams", "2", "--devices", "1", "--server",
                           folder.file("no-server"), "--work", folder.path(), "--json"}});
  CHECK(none.exit_code != 0);
  CHECK(holds(none.err, "no-server"));
  CHECK(run({{program("tern-fleet"), "load", "--streams", "1000000"}}).exit_code == 2);
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace tern::test
