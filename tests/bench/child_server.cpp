#include "child_server.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

extern char** environ;

namespace tern::bench {
namespace {

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
};

std::string read_line(int from) {
  std::string line;
  for (char c = 0; ::read(from, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

Result<std::unique_ptr<ChildServer>> ChildServer::start(const std::string& program,
                                                        const std::vector<std::string>& arguments) {
  const Pipe input, output;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.read_end, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.write_end, STDOUT_FILENO);
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(input.read_end);
  ::close(output.write_end);
  if (failed != 0) {
    ::close(input.write_end);
    ::close(output.read_end);
    return fail(ErrorCode::internal, "cannot start " + program);
  }
  std::unique_ptr<ChildServer> child(new ChildServer(pid, input.write_end));
  child->url_ = read_line(output.read_end);
  ::close(output.read_end);
  if (child->url_.empty()) return fail(ErrorCode::internal, "the server process ended before it listened");
  return child;
}

ChildServer::~ChildServer() {
  ::close(input_);
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

Result<ProcessUse> ChildServer::use() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  ProcessUse use;
  for (std::string word; in >> word;) {
    if (word == "RssAnon:") in >> use.anonymous_kib;
    if (word == "Threads:") in >> use.threads;
  }
  if (use.threads == 0) return fail(ErrorCode::internal, "the server process has ended");
  return use;
}

}  // namespace tern::bench
