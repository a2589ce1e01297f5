// Words of a text, against what an index of the same text holds.
#include "tern/sqlite/word_splitter.hpp"

#include "support/catch.hpp"
#include "support/must.hpp"
#include "unit/sqlite/support.hpp"

using namespace tern;
using namespace tern::sqlite::test;
using tern::test::must;

namespace {

std::vector<std::string> split(std::string_view text) {
  auto splitter = must(sqlite::WordSplitter::open());
  std::vector<std::string> out;
  must(splitter.split(text, [&](std::string_view word) { out.emplace_back(word); }));
  return out;
}

std::vector<std::string> indexed(std::string_view text) {
  const auto db = must_open(at(":memory:"));
  must(
      db->exec("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2'); "
               "CREATE VIRTUAL TABLE words_of USING fts5vocab (words, instance)"));
  must(db->run("INSERT INTO words (text) VALUES ($1)", sqlite::Text{text}));
  std::vector<std::string> out;
  auto rows = must(db->query("SELECT term FROM words_of ORDER BY \"offset\""));
  while (must(rows.step())) out.emplace_back(rows.text(0));
  return out;
}

}  // namespace

TEST_CASE("a text is split as the index splits it", "[sqlite]") {
  const std::string text =
      GENERATE(as<std::string>(), "", "  ,;\n", "Pump 7-B leaks: see T-2026-0042!", "Насос ТЕЧЁТ, сэр",
               "Crème brûlée, Ünïcode ǅ ß", "日本語 のテスト 😀 ok", "a\xff\xfe b\xc3", "don't \"stop\" * AND NEAR(");
  CAPTURE(text);
  CHECK(split(text) == indexed(text));
}

TEST_CASE("words are folded", "[sqlite]") {
  CHECK(split("Ёлка CAFÉ 42") == std::vector<std::string>{"ёлка", "cafe", "42"});
}

TEST_CASE("a word as long as a text is cut where the index cuts it", "[sqlite]") {
  const std::string text = std::string(40'000, 'x') + " end";
  CHECK(split(text) == indexed(text));
  CHECK(split(text).front().size() == 32'768);
}
