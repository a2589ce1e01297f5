#include "tern/protocol/ledger_export.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

using namespace tern;
using namespace tern::protocol;
using tern::test::must;

TEST_CASE("base64 is that of RFC 4648, and only what it would write is read", "[protocol][base64]") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [raw, text] : vectors) {
    CHECK(to_base64(raw) == text);
    CHECK(from_base64(text) == Bytes(raw));
  }
  const Bytes all{'\0', '\xff', '\xfb', '\xf0'};
  CHECK(to_base64(all) == "AP/78A==");
  CHECK(from_base64("AP/78A==") == all);
  for (const char* text : {"Z", "Zg", "Zg=", "Zg==\n", " Zg=", "Zh==", "Zg=a", "Zm-_", "====", "Zm9v=", "Zm9vZ==="})
    CHECK_FALSE(from_base64(text));
}

TEST_CASE("a line of an export follows the one before it, or is named", "[protocol][export]") {
  ExportLines writer;
  std::vector<std::string> lines;
  for (int i = 1; i <= 3; ++i) {
    lines.push_back(writer.close(Json::object({{"kind", Json("x")}, {"text", Json("line \n " + std::to_string(i))}})));
    CHECK(lines.back().back() == '\n');
    lines.back().pop_back();
    CHECK(lines.back().find('\n') == std::string::npos);
  }
  // As the page says it, by hand.
  const std::string content = lines[0].substr(0, lines[0].find(",\"sum\":"));
  const Bytes before(32, '\0');
  CHECK(lines[0] == content + ",\"sum\":\"" + to_hex(hash("TRN1-XLINE", before + content)) + "\"}");

  ExportLineCheck reader;
  for (const std::string& line : lines) CHECK(must(reader.open(line))["kind"].as_string() == "x");
  CHECK(reader.lines() == writer.lines());
  CHECK(reader.sum() == writer.sum());

  ExportLineCheck again;
  CHECK(again.open(lines[1]).error().message.find("line 1 is missing") != std::string::npos);
  CHECK(again.open(lines[0] + "x").error().field == "sum");
  CHECK(again.open(std::string(export_line_bytes_max + 1, ' ')).error().code == ErrorCode::too_large);
  CHECK(again.open("").error().code == ErrorCode::invalid);
  std::string other = lines[0];
  other[other.find("line")] = 'L';
  CHECK(again.open(other).error().field == "sum");
  CHECK(again.open(lines[0]));  // what was refused left nothing behind
  CHECK(again.open(lines[0]).error().field == "n");
}

TEST_CASE("the end of an export reads back as it was signed", "[protocol][export]") {
  REQUIRE(init_crypto());
  LedgerExportEnd end;
  end.head.size = 7;
  end.lines = 99;
  end.time_ms = 1'700'000'000'000;
  end.sum = hash("TRN1-XLINE", "x");
  ByteWriter writer;
  end.write(writer);
  CHECK(writer.bytes().size() == 16 + 16 + 8 + 32 + 8 + 32 + 8);
  ByteReader reader(writer.bytes());
  CHECK(LedgerExportEnd::read(reader) == end);
  CHECK(reader.finish());
}
