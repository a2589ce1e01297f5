#include "support/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "support/catch.hpp"
#include "support/files.hpp"

namespace tern::test {
namespace {

constexpr const char* own_variables[] = {"TERN_HOME", "TERN_DATA", "TERN_PASSPHRASE", "TERN_CRASH_AT",
                                         "TERN_INCIDENT_LOG"};

/// As a shell would start it: what came while nobody could take it now ends this process.
void let_signals_through() {
  for (const int caught : {SIGINT, SIGTERM, SIGABRT, SIGSEGV, SIGFPE, SIGILL}) ::signal(caught, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Only what is safe between fork and exec of a program with one thread.
[[noreturn]] void become(const Command& command, const TempDir& folder, char* const* words, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  for (const char* name : own_variables) ::unsetenv(name);
  for (const auto& [name, value] : command.environment) ::setenv(name.c_str(), value.c_str(), 1);
  const int in = ::open(folder.file("in").c_str(), O_RDONLY);
  const int out = ::open(folder.file("out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err = ::open(folder.file("err").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  if (command.file_bytes_max != 0) {
    const rlimit limit{command.file_bytes_max, command.file_bytes_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    // What a program of a coverage build says of itself would not fit, either.
    static char nowhere[] = "LLVM_PROFILE_FILE=/dev/null";
    ::putenv(nowhere);
  }
  let_signals_through();
  ::execv(words[0], words);
  ::_exit(127);
}

}  // namespace

std::string program(const std::string& name) {
  return std::string(TERN_TEST_BIN_DIR) + "/" + name;
}

void sleep_ms(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// ---- what was left behind ----

std::vector<Json> Ended::lines() const {
  std::vector<Json> all;
  std::istringstream in(out);
  for (std::string text; std::getline(in, text);) {
    auto value = parse_json(text, {.depth_max = 64, .bytes_max = 64 * 1024 * 1024, .decimals = true});
    if (!value) FAIL("not a line of JSON (" << value.error().message << "): " << text.substr(0, 400));
    all.push_back(std::move(*value));
  }
  return all;
}

Json Ended::line() const {
  auto all = lines();
  if (all.size() != 1) FAIL("one line was expected on stdout, not: " << out << "; stderr: " << err);
  return all.front();
}

Json Ended::error() const {
  // A server's log lines are there as well.
  const std::size_t begins = err.find("{\"error\"");
  const auto value =
      parse_json(begins == std::string::npos ? err : err.substr(begins), {.depth_max = 4, .bytes_max = 64 * 1024});
  if (!value || !value->find("error")) FAIL("stderr holds no error object: " << err);
  return (*value)["error"];
}

// ---- a program that runs ----

Child::Child(const Command& command) {
  std::ofstream(folder_.file("in"), std::ios::binary) << command.input;
  std::vector<char*> words;
  for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  // Catch2 listens for signals, and its handler may wait for ever for what another thread held when this one forked.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  if (pid_ != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid_ == 0) become(command, folder_, words.data(), parent);
  if (pid_ < 0) FAIL("fork failed");
}

Child::~Child() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  reap(true);
}

void Child::reap(bool block) {
  if (ended_) return;
  const pid_t done = ::waitpid(pid_, &status_, block ? 0 : WNOHANG);
  ended_ = done == pid_;
}

bool Child::running() {
  reap(false);
  return !ended_;
}

void Child::signal(int number) {
  if (running()) ::kill(pid_, number);
}

Ended Child::wait(int deadline_ms) {
  if (!until([this] { return !running(); }, deadline_ms)) {
    const std::string said = out() + err();
    kill_hard();
    FAIL("a program did not end within " << deadline_ms << " ms; it said: " << said);
  }
  Ended ended;
  ended.out = out();
  ended.err = err();
  if (WIFEXITED(status_)) ended.exit_code = WEXITSTATUS(status_);
  if (WIFSIGNALED(status_)) ended.signal = WTERMSIG(status_);
  return ended;
}

Ended Child::kill_hard() {
  signal(SIGKILL);
  reap(true);
  return wait(1000);
}

std::string Child::out() const {
  return content_of(folder_.file("out"));
}
std::string Child::err() const {
  return content_of(folder_.file("err"));
}

bool Child::says(std::string_view text, int deadline_ms) {
  return until([&] { return out().find(text) != std::string::npos || !running(); }, deadline_ms) &&
         out().find(text) != std::string::npos;
}

Ended run(const Command& command, int deadline_ms) {
  return Child(command).wait(deadline_ms);
}

}  // namespace tern::test
