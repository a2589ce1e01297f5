// Files of attachments at the server: taken in with a message, read by who may read it, gone with it.
#include <filesystem>

#include "api/downloads.hpp"
#include "api/multipart.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
//
#include "files/file_store.hpp"
#include "office.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

const std::string png_head = "\x89PNG\r\n\x1A\n";

struct Upload {
  std::string name, content, field = "files[]";
};

std::string form_part(const std::string& name, const std::string& content, const std::string& file_name = {}) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"" +
         (file_name.empty() ? "" : "; filename=\"" + file_name + "\"\r\nContent-Type: image/png") + "\r\n\r\n" +
         content + "\r\n";
}

/// Bytes that are in no other file of a server, as many as are wanted.
std::string canary_bytes(std::size_t bytes, const std::string& word = "canary") {
  std::string out;
  for (std::size_t i = 0; out.size() < bytes; ++i) out += word + std::to_string(i) + ";";
  out.resize(bytes);
  return out;
}

struct FileDesk : Office {
  explicit FileDesk() : Office({{"operator_id", Json("ann")}}) {}

  server::Response upload(std::int64_t ticket, const std::vector<Upload>& files, bool note = false,
                          std::vector<server::Header> headers = {}, const std::string& path = "/api/admin.php") {
    // A text too short to be quoted by another one.
    std::string body = form_part("ticket_id", std::to_string(ticket)) + form_part("message", "See it.");
    if (path == "/api/admin.php") body = form_part("action", "add_message") + body;
    if (note) body += form_part("is_note", "true");
    for (const Upload& file : files) body += form_part(file.field, file.content, file.name);
    return send(body + "--b--\r\n", path, "multipart/form-data; boundary=b", std::move(headers));
  }
  /// The message that was written.
  Json uploaded(std::int64_t ticket, const std::vector<Upload>& files, bool note = false,
                std::vector<server::Header> headers = {}) {
    const auto answer = upload(ticket, files, note, std::move(headers));
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  server::Response download(const Json& file, std::vector<server::Header> headers = {}, bool with_key = true) {
    server::Request request;
    request.method = "GET";
    request.target = "/api/files/" + to_text(file["id"]);
    request.headers = std::move(headers);
    if (with_key) request.headers.push_back({"x-api-key", key});
    return house.send(request);
  }
  static std::string content_in(const server::Response& answer) {
    if (!answer.file()) return answer.body;
    return must(answer.file()->read_at(answer.file_offset(), static_cast<std::size_t>(answer.file_bytes())));
  }
  /// Whether any file of the server's directory holds these bytes.
  bool holds(const std::string& bytes) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(house.folder.file("server")))
      if (entry.is_regular_file() && file_holds(entry.path(), bytes)) return true;
    return false;
  }
  /// Whether a file was ever taken in.
  bool has_store() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(house.folder.file("server")))
      if (entry.path().filename() == "files.db") return true;
    return false;
  }
  Json change_of(const Json& file) {  // "device:change" of a file's message
    sqlite::OpenOptions how;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(house.folder.file("server")))
      if (entry.path().filename() == "tern.db") how.path = entry.path();
    how.role = sqlite::Role::reader;
    const auto db = must(sqlite::Database::open(how));
    auto rows =
        must(db->query("SELECT device_id, change_id FROM message WHERE integer_id = $1", file["id"].as_integer()));
    REQUIRE(must(rows.step()));
    return Json(to_uuid_text(rows.blob(0)) + ":" + to_hex(rows.blob(1)));
  }
};

}  // namespace

