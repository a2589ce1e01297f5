// Content of attachments between devices: queued offline, sent and fetched piece by piece, cut anywhere, read by who
// may read the message, gone with what it belongs to.
#include <filesystem>
#include <fstream>

#include "files/file_shelf.hpp"
#include "files/file_store.hpp"
#include "support/files.hpp"
#include "support/older_schema.hpp"
#include "support/world_intruder.hpp"
#include "tern/protocol/file_pieces.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr std::string_view send_path = "/sync/v1/file";
constexpr std::string_view read_path = "/sync/v1/file/read";

/// Bytes that are in no other file, different for each word.
std::string file_bytes(std::size_t bytes, const std::string& word = "CANARYOFFILES") {
  std::string out;
  for (std::size_t i = 0; out.size() < bytes; ++i) out += word + std::to_string(i) + ";";
  out.resize(bytes);
  return out;
}

client::NewFile new_file(const std::string& name, std::string content) {
  client::NewFile file;
  file.name = name;
  file.size_bytes = content.size();
  file.read = [content = std::move(content)](std::uint64_t offset, std::size_t length) -> Result<Bytes> {
    return content.substr(static_cast<std::size_t>(offset), length);
  };
  return file;
}

client::NewFiles new_files(const TicketId& ticket, const std::string& name, std::string content) {
  client::NewFiles files;
  files.ticket = ticket;
  files.files.push_back(new_file(name, std::move(content)));
  return files;
}

/// Saved on the device; the file's change.
ChangeRef attach(Device& device, const TicketId& ticket, const std::string& name, std::string content) {
  return must(device.client().commands().attach(new_files(ticket, name, std::move(content)))).back().ref;
}

client::FileView file_of(Device& device, const TicketId& ticket, const ChangeRef& ref) {
  for (client::FileView& file : must(device.client().views().files(ticket)))
    if (file.change == ref) return std::move(file);
  FAIL(device.name() << " shows no such file");
  return {};
}

std::string where(Device& device, const TicketId& ticket, const ChangeRef& ref) {
  return std::string(to_string(file_of(device, ticket, ref).where));
}

/// Nothing where it is not here.
std::string content(Device& device, const TicketId& ticket, const ChangeRef& ref) {
  const client::FileView file = file_of(device, ticket, ref);
  std::string out;
  while (out.size() < file.size_bytes) {
    const auto piece = device.client().views().read_file(file, out.size(), 100'000);
    if (!piece) return {};
    out += *piece;
  }
  return out;
}

bool server_has(World& world, Device& of, const ChangeRef& ref) {
  return must(world.server.tenant(of.tenant()).files().find(ref)).has_value();
}

void set_each_max(Device& device, std::uint64_t bytes) {
  client::FilePolicy policy = must(device.client().commands().file_policy());
  policy.each_bytes_max = bytes;
  must(device.client().commands().set_file_policy(policy));
}

/// In a file of a device that is closed.
void change_own(Device& device, const std::string& file, const std::string& sql) {
  sqlite::OpenOptions how;
  how.path = device.home() + "/" + file;
  if (sqlite::encryption_available()) how.key = sqlite::DatabaseKey::or_zero(device.keys().data_key.view());
  must(must(sqlite::Database::open(how))->exec(sql));
}

/// In the store of contents of a server that is closed.
void change_contents(World& world, const std::string& sql) {
  sqlite::OpenOptions how;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.server.directory()))
    if (entry.path().filename() == "files.db") how.path = entry.path();
  must(must(sqlite::Database::open(how))->exec(sql));
}

struct Attachments {
  explicit Attachments(std::uint64_t number)
      : world(Seed::from_environment_or(number)), van(world.add_device("van")), desk(world.add_device("desk")) {
    ticket = van.create("attachments");
    CHECK(world.run_until_quiet());
  }
  World world;
  Device& van;
  Device& desk;
  TicketId ticket;
};

/// Cuts a device off when it sends its n-th request to a path, and counts what pieces weigh.
struct Cutter {
  Cutter(World& of, Device& whose, std::string_view to) : world(of) {
    world.network.on_request = [this, &whose, to](const std::string& address, client::HttpRequest& request) {
      if (address != whose.address() || request.target != to) return;
      ++requests;
      bytes += request.body.size();
      if (requests == cut_at) world.network.cut(address);
    };
  }
  ~Cutter() { world.network.on_request = {}; }
  Cutter(const Cutter&) = delete;
  Cutter& operator=(const Cutter&) = delete;

