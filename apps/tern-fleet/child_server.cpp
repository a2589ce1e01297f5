#include "child_server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace tern::fleet {
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

/// Only what is safe between fork and exec.
[[noreturn]] void become(char* const* words, const Pipe& input, const Pipe& output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(input.read_end, STDIN_FILENO);
  ::dup2(output.write_end, STDOUT_FILENO);
  ::execv(words[0], words);
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<ChildServer>> ChildServer::start(const std::string& program,
                                                        const std::vector<std::string>& arguments, StopBy stop_by) {
  const Pipe input, output;
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(argv.data(), input, output, parent);
  ::close(input.read_end);
  ::close(output.write_end);
  if (pid < 0) {
    ::close(input.write_end);
    ::close(output.read_end);
    return fail(ErrorCode::internal, "Cannot start " + program + ".");
  }
  std::unique_ptr<ChildServer> child(new ChildServer(pid, input.write_end, stop_by));
  child->output_ = output.read_end;
  child->first_line_ = read_line(output.read_end);
  if (child->first_line_.empty())
    return fail(ErrorCode::internal, "The server process ended before it listened: " + program + ".");
  return child;
}

ChildServer::~ChildServer() {
  ::close(input_);
  if (output_ >= 0) ::close(output_);
  if (stop_by_ == StopBy::sigterm) ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

Result<ProcessUse> ChildServer::use() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  ProcessUse use;
  for (std::string word; in >> word;) {
    if (word == "RssAnon:") in >> use.anonymous_kib;
    if (word == "VmRSS:") in >> use.resident_kib;
    if (word == "Threads:") in >> use.threads;
  }
  if (use.threads == 0) return fail(ErrorCode::internal, "The server process has ended.");
  return use;
}

}  // namespace tern::fleet
