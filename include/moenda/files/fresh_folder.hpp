// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>

#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/own_files.hpp"

namespace moenda::io {

/// A folder that appears under its name complete or not at all, and only where nothing is: for
/// folders that no lock protects. It is prepared beside it under a name that nobody else has, and
/// removed without commit().
class FreshFolder {
 public:
  /// Throws DataError when something is there, or when no folder can be made beside it.
  explicit FreshFolder(std::filesystem::path const& path) : final_(path.lexically_normal()) {
    if (!final_.has_filename()) final_ = final_.parent_path();  // "folder/"
    if (final_.empty()) throw DataError("the folder to write must have a name");
    if (is_there(final_)) refuse();
    auto const parent = folder_of(final_);
    create_folders(parent);
    for (int attempt = 0;; ++attempt) {
      temporary_ = parent / (std::string(temporary_prefix) + std::to_string(::getpid()) + "-" +
                             std::to_string(attempt));
      if (retry_interrupted([&] { return ::mkdir(temporary_.c_str(), 0777); }) == 0) return;
      if (errno != EEXIST || attempt == 1000) {
        throw_file_error(final_, "create a temporary folder for", errno);
      }
    }
  }
  FreshFolder(FreshFolder const&) = delete;
  FreshFolder& operator=(FreshFolder const&) = delete;
  ~FreshFolder() {
    if (committed_) return;
    try {
      remove_tree(temporary_);
    } catch (...) {  // what is left is told by its name
    }
  }

  /// Where its content is written.
  [[nodiscard]] std::filesystem::path const& path() const { return temporary_; }

  /// Gives it its name. Throws DataError when another folder has got it meanwhile.
  void commit() {
    sync_tree(temporary_);
    int result = -1;
#ifdef RENAME_NOREPLACE
    result = retry_interrupted([&] {
      return ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, final_.c_str(), RENAME_NOREPLACE);
    });
    bool const cannot = result == -1 && (errno == EINVAL || errno == ENOSYS);
#else
    bool const cannot = true;
#endif
    if (cannot) {
      if (is_there(final_)) refuse();
      result = retry_interrupted([&] { return std::rename(temporary_.c_str(), final_.c_str()); });
    }
    if (result == -1 && (errno == EEXIST || errno == ENOTEMPTY)) refuse();
    if (result == -1) throw_file_error(final_, "rename temporary folder to", errno);
    committed_ = true;
    sync_folder(folder_of(final_));
  }

 private:
  [[noreturn]] void refuse() const { throw DataError(final_.string() + ": must not exist yet"); }

  std::filesystem::path final_, temporary_;
  bool committed_ = false;
};

}  // namespace moenda::io
