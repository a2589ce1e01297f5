#include "tern/sqlite/word_splitter.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "error_map.hpp"

namespace tern::sqlite {
namespace {

constexpr std::size_t word_bytes_max = 32'768;  // FTS5_MAX_TOKEN_SIZE: an index cuts what is longer

tl::unexpected<Error> splitter_failure(sqlite3* db, int code) {
  const char* reason = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  return tl::unexpected(describe(code, 0, ":memory:", "split a text", reason));
}

/// https://www.sqlite.org/fts5.html#extending_fts5
int find_api(sqlite3* db, fts5_api*& api) {
  sqlite3_stmt* ask = nullptr;
  int code = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &ask, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_bind_pointer(ask, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(ask);
  }
  const int finished = sqlite3_finalize(ask);
  return code == SQLITE_OK ? finished : code;
}

int take_token(void* take, int /*flags*/, const char* word, int size, int /*begin*/, int /*end*/) {
  (*static_cast<const std::function<void(std::string_view)>*>(take))(
      std::string_view(word, std::min(static_cast<std::size_t>(size), word_bytes_max)));
  return SQLITE_OK;
}

}  // namespace

struct WordSplitter::Tokenizer {
  Tokenizer() = default;
  ~Tokenizer() {
    if (made != nullptr) methods.xDelete(made);
    sqlite3_close(db);
  }
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  sqlite3* db = nullptr;
  fts5_tokenizer methods{};
  Fts5Tokenizer* made = nullptr;
};

WordSplitter::WordSplitter(std::unique_ptr<Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}
WordSplitter::WordSplitter(WordSplitter&&) noexcept = default;
WordSplitter& WordSplitter::operator=(WordSplitter&&) noexcept = default;
WordSplitter::~WordSplitter() = default;

Result<WordSplitter> WordSplitter::open() {
  auto out = std::make_unique<Tokenizer>();
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
  int code = sqlite3_initialize();
  if (code == SQLITE_OK) code = sqlite3_open_v2(":memory:", &out->db, flags, nullptr);
  fts5_api* api = nullptr;
  if (code == SQLITE_OK) code = find_api(out->db, api);
  if (code != SQLITE_OK) return splitter_failure(out->db, code);
  if (api == nullptr) return fail(ErrorCode::internal, "this SQLite has no FTS5");
  void* context = nullptr;
  code = api->xFindTokenizer(api, "unicode61", &context, &out->methods);
  const char* arguments[] = {"remove_diacritics", "2"};
  if (code == SQLITE_OK) code = out->methods.xCreate(context, arguments, 2, &out->made);
  if (code != SQLITE_OK) return splitter_failure(out->db, code);
  return WordSplitter(std::move(out));
}

Result<void> WordSplitter::split(std::string_view text, const std::function<void(std::string_view)>& take) {
  check(text.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
        "a text has a size that SQLite counts");
  void* context = const_cast<void*>(static_cast<const void*>(&take));
  const int code = tokenizer_->methods.xTokenize(tokenizer_->made, context, FTS5_TOKENIZE_DOCUMENT, text.data(),
                                                 static_cast<int>(text.size()), take_token);
  return code == SQLITE_OK ? Result<void>{} : splitter_failure(nullptr, code);
}

}  // namespace tern::sqlite
