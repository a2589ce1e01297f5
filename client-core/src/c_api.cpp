// The C header over Client: parses, calls, writes JSON. Nothing is decided here.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "change_json.hpp"
#include "tern/client/client.hpp"
#include "tern/client/tern.h"
#include "tern/protocol/limits.hpp"
#include "tern/sync/record.hpp"

namespace tern::client {
namespace {

constexpr std::uint64_t body_bytes_max = limits::decompressed_bytes_max + 64 * limits::kib;

/// The host's clock and randomness.
class HostEnvironment final : public Environment {
public:
  explicit HostEnvironment(const tern_environment& host) : host_(host) {}
  std::int64_t wall_ms() override { return host_.wall_ms(host_.context); }
  std::int64_t boot_ms() override { return host_.boot_ms(host_.context); }
  BootId boot_id() override {
    BootId id;
    host_.boot_id(host_.context, id.data());
    return id;
  }
  void random(void* into, std::size_t size_bytes) override { host_.random(host_.context, into, size_bytes); }

private:
  tern_environment host_;
};

bool complete(const tern_environment* host) {
  return host != nullptr && host->size >= sizeof(tern_environment) && host->wall_ms != nullptr &&
         host->boot_ms != nullptr && host->boot_id != nullptr && host->random != nullptr;
}

Error usage(std::string message) {
  return Error{ErrorCode::usage, std::move(message), "see tern.h", {}};
}

Json members(const std::vector<std::pair<std::string, std::string>>& headers) {
  Json out = Json::object();
  for (const auto& [name, value] : headers) out.set(name, value);
  return out;
}

/// The host's network.
class HostTransport final : public Transport {
public:
  explicit HostTransport(const tern_transport& host) : host_(host) {}
  Result<HttpAnswer> send(const HttpRequest& request) override;

private:
  tern_transport host_;
};

bool complete(const tern_transport* host) {
  return host != nullptr && host->size >= sizeof(tern_transport) && host->send != nullptr;
}

/// Gives a text to the caller; out of memory is a null text.
void give(char** json, const Json& value) {
  if (json == nullptr) return;
  const std::string text = to_text(value);
  *json = static_cast<char*>(std::malloc(text.size() + 1));
  if (*json != nullptr) std::memcpy(*json, text.c_str(), text.size() + 1);
}

int give_error(char** json, const Error& error) {
  Json inner = Json::object({{"code", to_string(error.code)}, {"message", error.message}, {"hint", error.hint}});
  if (!error.field.empty()) inner.set("field", error.field);
  give(json, Json::object({{"error", std::move(inner)}}));
  return TERN_ERROR;
}

int answer(char** json, const Result<Json>& result) {
  if (!result) return give_error(json, result.error());
  give(json, *result);
  return TERN_OK;
}

Json no_result() {
  return Json::object();
}

Result<Json> parse_object(const char* text) {
  if (text == nullptr) return Json::object();
  TERN_TRY(Json json, parse_json(text));
  if (!json.is_object()) return tl::unexpected(usage("an object is expected"));
  return json;
}

Result<Json> parse_required(const char* text) {
  if (text == nullptr) return tl::unexpected(usage("an argument is missing"));
  return parse_json(text);
}

std::optional<std::string> optional_text(const Json& json, std::string_view member) {
  return json[member].is_string() ? std::optional(json[member].as_string()) : std::nullopt;
}

Json identity_json(const DeviceIdentity& identity) {
  return Json::object({{"tenant", identity.tenant_name},
                       {"operator", identity.operator_name},
                       {"device", identity.device_name},
                       {"server", identity.server_url},
                       {"device_id", to_uuid_text(identity.device.view())},
                       {"operator_id", to_uuid_text(identity.operator_id.view())},
                       {"tenant_id", to_uuid_text(identity.tenant.view())},
                       {"passphrase_protected", identity.passphrase_protected}});
}

Json page_json(const ListPage& page) {
  Json rows = Json::array();
  for (const ListRow& row : page.rows) rows.push(to_json(row));
  Json out = Json::object({{"rows", std::move(rows)}});
  if (!page.next.empty()) out.set("next", page.next);
  return out;
}

Json entries_json(const std::vector<HistoryEntry>& entries) {
  Json out = Json::array();
  for (const HistoryEntry& entry : entries) out.push(to_json(entry));
  return out;
}

template <typename View>
Json all_json(const std::vector<View>& views) {
  Json out = Json::array();
  for (const View& view : views) out.push(to_json(view));
  return out;
}

Result<ListFilter> filter_of(const Json& json) {
  ListFilter filter;
  const std::pair<const char*, std::string*> texts[] = {
      {"status", &filter.status},     {"priority", &filter.priority}, {"queue", &filter.queue},
      {"assignee", &filter.assignee}, {"tag", &filter.tag},           {"text", &filter.text},
      {"category", &filter.category}, {"colour", &filter.colour},     {"age", &filter.age},
      {"sort", &filter.sort},         {"after", &filter.after}};
  for (const auto& [name, value] : json.members()) {
    bool known = name == "limit" || name == "descending" || name == "unread";
    for (const auto& [member, target] : texts) {
      if (name != member) continue;
      known = true;
      if (!value.is_string()) return fail(ErrorCode::invalid, name + " is a text", {}, name);
      *target = value.as_string();
    }
    if (!known) return fail(ErrorCode::usage, "a filter has no '" + name + "'", "see tern.h", name);
  }
  filter.descending = json["descending"].as_bool(filter.descending);
  filter.unread = json["unread"].as_bool();
  const std::int64_t limit = json["limit"].as_integer(static_cast<std::int64_t>(filter.limit));
  filter.limit = limit < 0 ? 0 : static_cast<std::size_t>(limit);
  return filter;
}

Json report_json(const EngineReport& report) {
  const auto number = [](std::uint64_t value) { return Json(static_cast<std::int64_t>(value)); };
  return Json::object({{"sets_sent", number(report.sets_sent)},
                       {"changes_sent", number(report.changes_sent)},
                       {"receipts", number(report.receipts)},
                       {"amendments", number(report.amendments)},
                       {"patches", number(report.patches)},
                       {"exchanges", number(report.exchanges)},
                       {"files_sent", number(report.files_sent)},
                       {"files_fetched", number(report.files_fetched)}});
}

Json saved_json(const std::vector<SavedChange>& saved) {
  Json out = Json::array();
  for (const SavedChange& change : saved) {
    out.push(Json::object({{"ticket", to_uuid_text(change.ticket.view())}, {"change", to_json(change.ref)}}));
  }
  return out;
}

Json followed_json(const FollowedUp& done) {
  constexpr std::string_view rests[] = {"nothing", "look", "sync"};
  return Json::object({{"saved", saved_json(done.saved)},
                       {"rest", rests[static_cast<std::size_t>(done.rest)]},
                       {"ticket", to_uuid_text(done.ticket.view())}});
}

/// The host's source stays its own: it is asked while tern_attach runs, and not afterwards.
Result<NewFiles> files_from_json(const Json& json, const tern_source& source, Commands& commands) {
  NewFiles out;
  TERN_TRY(out.ticket, commands.find_ticket(json["ticket"].as_string()));
  TERN_TRY(out.visibility, visibility_from_text(json["visibility"].as_string()));
  out.text = json["text"].as_string();
  if (!json["files"].is_array()) return tl::unexpected(usage("files are an array"));
  for (const Json& one : json["files"].items()) {
    const std::int64_t size = one["size"].as_integer(-1);
    if (size < 0) return fail(ErrorCode::invalid, "a file has a size", {}, "size");
    NewFile file;
    file.name = one["name"].as_string();
    file.size_bytes = static_cast<std::uint64_t>(size);
    file.read = [&source, index = out.files.size()](std::uint64_t offset, std::size_t length) -> Result<Bytes> {
      Bytes bytes(length, '\0');
      std::size_t got = 0;
      if (source.read(source.context, index, offset, bytes.data(), length, &got) != 0 || got > length)
        return fail(ErrorCode::usage, "a file could not be read", {}, "files");
      bytes.resize(got);
      return bytes;
    };
    out.files.push_back(std::move(file));
  }
  return out;
}

Result<FileView> file_on(Client& open, const char* ticket, const char* change) {
  TERN_TRY(const Json one, parse_required(change));
  TERN_TRY(const auto ref, ref_from_json(one));
  TERN_TRY(const TicketId id, open.commands().find_ticket(ticket == nullptr ? "" : ticket));
  TERN_TRY(const auto files, open.views().files(id));
  for (const FileView& file : files)
    if (file.change == ref) return file;
  return fail(ErrorCode::not_found, "there is no such file on this ticket", {}, "change");
}

Json offer_json(const EnrolmentOffer& offer) {
  return Json::object({{"offer", Json::object({{"tenant", offer.tenant_name},
                                               {"operator", offer.operator_name},
                                               {"server", offer.server_url},
                                               {"root_fingerprint", offer.root_fingerprint}})}});
}

Result<Json> enrol_with(const Json& options, const tern_environment& host, const tern_transport& network) {
  EnrolmentRequest request;
  request.home = options["home"].as_string();
  request.server_url = options["server"].as_string();
  request.code = options["code"].as_string();
  request.device_name = options["name"].as_string();
  request.platform = options["platform"].as_string();
  request.ca_file = options["ca_file"].as_string();
  request.passphrase = optional_text(options, "passphrase");
  request.root_fingerprint = optional_text(options, "root_fingerprint");
  if (request.home.empty() || request.server_url.empty() || request.code.empty()) {
    return tl::unexpected(usage("home, server and code are needed"));
  }
  HostEnvironment environment(host);
  HostTransport transport(network);
  std::optional<Json> asked;
  const bool agreed = options["yes"].as_bool();
  const auto identity = enrol(request, transport, environment, [&](const EnrolmentOffer& offer) {
    asked = offer_json(offer);
    return agreed;
  });
  if (identity) return identity_json(*identity);
  if (asked && !agreed) return *asked;
  return tl::unexpected(identity.error());
}

}  // namespace
}  // namespace tern::client

