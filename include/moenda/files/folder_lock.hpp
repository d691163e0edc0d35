// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "moenda/files/own_files.hpp"

namespace moenda::io {

/// Keeps a folder (a run) to one process for as long as this object lives. The lock is
/// `flock` on `<folder>/.lock`: the kernel frees it when the process dies by any cause, so there
/// is no stale lock to clean. The file stays, because removing it could let two processes lock
/// two different files of that name.
class FolderLock {
 public:
  /// Throws DataError "`folder`: is in use by process N" when another lock is held for longer than
  /// `patience`, and DataError when `folder` does not exist or cannot be written, or `.lock` is a
  /// link.
  explicit FolderLock(std::filesystem::path const& folder, std::chrono::milliseconds patience = {})
      : file_(open_own_file(folder / ".lock", O_RDWR | O_CREAT, "open lock file")) {
    auto const end = std::chrono::steady_clock::now() + patience;
    while (retry_interrupted([&] { return ::flock(file_.number(), LOCK_EX | LOCK_NB); }) == -1) {
      if (errno != EWOULDBLOCK) throw_file_error(file_.path(), "lock", errno);
      if (std::chrono::steady_clock::now() >= end) {
        throw DataError(folder.string() + ": is in use by " + holder());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::string const process = std::to_string(::getpid()) + "\n";
    file_.truncate();
    file_.write(process.data(), process.size());
  }

 private:
  /// "process N" as the holder wrote it, or "another process" while it has not yet.
  [[nodiscard]] std::string holder() const {
    std::array<char, 20> text{};
    std::size_t const size = file_.read_at(0, text.data(), text.size());
    std::string digits(text.data(), size);
    digits.resize(std::min(digits.find_first_not_of("0123456789"), digits.size()));
    return digits.empty() ? "another process" : "process " + digits;
  }

  FileDescriptor file_;
};

}  // namespace moenda::io
