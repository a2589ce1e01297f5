// A desk with a customer whose every trace can be looked for: name, address, telephone and what they wrote are words
// that stand nowhere else.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "house.hpp"

namespace tern::test {

inline const std::string canary_name = "Canary Nightingale";
inline const std::string canaries[] = {
    canary_name, "canary@nightingale.example", "+49 30 5550199", "CANARYTEXT", "CANARYNOTE", "CANARYMINE",
    "CANARYSIGN"};

/// Files below a folder in which a text stands, WAL and all.
inline std::vector<std::string> files_with(const std::string& folder, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    if (all.str().find(text) != std::string::npos) out.push_back(entry.path().string());
  }
  return out;
}

struct PersonDesk {
  PersonDesk() {
    Json contact = record("contact", canary_name.c_str());
    contact.set("attributes", Json::object({{"email", Json(canaries[1])}, {"phone", Json(canaries[2])}}));
    // Loaded with others, in one set.
    house.command(
        cmd("record load", {{"rows", Json::array({record("queue", "Field"), std::move(contact),
                                                  record("contact", "Other Customer"), record("tag", "wet")})}}));
    const Json contacts = house.command(cmd("contact list"));
    for (const Json& row : contacts["rows"].items()) {
      const Bytes id = from_uuid_text(row["id"].as_string()).value_or(Bytes());
      (row["name"].as_string() == canary_name ? person : other) = id;
    }
    house.add_operator("ann", "supervisor");
    device.emplace(house, "ann", "all");
    must(device->open_session());
    theirs = open_for(person, "Pump of " + canary_name, "CANARYMINE since noon");
    auto note = device->change(sync::Intent::message, theirs);
    note.text = "CANARYNOTE: call back canary@NIGHTINGALE.example";
    note.visibility = sync::Visibility::team;
    push(note);
    auto site = device->change(sync::Intent::on_site, theirs);
    site.visibility = sync::Visibility::open;
    site.text = "seal replaced";
    site.from_ms = site.wall_ms - 60'000;
    site.to_ms = site.wall_ms;
    site.file_name = "CANARYSIGN";
    site.target = person;
    push(site);
    auto plain = device->change(sync::Intent::message, theirs);
    plain.text = "the part is ordered";
    plain.visibility = sync::Visibility::team;
    push(plain);
    auto resolve = device->change(sync::Intent::resolve, theirs);
    resolve.text = "done for CANARYTEXT " + canary_name;
    push(resolve);
    others = open_for(other, "Lamp", "as at " + canary_name + "'s");
  }

  void push(sync::Change change) {
    device->push(std::move(change));
    house.environment.advance(61'000);
  }
  TicketId open_for(const Bytes& contact, const std::string& subject, const std::string& text) {
    const TicketId ticket = random_id<TicketId>(house.environment);
    auto create = device->create(ticket, subject);
    create.text = text;
    create.fields.push_back({sync::FieldId::contact, {}, contact, false});
    push(create);
    return ticket;
  }
  /// What a program of others posts, and nobody can make a ticket of: it is kept as it came.
  void post_refused(const std::string& body) {
    if (hook.is_null())
      hook = house.command(cmd(
          "inbound add", {{"name", Json("Alerts")},
                          {"proof", Json("token")},
                          {"mapping", Json::object({{"subject", Json("{title}")}, {"description", Json("{text}")}})}}));
    const std::string url = hook["url"].as_string();
    server::Request request;
    request.method = "POST";
    request.target = url.substr(url.find("/api/"));
    request.headers = {{"content-type", "application/json"}, {"x-hook-token", hook["secret"].as_string()}};
    request.body = server::RequestBody(Bytes(body));
    must_be(house.send(request).status, 422);
  }
  static void must_be(int status, int wanted) {
    check(status == wanted, "the request is answered as the test needs it");
  }
  std::size_t holding(const std::string& text) const { return files_with(house.options().directory, text).size(); }

  House house;
  std::optional<Device> device;
  Json hook;
  Bytes person, other;
  TicketId theirs, others;
};

}  // namespace tern::test
