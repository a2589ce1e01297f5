#include "simulation/crew.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <map>
#include <sstream>

#include "simulation/catch_session.hpp"
#include "tern/protocol/mutant.hpp"

extern "C" [[gnu::weak]] int __llvm_profile_write_file();  // of a coverage build, whose figures an _exit forgets

namespace tern::test {
namespace {

constexpr unsigned run_seconds_max = 240;
constexpr std::uint64_t twice_every = 50;  // I37: one run in so many is made twice and must leave the same trace
constexpr char between = '\x1f', end_of_report = '\x1e';

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

RunResult guarded(const Plan& plan, const Profile& profile) {
  try {
    RunResult result = run(plan, profile);
    if (!result.invariant.empty() || plan.seed % twice_every != 0) return result;
    const RunResult again = run(plan, profile);
    if (again.trace != result.trace) {
      result.invariant = "I37";
      result.what = "I37: the same seed left another trace the second time";
    }
    return result;
  } catch (const std::exception& error) {
    return RunResult{"must", std::string("something that must succeed threw: ") + error.what(), 0};
  } catch (...) {  // Catch's own, of a FAIL
    return RunResult{"must", "something that must succeed did not: " + last_failure(), 0};
  }
}

void write_all(int to, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t wrote = ::write(to, text.data() + at, text.size() - at);
    if (wrote <= 0) ::_exit(3);
    at += static_cast<std::size_t>(wrote);
  }
}

std::string encode(std::size_t index, const RunResult& result, double seconds) {
  std::ostringstream out;
  out << "R" << between << index << between << result.invariant << between << result.what << between << result.event
      << between << result.trace << between << result.changes << between << result.device_ms << between << seconds;
  for (const auto& [marker, times] : result.markers) out << between << marker << between << times;
  out << end_of_report;
  return out.str();
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == between) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Report decode(const std::vector<std::string>& parts, const std::vector<Plan>& plans) {
  Report report;
  report.plan = plans.at(std::stoull(parts.at(1)));
  RunResult& result = report.result;
  result.invariant = parts.at(2);
  result.what = parts.at(3);
  result.event = std::stoull(parts.at(4));
  result.trace = std::stoull(parts.at(5));
  result.changes = std::stoull(parts.at(6));
  result.device_ms = std::stoll(parts.at(7));
  report.cpu_s = std::stod(parts.at(8));
  for (std::size_t i = 9; i + 1 < parts.size(); i += 2) result.markers[parts[i]] = std::stoull(parts[i + 1]);
  return report;
}

struct Shared {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> enough{false};
};

[[noreturn]] void be_worker(const CrewTask& task, Shared& shared, int tell) {
  set_mutant(task.mutant);
  in_catch_session([&] {
    std::map<std::string, Profile> profiles;
    for (;;) {
      const std::uint64_t index = shared.next++;
      if (index >= task.plans.size() || shared.enough) return;
      write_all(tell, "B" + std::string(1, between) + std::to_string(index) + end_of_report);
      const Plan& plan = task.plans[index];
      if (!profiles.contains(plan.profile)) {
        auto read = read_profile(plan.profile);
        if (!read) {
          write_all(tell, encode(index, RunResult{"profile", read.error().message, 0}, 0));
          continue;
        }
        profiles[plan.profile] = std::move(*read);
      }
      ::alarm(run_seconds_max);
      const double before_s = cpu_s();
      const RunResult result = guarded(plan, profiles[plan.profile]);
      ::alarm(0);
      write_all(tell, encode(index, result, cpu_s() - before_s));
    }
  });
  if (__llvm_profile_write_file != nullptr) __llvm_profile_write_file();
  ::_exit(0);  // what it forked with is not its own to take down
}

struct Worker {
  pid_t pid = -1;
  int from = -1;
  std::string unread;
  std::string said;  // its last words, for a failed check
  std::optional<std::size_t> running;
};

Worker start(const CrewTask& task, Shared& shared) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    be_worker(task, shared, ends[1]);
  }
  ::close(ends[1]);
  Worker worker;
  worker.pid = pid;
  worker.from = ends[0];
  return worker;
}

/// True while it lives.
bool listen(Worker& worker, const CrewTask& task, Shared& shared) {
  char piece[65536];
  const ssize_t got = ::read(worker.from, piece, sizeof piece);
  if (got > 0) {
    worker.unread.append(piece, static_cast<std::size_t>(got));
    for (std::size_t end; (end = worker.unread.find(end_of_report)) != std::string::npos;) {
      const auto parts = parts_of(worker.unread.substr(0, end));
      worker.unread.erase(0, end + 1);
      if (parts.front() == "B") {
        worker.running = std::stoull(parts.at(1));
        continue;
      }
      worker.running.reset();
      if (!shared.enough && !task.told(decode(parts, task.plans))) shared.enough = true;
    }
    return true;
  }
  int status = 0;
  ::waitpid(worker.pid, &status, 0);
  ::close(worker.from);
  if (worker.running && !shared.enough) {
    Report report;
    report.plan = task.plans.at(*worker.running);
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    report.result.invariant = signal == SIGALRM ? "hang" : "crash";
    report.result.what =
        signal == SIGALRM ? "the run does not end" : "the program died of signal " + std::to_string(signal);
    if (!task.told(report)) shared.enough = true;
  }
  return false;
}

}  // namespace

void run_crew(const CrewTask& task) {
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  auto& shared = *new (memory) Shared;
  std::vector<Worker> workers;
  for (unsigned i = 0; i < task.jobs; ++i) workers.push_back(start(task, shared));
  while (!workers.empty()) {
    std::vector<pollfd> waiting;
    for (const Worker& worker : workers) waiting.push_back({worker.from, POLLIN, 0});
    ::poll(waiting.data(), waiting.size(), -1);
    for (std::size_t i = workers.size(); i-- > 0;) {
      if (waiting[i].revents == 0 || listen(workers[i], task, shared)) continue;
      const bool died = workers[i].running.has_value();
      workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(i));
      if (died && !shared.enough && shared.next < task.plans.size()) workers.push_back(start(task, shared));
    }
  }
  ::munmap(memory, sizeof(Shared));
}

Report run_apart(const Plan& plan, int mutant) {
  Report only;
  CrewTask task;
  task.plans = {plan};
  task.mutant = mutant;
  task.told = [&](const Report& report) {
    only = report;
    return true;
  };
  run_crew(task);
  return only;
}

}  // namespace tern::test
