// `ternd sla cases FILE`: the SLA clock against a file of worked cases. Needs no server directory.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "exit_codes.hpp"
#include "invocation.hpp"
#include "terminal.hpp"
#include "tern/sla/cases.hpp"

namespace tern::apps {
namespace {

Result<std::string> read_case_file_text(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail(ErrorCode::not_found, "there is no file " + path, "", "file");
  std::ifstream in(path, std::ios::binary);
  std::string text;
  text.resize(sla::case_file_bytes_max + 1);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof())) return fail(ErrorCode::invalid, "cannot read " + path, "", "file");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > sla::case_file_bytes_max)
    return fail(ErrorCode::too_large, path + " is larger than 16 MiB", "", "file");
  return text;
}

void print_case(const sla::CaseResult& one) {
  std::cout << safe(one.id) << (one.agrees ? "  agrees\n" : "  differs\n");
  for (const std::string& difference : one.differences) std::cout << "  " << safe(difference) << '\n';
}

}  // namespace

int run_sla_cases(const Invocation& call) {
  const auto text = read_case_file_text(call.case_file);
  if (!text) return report(text.error(), call.json);
  const auto result = sla::run_cases(*text);
  if (!result) return report(result.error(), call.json);
  for (const sla::CaseResult& one : result->cases) {
    if (call.json)
      std::cout << to_text(one.to_json()) << '\n';
    else
      print_case(one);
  }
  std::size_t agreeing = 0;
  for (const sla::CaseResult& one : result->cases) agreeing += one.agrees ? 1 : 0;
  std::cerr << fmt::format("{} of {} cases agree. Time zones here: {}; the file: {}.\n", agreeing, result->cases.size(),
                           result->installed_tz_version.empty() ? "unknown" : result->installed_tz_version,
                           result->computed_with.empty() ? "does not say" : safe(result->computed_with));
  return result->all_agree() ? exit_done : exit_differs;
}

}  // namespace tern::apps
