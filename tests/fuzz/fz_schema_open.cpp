// Files that somebody else has written to: a device's outbox and replica, a server's database, a backup. Each opens, or
// is refused with a clear word; what opens answers what it is asked.
//
// Input: which file (low 2 bits) and how it is bent (next 2: bytes flipped, cut, a statement run on it, other bytes
// altogether); then the place (2 bytes each) or the statement.
#include <filesystem>
#include <fstream>

#include "fuzz/fuzz_input.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "support/files.hpp"
#include "support/temp_dir.hpp"
#include "tern/server/server_core.hpp"
#include "tern/sqlite/database.hpp"
#include "virtual_environment.hpp"

namespace tern::fz_schema_open {

namespace {

namespace fs = std::filesystem;

enum class File : std::uint8_t { outbox, replica, server, backup };
enum class Bend : std::uint8_t { flip, cut, statement, replace };

constexpr std::size_t flips_max = 16;
const Bytes key(32, 'k');

/// Good files, made once.
class Templates {
public:
  Templates() {
    check(protocol::init_crypto().has_value(), "crypto");
    fleet::VirtualEnvironment environment(1, 1'750'000'000'000);
    const auto made = server::ServerCore::init(options(), "fuzz", "admin@fuzz.invalid", "a good password", environment);
    check(made.has_value(), "a server is made");
    recovery_key = made->recovery_key;
    auto core = server::ServerCore::open(options(), environment);
    check(core.has_value(), "a server opens");
    check(
        (*core)->administer(Json::object({{"command", Json("backup")}, {"to", Json(path(File::backup))}})).has_value(),
        "a backup is made");
    core->reset();
    auto outbox = client::Outbox::open(path(File::outbox), key, "");
    check(outbox && (*outbox)->set_owner({}).has_value() && (*outbox)->save(work(), environment).has_value(),
          "an outbox is made");
    check(client::Replica::open(path(File::replica), key, "").has_value(), "a replica is made");
  }
  [[nodiscard]] server::ServerOptions options(const std::string& folder = "server") const {
    server::ServerOptions made;
    made.directory = home.file(folder);
    made.allow_plain_http = true;
    return made;
  }
  [[nodiscard]] std::string path(File file) const {
    static constexpr const char* names[] = {"outbox.db", "replica.db", "server", "backup"};
    if (file != File::server) return home.file(names[static_cast<int>(file)]);
    for (const auto& entry : fs::recursive_directory_iterator(home.file("server")))
      if (entry.path().filename() == "tern.db") return entry.path();
    return {};
  }

  test::TempDir home;
  std::string recovery_key;

private:
  static std::vector<sync::Change> work() {
    std::vector<sync::Change> all;
    for (std::uint8_t i = 1; i < 4; ++i) {
      sync::Change change;
      change.ref.id = fuzz::filled<ChangeId>(i);
      change.ticket = fuzz::filled<TicketId>(0x33);
      change.intent = sync::Intent::message;
      change.visibility = sync::Visibility::team;
      change.text = "saved before somebody wrote into the file";
      all.push_back(change);
    }
    return all;
  }
};

const Templates& templates() {
  static const Templates made;
  return made;
}

/// Errors that say something to whoever has the file; a bug says `internal`.
void is_clear(const Error& error) {
  check(!error.message.empty(), "a refusal says why");
}

template <typename T>
bool clear(const Result<T>& result) {
  if (!result) is_clear(result.error());
  return result.has_value();
}

void run_statement(const std::string& path, File file, ByteView sql) {
  sqlite::OpenOptions options;
  options.path = path;
  options.create = false;
  if (file != File::server && sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(key);
  const auto db = sqlite::Database::open(options);
  if (db) static_cast<void>((*db)->exec(sql));
}

void bend(const std::string& path, File file, Bend how, fuzz::Input& input) {
  if (how == Bend::statement && file != File::backup) return run_statement(path, file, input.rest());
  std::string bytes = test::content_of(path);
  if (how == Bend::replace || bytes.empty()) bytes = Bytes(input.rest());
  if (how == Bend::cut) bytes.resize(bytes.size() * input.u16() / 65'536);
  for (std::size_t i = 0; how == Bend::flip && i < flips_max && !input.rest().empty(); ++i) {
    const std::size_t place = (std::size_t{input.u16()} << 8 | input.u8()) % bytes.size();
    bytes[place] = static_cast<char>(input.u8());
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void use_outbox(const std::string& path) {
  const auto outbox = client::Outbox::open(path, key, "");
  if (!clear(outbox)) return;
  static_cast<void>(clear((*outbox)->head()));
  static_cast<void>(clear((*outbox)->pending(0, std::nullopt)));
  static_cast<void>(clear((*outbox)->own_changes(std::nullopt)));
  static_cast<void>(clear((*outbox)->attention()));
  static_cast<void>(clear((*outbox)->counts()));
  static_cast<void>(clear((*outbox)->sets_from(1, 64, 1 << 20)));
}

void use_replica(const std::string& path) {
  const auto replica = client::Replica::open(path, key, "");
  if (!clear(replica)) return;
  const auto outbox = client::Outbox::open(path + ".outbox", key, "");
  check(outbox.has_value(), "an outbox beside it");
  if (!clear((*replica)->catch_up(**outbox))) return;
  static_cast<void>(clear((*replica)->cursor()));
  static_cast<void>(clear((*replica)->progress()));
  static_cast<void>(clear((*replica)->digest()));
  static_cast<void>(clear((*replica)->records(sync::RecordKind::queue)));
  static_cast<void>(clear((*replica)->index_words()));
}

void use_server(const server::ServerOptions& options) {
  fleet::VirtualEnvironment environment(2, 1'750'000'100'000);
  const auto core = server::ServerCore::open(options, environment);
  if (!clear(core)) return;
  for (const char* const command : {"status", "verify", "operator list"})
    static_cast<void>(clear((*core)->administer(Json::object({{"command", Json(command)}}))));
  (*core)->tick();
}

void use_backup(const std::string& path, const server::ServerOptions& into) {
  fleet::VirtualEnvironment environment(3, 1'750'000'100'000);
  const Json command = Json::object(
      {{"command", Json("restore")}, {"from", Json(path)}, {"recovery-key", Json(templates().recovery_key)}});
  const bool same = test::content_of(path) == test::content_of(templates().path(File::backup));
  const auto restored = server::ServerCore::administer_offline(into, command, environment);
  check(clear(restored) == same, "a backup restores when it is the one that was made, and only then");
}

}  // namespace

TERN_FUZZ_TARGET(fz_schema_open) {
  const Templates& good = templates();
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  const File file = static_cast<File>(mode & 3);
  const Bend how = static_cast<Bend>(mode >> 2 & 3);
  const test::TempDir work;
  std::string path = work.file("file");
  server::ServerOptions options = good.options();
  options.directory = work.file("server");
  if (file == File::server) {
    fs::copy(good.home.file("server"), options.directory, fs::copy_options::recursive);
    path = options.directory + good.path(file).substr(good.home.file("server").size());
  } else {
    fs::copy_file(good.path(file), path);
  }
  bend(path, file, how, input);
  if (file == File::outbox) use_outbox(path);
  if (file == File::replica) use_replica(path);
  if (file == File::server) use_server(options);
  if (file == File::backup) use_backup(path, options);
  return 0;
}

}  // namespace tern::fz_schema_open
