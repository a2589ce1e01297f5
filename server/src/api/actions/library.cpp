// What people write with and read: quick replies, macros, the knowledge base.
#include <algorithm>
#include <iterator>
#include <map>

#include "admin/library_records.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "desk/sla_text.hpp"
#include "tern/sqlite/word_splitter.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

using Views = std::map<RecordId, std::int64_t>;

/// How often customers have read each article.
Result<Views> views_of_articles(const AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto rows,
           reader.db().query("SELECT article, views FROM article_view WHERE tenant_id = $1", call.tenant().number()));
  Views out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out[rows.id<RecordId>(0)] = rows.int64(1);
  }
}

/// Nobody is kept from reading where it cannot be counted.
void count_view(const AdminCall& call, const RecordId& article) {
  static_cast<void>(call.on_strand([&] {
    return call.tenant().write([&](sqlite::Database& db) {
      return db.run(
          "INSERT INTO article_view (tenant_id, article, views) VALUES ($1, $2, 1) ON CONFLICT (tenant_id, "
          "article) DO UPDATE SET views = article_view.views + 1",
          call.tenant().number(), article);
    });
  }));
}

// ---- what customers find ----

constexpr std::size_t articles_a_page = 30, article_words_max = 8;

Result<std::vector<std::string>> words_of_text(sqlite::WordSplitter& splitter, std::string_view text) {
  std::vector<std::string> out;
  TERN_CHECKED(splitter.split(text, [&](std::string_view word) { out.emplace_back(word); }));
  return out;
}

/// Each of `wanted` among the words, the last of them as a beginning: as devices find articles.
bool holds_words(const std::vector<std::string>& words, const std::vector<std::string>& wanted) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool last = i + 1 == wanted.size();
    const bool there = std::ranges::any_of(
        words, [&](const std::string& word) { return last ? word.starts_with(wanted[i]) : word == wanted[i]; });
    if (!there) return false;
  }
  return true;
}

Json customers_article(const sync::Record& record) {
  return Json::object({{"id", Json(record.integer_id)},
                       {"title", Json(record.name)},
                       {"category", attribute_json(record, "category")},
                       {"content", attribute_json(record, "content")},
                       {"updated_at", instant_json(record, "updated_ms")}});
}

/// Published ones, by title; those with all words in the title first.
Result<std::vector<sync::Record>> articles_found(const AdminCall& call) {
  auto articles = live_records(call.tenant(), RecordKind::kb_article);
  std::erase_if(articles, [](const sync::Record& article) { return !sync::is_for(article, {}); });
  std::ranges::sort(articles, {},
                    [](const sync::Record& article) { return std::pair(article.name, article.integer_id); });
  TERN_TRY(auto splitter, sqlite::WordSplitter::open());
  TERN_TRY(auto wanted, words_of_text(splitter, call.text("search")));
  if (wanted.size() > article_words_max) wanted.resize(article_words_max);
  std::vector<sync::Record> titled, others;
  for (sync::Record& article : articles) {
    TERN_TRY(auto words, words_of_text(splitter, article.name));
    if (holds_words(words, wanted)) {
      titled.push_back(std::move(article));
      continue;
    }
    for (const char* part : {"category", "content"}) {
      const auto text = article.attributes.find(part);
      if (text == article.attributes.end()) continue;
      TERN_TRY(auto more, words_of_text(splitter, text->second));
      std::ranges::move(more, std::back_inserter(words));
    }
    if (holds_words(words, wanted)) others.push_back(std::move(article));
  }
  std::ranges::move(others, std::back_inserter(titled));
  return titled;
}

Json article_json(const sync::Record& record, bool whole, std::int64_t views) {
  Json out = Json::object({{"id", Json(record.integer_id)},
                           {"title", Json(record.name)},
                           {"status", attribute_json(record, "status")},
                           {"category", attribute_json(record, "category")},
                           {"views", Json(views)},
                           {"created_at", instant_json(record, "created_ms")},
                           {"updated_at", instant_json(record, "updated_ms")}});
  if (whole) out.append_member("content", attribute_json(record, "content"));
  return out;
}

/// What the call says of an article; its time of change where it becomes another one.
Result<void> fill_article(const AdminCall& call, sync::Record& record) {
  const auto before = record.attributes;
  const auto stored = call.tenant().find_record(record.kind, record.id);
  for (const char* name : {"content", "category", "status"}) put_said(call, record, name);
  TERN_CHECKED(admin::check_library_record(record, {}));
  const std::string now = std::to_string(call.tenant().now_ms());
  record.attributes.try_emplace("created_ms", now);
  if (record.attributes != before || (stored && stored->name != record.name)) record.attributes["updated_ms"] = now;
  return {};
}

/// Everybody's, and the caller's own; to the administrator of this machine all of them.
bool may_use(const Caller& caller, const sync::Record& record) {
  return caller.kind == sync::PrincipalKind::server || sync::is_for(record, caller.acting());
}

