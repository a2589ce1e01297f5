// What people write with and read: quick replies, macros, the knowledge base.
#include <algorithm>

#include "admin/library_records.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "desk/sla_text.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

Json article_json(const sync::Record& record, bool whole) {
  Json out = Json::object({{"id", Json(record.integer_id)},
                           {"title", Json(record.name)},
                           {"status", attribute_json(record, "status")},
                           {"category", attribute_json(record, "category")},
                           {"views", Json(0)},
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
bool may_use(const Caller& caller, const sync::Record& reply) {
  return caller.kind == sync::PrincipalKind::server || sync::is_for(reply, caller.acting());
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

Result<Json> list_kb_articles(AdminCall& call) {
  const auto articles = live_records(call.tenant(), RecordKind::kb_article);
  Json out = Json::array();
  for (const sync::Record& article : articles) {
    if (call.has("article_id") && std::to_string(article.integer_id) != call.text("article_id") &&
        article.name != call.text("article_id"))
      continue;
    if (call.has("status") && attribute_json(article, "status") != Json(call.text("status"))) continue;
    out.push(article_json(article, call.has("article_id")));
  }
  if (call.has("article_id") && out.size() == 0)
    return fail(ErrorCode::not_found, "There is no article \"" + call.text("article_id") + "\".", "", "article_id");
  return out;
}

Result<Json> create_kb_article(AdminCall& call) {
  TERN_TRY(const sync::Record made, make_record(call, RecordKind::kb_article, "title",
                                                [&](sync::Record& record) { return fill_article(call, record); }));
  return article_json(made, true);
}

Result<Json> update_kb_article(AdminCall& call) {
  TERN_TRY(const sync::Record changed, change_record(call, RecordKind::kb_article, "article_id", "title",
                                                     [&](sync::Record& record) { return fill_article(call, record); }));
  return article_json(changed, true);
}

Result<Json> delete_kb_article(AdminCall& call) {
  return remove_record(call, RecordKind::kb_article, "article_id");
}

}  // namespace tern::server::actions
