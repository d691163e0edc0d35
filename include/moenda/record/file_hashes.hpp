// SPDX-License-Identifier: Apache-2.0
#pragma once
// hashes.json of a run: a hash of each of its files as it was when the run ended, so that a log
// that has been damaged or edited since is noticed. Not of checkpoints, whose state.json guards
// them.
#include <fcntl.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/run_files.hpp"
#include "moenda/record/json_file.hpp"

namespace moenda::io {

namespace detail {

using FileHashes = std::map<std::string, std::string>;  // of names below the run's folder

inline constexpr std::size_t hashed_block = std::size_t{1} << 16;

/// 16 hexadecimal digits. Throws DataError.
[[nodiscard]] inline std::string hash_of_file(std::filesystem::path const& path) {
  auto const file = open_own_file(path, O_RDONLY, "open for reading");
  std::vector<char> block(hashed_block);
  data::ContentHash hash;
  for (std::uint64_t place = 0;;) {
    std::size_t const got = file.read_at(place, block.data(), block.size());
    hash.add(std::string_view(block.data(), got));
    place += got;
    if (got < block.size()) return hash.hex();
  }
}
/// The same of a file that will hold `content`.
[[nodiscard]] inline std::string hash_of_content(std::string_view content) {
  data::ContentHash hash;
  for (;;) {
    auto const block = content.substr(0, hashed_block);
    hash.add(block);
    content.remove_prefix(block.size());
    if (block.size() < hashed_block) return hash.hex();
  }
}

/// Of the files of a run and of its tokenizer that `wanted(name)` asks for, without those that
/// change afterwards.
template <class Wanted>
[[nodiscard]] FileHashes hashes_of(std::filesystem::path const& folder, Wanted wanted) {
  FileHashes hashes;
  auto const add = [&](std::filesystem::path const& below) {
    for (auto const& name : names_in(folder / below)) {
      auto const path = folder / below / name;
      if (name.starts_with('.') || name == run_files::hashes ||
          !std::filesystem::is_regular_file(path)) {
        continue;
      }
      auto const place = sanitize_utf8((below / name).string());
      if (wanted(place)) hashes.emplace(place, hash_of_file(path));
    }
  };
  add("");
  if (is_there(folder / run_files::tokenizer)) add(run_files::tokenizer);
  return hashes;
}

[[nodiscard]] inline std::string hash_of_list(FileHashes const& hashes) {
  data::ContentHash hash;
  for (auto const& [name, of_file] : hashes) hash.add(name).add(of_file);
  return hash.hex();
}

}  // namespace detail

/// Writes hashes.json and then results.json, which ends a run. No content has the hash of files
/// that have `changed` before, so they will be named whenever the run is read. Throws DataError.
inline void end_run(std::filesystem::path const& folder, std::string_view results,
                    std::vector<std::string> const& changed = {}) {
  auto hashes =
      detail::hashes_of(folder, [](std::string const& name) { return name != run_files::results; });
  hashes[run_files::results] = detail::hash_of_content(results);
  for (auto const& name : changed) hashes[name] = "changed";
  nlohmann::ordered_json list;
  list["files"] = hashes;
  list["hash"] = detail::hash_of_list(hashes);
  write_file_atomically(folder / run_files::hashes, list.dump(2) + "\n");
  write_file_atomically(folder / run_files::results, results);
}

/// Before anything of a run changes that goes on.
inline void remove_file_hashes(std::filesystem::path const& folder) {
  remove_tree(folder / run_files::hashes);
}

/// The files that are not as they were when the run ended; those that are gone are named so. None
/// where there is no hashes.json: the run goes on, or an earlier version trained it. Files that
/// have been added are not looked at. Throws DataError for a run or tokenizer folder that is a
/// link.
[[nodiscard]] inline std::vector<std::string> changed_files(std::filesystem::path const& folder) {
  require_own_folder(folder);
  require_own_folder(folder / run_files::tokenizer);
  auto const list = folder / run_files::hashes;
  if (!is_there(folder / run_files::results) || !is_there(list)) return {};
  detail::FileHashes known;
  try {
    auto const json = read_json_file(list);
    auto const* files = detail::member(json, "files", nlohmann::json::value_t::object, list);
    if (files != nullptr) {
      for (auto const& [name, hash] : files->items()) known[name] = hash.get<std::string>();
    }
    if (detail::text_member(json, "hash", list) != detail::hash_of_list(known)) {
      return {run_files::hashes};
    }
  } catch (DataError const&) {
    return {run_files::hashes};
  } catch (nlohmann::json::exception const&) {  // a hash that is no text
    return {run_files::hashes};
  }
  auto const now = detail::hashes_of(
      folder, [&](std::string const& name) { return known.find(name) != known.end(); });
  std::vector<std::string> changed;
  for (auto const& [name, hash] : known) {
    auto const found = now.find(name);
    if (found == now.end()) {
      changed.push_back(name + " (gone)");
    } else if (found->second != hash) {
      changed.push_back(name);
    }
  }
  return changed;
}

/// The same as a sentence about the run `name`; "" when all is as it was.
[[nodiscard]] inline std::string changed_files_sentence(std::string const& name,
                                                        std::vector<std::string> const& changed) {
  if (changed.empty()) return "";
  std::string files;
  for (auto const& file : changed) files += (files.empty() ? "" : ", ") + file;
  return name + ": not as when the run ended, by its " + run_files::hashes + ": " + files +
         "; numbers from there may be wrong.";
}

}  // namespace moenda::io