std::int64_t position_of(const sync::Record& view) {
  const auto said = view.attributes.find("position");
  return said == view.attributes.end() ? 0 : integer_of_text(said->second).value_or(0);
}

}  // namespace

Result<Json> list_quick_replies(AdminCall& call) {
  Json out = Json::array();
  for (const sync::Record& reply : live_records(call.tenant(), RecordKind::quick_reply))
    if (may_use(call.caller(), reply))
      out.push(Json::object({{"id", Json(reply.integer_id)},
                             {"title", Json(reply.name)},
                             {"content", attribute_json(reply, "content")},
                             {"shortcut", attribute_json(reply, "shortcut")},
                             {"personal", Json(!reply.refs.empty())}}));
  return out;
}

Result<Json> list_macros(AdminCall& call) {
  Json out = Json::array();
  for (const sync::Record& macro : live_records(call.tenant(), RecordKind::macro)) {
    Json actions = Json::array();
    if (const auto lines = macro.attributes.find("actions"); lines != macro.attributes.end())
      for (const std::string_view line : words_between(lines->second, "\n")) actions.push(Json(line));
    out.push(Json::object({{"id", Json(macro.integer_id)},
                           {"title", Json(macro.name)},
                           {"content", attribute_json(macro, "content")},
                           {"actions", std::move(actions)}}));
  }
  return out;
}

Result<Json> list_views(AdminCall& call) {
  Json out = Json::array();
  for (const sync::Record& view : live_records(call.tenant(), RecordKind::view)) {
    if (!may_use(call.caller(), view)) continue;
    Json terms = Json::object();
    for (const auto& [name, value] : view.attributes)
      if (name != "folder" && name != "position") terms.set(name, Json(value));
    out.push(Json::object({{"id", Json(view.integer_id)},
                           {"name", Json(view.name)},
                           {"folder", attribute_json(view, "folder")},
                           {"position", Json(position_of(view))},
                           {"personal", Json(!view.refs.empty())},
                           {"terms", std::move(terms)}}));
  }
  return out;
}

Result<Json> list_kb_articles(AdminCall& call) {
  const auto articles = live_records(call.tenant(), RecordKind::kb_article);
  TERN_TRY(const Views views, views_of_articles(call));
  Json out = Json::array();
  for (const sync::Record& article : articles) {
    if (call.has("article_id") && std::to_string(article.integer_id) != call.text("article_id") &&
        article.name != call.text("article_id"))
      continue;
    if (call.has("status") && attribute_json(article, "status") != Json(call.text("status"))) continue;
    const auto counted = views.find(article.id);
    out.push(article_json(article, call.has("article_id"), counted == views.end() ? 0 : counted->second));
  }
  if (call.has("article_id") && out.size() == 0)
    return fail(ErrorCode::not_found, "There is no article \"" + call.text("article_id") + "\".", "", "article_id");
  return out;
}

Result<Json> create_kb_article(AdminCall& call) {
  TERN_TRY(const sync::Record made, make_record(call, RecordKind::kb_article, "title",
                                                [&](sync::Record& record) { return fill_article(call, record); }));
  return article_json(made, true, 0);
}

Result<Json> update_kb_article(AdminCall& call) {
  TERN_TRY(const sync::Record changed, change_record(call, RecordKind::kb_article, "article_id", "title",
                                                     [&](sync::Record& record) { return fill_article(call, record); }));
  TERN_TRY(const Views views, views_of_articles(call));
  const auto counted = views.find(changed.id);
  return article_json(changed, true, counted == views.end() ? 0 : counted->second);
}

Result<Json> delete_kb_article(AdminCall& call) {
  return remove_record(call, RecordKind::kb_article, "article_id");
}

/// Asked for by its id, an article was read; found among others, it was not.
Result<Json> client_kb_articles(AdminCall& call) {
  TERN_TRY(const auto found, articles_found(call));
  Json out = Json::array();
  if (call.has("article_id")) {
    const auto wanted = std::ranges::find(found, call.integer("article_id", 0),
                                          [](const auto& one) { return static_cast<std::int64_t>(one.integer_id); });
    if (wanted == found.end()) return fail(ErrorCode::not_found, "There is no such article.", "", "article_id");
    count_view(call, wanted->id);
    out.push(customers_article(*wanted));
    return out;
  }
  const auto page = static_cast<std::size_t>(std::clamp<std::int64_t>(call.integer("page", 1), 1, 1'000'000));
  const std::size_t from = std::min((page - 1) * articles_a_page, found.size());
  const std::size_t to = std::min(from + articles_a_page, found.size());
  for (std::size_t i = from; i < to; ++i) out.push(customers_article(found[i]));
  return out;
}

}  // namespace tern::server::actions
