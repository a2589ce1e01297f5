// What people run: built without crash points, whatever the rest of this build is. The test crash_points_off looks for
// traces of them in the object.
#undef TERN_CRASH_POINTS
#include "tern/protocol/crash_point.hpp"

static_assert((tern::crash_point("before_commit"), true),
              "without crash points a point is a constant, so nothing at run time");

int main() {
  tern::crash_point("before_commit");
  return 0;
}
