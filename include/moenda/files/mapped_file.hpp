// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string_view>
#include <utility>

#include "moenda/files/file_descriptor.hpp"

namespace moenda::io {

/// A regular file seen read-only as memory, for inputs larger than memory that nobody changes
/// during the run (token files). An empty file is an empty view.
///
/// A file that is shortened while mapped cannot be protected: touching a lost page is SIGBUS, and
/// no check before the access excludes it. Files that other programs may rewrite in place
/// (checkpoints) are therefore read with FileDescriptor::read_at, where the same event is a short
/// read and so a DataError; `check_size` is for callers who want to stop early.
class MappedFile {
 public:
  /// Throws DataError when `path` cannot be opened or mapped or is not a regular file.
  explicit MappedFile(std::filesystem::path const& path) : file_(open_for_reading(path, size_)) {
    if (size_ > std::numeric_limits<std::size_t>::max()) throw_file_error(path, "map", ENOMEM);
    if (size_ == 0) return;  // mmap refuses a length of zero
    void* const address =
        ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_PRIVATE, file_.number(), 0);
    if (address == MAP_FAILED) throw_file_error(path, "map", errno);
    data_ = static_cast<char const*>(address);
  }
  MappedFile(MappedFile&& other) noexcept
      : size_(std::exchange(other.size_, 0)),
        file_(std::move(other.file_)),
        data_(std::exchange(other.data_, nullptr)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(file_, other.file_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(const_cast<char*>(data_), static_cast<std::size_t>(size_));
  }

  [[nodiscard]] std::string_view bytes() const { return {data_, static_cast<std::size_t>(size_)}; }
  [[nodiscard]] std::filesystem::path const& path() const { return file_.path(); }

  /// Throws DataError when the file is shorter now than when it was mapped.
  void check_size() const {
    std::uint64_t const now = file_.regular_file_size();
    if (now < size_)
      throw DataError(path().string() + ": has " + std::to_string(now) + " bytes, must keep the " +
                      std::to_string(size_) + " it had when it was opened");
  }

 private:
  std::uint64_t size_ = 0;  // before file_, whose opening sets it
  FileDescriptor file_;
  char const* data_ = nullptr;
};

}  // namespace moenda::io
