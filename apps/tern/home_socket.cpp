#include "home_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "session.hpp"

namespace tern::apps {
namespace {

constexpr std::size_t message_bytes_max = 16 * 1024 * 1024;
constexpr int peer_wait_ms = 5'000;     // for the other command to say what it wants, and to go on wanting it
constexpr int turn_wait_ms = 20'000;    // for the watcher to come to it: it may be in the middle of an exchange
constexpr int answer_wait_ms = 60'000;  // for what it has begun
constexpr int sync_wait_ms = 600'000;   // for a round of it, however slow the network

// How both ends talk. A command that gives no number may come from a version that takes the first line for its answer;
// a watcher that gives none is of the first version that asks back. A field that an older watcher must not leave out
// raises both.
constexpr std::int64_t talk_version = 5;
constexpr std::int64_t oldest_watcher = 1, oldest_that_syncs = 3, oldest_with_macros = 4, oldest_with_files = 5;

std::optional<sockaddr_un> address_of(const std::string& home) {
  const std::string path = home + "/watch.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

bool write_line(int descriptor, const Json& value) {
  const std::string line = to_text(value) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(descriptor, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

/// A whole line, within `wait_ms`.
std::optional<Json> read_line(int descriptor, int wait_ms) {
  std::string line;
  char block[65536];
  const std::int64_t end_ms = steady_ms() + wait_ms;
  while (line.size() <= message_bytes_max) {
    pollfd wait{descriptor, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, end_ms - steady_ms())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    const ssize_t got = ::recv(descriptor, block, sizeof block, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    line.append(block, static_cast<std::size_t>(got));
    if (line.back() != '\n') continue;
    auto parsed = parse_json(line, JsonLimits{.depth_max = 8, .bytes_max = message_bytes_max, .decimals = true});
    return parsed ? std::optional<Json>(std::move(*parsed)) : std::nullopt;
  }
  return std::nullopt;
}

/// Connecting to, and writing to, a process that was stopped ends as well.
void limit_writing(int descriptor) {
  const timeval wait{peer_wait_ms / 1000, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

bool is_gone(int peer) {
  char byte = 0;
  const ssize_t got = ::recv(peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

/// Every field of an Invocation that a command may need, by name: the one list for both directions.
template <typename Call, typename Visit>
void each_field(Call& call, Visit&& visit) {
  visit("command", call.command);
  visit("json", call.json);
  visit("columns", call.columns);
  visit("ticket", call.ticket);
  visit("text", call.text);
  visit("other", call.other);
  visit("reason", call.reason);
  visit("note", call.note);
  visit("remove", call.remove);
  visit("undo", call.undo);
  visit("none", call.none);
  visit("restricted", call.restricted);
  visit("seen", call.seen);
  visit("key", call.key);
  visit("field", call.field);
  visit("value", call.value);
  visit("kind", call.kind);
  visit("hours", call.hours);
  visit("minutes", call.minutes);
  visit("wake_at", call.wake_at);
  visit("subject", call.subject);
  visit("description", call.description);
  visit("priority", call.priority);
  visit("category", call.category);
  visit("queue", call.queue);
  visit("contact", call.contact);
  visit("type", call.type);
  visit("assignee", call.assignee);
  visit("colour", call.colour);
  visit("tags", call.tags);
  visit("arrived", call.arrived);
  visit("left", call.left);
  visit("signed_by", call.signed_by);
  visit("signature", call.signature);
  visit("internal", call.internal);
  visit("view", call.view);
  visit("status", call.status);
  visit("tag", call.tag);
  visit("contains", call.contains);
  visit("age", call.age);
  visit("sort", call.sort);
  visit("after", call.after);
  visit("ascending", call.ascending);
  visit("unread", call.unread);
  visit("limit", call.limit);
  visit("dismiss", call.dismiss);
  visit("entry", call.entry);
  visit("follow_up", call.follow_up);
  visit("messages", call.messages);
  visit("inherit_clock", call.inherit_clock);
  visit("unanswered", call.unanswered);
  visit("files", call.files);
  visit("out", call.out);
  visit("each_max", call.each_max);
  visit("total_max", call.total_max);
  visit("open", call.open);
  visit("ca_file", call.ca_file);
}

struct Writer {
  Json out = Json::object();
  void operator()(const char* name, const std::string& value) { out.set(name, Json(value)); }
  void operator()(const char* name, bool value) { out.set(name, Json(value)); }
  void operator()(const char* name, std::int64_t value) { out.set(name, Json(value)); }
  void operator()(const char* name, std::size_t value) { out.set(name, Json(value)); }
  void operator()(const char* name, const std::optional<double>& value) {
    if (value) out.set(name, Json(*value));
  }
  void operator()(const char* name, const std::vector<std::string>& values) {
    Json all = Json::array();
    for (const std::string& value : values) all.push(Json(value));
    out.set(name, std::move(all));
  }
};

struct Reader {
  const Json& in;
  void operator()(const char* name, std::string& value) { value = in[name].as_string(); }
  void operator()(const char* name, bool& value) { value = in[name].as_bool(); }
  void operator()(const char* name, std::int64_t& value) { value = in[name].as_integer(); }
  void operator()(const char* name, std::size_t& value) { value = static_cast<std::size_t>(in[name].as_integer()); }
  void operator()(const char* name, std::optional<double>& value) {
    if (const Json* found = in.find(name)) value = found->as_double();
  }
  void operator()(const char* name, std::vector<std::string>& values) {
    for (const Json& value : in[name].items()) values.push_back(value.as_string());
  }
};

}  // namespace

Json to_json(const Invocation& call) {
  Writer writer;
  each_field(call, writer);
  return std::move(writer.out);
}

Invocation invocation_from_json(const Json& json) {
  Invocation call;
  each_field(call, Reader{json});
  return call;
}

Result<std::unique_ptr<HomeSocket>> HomeSocket::listen(const std::string& home) {
  const auto address = address_of(home);
  if (!address)
    return fail(ErrorCode::usage, "The path of " + home + " is too long for a socket.", "Use a shorter --home.",
                "home");
  const std::string path = home + "/watch.sock";
  ::unlink(path.c_str());  // left by a process that was killed: the home's lock says that it is gone
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const mode_t before = ::umask(0177);
  const bool bound = listener >= 0 &&
                     ::bind(listener, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0 &&
                     ::listen(listener, 16) == 0;
  ::umask(before);
  if (!bound) {
    const std::string why = std::strerror(errno);
    if (listener >= 0) ::close(listener);
    return fail(ErrorCode::storage_failed, "Cannot listen on " + path + ": " + why + ".");
  }
  return std::unique_ptr<HomeSocket>(new HomeSocket(path, listener));
}

HomeSocket::~HomeSocket() {
  ::close(listener_);
  ::unlink(path_.c_str());
}

bool HomeSocket::serve_one(const std::function<CommandOutput(const Invocation&)>& perform) {
  const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (peer < 0) return false;
  limit_writing(peer);
  // Between its words and its turn the other may have given up, or been killed: it is asked again just before.
  const auto asked = read_line(peer, peer_wait_ms);
  const auto is_ready = [&] {
    return write_line(peer, Json::object({{"ready", Json(true)}, {"talk", Json(talk_version)}})) &&
           read_line(peer, peer_wait_ms);
  };
  const bool wanted = asked && (asked->find("talk") == nullptr || is_ready()) && !is_gone(peer);
  if (wanted) {
    const CommandOutput done = perform(invocation_from_json(*asked));
    write_line(peer,
               Json::object({{"out", Json(done.out)}, {"error", Json(done.error)}, {"exit", Json(done.exit_code)}}));
  }
  ::close(peer);
  return true;
}

namespace {

tl::unexpected<Error> no_turn(const Invocation& call) {
  const bool syncs = goes_online(call.command);
  return fail(ErrorCode::busy,
              std::string("The process that watches this home (tern sync --watch) does not answer.") +
                  (syncs ? " It may be syncing." : " Nothing was saved."),
              "Try again, or end that process.");
}

/// The first watcher that does this command as it was meant.
std::int64_t oldest_for(const Invocation& call) {
  if (call.command == "sync") return oldest_that_syncs;
  if (is_file_command(call.command)) return oldest_with_files;
  const bool quick = call.command == "reply" && !call.value.empty();
  return quick || call.command == "macro apply" || is_library_command(call.command) ? oldest_with_macros
                                                                                    : oldest_watcher;
}

std::int64_t version_of(const Json& ready) {
  const Json* version = ready.find("talk");
  return version == nullptr ? 1 : version->as_integer();
}

}  // namespace

Result<std::optional<CommandOutput>> hand_over(const Invocation& call) {
  const auto address = address_of(call.home);
  if (!address) return std::optional<CommandOutput>();
  const int connection = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  limit_writing(connection);
  if (connection < 0 || ::connect(connection, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    const bool waits = connection >= 0 && errno == EAGAIN;  // for so long that its queue is full
    if (connection >= 0) ::close(connection);
    if (waits) return no_turn(call);
    return std::optional<CommandOutput>();
  }
  const std::int64_t begun_ms = steady_ms();
  Json words = to_json(call);
  words.set("talk", Json(talk_version));
  auto answer = write_line(connection, words) ? read_line(connection, turn_wait_ms) : std::nullopt;
  const bool ready = answer && answer->find("ready") != nullptr;
  const bool syncs = goes_online(call.command);
  if (ready && version_of(*answer) < oldest_for(call)) {
    ::close(connection);
    return fail(ErrorCode::busy,
                "The process that watches this home (tern sync --watch) is of an older version. Nothing was saved.",
                "End that process, and start it again.");
  }
  const bool begun = ready && write_line(connection, Json::object({{"go", Json(true)}}));
  const bool silent = !answer && steady_ms() - begun_ms >= peer_wait_ms;
  if (begun) answer = read_line(connection, syncs ? sync_wait_ms : answer_wait_ms);
  ::close(connection);
  if (!answer && begun && syncs)
    return fail(ErrorCode::busy, "The process that watches this home did not say whether it has synced.",
                "It goes on by itself; look with tern status.");
  if (!answer && begun)
    return fail(ErrorCode::busy, "The process that watches this home did not say what became of it.",
                "It may be saved: look with tern history before you enter it again.");
  if (silent) return no_turn(call);
  if (!answer || answer->find("exit") == nullptr)
    return fail(ErrorCode::busy, "The process that watches this home ended before it began. Nothing was saved.",
                "Try again.");
  return std::optional(CommandOutput{(*answer)["out"].as_string(), (*answer)["error"].as_string(),
                                     static_cast<int>((*answer)["exit"].as_integer())});
}

}  // namespace tern::apps
