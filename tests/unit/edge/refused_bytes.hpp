// Bytes that are no clear request, with what each gets: rows 1 to 8 of the table of bad inputs, as many ways as are
// known.
#pragma once

#include <string>
#include <vector>

namespace tern::test {

struct RefusedBytes {
  std::string row;  // of the table of bad inputs; empty: of none
  std::string name;
  std::string bytes;
  int status;
  std::string code;
};

/// What follows in the same bytes must never run: a request for /smuggled.
extern const std::string smuggled_request;

/// `post_path` takes a POST with a body of a few bytes.
std::vector<RefusedBytes> refused_bytes(const std::string& post_path);

}  // namespace tern::test