TEST_CASE("a file comes with a message and is read back by who may read the message", "[server][api][files]") {
  FileDesk desk;
  const std::int64_t ticket = desk.ticket();
  const std::string picture = png_head + canary_bytes(200'000), text = "short";
  const Json message = desk.uploaded(ticket, {{"pump.png", picture}, {"насос.txt", text, "files"}});
  REQUIRE(message["files"].size() == 2);
  const Json first = message["files"].items()[0], second = message["files"].items()[1];
  CHECK(first["name"] == Json("pump.png"));
  CHECK(first["size"] == Json(picture.size()));
  CHECK(first["mime"] == Json("image/png"));
  CHECK(first["url"] == Json("https://desk.example/api/files/" + to_text(first["id"])));
  CHECK(second["name"] == Json("насос.txt"));

  // The ticket has them with their message, and all of them beside.
  const Json whole = desk.good(act("get_ticket", {{"ticket_id", Json(ticket)}}));
  REQUIRE(whole["messages"].size() == 2);
  CHECK(whole["messages"].items()[1]["files"] == message["files"]);
  CHECK(whole["files"] == message["files"]);
  CHECK(desk.good(act("list_tickets"))["tickets"].items()[0]["message_count"] == Json(2));

  const auto got = desk.download(first);
  CHECK(got.status == 200);
  CHECK(FileDesk::content_in(got) == picture);
  CHECK(got.header("content-type") == "image/png");
  CHECK(got.header("x-content-type-options") == "nosniff");
  CHECK(got.header("content-disposition") == "attachment; filename=\"pump.png\"; filename*=UTF-8''pump.png");
  CHECK(got.header("cache-control") == "private, no-store");
  const auto named = desk.download(second);
  CHECK(FileDesk::content_in(named) == text);
  CHECK(named.header("content-disposition").ends_with("filename*=UTF-8''%d0%bd%d0%b0%d1%81%d0%be%d1%81.txt"));

  desk.house.reopen();
  CHECK(FileDesk::content_in(desk.download(first)) == picture);
  const Json verified = desk.house.command(cmd("verify"));
  INFO(to_text(verified));
  CHECK(verified["good"] == Json(true));
  CHECK(verified["files"] == Json(2));
  CHECK(verified["files_not_here"] == Json(0));
}

TEST_CASE("a file is as secret as its message", "[server][api][files][security]") {
  FileDesk desk;
  desk.house.command(cmd("organisation add", {{"name", Json("Client")}, {"portal_domain", Json("client.example")}}));
  const auto token = [&](int user) {
    return server::Header{"x-client-token",
                          desk.good(act("create_client_token",
                                        {{"portal_domain", Json("client.example")}, {"user_id", Json(user)}}))["token"]
                              .as_string()};
  };
  const server::Header john = token(1), jane = token(2);
  const std::string mine = std::exchange(desk.key, {});
  const auto made = desk.send(to_text(act("create_ticket", {{"subject", Json("a")}, {"description", Json("b")}})),
                              "/api/client.php", "application/json", {john});
  desk.key = mine;
  const std::int64_t ticket = must(parse_json(made.body, {.decimals = true}))["data"]["id"].as_integer();
  const Json shown = desk.uploaded(ticket, {{"a.txt", "for the customer"}})["files"].items()[0];
  const Json note = desk.uploaded(ticket, {{"b.txt", "for us"}}, true)["files"].items()[0];

  CHECK(FileDesk::content_in(desk.download(shown, {john}, false)) == "for the customer");
  CHECK(desk.download(note, {john}, false).status == 404);
  for (const Json& file : {shown, note}) {
    CHECK(problem_code(desk.download(file, {jane}, false)) == "not_found");
    CHECK(problem_code(desk.download(file, {}, false)) == "key_required");
    CHECK(problem_code(desk.download(file, {{"x-client-token", "ct_00"}}, false)) == "session_unknown");
  }
  // A browser's page never has an API key, and of a credential that may not read tickets there is no file.
  CHECK(problem_code(desk.download(shown, {{"origin", "https://e.example"}})) == "origin");
  const std::string narrow =
      desk.house.command(cmd("key add", {{"name", Json("writes")}, {"scopes", Json::array({Json("write")})}}))["key"]
          .as_string();
  desk.key = narrow;
  CHECK(problem_code(desk.download(shown)) == "scope_missing");
  desk.key = mine;

  // A key of somebody who does not see the ticket.
  desk.house.command(cmd("queue add", {{"name", Json("Depot")}}));
  desk.house.add_operator("bob", "operator");
  desk.key =
      desk.house.command(cmd("key add", {{"name", Json("bob's")}, {"operator_id", Json("bob")}}))["key"].as_string();
  const bool sees = desk.ask(act("get_ticket", {{"ticket_id", Json(ticket)}})).status == 200;
  CHECK((desk.download(note).status == 200) == sees);
  desk.key = mine;

  // What was taken back is gone for everybody: a file, or the message that it came with.
  const Json other = desk.uploaded(ticket, {{"c.txt", "c"}, {"d.txt", "d"}});
  const Json c = other["files"].items()[0], d = other["files"].items()[1];
  desk.good(act("delete_message", {{"message_id", c["id"]}}));
  CHECK(desk.download(c).status == 404);
  CHECK(desk.download(d).status == 200);
  desk.good(act("delete_message", {{"message_id", other["id"]}}));
  CHECK(desk.download(d).status == 404);
  const Json left = desk.good(act("get_ticket", {{"ticket_id", Json(ticket)}}));
  CHECK(left["files"].size() == 2);
  for (const Json& file : left["files"].items()) CHECK((file["id"] == shown["id"] || file["id"] == note["id"]));

  // No message, no other message, no other path is a file.
  for (const char* path :
       {"/api/files/", "/api/files/x", "/api/files/-1", "/api/files/1/2", "/api/files/99999999999999999999"})
    CHECK(desk.house.get(path).status == 404);
  CHECK(desk.download(Json::object({{"id", other["id"]}})).status == 404);
}

TEST_CASE("who knows the hash of a file gets nothing by it", "[server][api][files][security]") {
  FileDesk desk;
  const Json secret = desk.uploaded(desk.ticket("secret"), {{"a.txt", "nobody else's"}})["files"].items()[0];
  desk.house.add_operator("eve", "operator");
  Device device(desk.house, "eve");
  must(device.open_session());
  device.download();
  const TicketId own = random_id<TicketId>(desk.house.environment);
  device.push(device.create(own, "of eve"));
  sync::Change attach = device.change(sync::Intent::attach, own);
  attach.visibility = sync::Visibility::team;
  attach.file_name = "../mine.png";
  attach.media_type = "text/html";
  attach.size_bytes = 13;
  attach.content_hash = Bytes(protocol::sha256("nobody else's").view());
  device.push(attach);

  const auto listed = desk.good(act("list_tickets", {{"search", Json("eve")}}))["tickets"];
  REQUIRE(listed.size() == 1);
  const Json whole = desk.good(act("get_ticket", {{"ticket_id", listed.items()[0]["id"]}}));
  REQUIRE(whole["files"].size() == 1);
  const Json claimed = whole["files"].items()[0];
  CHECK(claimed["url"].is_null());
  CHECK(claimed["name"] == Json("mine.png"));
  CHECK(claimed["mime"] == Json("application/octet-stream"));
  CHECK(whole["messages"].items()[1]["files"].items()[0] == claimed);  // it came alone: a message of its own
  CHECK(problem_code(desk.download(claimed)) == "not_found");
  CHECK(FileDesk::content_in(desk.download(secret)) == "nobody else's");
  const Json verified = desk.house.command(cmd("verify"));
  CHECK(verified["good"] == Json(true));
  CHECK(verified["files_not_here"] == Json(1));
}

TEST_CASE("a file of one organisation is none of another, whose files have the same ids",
          "[server][api][files][security][tenants]") {
  FileDesk desk;
  desk.house.command(cmd("tenant add", {{"name", Json("Rockets")}}));
  const std::string ours = desk.key;
  const Json file = desk.uploaded(desk.ticket(), {{"a.txt", canary_bytes(1'000, "pumps")}})["files"].items()[0];
  desk.key = desk.house.command(cmd("key add", {{"name", Json("r")}, {"tenant", Json("Rockets")}}))["key"].as_string();
  CHECK(problem_code(desk.download(file)) == "not_found");
  const Json theirs = desk.uploaded(desk.ticket(), {{"a.txt", canary_bytes(1'000, "rockets")}})["files"].items()[0];
  REQUIRE(theirs["id"] == file["id"]);
  CHECK(FileDesk::content_in(desk.download(theirs)) == canary_bytes(1'000, "rockets"));
  desk.key = ours;
  CHECK(FileDesk::content_in(desk.download(file)) == canary_bytes(1'000, "pumps"));
  int stores = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(desk.house.folder.file("server"))) {
    if (entry.path().filename() != "files.db") continue;
    ++stores;
    const std::string log = entry.path().string() + "-wal";
    const auto holds = [&](const char* word) { return file_holds(entry.path(), word) || file_holds(log, word); };
    CHECK(holds("pumps1;") != holds("rockets1;"));
  }
  CHECK(stores == 2);
}

TEST_CASE("a part of a file can be asked for, and one that is not there is said", "[server][api][files]") {
  FileDesk desk;
  const std::string content = canary_bytes(150'000);
  const Json file = desk.uploaded(desk.ticket(), {{"a.txt", content}})["files"].items()[0];
  const auto part_of = [&](const std::string& range) { return desk.download(file, {{"range", range}}); };
  for (const auto& [range, from, bytes] :
       {std::tuple{"bytes=0-0", 0, 1}, std::tuple{"bytes=65530-65541", 65'530, 12},
        std::tuple{"bytes=149999-", 149'999, 1}, std::tuple{"bytes=-10", 149'990, 10},
        std::tuple{"bytes=100-999999", 100, 149'900}}) {
    INFO(range);
    const auto got = part_of(range);
    CHECK(got.status == 206);
    CHECK(FileDesk::content_in(got) == content.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(bytes)));
    CHECK(got.header("content-range") ==
          "bytes " + std::to_string(from) + "-" + std::to_string(from + bytes - 1) + "/150000");
  }
  for (const char* range : {"bytes=150000-", "bytes=-0", "bytes=999999-1000000"}) {
    CHECK(part_of(range).status == 416);
    CHECK(part_of(range).header("content-range") == "bytes */150000");
  }
  for (const char* range : {"bytes=5-1", "bytes=0-1,4-5", "lines=1-2", "bytes=x-", "bytes=", "bytes=--1", ""}) {
    INFO(range);
    CHECK(part_of(range).status == 200);
    CHECK(FileDesk::content_in(part_of(range)) == content);
  }
}

TEST_CASE("a file keeps the limits of the plan and of the disk, and what is refused was never kept",
          "[server][api][files][hostile]") {
  FileDesk desk;
  const std::int64_t ticket = desk.ticket();
  desk.house.command(cmd("tenant plan", {{"plan", Json("pro")}}));
  const auto code = [&](const std::vector<Upload>& files, const std::string& path = "/api/v1/add_message") {
    const auto answer = desk.upload(ticket, files, false, {}, path);
    INFO(answer.body);
    return std::to_string(answer.status) + " " + problem_code(answer) + " " + said(answer, "field");
  };
  const std::string most(25 * limits::mib, 'x');
  CHECK(code({{"a.txt", most + "x"}}) == "413 too_large files");
  CHECK(code({{"a.txt", most + std::string(limits::mib, 'x')}}) == "413 body_too_large ");
  CHECK(code({{"a\xE2\x80\x8B.png", "x"}}) == "422 file_name files");
  CHECK(code({{"..", "x"}}) == "422 file_name files");
  CHECK(code({{"a.txt", "x", "photo"}}) == "422 invalid photo");
  CHECK(code(std::vector<Upload>(21, {"a.txt", "x"})) == "413 too_large files");
  // A ticket that is not there, or that nobody may write to.
  CHECK(desk.upload(9'999, {{"a.txt", "x"}}, false, {}, "/api/v1/add_message").status == 404);
  CHECK_FALSE(desk.has_store());
  desk.uploaded(ticket, {{"a.txt", most}});
  CHECK(desk.has_store());
}

TEST_CASE("with less than a tenth of the disk free files are refused, and texts are taken", "[server][api][files]") {
  FileDesk desk;
  std::uint64_t free_bytes = 1ULL << 39;
  server::ServerOptions options = desk.house.options();
  options.ballast_bytes = 4096;
  options.disk_space = [&](const std::string&) { return server::DiskSpace{1ULL << 40, free_bytes}; };
  desk.house.core.reset();
  desk.house.core = must(server::ServerCore::open(options, desk.house.environment));
  const std::int64_t ticket = desk.ticket();
  const Json file = desk.uploaded(ticket, {{"a.txt", "a"}})["files"].items()[0];
  free_bytes = 9ULL << 30;
  desk.house.tick();
  const auto refused = desk.upload(ticket, {{"b.txt", "b"}});
  CHECK(refused.status == 507);
  CHECK(said(refused) == "storage_full");
  CHECK(desk.upload(ticket, {}).status == 200);
  CHECK(desk.download(file).status == 200);
  free_bytes = 11ULL << 30;
  desk.house.tick();
  CHECK(desk.upload(ticket, {{"b.txt", "b"}}).status == 200);
  desk.house.core.reset();
}

TEST_CASE("what a file says of itself does not count: its name is cleaned, its type is the table's",
          "[server][api][files][hostile]") {
  FileDesk desk;
  const Json message = desk.uploaded(desk.ticket(), {{"../../a.html", "<script>alert(1)</script>"},
                                                     {"b.png", "<script>"},
                                                     {"c.svg", "<svg/>"},
                                                     {"d e\\\\f.png", png_head}});
  const char* const names[] = {"a.html", "b.png", "c.svg", "f.png"};
  const char* const types[] = {"application/octet-stream", "application/octet-stream", "application/octet-stream",
                               "image/png"};
  for (std::size_t i = 0; i < 4; ++i) {
    const Json& file = message["files"].items()[i];
    CHECK(file["name"] == Json(names[i]));
    CHECK(file["mime"] == Json(types[i]));
    const auto got = desk.download(file);
    CHECK(got.header("content-type") == types[i]);
    CHECK(got.header("content-disposition").starts_with("attachment;"));
    CHECK(got.header("content-security-policy") == "default-src 'none'; sandbox");
  }
}

TEST_CASE("the same file is kept once, and the same request writes one message", "[server][api][files]") {
  FileDesk desk;
  const std::int64_t ticket = desk.ticket();
  const std::string content = canary_bytes(100'000);
  const server::Header once{"idempotency-key", "k1"};
  const Json first = desk.uploaded(ticket, {{"a.txt", content}}, false, {once});
  const auto again = desk.upload(ticket, {{"a.txt", content}}, false, {once});
  CHECK(again.header("idempotency-replayed") == "true");
  CHECK(must(parse_json(again.body, {.decimals = true}))["data"] == first);
  CHECK(said(desk.upload(ticket, {{"a.txt", content + "!"}}, false, {once})) == "idempotency_mismatch");
  CHECK(said(desk.upload(ticket, {{"b.txt", content}}, false, {once})) == "idempotency_mismatch");
  CHECK(desk.good(act("get_ticket", {{"ticket_id", Json(ticket)}}))["files"].size() == 1);
  desk.uploaded(ticket, {{"b.txt", content}, {"c.txt", content}});
  CHECK(desk.house.command(cmd("verify"))["files"] == Json(1));
}

TEST_CASE("an erased message takes its files with it, but for what others sent, too", "[server][api][files][erase]") {
  FileDesk desk;
  const std::int64_t ticket = desk.ticket();
  const std::string alone = canary_bytes(200'000, "alone"), shared = canary_bytes(200'000, "shared");
  const Json message = desk.uploaded(ticket, {{"alone.txt", alone}, {"shared.txt", shared}});
  const Json other = desk.uploaded(ticket, {{"shared too.txt", shared}})["files"].items()[0];
  const Json gone = message["files"].items()[0], gone_too = message["files"].items()[1];
  REQUIRE(desk.holds("alone100;"));
  const auto reading = desk.download(gone);  // somebody is in the middle of it
  const Json erased = desk.house.command(cmd("erase", {{"change", Json::array({desk.change_of(message)})}}));
  CHECK(erased["erased"] == Json(3));
  CHECK(desk.download(gone).status == 404);
  CHECK(desk.download(gone_too).status == 404);
  CHECK(FileDesk::content_in(desk.download(other)) == shared);
  CHECK(reading.file()->read_at(0, 10).error().code == ErrorCode::not_found);
  CHECK_FALSE(desk.holds("alone100;"));
  CHECK_FALSE(desk.holds("alone.txt"));
  CHECK(desk.good(act("get_ticket", {{"ticket_id", Json(ticket)}}))["files"].size() == 1);
  desk.house.command(cmd("erase", {{"change", Json::array({desk.change_of(other)})}}));
  CHECK_FALSE(desk.holds("shared100;"));
  const Json verified = desk.house.command(cmd("verify"));
  INFO(to_text(verified));
  CHECK(verified["good"] == Json(true));
  CHECK(verified["files"] == Json(0));
}

TEST_CASE("a file whose change never came goes after a week", "[server][files]") {
  FileDesk desk;
  const Json kept = desk.uploaded(desk.ticket(), {{"kept.txt", "kept"}})["files"].items()[0];
  std::string path;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(desk.house.folder.file("server")))
    if (entry.path().filename() == "files.db") path = entry.path();
  server::FileStoreOptions options;
  options.path = path;
  const auto store = std::make_shared<server::FileStore>(std::move(options));
  const sync::ChangeRef orphan{random_id<DeviceId>(desk.house.environment),
                               random_id<ChangeId>(desk.house.environment)};
  must(store->put(orphan, server::RequestBody(Bytes("xxorphaned")), 2, 8, protocol::sha256("orphaned"),
                  desk.house.environment.wall_ms()));
  REQUIRE(must(store->find(orphan)));
  desk.house.environment.advance(6LL * 24 * 3'600'000);
  desk.house.tick();
  CHECK(must(store->find(orphan)));
  desk.house.environment.advance(2LL * 24 * 3'600'000);
  desk.house.tick();
  CHECK_FALSE(must(store->find(orphan)));
  CHECK(FileDesk::content_in(desk.download(kept)) == "kept");
}

TEST_CASE("a file that is not what its hash says is not kept, and one that was damaged later is named",
          "[server][files]") {
  TempDir folder;
  VirtualEnvironment environment(7);
  server::FileStoreOptions options;
  options.path = folder.file("files.db");
  const auto store = std::make_shared<server::FileStore>(std::move(options));
  const sync::ChangeRef ref{random_id<DeviceId>(environment), random_id<ChangeId>(environment)};
  const std::string content = canary_bytes(3 * limits::mib + 5);
  CHECK_FALSE(must(store->exists()));
  CHECK_FALSE(must(store->find(ref)));
  CHECK_FALSE(std::filesystem::exists(folder.file("files.db")));
  const server::RequestBody body{Bytes(content)};
  const auto wrong = store->put(ref, body, 0, content.size(), protocol::sha256("other"), 1);
  CHECK(wrong.error().code == ErrorCode::content_mismatch);
  CHECK_FALSE(must(store->find(ref)));
  CHECK(must(store->check({})).files == 0);
  must(store->put(ref, body, 0, content.size(), protocol::sha256(content), 1));
  must(store->put(ref, body, 0, content.size(), protocol::sha256(content), 1));  // once more
  const auto found = must(store->find(ref));
  REQUIRE(found);
  CHECK(must(store->open(*found)->read_at(65'000, 200'000)) == content.substr(65'000, 200'000));
  const auto checked = must(store->check({}));
  CHECK(checked.files == 1);
  CHECK(checked.bytes == content.size());
  CHECK(checked.damaged.empty());
  {
    sqlite::OpenOptions how;
    how.path = folder.file("files.db");
    const auto db = must(sqlite::Database::open(how));
    must(db->exec("UPDATE piece SET bytes = zeroblob(65536) WHERE n = 20"));
  }
  CHECK(must(store->check({})).damaged.size() == 1);
}

TEST_CASE("a content whose row is missing is taken in anew, and a number that was dropped is given to no other one",
          "[server][files]") {
  TempDir folder;
  VirtualEnvironment environment(8);
  server::FileStoreOptions options;
  options.path = folder.file("files.db");
  const auto store = std::make_shared<server::FileStore>(std::move(options));
  const sync::ChangeRef ref{random_id<DeviceId>(environment), random_id<ChangeId>(environment)};
  const std::string content = canary_bytes(2 * limits::file_piece_bytes);
  const Hash sha256 = protocol::sha256(content);
  const auto half = [&](std::uint64_t at) {
    return store->take_in(ref, content.size(), sha256, at, content.substr(at, limits::file_piece_bytes), 1);
  };
  must(half(0));
  {
    sqlite::OpenOptions how;
    how.path = folder.file("files.db");
    const auto db = must(sqlite::Database::open(how));
    must(db->exec("DELETE FROM piece; DELETE FROM content"));
  }
  CHECK(must(half(limits::file_piece_bytes)).have_bytes == 0);
  CHECK(must(half(0)).have_bytes == limits::file_piece_bytes);
  CHECK(must(half(limits::file_piece_bytes)).whole);
  const auto first = must(store->find(ref));
  REQUIRE(first);
  CHECK(must(store->open(*first)->read_at(0, content.size())) == content);

  must(store->drop({ref}));
  CHECK_FALSE(must(store->find(ref)));
  must(half(0));
  must(half(limits::file_piece_bytes));
  CHECK(must(store->find(ref))->id != first->id);
  must(half(limits::file_piece_bytes));  // once more
  CHECK(must(store->find(ref)));
}

TEST_CASE("files are in a backup, and come back without what was erased since", "[server][backup][restore][files]") {
  FileDesk desk;
  const std::int64_t ticket = desk.ticket();
  const Json kept = desk.uploaded(ticket, {{"a.txt", "kept for ever"}})["files"].items()[0];
  const Json erased = desk.uploaded(ticket, {{"b.txt", "erased later"}});
  const std::string backup = desk.house.folder.file("backup-1");
  desk.house.command(cmd("backup", {{"to", Json(backup)}}));
  CHECK_FALSE(file_holds(backup, "kept for ever"));
  const Json lost = desk.uploaded(ticket, {{"c.txt", "after the backup"}})["files"].items()[0];
  desk.house.command(cmd("erase", {{"change", Json::array({desk.change_of(erased)})}}));
  desk.house.core.reset();
  must(server::ServerCore::administer_offline(
      desk.house.options(),
      cmd("restore",
          {{"from", Json(backup)}, {"recovery-key", Json(desk.house.recovery_key)}, {"replace", Json(true)}}),
      desk.house.environment));
  desk.house.reopen();
  CHECK(FileDesk::content_in(desk.download(kept)) == "kept for ever");
  CHECK(desk.download(erased["files"].items()[0]).status == 404);
  CHECK(desk.download(lost).status == 404);
  CHECK_FALSE(desk.holds("erased later"));
  const Json verified = desk.house.command(cmd("verify"));
  INFO(to_text(verified));
  CHECK(verified["good"] == Json(true));
  CHECK(verified["files"] == Json(1));
}

TEST_CASE("files of an encrypted server can be read in none of its files", "[server][files][encryption]") {
  if (!sqlite::encryption_available()) return;
  TempDir folder;
  VirtualEnvironment environment(3);
  server::FileStoreOptions options;
  options.path = folder.file("files.db");
  options.encryption = protocol::SecretKey::random(environment);
  const auto store = std::make_shared<server::FileStore>(std::move(options));
  const sync::ChangeRef ref{random_id<DeviceId>(environment), random_id<ChangeId>(environment)};
  const std::string content = canary_bytes(300'000);
  must(store->put(ref, server::RequestBody(Bytes(content)), 0, content.size(), protocol::sha256(content), 1));
  must(store->copy_to(folder.file("copy.db"), {}));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    CHECK_FALSE(file_holds(entry.path(), "canary100;"));
  CHECK(must(store->open(*must(store->find(ref)))->read_at(0, content.size())) == content);
}

TEST_CASE("the parts of a form are found wherever its boundaries fall", "[server][api][files]") {
  for (std::size_t before = 65'450; before < 65'620; ++before) {
    const std::string filler = canary_bytes(before), content = "\r\n--\r\n--a\r\n-";
    const std::string body = form_part("one", filler) + form_part("files[]", content, "x.txt") + "--b--";
    const auto parts = must(server::find_parts("multipart/form-data; boundary=b", server::RequestBody{Bytes(body)}));
    REQUIRE(parts.size() == 2);
    CHECK(body.substr(parts[0].offset, parts[0].size_bytes) == filler);
    CHECK(body.substr(parts[1].offset, parts[1].size_bytes) == content);
    CHECK(parts[1].file_name == "x.txt");
  }
  const auto named = [](const std::string& disposition) {
    const std::string body = "--b\r\nContent-Disposition: form-data; name=f; " + disposition + "\r\n\r\n\r\n--b--";
    return must(server::find_parts("multipart/form-data; boundary=b", server::RequestBody{Bytes(body)}))[0].file_name;
  };
  CHECK(named("filename*=UTF-8''na%C3%AFve%20a.txt") == "na\xC3\xAFve a.txt");
  CHECK(named("filename=\"a;b\"; x=y") == "a;b");
  CHECK(named("x=y") == std::nullopt);
}

TEST_CASE("a form that is cut anywhere, or has too many parts, is refused", "[server][api][files][hostile]") {
  const std::string type = "multipart/form-data; boundary=b";
  const std::string whole = form_part("a", "1") + form_part("files[]", "content", "x.txt") + "--b--";
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
    CHECK(server::find_parts(type, server::RequestBody{Bytes(whole.substr(0, bytes))}).error().code ==
          ErrorCode::malformed);
  std::string many;
  for (std::size_t i = 0; i <= server::multipart_parts_max; ++i) many += form_part("a" + std::to_string(i), "");
  CHECK(server::find_parts(type, server::RequestBody{Bytes(many + "--b--")}).error().code == ErrorCode::too_large);
  const std::string long_head =
      "--b\r\nX: " + std::string(5'000, 'x') + "\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--b--";
  CHECK(server::find_parts(type, server::RequestBody{Bytes(long_head)}).error().code == ErrorCode::malformed);
}

}  // namespace tern::test