using namespace tern;
using namespace tern::client;

struct tern_answer {
  HttpAnswer answer;
  bool set = false;
};

struct tern_client {
  explicit tern_client(const tern_environment& host) : environment(host) {}
  HostEnvironment environment;
  std::unique_ptr<Client> client;
};

namespace tern::client {
namespace {

Result<HttpAnswer> HostTransport::send(const HttpRequest& request) {
  const Json described =
      Json::object({{"method", request.method}, {"target", request.target}, {"headers", members(request.headers)}});
  tern_answer filled;
  const int failed =
      host_.send(host_.context, to_text(described).c_str(), request.body.data(), request.body.size(), &filled);
  if (failed != 0 || !filled.set) {
    return fail(ErrorCode::no_connection, "the server could not be reached", "your work is saved; sync again later");
  }
  return std::move(filled.answer);
}

/// `call` on an open client; the one place that checks the handle.
template <typename Call>
int with_client(tern_client* handle, char** json, const Call& call) {
  if (json != nullptr) *json = nullptr;
  if (handle == nullptr || !handle->client) return give_error(json, usage("there is no open client"));
  return answer(json, call(*handle->client));
}

}  // namespace
}  // namespace tern::client

extern "C" {

int tern_answer_set(tern_answer* answer, int status, const char* headers, const void* body, size_t body_size) {
  if (answer == nullptr || (body == nullptr && body_size != 0) || body_size > body_bytes_max) return TERN_ERROR;
  const auto parsed = parse_object(headers);
  if (!parsed) return TERN_ERROR;
  answer->answer.status = status;
  answer->answer.headers.clear();
  for (const auto& [name, value] : parsed->members()) answer->answer.headers.emplace_back(name, value.as_string());
  answer->answer.body.assign(static_cast<const char*>(body_size == 0 ? "" : body), body_size);
  answer->set = true;
  return TERN_OK;
}

int tern_abi_version(void) {
  return TERN_ABI_VERSION;
}
void tern_free(char* json) {
  std::free(json);
}

int tern_enrol(const char* options, const tern_environment* environment, const tern_transport* transport, char** json) {
  if (json != nullptr) *json = nullptr;
  if (!complete(environment) || !complete(transport))
    return give_error(json, usage("environment or transport is incomplete"));
  const auto parsed = parse_object(options);
  if (!parsed) return give_error(json, parsed.error());
  return answer(json, enrol_with(*parsed, *environment, *transport));
}

int tern_open(const char* options, const tern_environment* environment, tern_client** client, char** json) {
  if (json != nullptr) *json = nullptr;
  if (client == nullptr || !complete(environment)) return give_error(json, usage("environment is incomplete"));
  *client = nullptr;
  const auto parsed = parse_object(options);
  if (!parsed) return give_error(json, parsed.error());
  ClientOptions wanted;
  wanted.home = (*parsed)["home"].as_string();
  wanted.passphrase = optional_text(*parsed, "passphrase");
  wanted.read_only_views = (*parsed)["read_only"].as_bool();
  if (wanted.home.empty()) return give_error(json, usage("home is needed"));
  auto handle = std::make_unique<tern_client>(*environment);
  auto opened = Client::open(wanted, handle->environment);
  if (!opened) return give_error(json, opened.error());
  handle->client = std::move(*opened);
  *client = handle.release();
  give(json, identity_json((*client)->client->identity()));
  return TERN_OK;
}

void tern_close(tern_client* client) {
  delete client;
}

int tern_identity(tern_client* client, char** json) {
  return with_client(client, json, [](Client& open) -> Result<Json> { return identity_json(open.identity()); });
}

int tern_save(tern_client* client, const char* changes, char** json) {
  return with_client(client, json, [changes, client](Client& open) -> Result<Json> {
    TERN_TRY(const Json list, parse_required(changes));
    if (!list.is_array()) return tl::unexpected(usage("changes are an array"));
    std::vector<sync::Change> all;
    for (const Json& one : list.items()) {
      TERN_TRY(auto some, changes_from_json(one, open.commands(), client->environment));
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return open.commands().save(std::move(all)).map(saved_json);
  });
}

int tern_check_offered(tern_client* client, const char* change, char** json) {
  return with_client(client, json, [change, client](Client& open) -> Result<Json> {
    TERN_TRY(const Json one, parse_required(change));
    TERN_TRY(const auto parsed, changes_from_json(one, open.commands(), client->environment));
    return open.commands().check_offered(parsed.back()).map(no_result);
  });
}

int tern_apply_macro(tern_client* client, const char* ticket, const char* macro, char** json) {
  return with_client(client, json, [=](Client& open) -> Result<Json> {
    TERN_TRY(const TicketId id, open.commands().find_ticket(ticket == nullptr ? "" : ticket));
    return open.commands().apply_macro(id, macro == nullptr ? "" : macro).map(saved_json);
  });
}

int tern_dismiss(tern_client* client, const char* change, char** json) {
  return with_client(client, json, [change](Client& open) -> Result<Json> {
    TERN_TRY(const Json one, parse_required(change));
    TERN_TRY(const auto ref, ref_from_json(one));
    return open.commands().dismiss(ref).map(no_result);
  });
}

int tern_dismiss_notice(tern_client* client, char** json) {
  return with_client(client, json,
                     [](Client& open) -> Result<Json> { return open.commands().dismiss_notice().map(no_result); });
}

int tern_follow_up(tern_client* client, const char* change, const char* id, const char* reason, char** json) {
  return with_client(client, json, [=](Client& open) -> Result<Json> {
    TERN_TRY(const Json one, parse_required(change));
    TERN_TRY(const auto ref, ref_from_json(one));
    return open.commands().follow_up(ref, id == nullptr ? "" : id, reason == nullptr ? "" : reason).map(followed_json);
  });
}

int tern_find_ticket(tern_client* client, const char* name, char** json) {
  return with_client(client, json, [name](Client& open) -> Result<Json> {
    TERN_TRY(const TicketId id, open.commands().find_ticket(name == nullptr ? "" : name));
    return Json::object({{"uuid", to_uuid_text(id.view())}});
  });
}

int tern_find_record(tern_client* client, const char* kind, const char* name, char** json) {
  return with_client(client, json, [kind, name](Client& open) -> Result<Json> {
    const auto known = sync::record_kind_from_name(kind == nullptr ? "" : kind);
    if (!known) return tl::unexpected(usage("there is no such kind of record"));
    TERN_TRY(const RecordId id,
             open.commands().find_record(static_cast<std::uint32_t>(*known), name == nullptr ? "" : name));
    return Json::object({{"uuid", to_uuid_text(id.view())}});
  });
}

int tern_list(tern_client* client, const char* filter, char** json) {
  return with_client(client, json, [filter](Client& open) -> Result<Json> {
    TERN_TRY(const Json parsed, parse_object(filter));
    TERN_TRY(const ListFilter wanted, filter_of(parsed));
    return open.views().list(wanted).map(page_json);
  });
}

int tern_ticket(tern_client* client, const char* name, char** json) {
  return with_client(client, json, [name](Client& open) -> Result<Json> {
    TERN_TRY(const TicketId id, open.commands().find_ticket(name == nullptr ? "" : name));
    return open.views().ticket(id).map([](const TicketView& view) { return to_json(view); });
  });
}

int tern_search(tern_client* client, const char* text, unsigned limit, const char* after, char** json) {
  return with_client(client, json, [text, limit, after](Client& open) -> Result<Json> {
    return open.views().search(text == nullptr ? "" : text, limit, after == nullptr ? "" : after).map(page_json);
  });
}

int tern_attention(tern_client* client, char** json) {
  return with_client(client, json,
                     [](Client& open) -> Result<Json> { return open.views().attention().map(entries_json); });
}

int tern_history(tern_client* client, const char* name, char** json) {
  return with_client(client, json, [name](Client& open) -> Result<Json> {
    std::optional<TicketId> ticket;
    if (name != nullptr) {
      TERN_TRY(ticket, open.commands().find_ticket(name));
    }
    return open.views().history(ticket).map(entries_json);
  });
}

int tern_status(tern_client* client, char** json) {
  return with_client(client, json, [](Client& open) -> Result<Json> {
    return open.views().status().map([](const SyncStatus& status) { return to_json(status); });
  });
}

int tern_unread(tern_client* client, char** json) {
  return with_client(client, json, [](Client& open) -> Result<Json> {
    return open.views().unread().map([](const UnreadCount& unread) { return to_json(unread); });
  });
}

int tern_mark_read(tern_client* client, const char* ticket, int64_t read_mark, char** json) {
  return with_client(client, json, [ticket, read_mark](Client& open) -> Result<Json> {
    if (ticket == nullptr) return open.commands().mark_all_read().map([] { return Json::object(); });
    TERN_TRY(const TicketId id, open.commands().find_ticket(ticket));
    return open.commands().mark_read(id, read_mark).map([] { return Json::object(); });
  });
}

int tern_quick_replies(tern_client* client, char** json) {
  return with_client(client, json, [](Client& open) -> Result<Json> {
    return open.views().quick_replies().map(all_json<QuickReply>);
  });
}

int tern_saved_views(tern_client* client, char** json) {
  return with_client(client, json,
                     [](Client& open) -> Result<Json> { return open.views().saved_views().map(all_json<SavedView>); });
}

int tern_macros(tern_client* client, char** json) {
  return with_client(client, json,
                     [](Client& open) -> Result<Json> { return open.views().macros().map(all_json<Macro>); });
}

int tern_articles(tern_client* client, const char* text, char** json) {
  return with_client(client, json, [text](Client& open) -> Result<Json> {
    return open.views().articles(text == nullptr ? "" : text).map(all_json<Article>);
  });
}

int tern_article(tern_client* client, const char* name, char** json) {
  return with_client(client, json, [name](Client& open) -> Result<Json> {
    return open.views().article(name == nullptr ? "" : name).map([](const Article& one) { return to_json(one); });
  });
}

int tern_attach(tern_client* client, const char* what, const tern_source* source, char** json) {
  return with_client(client, json, [=](Client& open) -> Result<Json> {
    const bool usable = source != nullptr && source->size >= sizeof(tern_source) && source->read != nullptr;
    if (!usable) return tl::unexpected(usage("source is incomplete"));
    TERN_TRY(const Json one, parse_required(what));
    TERN_TRY(const NewFiles files, files_from_json(one, *source, open.commands()));
    return open.commands().attach(files).map(saved_json);
  });
}

int tern_files(tern_client* client, const char* ticket, char** json) {
  return with_client(client, json, [ticket](Client& open) -> Result<Json> {
    TERN_TRY(const TicketId id, open.commands().find_ticket(ticket == nullptr ? "" : ticket));
    return open.views().files(id).map(all_json<FileView>);
  });
}

int tern_want_file(tern_client* client, const char* ticket, const char* change, char** json) {
  return with_client(client, json, [=](Client& open) -> Result<Json> {
    TERN_TRY(const FileView file, file_on(open, ticket, change));
    return open.commands().want_file(file.ticket, file.change).map(no_result);
  });
}

int tern_read_file(tern_client* client, const char* ticket, const char* change, uint64_t offset, void* into,
                   size_t length, size_t* got, char** json) {
  return with_client(client, json, [=](Client& open) -> Result<Json> {
    if (got == nullptr || (into == nullptr && length != 0)) return tl::unexpected(usage("there is no room for bytes"));
    *got = 0;
    TERN_TRY(const FileView file, file_on(open, ticket, change));
    TERN_TRY(const Bytes bytes, open.views().read_file(file, offset, length));
    bytes.copy(static_cast<char*>(into), bytes.size());
    *got = bytes.size();
    return no_result();
  });
}

int tern_sync(tern_client* client, const tern_transport* transport, char** json) {
  return with_client(client, json, [transport](Client& open) -> Result<Json> {
    if (!complete(transport)) return tl::unexpected(usage("transport is incomplete"));
    HostTransport network(*transport);
    return open.engine().run_round(network).map(report_json);
  });
}

}  // extern "C"
