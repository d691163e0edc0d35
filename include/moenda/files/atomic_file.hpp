// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/files/file_descriptor.hpp"

namespace moenda::io {

/// Every unfinished file or folder begins with this, so that `remove_leftovers` knows it.
inline constexpr std::string_view temporary_prefix = ".tmp-";

/// A file that appears under its name complete or not at all: bytes go to a temporary name in the
/// same folder (rename is atomic only within one file system); `commit` syncs the file, renames
/// it over `path` and syncs the folder. Without `commit` the temporary is removed and an older
/// file under `path` stays as it was. Every failure is a DataError with path and reason.
///
/// The order of the syncs is the one that Pillai et al., "All File Systems Are Not Created Equal"
/// (OSDI 2014, section 4), show to be needed on every file system that they examined.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path const& path) : path_(path), file_(create(path)) {}
  AtomicFile(AtomicFile const&) = delete;
  AtomicFile& operator=(AtomicFile const&) = delete;
  ~AtomicFile() {
    if (!renamed_) ::unlink(file_.path().c_str());
  }

  /// Appends `size` bytes. Small pieces are gathered; large ones go straight to the file.
  void write(void const* data, std::size_t size) {
    if (gathered_.size() + size > gather_limit) flush();
    if (size > gather_limit) {
      file_.write(data, size);
    } else {
      gathered_.append(static_cast<char const*>(data), size);
    }
  }
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  /// Replaces `size` bytes from `offset` on, which have been written already: for a header that is
  /// known when all else is.
  void rewrite(std::uint64_t offset, void const* data, std::size_t size) {
    flush();
    file_.write_at(offset, data, size);
  }

  /// Puts the file in place. When this returns, the new content survives a power cut. When it
  /// throws, readers find the old content, or the new one if only the last folder sync failed.
  void commit() {
    if (std::exchange(commit_called_, true))
      throw DataError(path_.string() + ": a failed or finished save must be started anew");
    flush();
    file_.sync();
    file_.close();
    int const result =
        retry_interrupted([&] { return std::rename(file_.path().c_str(), path_.c_str()); });
    if (result == -1) throw_file_error(path_, "rename temporary file to", errno);
    renamed_ = true;
    sync_folder(folder_of(path_));
  }

 private:
  static constexpr std::size_t gather_limit = std::size_t{1} << 16;

  void flush() {
    file_.write(gathered_.data(), gathered_.size());
    gathered_.clear();
  }

  /// A fresh name of at most 40 characters, so that any legal file name can be written. A name
  /// left by a dead process that had our number is stepped over.
  static FileDescriptor create(std::filesystem::path const& path) {
    std::error_code error;
    auto const kind = std::filesystem::status(path, error).type();
    if (kind != std::filesystem::file_type::not_found &&
        kind != std::filesystem::file_type::regular && kind != std::filesystem::file_type::none) {
      throw DataError(path.string() + ": only a regular file can be replaced");
    }
    static std::atomic<unsigned> counter{0};
    for (int attempt = 0;; ++attempt) {
      auto const name = std::string(temporary_prefix) + std::to_string(::getpid()) + "-" +
                        std::to_string(counter++);
      auto const temporary = folder_of(path) / name;
      int const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
      int const number = retry_interrupted([&] { return ::open(temporary.c_str(), flags, 0666); });
      if (number != -1) return FileDescriptor(temporary, number);
      if (errno != EEXIST || attempt == 1000)
        throw_file_error(path, "create a temporary file for", errno);
    }
  }

  std::filesystem::path path_;
  FileDescriptor file_;
  std::string gathered_;
  bool commit_called_ = false;
  bool renamed_ = false;
};

/// Replaces the content of `path` with `bytes`, completely or not at all (see AtomicFile).
inline void write_file_atomically(std::filesystem::path const& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace moenda::io
