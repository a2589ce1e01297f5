// The file of an export: whole or not there, and gone on with where somebody asked for that.
#include "support/catch.hpp"
//
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "export.hpp"
#include "support/must.hpp"
#include "support/temp_dir.hpp"

namespace tern::test {
namespace {

constexpr int pages_in_all = 5;

/// Pages of two lines; page `n` names the next.
struct Pages {
  int asked = 0;
  int stop_before = pages_in_all;  // this one is refused, as by a server that stops
  std::string desk = "1", head = {};
  std::function<void(int)> before_answer = {};

  Result<Json> answer(const Json& question) {
    ++asked;
    CHECK(question.find("to") == nullptr);
    CHECK(question.find("resume") == nullptr);
    const int page = question.find("after") == nullptr ? 0 : std::stoi(question["after"].as_string());
    if (before_answer) before_answer(page);
    if (page == stop_before) return fail(ErrorCode::busy, "Interrupted.");
    Json rows = Json::array();
    for (const char* part : {"a", "b"}) rows.push(Json::object({{"line", Json(std::to_string(page) + part)}}));
    Json out = Json::object({{"tickets", Json(2)}, {"desk", Json(desk)}, {"rows", std::move(rows)}});
    if (!head.empty()) out.append_member("head", Json(head));
    if (page + 1 < pages_in_all) out.append_member("next", Json(std::to_string(page + 1)));
    return out;
  }
};

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

Json question_for(const std::string& path, bool resume, const char* status = "new") {
  Json out = Json::object({{"command", Json("export")}, {"status", Json::array({Json(status)})}, {"to", Json(path)}});
  if (resume) out.set("resume", Json(true));
  return out;
}

Result<Json> export_with(Pages& pages, const Json& question, bool stopped = false) {
  return apps::export_to_file([&](const Json& asked) { return pages.answer(asked); }, question,
                              [stopped] { return stopped; });
}

}  // namespace

TEST_CASE("an export into a file is there whole or not at all, for this user alone", "[ternd][export]") {
  const TempDir folder;
  const std::string path = folder.file("all.jsonl");
  Pages broken{0, 3};
  CHECK(export_with(broken, question_for(path, false)).error().code == ErrorCode::busy);
  CHECK(std::filesystem::is_empty(folder.path()));
  Pages stopped;
  CHECK(export_with(stopped, question_for(path, false), true).error().code == ErrorCode::busy);
  CHECK(stopped.asked == 1);
  CHECK(std::filesystem::is_empty(folder.path()));

  Pages good;
  CHECK(must(export_with(good, question_for(path, false)))["tickets"].as_integer() == 10);
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(content_of(path).starts_with("{\"line\":\"0a\"}\n{\"line\":\"0b\"}\n{\"line\":\"1a\"}\n"));
  CHECK(export_with(good, question_for(path, false)).error().code == ErrorCode::invalid);  // never over a file
  Json paged = question_for(folder.file("b"), false);
  paged.set("limit", Json(1));
  CHECK(export_with(good, paged).error().code == ErrorCode::usage);
}

TEST_CASE("an export that ended early is gone on with where it was, also behind a torn last page", "[ternd][export]") {
  const TempDir folder;
  const std::string whole = folder.file("whole.jsonl"), path = folder.file("parts.jsonl");
  Pages all;
  must(export_with(all, question_for(whole, false)));

  Pages broken{0, 3};
  CHECK_FALSE(export_with(broken, question_for(path, true)));
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(std::filesystem::exists(path + ".part"));
  std::ofstream(path + ".part", std::ios::app) << "{\"line\":\"3a";                       // written, and its note not
  CHECK(export_with(all, question_for(path, true, "closed")).error().field == "resume");  // of another question
  Pages rest;
  CHECK(must(export_with(rest, question_for(path, true)))["tickets"].as_integer() == 10);
  CHECK(rest.asked == 2);
  CHECK(content_of(path) == content_of(whole));
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  CHECK_FALSE(std::filesystem::exists(path + ".part.next"));

  // A note whose file went away is worth nothing: it begins anew.
  const std::string lost = folder.file("lost.jsonl");
  Pages cut{0, 3}, anew;
  CHECK_FALSE(export_with(cut, question_for(lost, true)));
  std::filesystem::remove(lost + ".part");
  must(export_with(anew, question_for(lost, true)));
  CHECK(anew.asked == pages_in_all);
  CHECK(content_of(lost) == content_of(whole));
}

TEST_CASE("an export that is whole and was not moved to its place is moved there, and not made a second time",
          "[ternd][export]") {
  const TempDir folder;
  const std::string whole = folder.file("whole.jsonl"), path = folder.file("parts.jsonl");
  Pages all, blocked, rest;
  must(export_with(all, question_for(whole, false)));
  blocked.before_answer = [&](int page) {
    if (page + 1 == pages_in_all) std::filesystem::create_directory(path);  // something stands in its place
  };
  CHECK_FALSE(export_with(blocked, question_for(path, true)));
  std::filesystem::remove(path);
  CHECK(must(export_with(rest, question_for(path, true)))["tickets"].as_integer() == 10);
  CHECK(rest.asked == 0);
  CHECK(content_of(path) == content_of(whole));
}

TEST_CASE("an export goes on with no page of another desk or of other columns", "[ternd][export]") {
  const TempDir folder;
  const std::string path = folder.file("parts.csv");
  Pages begun{0, 3, "1", "a,b"};
  CHECK_FALSE(export_with(begun, question_for(path, true)));
  for (const Pages& other : {Pages{0, pages_in_all, "2", "a,b"}, Pages{0, pages_in_all, "1", "a,b,c"}}) {
    Pages pages = other;
    const auto refused = export_with(pages, question_for(path, true));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().field == "resume");
  }
  Pages widens{0, pages_in_all, "1", "a,b"}, same{0, pages_in_all, "1", "a,b"};
  widens.before_answer = [&](int page) {
    if (page == 2) widens.head = "a,b,c";  // a field is defined while it runs
  };
  CHECK_FALSE(export_with(widens, question_for(folder.file("whole.csv"), false)));
  CHECK_FALSE(std::filesystem::exists(folder.file("whole.csv")));
  CHECK(must(export_with(same, question_for(path, true)))["tickets"].as_integer() == 10);
}

TEST_CASE("two exports do not write one file: the second one is told, and the first one is whole", "[ternd][export]") {
  TempDir folder;
  const std::string path = folder.file("out.jsonl");
  Pages first, second;
  first.before_answer = [&](int page) {
    if (page != 2) return;
    const auto refused = export_with(second, question_for(path, true));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::busy);
    CHECK(refused.error().field == "to");
  };
  CHECK(must(export_with(first, question_for(path, true)))["tickets"].as_integer() == 10);
  CHECK(second.asked == 0);
  const std::string written = content_of(path);
  CHECK(std::ranges::count(written, '\n') == 10);
}

}  // namespace tern::test
