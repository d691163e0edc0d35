// SPDX-License-Identifier: Apache-2.0
#include "runner/sweep/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "moenda/core/error.hpp"

extern char** environ;

namespace moenda::runner {

namespace {

/// Owns the list of what a new process does with its files before it begins.
class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(FileActions const&) = delete;
  FileActions& operator=(FileActions const&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  void open(int descriptor, char const* path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, descriptor, path, flags, 0644);
  }
  void duplicate(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  [[nodiscard]] posix_spawn_file_actions_t const* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

}  // namespace

pid_t start(std::vector<std::string> const& arguments, std::filesystem::path const& log) {
  FileActions files;
  files.open(0, "/dev/null", O_RDONLY);
  if (log.empty()) {
    files.open(1, "/dev/null", O_WRONLY);
  } else {
    std::error_code error;
    std::filesystem::remove(log, error);  // what it leads to, if it is a link, must stay
    files.open(1, log.c_str(), O_WRONLY | O_CREAT | O_EXCL);
    files.duplicate(1, 2);
  }
  auto const self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<char*> argv{const_cast<char*>(self.c_str())};
  for (auto const& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t process = -1;
  int const error = posix_spawn(&process, self.c_str(), files.get(), nullptr, argv.data(), environ);
  if (error != 0) {
    throw DataError(self + ": the program cannot be started: " + std::strerror(error));
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