  World& world;
  std::size_t requests = 0, bytes = 0, cut_at = 0;
};

}  // namespace

TEST_CASE("a file attached offline is sent with the next sync, and read by a colleague without a network",
          "[world][files]") {
  Attachments scene(701);
  scene.world.network.cut();
  const std::string bytes = file_bytes(300'000);
  client::NewFiles both = new_files(scene.ticket, "folder/pump.txt", bytes);
  both.text = "see both";
  both.files.push_back(new_file("empty.bin", ""));
  const auto saved = must(scene.van.client().commands().attach(both));
  REQUIRE(saved.size() == 3);
  const ChangeRef file = saved[1].ref, empty = saved[2].ref;
  CHECK(scene.van.status().files_waiting == 2);
  CHECK(scene.van.status().files_waiting_bytes == 300'000);
  CHECK(where(scene.van, scene.ticket, file) == "waiting");
  CHECK(content(scene.van, scene.ticket, file) == bytes);
  scene.van.crash();
  CHECK(content(scene.van, scene.ticket, file) == bytes);

  scene.world.network.heal();
  must(scene.van.sync());
  CHECK(scene.van.status().files_waiting == 0);
  CHECK(where(scene.van, scene.ticket, file) == "here");
  CHECK(server_has(scene.world, scene.van, file));
  CHECK(server_has(scene.world, scene.van, empty));

  must(scene.desk.sync());
  const client::FileView seen = file_of(scene.desk, scene.ticket, file);
  CHECK(seen.name == "pump.txt");
  CHECK(seen.media_type == "text/plain");
  CHECK(seen.where == client::FileView::Where::not_here);
  must(scene.desk.client().commands().want_file(scene.ticket, file));
  CHECK(where(scene.desk, scene.ticket, file) == "wanted");
  must(scene.desk.sync());
  scene.world.network.cut();
  CHECK(where(scene.desk, scene.ticket, file) == "here");
  CHECK(content(scene.desk, scene.ticket, file) == bytes);
  scene.world.network.heal();
  CHECK(scene.world.run_until_quiet());
  CHECK(scene.world.invariants_hold());
  const Json verified = scene.world.server.administer("verify");
  CHECK(verified["good"].as_bool());
}

TEST_CASE("a file goes on from where it was cut, at whichever piece, over crashes of both sides", "[world][files]") {
  Attachments scene(702);
  set_each_max(scene.desk, 0);
  constexpr std::size_t size = 700'000;
  for (const bool crashes : {false, true})
    for (std::size_t cut_at = 1; cut_at <= 7; ++cut_at) {
      INFO("cut at request " << cut_at << (crashes ? ", with crashes" : ""));
      const std::string bytes = file_bytes(size, "FILE" + std::to_string(cut_at) + (crashes ? "C" : "N"));
      const ChangeRef file = attach(scene.van, scene.ticket, "cut.bin", bytes);
      const auto between = [&](Device& device) {
        if (crashes) {
          scene.world.server.crash();
          scene.world.server.open();
          device.crash();
        }
        scene.world.network.heal();
      };
      {
        Cutter cutter(scene.world, scene.van, send_path);
        cutter.cut_at = cut_at;
        const auto first = scene.van.sync();
        CHECK(first.has_value() == (cutter.requests < cut_at));
        between(scene.van);
        must(scene.van.sync());
        CHECK(where(scene.van, scene.ticket, file) == "here");
        CHECK(cutter.bytes < size + 2 * limits::file_piece_bytes_max);  // nothing that arrived is sent again
      }
      must(scene.desk.sync());
      must(scene.desk.client().commands().want_file(scene.ticket, file));
      Cutter cutter(scene.world, scene.desk, read_path);
      cutter.cut_at = cut_at;
      static_cast<void>(scene.desk.sync());
      between(scene.desk);
      must(scene.desk.sync());
      CHECK(content(scene.desk, scene.ticket, file) == bytes);
    }
  CHECK(scene.world.run_until_quiet());
  CHECK(scene.world.invariants_hold());
}

TEST_CASE("files come through a network that loses, doubles, reorders and spoils messages", "[world][files]") {
  Attachments scene(703);
  const std::string bytes = file_bytes(500'000);
  scene.world.network.faults = {80, 80, 80, 40, 40, 200};
  const ChangeRef file = attach(scene.van, scene.ticket, "storm.bin", bytes);
  for (int i = 0; i < 60 && !server_has(scene.world, scene.van, file); ++i) static_cast<void>(scene.van.sync());
  const auto is_read = [&] {
    return !must(scene.desk.client().views().files(scene.ticket)).empty() &&
           !content(scene.desk, scene.ticket, file).empty();
  };
  for (int i = 0; i < 60 && !is_read(); ++i) {
    static_cast<void>(scene.desk.sync());
    static_cast<void>(scene.desk.client().commands().want_file(scene.ticket, file));  // once it is known
  }
  CHECK(is_read());
  scene.world.network.heal();
  must(scene.desk.sync());
  CHECK(content(scene.desk, scene.ticket, file) == bytes);
  CHECK(scene.world.run_until_quiet());
  CHECK(scene.world.invariants_hold());
}

TEST_CASE("a server that forgets what it was sent ends no round, and the file goes on waiting", "[world][files]") {
  Attachments scene(715);
  const ChangeRef file = attach(scene.van, scene.ticket, "forgotten.bin", file_bytes(400'000));
  std::size_t pieces = 0;
  scene.world.network.on_request = [&](const std::string&, client::HttpRequest& request) {
    if (request.target != send_path || ++pieces > 100) return;
    must(scene.world.server.tenant(scene.van.tenant()).files().drop({file}));
  };
  must(scene.van.sync());
  scene.world.network.on_request = {};
  CHECK(pieces < 20);
  CHECK(scene.van.status().files_waiting == 1);
  must(scene.van.sync());
  CHECK(server_has(scene.world, scene.van, file));
}

TEST_CASE("what is not the file that was signed is kept by nobody, and its author is told", "[world][files]") {
  Attachments scene(704);
  const std::string bytes = file_bytes(200'000);
  const auto spoil = [](const std::string& path, const protocol::SecretKey& key) {
    sqlite::OpenOptions how;
    how.path = path;
    if (sqlite::encryption_available()) how.key = sqlite::DatabaseKey::or_zero(key.view());
    const auto db = must(sqlite::Database::open(how));
    must(db->run("UPDATE piece SET bytes = zeroblob(length(bytes)) WHERE n = 1"));
  };
  SECTION("spoilt on the device that sends it") {
    const ChangeRef file = attach(scene.van, scene.ticket, "spoilt.bin", bytes);
    scene.van.close();
    spoil(scene.van.home() + "/outbox-files.db", scene.van.keys().data_key);
    scene.van.open();
    must(scene.van.sync());
    CHECK_FALSE(server_has(scene.world, scene.van, file));
    CHECK(where(scene.van, scene.ticket, file) == "needs attention");
    CHECK_FALSE(file_of(scene.van, scene.ticket, file).problem.empty());
    CHECK(scene.van.status().files_stuck == 1);
    CHECK(scene.van.status().files_waiting == 0);
    must(scene.desk.sync());
    must(scene.desk.client().commands().want_file(scene.ticket, file));
    must(scene.desk.sync());
    CHECK(content(scene.desk, scene.ticket, file).empty());
  }
  SECTION("spoilt on the server") {
    const ChangeRef file = attach(scene.van, scene.ticket, "spoilt.bin", bytes);
    must(scene.van.sync());
    must(scene.desk.sync());
    scene.world.server.close();
    std::string path;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(scene.world.server.directory()))
      if (entry.path().filename() == "files.db") path = entry.path();
    {
      const auto db = must(sqlite::Database::open({path}));
      must(db->run("UPDATE piece SET bytes = zeroblob(length(bytes)) WHERE n = 1"));
    }
    scene.world.server.open();
    must(scene.desk.client().commands().want_file(scene.ticket, file));
    must(scene.desk.sync());
    CHECK(content(scene.desk, scene.ticket, file).empty());
    CHECK(where(scene.desk, scene.ticket, file) == "needs attention");
  }
}

TEST_CASE("a file is read by who may read its message, and by nobody who knows its change or its hash",
          "[world][security][files]") {
  World world{Seed::from_environment_or(705)};
  Device& lead = world.add_device("lead");
  Device& own = world.add_device("own", {"Own", "operator", {}, false, {}});
  Device& other = world.add_device("other", {"Other", "operator", {}, false, {}});
  const TicketId ticket = lead.create("whose it is");
  lead.assign(ticket, own.operator_id());
  CHECK(world.run_until_quiet());
  const std::string bytes = file_bytes(1'000);
  const ChangeRef file = attach(lead, ticket, "plain.bin", bytes);
  client::NewFiles secret = new_files(ticket, "secret.bin", bytes);
  secret.visibility = sync::Visibility::restricted;
  const ChangeRef restricted = must(lead.client().commands().attach(secret)).back().ref;
  client::NewFiles taken_back = new_files(ticket, "back.bin", bytes);
  taken_back.text = "taken back";
  const auto beside = must(lead.client().commands().attach(taken_back));
  must(lead.sync());
  sync::Change back;
  back.intent = Intent::delete_message;
  back.ticket = ticket;
  back.targets = {beside[0].ref};
  lead.save(back);
  CHECK(world.run_until_quiet());

  const auto asked = [&](Device& who, const ChangeRef& ref, const TicketId& on) {
    Intruder holder(world, who);
    must(holder.begin_session());
    client::HttpRequest request;
    request.target = std::string(read_path);
    request.headers = {{"content-type", "application/octet-stream"}};
    request.body = protocol::encode(protocol::FilePieceWanted{on, ref.device, ref.id, 0, 1'000});
    const auto answer = must(holder.ask(request));
    return answer.status == 200 ? must(protocol::decode_file_piece_given(answer.body)).bytes
                                : std::to_string(answer.status);
  };
  CHECK(asked(own, file, ticket) == bytes);
  CHECK(asked(lead, restricted, ticket) == bytes);
  CHECK(asked(own, restricted, ticket) == "404");
  CHECK(asked(own, beside[1].ref, ticket) == "404");
  CHECK(asked(other, file, ticket) == "404");
  CHECK(asked(own, file, TicketId{}) == "404");
  CHECK(asked(own, {file.device, ChangeId{}}, ticket) == "404");

  // Somebody who saw the hash attaches it as their own, and has sent nothing of it.
  sync::Change guess;
  guess.intent = Intent::attach;
  guess.ticket = other.create("guessing");
  guess.visibility = sync::Visibility::team;
  guess.file_name = "guess.bin";
  guess.size_bytes = bytes.size();
  guess.content_hash = file_of(lead, ticket, file).sha256;
  const ChangeRef guessed = other.save(guess);
  must(other.sync());
  CHECK(asked(other, guessed, guess.ticket) == "404");
  world.server.administer("device revoke", {{"device", Json("own")}});
  Intruder revoked(world, own);
  if (revoked.begin_session()) {
    client::HttpRequest request;
    request.target = std::string(read_path);
    request.headers = {{"content-type", "application/octet-stream"}};
    request.body = protocol::encode(protocol::FilePieceWanted{ticket, file.device, file.id, 0, 1'000});
    CHECK(must(revoked.ask(request)).status == 403);
  }
  CHECK(world.invariants_hold());
}

TEST_CASE("a file leaves a device with its ticket, after one sync", "[world][security][files]") {
  World world{Seed::from_environment_or(706)};
  for (const char* queue : {"Field", "Desk"}) world.add_record("queue", queue);
  Device& lead = world.add_device("lead");
  Device& own = world.add_device("own", {"Own", "operator", {"Field"}, false, {}});
  const auto queue = [&](const char* name) {
    return must(lead.client().commands().find_record(static_cast<std::uint32_t>(sync::RecordKind::queue), name));
  };
  const TicketId ticket = lead.create("leaves");
  lead.move_to(ticket, queue("Field"));
  const ChangeRef file = attach(lead, ticket, "leaves.bin", file_bytes(100'000));
  CHECK(world.run_until_quiet());
  must(own.client().commands().want_file(ticket, file));
  must(own.sync());
  REQUIRE_FALSE(content(own, ticket, file).empty());
  REQUIRE(std::filesystem::exists(own.home() + "/replica-files.db"));
  lead.move_to(ticket, queue("Desk"));
  must(lead.sync());
  must(own.sync());
  CHECK_FALSE(own.holds(ticket));
  CHECK_FALSE(std::filesystem::exists(own.home() + "/replica-files.db"));
  CHECK(world.run_until_quiet());
  CHECK(world.invariants_hold());
}

TEST_CASE("an erased attachment is gone from the server and from every device that syncs",
          "[world][security][erasure][files]") {
  Attachments scene(707);
  const std::string canary = "CANARYOFFILES7;";
  const ChangeRef file = attach(scene.van, scene.ticket, "erased.bin", file_bytes(100'000));
  must(scene.van.sync());
  must(scene.desk.sync());
  must(scene.desk.client().commands().want_file(scene.ticket, file));
  must(scene.desk.sync());
  REQUIRE_FALSE(content(scene.desk, scene.ticket, file).empty());
  REQUIRE_FALSE(files_holding(scene.world.server.directory(), canary).empty());
  const std::string name = to_uuid_text(file.device.view()) + ":" + to_hex(file.id);
  scene.world.server.administer("erase", {{"change", Json::array({Json(name)})}});
  scene.world.pass(5'000);
  CHECK(scene.world.run_until_quiet());
  scene.world.pass(minutes_ms(2));
  CHECK(files_holding(scene.world.server.directory(), canary).empty());
  CHECK_FALSE(std::filesystem::exists(scene.van.home() + "/outbox-files.db"));
  CHECK_FALSE(std::filesystem::exists(scene.desk.home() + "/replica-files.db"));
  CHECK(must(scene.desk.client().views().files(scene.ticket)).empty());
}

TEST_CASE("a copy of a device sends what both hold, and it is there once", "[world][files][copies]") {
  Attachments scene(708);
  const std::string bytes = file_bytes(400'000);
  const ChangeRef file = attach(scene.van, scene.ticket, "twice.bin", bytes);
  Device& twin = scene.world.clone(scene.van, "twin");
  {
    Cutter cutter(scene.world, scene.van, send_path);
    cutter.cut_at = 3;
    static_cast<void>(scene.van.sync());
  }
  must(twin.sync());
  CHECK(server_has(scene.world, scene.van, file));
  scene.world.network.heal();
  must(scene.van.sync());
  CHECK(scene.van.status().files_waiting == 0);
  CHECK(twin.status().files_waiting == 0);
  CHECK(must(scene.world.server.tenant(scene.van.tenant()).files().check({})).files == 1);
}

TEST_CASE("after a restore a device sends the files again that the server lost", "[world][files][restore]") {
  Attachments scene(709);
  const std::string backup = scene.world.server.backup();
  const ChangeRef file = attach(scene.van, scene.ticket, "lost.bin", file_bytes(150'000));
  must(scene.van.sync());
  REQUIRE(server_has(scene.world, scene.van, file));
  scene.world.server.restore(backup);
  CHECK_FALSE(server_has(scene.world, scene.van, file));
  CHECK(scene.world.run_until_quiet());
  CHECK(server_has(scene.world, scene.van, file));
  CHECK(where(scene.van, scene.ticket, file) == "here");
}

TEST_CASE("a file above what the plan allows is refused before anything is saved", "[world][files]") {
  Attachments scene(710);
  scene.world.server.administer("tenant plan", {{"plan", Json("free")}});
  must(scene.van.sync());
  const std::uint64_t before = scene.van.history().size();
  const auto refused =
      scene.van.client().commands().attach(new_files(scene.ticket, "large.bin", file_bytes(6 * limits::mib)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::too_large);
  CHECK(refused.error().field == "file");
  CHECK(scene.van.history().size() == before);
  CHECK_FALSE(std::filesystem::exists(scene.van.home() + "/outbox-files.db"));
  const auto named = scene.van.client().commands().attach(new_files(scene.ticket, "a\u200b.txt", "x"));
  REQUIRE_FALSE(named);
  CHECK(named.error().code == ErrorCode::invalid);

  // The plan became smaller since: the server says so, and the rest goes on.
  scene.world.server.administer("tenant plan", {{"plan", Json("pro")}});
  must(scene.van.sync());
  const ChangeRef large = attach(scene.van, scene.ticket, "large.bin", file_bytes(6 * limits::mib));
  const ChangeRef small = attach(scene.van, scene.ticket, "small.bin", file_bytes(10));
  scene.world.server.administer("tenant plan", {{"plan", Json("free")}});
  must(scene.van.sync());
  CHECK(where(scene.van, scene.ticket, large) == "needs attention");
  CHECK(where(scene.van, scene.ticket, small) == "here");
  CHECK_FALSE(server_has(scene.world, scene.van, large));
}

TEST_CASE("a device fetches by itself what is small, of its operator's own open tickets, and not too much",
          "[world][files]") {
  Attachments scene(711);
  scene.van.assign(scene.ticket, scene.desk.operator_id());
  const TicketId another = scene.van.create("of nobody");
  const ChangeRef small = attach(scene.van, scene.ticket, "small.bin", file_bytes(50'000));
  const ChangeRef second = attach(scene.van, scene.ticket, "second.bin", file_bytes(60'000));
  const ChangeRef large = attach(scene.van, scene.ticket, "large.bin", file_bytes(90'000));
  const ChangeRef elsewhere = attach(scene.van, another, "elsewhere.bin", file_bytes(10));
  must(scene.desk.client().commands().set_file_policy({80'000, 100'000}));
  must(scene.van.sync());
  must(scene.desk.sync());
  CHECK(where(scene.desk, scene.ticket, small) == "here");
  CHECK(where(scene.desk, scene.ticket, second) == "not here");  // too much in all
  CHECK(where(scene.desk, scene.ticket, large) == "not here");
  CHECK(where(scene.desk, another, elsewhere) == "not here");
  must(scene.desk.client().commands().set_file_policy({80'000, 1'000'000}));
  must(scene.desk.sync());
  CHECK(where(scene.desk, scene.ticket, second) == "here");
  CHECK(where(scene.desk, scene.ticket, large) == "not here");
  scene.desk.delete_replica();
  must(scene.desk.sync());
  CHECK(where(scene.desk, scene.ticket, small) == "here");
}

TEST_CASE("files that came before their messages were marked are found", "[world][files]") {
  Attachments scene(714);
  scene.van.assign(scene.ticket, scene.desk.operator_id());
  const ChangeRef small = attach(scene.van, scene.ticket, "small.bin", file_bytes(50'000));
  set_each_max(scene.desk, 0);
  must(scene.van.sync());
  must(scene.desk.sync());
  CHECK(where(scene.desk, scene.ticket, small) == "not here");
  scene.desk.close();
  scene.desk.change_copy(
      before_read_marks +
      "DROP INDEX given_up_once; ALTER TABLE given_up DROP COLUMN part; CREATE UNIQUE INDEX given_up_once ON given_up "
      "(ticket_id, epoch); DROP INDEX message_files; ALTER TABLE message DROP COLUMN is_file; DELETE FROM meta WHERE "
      "name = 'files_found'; "
      "PRAGMA user_version = 4");
  scene.desk.open();
  set_each_max(scene.desk, 100'000);
  must(scene.desk.sync());
  CHECK(where(scene.desk, scene.ticket, small) == "here");
}

TEST_CASE("files travel beside an open stream, and what is saved meanwhile goes first", "[world][files][stream]") {
  Attachments scene(712);
  scene.van.go_live();
  scene.world.run_while([&] { return !scene.van.live() || !scene.van.up_to_date(); });
  REQUIRE(scene.van.live());
  const ChangeRef file = attach(scene.van, scene.ticket, "live.bin", file_bytes(400'000));
  ChangeRef note;
  std::size_t pieces = 0, pieces_before_note = 0;
  scene.world.network.on_request = [&](const std::string& address, client::HttpRequest& request) {
    if (address != scene.van.address() || request.target != send_path) return;
    if (++pieces == 2) note = scene.van.note(scene.ticket, "meanwhile");
    if (note.id.is_zero() || scene.world.place_of(scene.van.tenant(), note) == "ledger") return;
    ++pieces_before_note;
  };
  scene.van.begin_round();
  scene.world.run_while([&] { return scene.van.busy() || !server_has(scene.world, scene.van, file); });
  scene.world.network.on_request = {};
  CHECK(server_has(scene.world, scene.van, file));
  CHECK(scene.van.live());
  CHECK(scene.world.place_of(scene.van.tenant(), note) == "ledger");
  CHECK(pieces_before_note <= 1);  // the one that was on its way
  CHECK(scene.world.run_until_quiet());
  CHECK(scene.world.invariants_hold());
}

TEST_CASE("a wiped device keeps no fetched file", "[world][security][files]") {
  Attachments scene(713);
  const ChangeRef file = attach(scene.van, scene.ticket, "wiped.bin", file_bytes(1'000));
  must(scene.van.sync());
  must(scene.desk.sync());
  must(scene.desk.client().commands().want_file(scene.ticket, file));
  must(scene.desk.sync());
  REQUIRE(std::filesystem::exists(scene.desk.home() + "/replica-files.db"));
  scene.world.server.administer("device wipe", {{"device", Json("desk")}});
  static_cast<void>(scene.desk.sync());
  CHECK(scene.desk.status().wiped);
  CHECK_FALSE(std::filesystem::exists(scene.desk.home() + "/replica-files.db"));
}

TEST_CASE("a content that was never sent keeps its change, however long a backup has had that", "[world][files]") {
  Attachments scene(716);
  const ChangeRef note = scene.van.note(scene.ticket, "sent");
  must(scene.van.sync());
  const ChangeRef file = attach(scene.van, scene.ticket, "kept.bin", file_bytes(100'000));
  scene.world.network.on_request = [&](const std::string& address, client::HttpRequest& request) {
    if (request.target == send_path) scene.world.network.cut(address);  // exchanges get through
  };
  const auto sync = [&] {
    scene.world.network.heal();
    static_cast<void>(scene.van.sync());
  };
  sync();
  CHECK(scene.world.place_of(scene.van.tenant(), file) == "ledger");
  scene.van.close();
  scene.world.pass(days_ms(40));
  scene.van.open();
  scene.world.server.backup();
  sync();
  CHECK_FALSE(scene.world.own_work(scene.van).contains(note.id));
  CHECK(scene.world.own_work(scene.van).contains(file.id));
  CHECK(scene.van.status().files_waiting == 1);
  scene.world.network.on_request = {};
  scene.world.network.heal();
  must(scene.van.sync());
  CHECK(server_has(scene.world, scene.van, file));
  scene.van.note(scene.ticket, "so that there is another backup");
  must(scene.van.sync());
  scene.world.server.backup();
  scene.world.pass(minutes_ms(5));
  must(scene.van.sync());
  CHECK_FALSE(scene.world.own_work(scene.van).contains(file.id));
  CHECK_FALSE(std::filesystem::exists(scene.van.home() + "/outbox-files.db"));
  CHECK(scene.world.run_until_quiet());
  CHECK(scene.world.invariants_hold());
}

TEST_CASE("a backup from before a content came does not let it go", "[world][files][restore]") {
  Attachments scene(721);
  const ChangeRef file = attach(scene.van, scene.ticket, "late.bin", file_bytes(100'000));
  bool exchanges_only = true;
  std::string backup;
  scene.world.network.on_request = [&](const std::string& address, client::HttpRequest& request) {
    if (request.target != send_path) return;
    if (exchanges_only) return scene.world.network.cut(address);
    if (backup.empty()) backup = scene.world.server.backup();
  };
  CHECK_FALSE(scene.van.sync());
  scene.van.close();
  scene.world.pass(days_ms(40));
  scene.van.open();
  scene.world.network.heal();
  exchanges_only = false;
  must(scene.van.sync());
  scene.world.network.on_request = {};
  REQUIRE(server_has(scene.world, scene.van, file));
  REQUIRE_FALSE(backup.empty());
  scene.world.pass(minutes_ms(5));
  must(scene.van.sync());  // hears of that backup
  CHECK(std::filesystem::exists(scene.van.home() + "/outbox-files.db"));
  scene.world.server.restore(backup);
  CHECK(scene.world.run_until_quiet());
  CHECK(server_has(scene.world, scene.van, file));
}

TEST_CASE("a file over which the server fails keeps no other one back, and no round", "[world][files]") {
  Attachments scene(717);
  set_each_max(scene.desk, 0);
  const ChangeRef broken = attach(scene.van, scene.ticket, "broken.bin", file_bytes(70'000));
  const ChangeRef good = attach(scene.van, scene.ticket, "good.bin", file_bytes(100'000));
  must(scene.van.sync());
  must(scene.desk.sync());
  scene.world.server.close();
  change_contents(scene.world,
                  "UPDATE piece SET bytes = x'00' WHERE n = 0 AND content_id = (SELECT min(content_id) "
                  "FROM content)");
  scene.world.server.open();
  for (const ChangeRef& file : {broken, good}) must(scene.desk.client().commands().want_file(scene.ticket, file));
  must(scene.desk.sync());
  CHECK(content(scene.desk, scene.ticket, good) == file_bytes(100'000));
  CHECK(where(scene.desk, scene.ticket, broken) == "wanted");
  CHECK(scene.desk.status().last_error.find("a file") != std::string::npos);
}

TEST_CASE("a content that is all there and was not found to be whole is so with the next try", "[world][files]") {
  Attachments scene(718);
  const ChangeRef even = attach(scene.van, scene.ticket, "even.bin", file_bytes(2 * limits::file_piece_bytes));
  const ChangeRef odd = attach(scene.van, scene.ticket, "odd.bin", file_bytes(100'000));
  Device& twin = scene.world.clone(scene.van, "twin");
  must(scene.van.sync());
  REQUIRE(server_has(scene.world, scene.van, even));
  scene.world.server.close();
  change_contents(scene.world, "UPDATE content SET content_hash = NULL");
  scene.world.server.open();
  REQUIRE_FALSE(server_has(scene.world, scene.van, even));
  must(twin.sync());
  CHECK(server_has(scene.world, scene.van, even));
  CHECK(server_has(scene.world, scene.van, odd));
  CHECK(twin.status().files_waiting == 0);
}

TEST_CASE("a round that is asked for while files travel fetches tickets first", "[world][files]") {
  Attachments scene(719);
  const ChangeRef file = attach(scene.van, scene.ticket, "long.bin", file_bytes(600'000));
  std::size_t pieces = 0;
  std::string next;
  scene.world.network.on_request = [&](const std::string& address, client::HttpRequest& request) {
    if (address != scene.van.address()) return;
    if (pieces == 2 && next.empty()) next = request.target;
    if (request.target == send_path && ++pieces == 2) scene.van.begin_round();
  };
  must(scene.van.sync());
  scene.world.network.on_request = {};
  CHECK(next == "/sync/v1/exchange");
  CHECK(server_has(scene.world, scene.van, file));
}

TEST_CASE("what is damaged of a device's own files keeps back no other one", "[world][files]") {
  Attachments scene(720);
  const std::string bytes = file_bytes(100'000);
  SECTION("a piece of one") {
    const ChangeRef lost = attach(scene.van, scene.ticket, "lost.bin", file_bytes(200'000));
    const ChangeRef good = attach(scene.van, scene.ticket, "good.bin", bytes);
    scene.van.close();
    change_own(scene.van, "outbox-files.db",
               "DELETE FROM piece WHERE n = 1 AND content = (SELECT min(id) FROM content)");
    scene.van.open();
    must(scene.van.sync());
    CHECK(where(scene.van, scene.ticket, lost) == "needs attention");
    CHECK(server_has(scene.world, scene.van, good));
    CHECK(scene.van.status().files_stuck == 1);
  }
  SECTION("all of them") {
    set_each_max(scene.desk, 0);
    const ChangeRef file = attach(scene.van, scene.ticket, "theirs.bin", bytes);
    must(scene.van.sync());
    must(scene.desk.sync());
    scene.world.network.cut(scene.desk.address());
    attach(scene.desk, scene.ticket, "own.bin", bytes);
    scene.desk.close();
    std::ofstream(scene.desk.home() + "/outbox-files.db", std::ios::trunc) << std::string(16'384, 'x');
    std::filesystem::remove(scene.desk.home() + "/outbox-files.db-wal");
    scene.desk.open();
    scene.world.network.heal();
    must(scene.desk.client().commands().want_file(scene.ticket, file));
    must(scene.desk.sync());
    CHECK(content(scene.desk, scene.ticket, file) == bytes);
    CHECK_FALSE(scene.desk.status().files_problem.empty());
    CHECK_FALSE(scene.desk.status().last_error.empty());
  }
}
