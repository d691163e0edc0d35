// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files and folders that a program of ours keeps for itself, such as those of a run. Such a folder
// may come from somebody else, so nothing in it may lead out of it: no link is followed, and a file
// with a second name (a hard link) is refused, because what is written to it would change the other
// too.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>

#include "moenda/core/error.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/file_descriptor.hpp"

namespace moenda::io {

namespace detail {

/// Throws DataError unless `status`, taken without following a link, is that of a regular file
/// with one name.
inline void require_own(std::filesystem::path const& path, struct stat const& status) {
  if (S_ISLNK(status.st_mode))
    throw DataError(path.string() + ": must be a regular file, and it is a link");
  if (!S_ISREG(status.st_mode)) throw DataError(path.string() + ": must be a regular file");
  if (status.st_nlink > 1) {
    throw DataError(path.string() + ": must be a file with one name, and it has " +
                    std::to_string(status.st_nlink) +
                    " (hard links); a copy of the file may take its place");
  }
}
/// False when there is nothing under `path`.
inline bool examine(std::filesystem::path const& path, struct stat& status) {
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw_file_error(path, "examine", errno);
}

}  // namespace detail

/// False when there is nothing under `path`. Throws DataError when that cannot be known, which is
/// not the same: a run whose files cannot be seen must not begin anew.
[[nodiscard]] inline bool is_there(std::filesystem::path const& path) {
  struct stat status {};
  return detail::examine(path, status);
}

/// Throws DataError when `folder` is there and is a link or no folder.
inline void require_own_folder(std::filesystem::path const& folder) {
  auto bare = folder.lexically_normal();  // "folder/" would be what a link leads to
  if (!bare.has_filename() && bare.has_relative_path()) bare = bare.parent_path();
  struct stat status {};
  if (!detail::examine(bare, status)) return;
  if (S_ISLNK(status.st_mode)) {
    throw DataError(
        bare.string() +
        ": must be a folder itself, and it is a link; name the folder that it leads to");
  }
  if (!S_ISDIR(status.st_mode)) throw DataError(bare.string() + ": must be a folder");
}

/// Throws DataError when `path` is there and is no regular file with one name.
inline void require_own_file(std::filesystem::path const& path) {
  struct stat status {};
  if (detail::examine(path, status)) detail::require_own(path, status);
}

/// Throws DataError naming the first entry of `folder` that is neither a folder nor a regular file
/// with one name; looks into its folders too when `recursive`. A folder that is not there is fine.
inline void require_own_files(std::filesystem::path const& folder, bool recursive) {
  require_own_folder(folder);
  if (!is_there(folder)) return;
  for (auto const& path : list_folder(folder, false)) {
    struct stat status {};
    if (!detail::examine(path, status)) continue;  // it has just been removed
    if (!S_ISDIR(status.st_mode)) {
      detail::require_own(path, status);
    } else if (recursive) {
      require_own_files(path, true);
    }
  }
}

/// Opens a regular file with one name, never what a link leads to. `flags` without O_TRUNC: the
/// file is looked at first. Throws DataError; `purpose` completes "cannot ..." in it.
[[nodiscard]] inline FileDescriptor open_own_file(std::filesystem::path const& path, int flags,
                                                  std::string_view purpose) {
  struct stat status {};
  if (detail::examine(path, status))
    detail::require_own(path, status);  // a device is not even opened
  // O_NONBLOCK: a pipe that has taken its place is refused instead of waited for.
  FileDescriptor file(path, flags | O_NOFOLLOW | O_NONBLOCK, purpose);
  if (::fstat(file.number(), &status) == -1) throw_file_error(path, "examine", errno);
  detail::require_own(path, status);
  return file;
}

}  // namespace moenda::io
