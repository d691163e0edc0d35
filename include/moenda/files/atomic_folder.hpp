// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "moenda/files/atomic_file.hpp"
#include "moenda/files/file_descriptor.hpp"

namespace moenda::io {

/// The names in `folder`, in no order. Throws DataError. By readdir: libstdc++'s iterators end the
/// program when memory runs out, because they allocate in functions that must not throw.
[[nodiscard]] inline std::vector<std::string> names_in(std::filesystem::path const& folder) {
  for (;;) {
    std::unique_ptr<DIR, int (*)(DIR*)> const opened(::opendir(folder.c_str()), ::closedir);
    if (opened == nullptr && errno == EINTR) continue;
    if (opened == nullptr) throw_file_error(folder, "list folder", errno);
    std::vector<std::string> names;
    for (errno = 0; dirent const* const entry = ::readdir(opened.get()); errno = 0) {
      std::string_view const name(entry->d_name);
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno == 0) return names;
    if (errno != EINTR) throw_file_error(folder, "list folder", errno);
  }
}
[[nodiscard]] inline bool is_real_folder(std::filesystem::path const& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() ==
         std::filesystem::file_type::directory;
}

/// The paths in `folder`, everything below it too when `recursive`, folders after their content.
inline std::vector<std::filesystem::path> list_folder(std::filesystem::path const& folder,
                                                      bool recursive) {
  std::vector<std::filesystem::path> paths;
  for (auto const& name : names_in(folder)) {
    auto path = folder / name;
    if (recursive && is_real_folder(path))
      for (auto& inner : list_folder(path, true)) paths.push_back(std::move(inner));
    paths.push_back(std::move(path));
  }
  return paths;
}

/// Creates `folder` and its missing parents so that they survive a power cut: the folder that
/// holds each new name is synced (std::filesystem::create_directories does not).
inline void create_folders(std::filesystem::path const& folder) {
  std::filesystem::path made;
  for (auto const& part : folder) {
    made /= part;
    std::error_code error;
    if (part.empty() || std::filesystem::is_directory(made, error)) continue;
    int const result = retry_interrupted([&] { return ::mkdir(made.c_str(), 0777); });
    // EEXIST with a folder: another process was quicker.
    if (result == -1 && !(errno == EEXIST && std::filesystem::is_directory(made, error)))
      throw_file_error(made, "create folder", errno);
    sync_folder(folder_of(made));
  }
}

/// Removes a file, or a folder with all it holds; does not follow links.
inline void remove_tree(std::filesystem::path const& path) {
  auto const remove_one = [](std::filesystem::path const& one) {
    int const result = retry_interrupted([&] { return ::remove(one.c_str()); });
    if (result == -1 && errno != ENOENT && errno != ENOTDIR) throw_file_error(one, "remove", errno);
  };
  if (is_real_folder(path))
    for (auto const& inner : list_folder(path, true)) remove_one(inner);
  remove_one(path);
}

/// Removes what dead saves left in `parent` (names that begin with ".tmp-", not looked for
/// deeper) and returns how many there were. A live save looks the same: call it only while
/// holding the folder's lock (folder_lock.hpp) and before saving.
inline std::size_t remove_leftovers(std::filesystem::path const& parent) {
  std::size_t removed = 0;
  for (auto const& path : list_folder(parent, false)) {
    if (path.filename().string().rfind(temporary_prefix, 0) != 0) continue;
    remove_tree(path);
    ++removed;
  }
  return removed;
}

/// The name under which the folder `final_folder` is prepared: `.tmp-` + its name, beside it.
inline std::filesystem::path temporary_folder_for(std::filesystem::path const& final_folder) {
  auto const name = final_folder.filename().string();
  return folder_of(final_folder) / (std::string(temporary_prefix) + name);
}

/// Creates the empty folder `temporary_folder_for(final_folder)` and returns its path. What a
/// dead save left there is removed.
inline std::filesystem::path start_folder(std::filesystem::path const& final_folder) {
  if (!final_folder.has_filename())
    throw DataError(final_folder.string() + ": must be a folder name without a slash at the end");
  auto const temporary = temporary_folder_for(final_folder);
  remove_tree(temporary);
  create_folders(temporary);
  return temporary;
}

/// Syncs every file and folder below `folder`, then `folder`. Refuses links and unfinished files.
inline void sync_tree(std::filesystem::path const& folder) {
  for (auto const& path : list_folder(folder, true)) {
    if (path.filename().string().rfind(temporary_prefix, 0) == 0)
      throw DataError(path.string() + ": must be committed before its folder is");
    std::error_code error;
    auto const type = std::filesystem::symlink_status(path, error).type();
    if (type == std::filesystem::file_type::directory) {
      sync_folder(path);
    } else if (type == std::filesystem::file_type::regular) {
      FileDescriptor file(path, O_RDONLY, "open for sync");
      file.sync();
      file.close();
    } else {
      throw DataError(path.string() + ": must be a regular file or a folder");
    }
  }
  sync_folder(folder);
}

/// Gives `from` the name `to`. Neither folder is synced.
inline void rename_path(std::filesystem::path const& from, std::filesystem::path const& to) {
  int const result = retry_interrupted([&] { return std::rename(from.c_str(), to.c_str()); });
  if (result == -1) throw_file_error(from, "rename to " + to.filename().string(), errno);
}

/// Gives the finished `temporary_folder` the name `final_folder` (same parent): syncs every file
/// and folder in it, renames, syncs the parent. Readers find the old state or the complete new
/// one. A folder already there is exchanged in one step and then removed; where the system
/// cannot exchange, that is a DataError. After an error the next `start_folder` or
/// `remove_leftovers` clears what is left.
inline void commit_folder(std::filesystem::path const& temporary_folder,
                          std::filesystem::path const& final_folder) {
  sync_tree(temporary_folder);
  char const* const from = temporary_folder.c_str();
  char const* const to = final_folder.c_str();
  int result = retry_interrupted([&] { return std::rename(from, to); });
  bool exchanged = false;
#ifdef RENAME_EXCHANGE
  if (result == -1 && (errno == ENOTEMPTY || errno == EEXIST)) {
    result = retry_interrupted(
        [&] { return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE); });
    exchanged = result == 0;
  }
#endif
  if (result == -1) throw_file_error(final_folder, "rename temporary folder to", errno);
  sync_folder(folder_of(final_folder));
  if (exchanged) remove_tree(temporary_folder);
}

/// Removes a committed folder so that no reader ever finds a part of it: it gets its temporary
/// name first, and a death half-way leaves only what `remove_leftovers` clears.
inline void discard_folder(std::filesystem::path const& folder) {
  auto const temporary = temporary_folder_for(folder);
  remove_tree(temporary);
  rename_path(folder, temporary);
  sync_folder(folder_of(folder));
  remove_tree(temporary);
}

}  // namespace moenda::io
