// SPDX-License-Identifier: Apache-2.0
#include "runner/sweep/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "moenda/core/error.hpp"

namespace moenda::runner {

namespace {

/// The exit code of a process that could not become the program, as of a shell.
constexpr int cannot_start = 127;

/// What the new process does before it is the program. Only calls that are safe after a fork.
[[noreturn]] void become(char* const* argv, char const* log, pid_t parent) {
  // A sweep that is killed must not leave runs behind; they save a checkpoint and end.
  bool const bound = ::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && ::getppid() == parent;
  int const input = ::open("/dev/null", O_RDONLY);
  int const output = log == nullptr ? ::open("/dev/null", O_WRONLY)
                                    : ::open(log, O_WRONLY | O_CREAT | O_EXCL, 0644);
  bool const ready = bound && ::dup2(input, 0) == 0 && ::dup2(output, 1) == 1 &&
                     (log == nullptr || ::dup2(output, 2) == 2);
  if (input > 2) ::close(input);
  if (output > 2) ::close(output);
  if (ready) ::execv(argv[0], argv);
  ::_exit(cannot_start);
}

}  // namespace

pid_t start(std::vector<std::string> const& arguments, std::filesystem::path const& log) {
  std::error_code error;
  std::filesystem::remove(log, error);  // what it leads to, if it is a link, must stay
  auto const self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<char*> argv{const_cast<char*>(self.c_str())};
  for (auto const& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t const parent = ::getpid();
  pid_t const process = ::fork();
  if (process == 0) become(argv.data(), log.empty() ? nullptr : log.c_str(), parent);
  if (process < 0) {
    throw DataError(self + ": the program cannot be started: " + std::strerror(errno));
  }
  return process;
}

Ended wait_for_any() {
  int status = 0;
  pid_t const process = ::waitpid(-1, &status, 0);
  if (process < 0) {
    if (errno == EINTR) return {};
    throw DataError(std::string("waiting for a run failed: ") + std::strerror(errno));
  }
  return {process, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
}

void send_signal(pid_t process, int signal) { ::kill(process, signal); }

}  // namespace moenda::runner
