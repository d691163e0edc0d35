// SPDX-License-Identifier: Apache-2.0
#pragma once
// hashes.json of a run: a hash of each of its files as it was when the run ended, so that a log
// that has been damaged or edited since is noticed. Of checkpoints it has the state.json of the
// newest, which guards the other files there.
#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/checkpoints.hpp"
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

/// Where the state of the newest checkpoint stands, below `folder`; nothing when there is none.
[[nodiscard]] inline std::filesystem::path newest_state(std::filesystem::path const& folder) {
  std::filesystem::path const checkpoints = run_files::checkpoints;
  require_own_folder(folder / checkpoints);
  auto const all = list_checkpoints(folder / checkpoints);
  return all.empty() ? "" : checkpoints / all.back().filename() / run_files::state;
}

/// Of the files of a run, of its tokenizer and of the newest state that `wanted(name)` asks for,
/// without those that change afterwards.
template <class Wanted>
[[nodiscard]] FileHashes hashes_of(std::filesystem::path const& folder, Wanted wanted) {
  FileHashes hashes;
  auto const add = [&](std::filesystem::path const& file) {
    if (!std::filesystem::is_regular_file(folder / file)) return;
    auto const place = sanitize_utf8(file.string());
    if (wanted(place)) hashes.emplace(place, hash_of_file(folder / file));
  };
  auto const add_all = [&](std::filesystem::path const& below) {
    for (auto const& name : names_in(folder / below)) {
      if (!name.starts_with('.') && name != run_files::hashes) add(below / name);
    }
  };
  add_all("");
  if (is_there(folder / run_files::tokenizer)) add_all(run_files::tokenizer);
  if (auto const state = newest_state(folder); !state.empty()) add(state);
  return hashes;
}

[[nodiscard]] inline std::string hash_of_list(FileHashes const& hashes) {
  data::ContentHash hash;
  for (auto const& [name, of_file] : hashes) hash.add(name).add(of_file);
  return hash.hex();
}

inline void write_hashes(std::filesystem::path const& folder, FileHashes const& hashes) {
  nlohmann::ordered_json list;
  list["files"] = hashes;
  list["hash"] = hash_of_list(hashes);
  write_file_atomically(folder / run_files::hashes, list.dump(2) + "\n");
}
/// What hashes.json says; nothing where it is damaged.
[[nodiscard]] inline std::optional<FileHashes> read_hashes(std::filesystem::path const& folder) {
  auto const list = folder / run_files::hashes;
  FileHashes known;
  try {
    auto const json = read_json_file(list);
    auto const* files = member(json, "files", nlohmann::json::value_t::object, list);
    if (files != nullptr) {
      for (auto const& [name, hash] : files->items()) known[name] = hash.get<std::string>();
    }
    if (text_member(json, "hash", list) == hash_of_list(known)) return known;
  } catch (DataError const&) {
  } catch (nlohmann::json::exception const&) {  // a hash that is no text
  }
  return std::nullopt;
}

inline constexpr std::string_view gone = " (gone)", added = " (added)";

}  // namespace detail

/// Writes hashes.json and then results.json, which ends a run. No content has the hash of files
/// that have `changed` before, so they will be named whenever the run is read. Throws DataError.
inline void end_run(std::filesystem::path const& folder, std::string_view results,
                    std::vector<std::string> const& changed = {}) {
  auto hashes =
      detail::hashes_of(folder, [](std::string const& name) { return name != run_files::results; });
  hashes[run_files::results] = detail::hash_of_content(results);
  for (auto const& name : changed) hashes[name] = "changed";
  detail::write_hashes(folder, hashes);
  write_file_atomically(folder / run_files::results, results);
}

/// Before anything of a run changes that goes on.
inline void remove_file_hashes(std::filesystem::path const& folder) {
  remove_tree(folder / run_files::hashes);
}

/// When the configuration of a finished run has been written again, because it is to be measured
/// in another way. What else has changed stays known, also if measuring is interrupted.
inline void renew_configuration_hashes(std::filesystem::path const& folder) {
  if (!is_there(folder / run_files::hashes)) return;  // of an earlier version
  auto hashes = detail::read_hashes(folder);
  if (!hashes) return;
  auto const& names = run_files::of_configuration;
  auto const written = detail::hashes_of(folder, [&](std::string const& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
  for (auto const& [name, hash] : written) (*hashes)[name] = hash;
  detail::write_hashes(folder, *hashes);
}

/// The files that are not as they were when the run ended; those that are gone are named so, and a
/// checkpoint that is newer than the last of that time. None where there is no hashes.json: the run
/// goes on, or an earlier version trained it. Other files that have been added are not looked at.
/// Throws DataError for a run, tokenizer or checkpoint folder that is a link.
[[nodiscard]] inline std::vector<std::string> changed_files(std::filesystem::path const& folder) {
  require_own_folder(folder);
  require_own_folder(folder / run_files::tokenizer);
  if (!is_there(folder / run_files::results) || !is_there(folder / run_files::hashes)) return {};
  auto const known = detail::read_hashes(folder);
  if (!known) return {run_files::hashes};
  auto const now = detail::hashes_of(
      folder, [&](std::string const& name) { return known->find(name) != known->end(); });
  std::vector<std::string> changed;
  auto const state = sanitize_utf8(detail::newest_state(folder).string());
  auto const is_state = [](std::string const& name) {
    return name.starts_with(run_files::checkpoints);
  };
  for (auto const& [name, hash] : *known) {
    if (state.empty() && is_state(name)) continue;  // no weights, so none that are others
    auto const found = now.find(name);
    if (name == run_files::hashes) {  // it was damaged before
      changed.push_back(name);
    } else if (found == now.end()) {
      changed.push_back(name + std::string(detail::gone));
    } else if (found->second != hash) {
      changed.push_back(name);
    }
  }
  auto const known_state = std::find_if(known->begin(), known->end(),
                                        [&](auto const& file) { return is_state(file.first); });
  if (known_state != known->end() && known_state->first < state) {
    changed.push_back(state + std::string(detail::added));
  }
  return changed;
}

/// Those of `changed` that a run which is measured again does not write anew, for end_run. (The
/// checkpoint has been looked at: the run would not go on from a damaged one.)
[[nodiscard]] inline std::vector<std::string> still_changed(std::vector<std::string> changed) {
  std::vector<std::string> written{run_files::results, run_files::analysis};
  written.insert(written.end(), run_files::of_configuration.begin(),
                 run_files::of_configuration.end());
  std::erase_if(changed, [&](std::string& name) {
    if (name.ends_with(detail::gone)) name.resize(name.size() - detail::gone.size());
    return name.starts_with(run_files::checkpoints) ||
           std::find(written.begin(), written.end(), name) != written.end();
  });
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
