// The table of bad inputs: each row by its number, what is sent, and the clear answer that is due.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "unit/hostile/rig.hpp"

namespace tern::test {

enum class Line { closes, stays };

struct Row {
  std::string number, input;
  std::function<std::string(HostileRig&)> attack;
  std::string answer;  // the attack's, word for word
  Line line = Line::stays;
  std::string stored;  // as HostileRig::stored_since says it
};

std::vector<Row> http_rows();
std::vector<Row> api_rows();
std::vector<Row> sync_rows();
std::vector<Row> stream_rows();
std::vector<Row> mail_rows();
std::vector<Row> hook_rows();

/// Rows that another test of this program tries where more than the server's edge is needed. `compares`: the answer, as
/// that test's code has it.
struct RowElsewhere {
  std::string number, input, test, compares;
};
std::vector<RowElsewhere> rows_elsewhere();

/// Rows of features that are not there. `markers`: words that name the feature, in lower case, and not its answer;
/// sources in one of `rooms` will hold one of them once it is there.
struct LaterRow {
  std::string number, input;
  std::vector<std::string> rooms, markers;
};
std::vector<LaterRow> later_rows();
/// The same of the security scenarios.
std::vector<LaterRow> later_scenarios();

}  // namespace tern::test
