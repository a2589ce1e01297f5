// Tags: those that lists offer, and those of a ticket.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/ticket_writer.hpp"

namespace tern::server::actions {
namespace {

Json tag_json(const sync::Record& tag) {
  return Json::object(
      {{"id", Json(tag.integer_id)}, {"name", Json(tag.name)}, {"color", attribute_json(tag, "colour")}});
}

/// By its id, or as it is written.
Result<std::string> named_tag(const AdminCall& call) {
  if (call.has("tag")) {
    const std::string tag = sync::canonical_tag(call.text("tag"));
    if (tag.empty()) return fail(ErrorCode::invalid, "A tag is a text.", "", "tag");
    return tag;
  }
  if (!call.has("tag_id")) return fail(ErrorCode::invalid, "tag is required.", "Or tag_id.", "tag");
  TERN_TRY(const sync::Record tag,
           admin::resolve_record(call.tenant(), sync::RecordKind::tag, std::to_string(call.integer("tag_id", 0))));
  return tag.name;
}

Result<Json> change_tag(AdminCall& call, sync::Intent intent) {
  TERN_TRY(const std::string tag, named_tag(call));
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    const auto there = sync::elements_of(state, sync::FieldId::tags);
    const bool has = std::ranges::find(there, tag) != there.end();
    if (has == (intent == sync::Intent::tag)) return {};
    ServerChange change = change_by(call.caller(), intent, state.id);
    change.change.label = tag;
    return commit_changes(call, {std::move(change)}, &state);
  });
}

}  // namespace

Result<Json> list_tags(AdminCall& call) {
  auto tags = call.tenant().records(sync::RecordKind::tag);
  std::ranges::sort(tags, {}, &sync::Record::integer_id);
  Json out = Json::array();
  for (const sync::Record& tag : tags)
    if (!tag.deleted) out.push(tag_json(tag));
  return out;
}

Result<Json> create_tag(AdminCall& call) {
  sync::Record tag;
  tag.kind = sync::RecordKind::tag;
  tag.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(tag.name, admin::record_name(call.text("name")));
  tag.name = sync::canonical_tag(tag.name);
  if (call.has("color")) tag.attributes["colour"] = call.text("color");
  TERN_TRY(const auto naming, call.lock_names());
  call.makes(tag.id.view());
  TERN_TRY(const Bytes made, call.change([&]() -> Result<void> {
    if (admin::find_record(call.tenant(), tag.kind, tag.name))
      return fail(ErrorCode::invalid, "There is a tag \"" + tag.name + "\" already.", "", "name");
    return admin::write_records(call.tenant(), {tag}, call.beside());
  }));
  return tag_json(call.tenant().find_record(tag.kind, RecordId::or_zero(made)).value_or(tag));
}

Result<Json> delete_tag(AdminCall& call) {
  TERN_CHECKED(call.change([&]() -> Result<void> {
    TERN_TRY(sync::Record tag,
             admin::resolve_record(call.tenant(), sync::RecordKind::tag, std::to_string(call.integer("tag_id", 0))));
    tag.deleted = true;
    return admin::write_records(call.tenant(), {tag}, call.beside());
  }));
  return Json::object({{"id", Json(call.integer("tag_id", 0))}});
}

Result<Json> add_ticket_tag(AdminCall& call) {
  return change_tag(call, sync::Intent::tag);
}

Result<Json> remove_ticket_tag(AdminCall& call) {
  return change_tag(call, sync::Intent::untag);
}

}  // namespace tern::server::actions
