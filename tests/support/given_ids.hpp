// Requests of the API document's examples, with the ids that the answers before gave.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "tern/protocol/json.hpp"

namespace tern::test {

/// With the ids that the server gave in place of those of the document.
class GivenIds {
public:
  Json put_into(const Json& request) const {
    Json out = request;
    for (const auto& [name, id] : ids_)
      if (out.find(name) != nullptr) out.set(name, id);
    return out;
  }
  void take(const std::string& name, const Json& value) { ids_[name] = value; }
  void take_from(const std::string& action, const Json& data) {
    if (action.ends_with("create_ticket")) {
      if (ids_.contains("ticket_id")) ids_["target_id"] = ids_["ticket_id"];
      ids_["ticket_id"] = data["id"];
      ids_["ticket_ids"] = Json::array({data["id"]});
    }
    if (action == "add_message") {
      ids_["message_id"] = data["id"];
      ids_["message_ids"] = Json::array({data["id"]});
    }
    for (const auto& [made, id] : {std::pair("create_tag", "tag_id"), std::pair("create_kb_article", "article_id"),
                                   std::pair("create_tariff", "tariff_id"), std::pair("create_channel", "channel_id"),
                                   std::pair("save_trigger", "trigger_id"), std::pair("add_operator", "operator_id")})
      if (action == made) ids_[id] = data["id"];
    if (action == "mobile_login") ids_["mobile_token"] = data["token"];
    if (action == "list_tenants") ids_["tenant_id"] = data.items().front()["id"];
    if (action == "create_api_key" || action == "regenerate_api_key") ids_["key_id"] = data["id"];
    if (action == "list_operators") ids_["assigned_to"] = ids_["operator_id"] = data.items().front()["id"];
  }

private:
  std::map<std::string, Json> ids_;
};

}  // namespace tern::test
