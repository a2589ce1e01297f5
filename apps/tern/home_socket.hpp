// One process holds a home. While that is `tern sync --watch`, other commands of the same home are done by it: they
// come through a socket in the home (0700), as the values of an Invocation, and get back what was printed. The watcher
// says when it is ready and begins only when the other says go: whoever gave up before that has changed nothing. Both
// say which version they talk; programs of different versions do each other's commands, or refuse in words.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "invocation.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::apps {

/// What a command printed, and its exit code.
struct CommandOutput {
  std::string out, error;
  int exit_code = 0;
};

/// The watching end. Thread: one, the one that owns the client.
class HomeSocket {
public:
  static Result<std::unique_ptr<HomeSocket>> listen(const std::string& home);
  ~HomeSocket();
  HomeSocket(const HomeSocket&) = delete;
  HomeSocket& operator=(const HomeSocket&) = delete;

  /// Does what waits, at most one command; returns at once when nothing does. True when somebody came.
  bool serve_one(const std::function<CommandOutput(const Invocation&)>& perform);

private:
  HomeSocket(std::string path, int listener) : path_(std::move(path)), listener_(listener) {}
  std::string path_;
  int listener_;
};

/// Hands a command to whoever watches this home; nothing when nobody does. `busy` when it does not answer in time: the
/// message says whether anything can have been done. Texts named "-" are already read.
Result<std::optional<CommandOutput>> hand_over(const Invocation& call);

Json to_json(const Invocation& call);
Invocation invocation_from_json(const Json& json);

}  // namespace tern::apps
