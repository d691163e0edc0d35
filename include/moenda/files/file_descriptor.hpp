// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "moenda/core/error.hpp"

namespace moenda::io {

/// Throws DataError "`path`: cannot `operation` (text of `code`)".
[[noreturn]] inline void throw_file_error(std::filesystem::path const& path,
                                          std::string_view operation, int code) {
  throw DataError(path.string() + ": cannot " + std::string(operation) + " (" +
                  std::generic_category().message(code) + ")");
}

/// Calls `system_call` (which returns -1 and sets errno on failure) until no signal interrupts it.
template <class SystemCall>
auto retry_interrupted(SystemCall system_call) {
  for (;;) {
    auto const result = system_call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// An open file or folder, closed when it goes out of scope. Every failure is a DataError that
/// names the path and the operation; interrupted and short calls are continued.
class FileDescriptor {
 public:
  /// Opens `path`; `purpose` completes "cannot ..." in the error.
  FileDescriptor(std::filesystem::path path, int flags, std::string_view purpose)
      : path_(std::move(path)) {
    number_ = retry_interrupted([&] { return ::open(path_.c_str(), flags | O_CLOEXEC, 0666); });
    if (number_ == -1) throw_file_error(path_, purpose, errno);
  }
  /// Takes over the open `number`.
  FileDescriptor(std::filesystem::path path, int number)
      : path_(std::move(path)), number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : path_(std::move(other.path_)), number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() {
    if (number_ != -1) ::close(number_);
  }

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::filesystem::path const& path() const { return path_; }

  /// Writes all `size` bytes at the current position.
  void write(void const* data, std::size_t size) {
    auto const* bytes = static_cast<char const*>(data);
    while (size > 0) {
      // One call moves at most 2 GiB on Linux and fails above that elsewhere.
      std::size_t const piece = std::min<std::size_t>(size, std::size_t{1} << 30);
      ssize_t const written = retry_interrupted([&] { return ::write(number_, bytes, piece); });
      if (written == -1) throw_file_error(path_, "write", errno);
      if (written == 0) throw_file_error(path_, "write", EIO);  // would loop for ever
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  /// Writes all `size` bytes at `offset`; the current position stays.
  void write_at(std::uint64_t offset, void const* data, std::size_t size) {
    auto const* bytes = static_cast<char const*>(data);
    for (std::size_t done = 0; done < size;) {
      std::size_t const piece = std::min<std::size_t>(size - done, std::size_t{1} << 30);
      auto const place = static_cast<off_t>(offset + done);
      ssize_t const written =
          retry_interrupted([&] { return ::pwrite(number_, bytes + done, piece, place); });
      if (written == -1) throw_file_error(path_, "write", errno);
      if (written == 0) throw_file_error(path_, "write", EIO);  // would loop for ever
      done += static_cast<std::size_t>(written);
    }
  }

  /// Reads up to `size` bytes at `offset`; fewer only at the end of the file.
  std::size_t read_at(std::uint64_t offset, void* data, std::size_t size) const {
    auto* bytes = static_cast<char*>(data);
    std::size_t done = 0;
    while (done < size) {
      std::size_t const piece = std::min<std::size_t>(size - done, std::size_t{1} << 30);
      auto const place = static_cast<off_t>(offset + done);
      ssize_t const got =
          retry_interrupted([&] { return ::pread(number_, bytes + done, piece, place); });
      if (got == -1) throw_file_error(path_, "read", errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  /// Says that these bytes are read soon, so that the system fetches them meanwhile.
  void will_need(std::uint64_t offset, std::uint64_t size) const {
    (void)::posix_fadvise(number_, static_cast<off_t>(offset), static_cast<off_t>(size),
                          POSIX_FADV_WILLNEED);
  }

  /// Makes the file empty.
  void truncate() {
    if (retry_interrupted([&] { return ::ftruncate(number_, 0); }) == -1)
      throw_file_error(path_, "truncate", errno);
  }

  /// Forces data and size to the storage device. A failure is final: the kernel may already have
  /// forgotten the pages that it could not write, so a second fsync that succeeds proves nothing.
  void sync() {
    if (retry_interrupted([&] { return ::fsync(number_); }) == -1)
      throw_file_error(path_, "sync", errno);
  }

  /// Closes and reports an error (network file systems write back here).
  void close() {
    int const number = std::exchange(number_, -1);
    // Not retried: after EINTR Linux has closed the number and another thread may own it now.
    if (number != -1 && ::close(number) == -1 && errno != EINTR)
      throw_file_error(path_, "close", errno);
  }

  /// Size in bytes; DataError unless this is a regular file (a pipe or device has no end).
  [[nodiscard]] std::uint64_t regular_file_size() const {
    struct stat status {};
    if (::fstat(number_, &status) == -1) throw_file_error(path_, "examine", errno);
    if (!S_ISREG(status.st_mode)) throw DataError(path_.string() + ": must be a regular file");
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  std::filesystem::path path_;
  int number_ = -1;
};

/// Opens a regular file for reading and stores its size in bytes in `size`. O_NONBLOCK so that a
/// pipe without a writer is refused instead of waited for.
inline FileDescriptor open_for_reading(std::filesystem::path const& path, std::uint64_t& size) {
  FileDescriptor file(path, O_RDONLY | O_NONBLOCK, "open for reading");
  size = file.regular_file_size();
  return file;
}

/// The folder that holds `path`; "." for a bare name.
inline std::filesystem::path folder_of(std::filesystem::path const& path) {
  auto const folder = path.parent_path();
  return folder.empty() ? std::filesystem::path(".") : folder;
}

/// Makes names created, renamed or removed in `folder` survive a power cut.
inline void sync_folder(std::filesystem::path const& folder) {
  FileDescriptor descriptor(folder, O_RDONLY | O_DIRECTORY, "open folder");
  int const result = retry_interrupted([&] { return ::fsync(descriptor.number()); });
  // EINVAL: this file system has no way to sync a folder; there is nothing more to do.
  if (result == -1 && errno != EINVAL) throw_file_error(folder, "sync folder", errno);
  descriptor.close();
}

}  // namespace moenda::io
