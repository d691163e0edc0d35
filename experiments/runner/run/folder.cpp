// SPDX-License-Identifier: Apache-2.0
#include "runner/run/folder.hpp"

#include <algorithm>
#include <vector>

#include "moenda/files/own_files.hpp"
#include "moenda/files/run_files.hpp"
#include "moenda/train/checkpoint.hpp"
#include "runner/run/results.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

std::string id_of(std::string const& trained_part) {
  auto hash = stream_of(trained_part);
  std::string id;
  for (int i = 0; i < 12; ++i, hash >>= 5) id += "0123456789abcdefghijkmnpqrstuvwx"[hash & 31];
  return id;
}

GivenConfig load_naming(Options options, Purpose purpose) {
  if (purpose == Purpose::use) {
    std::erase_if(options.overrides, [](std::string const& assignment) {
      return assignment.starts_with("compute.") || assignment.starts_with("compute=");
    });
  }
  return load_given(options);
}

fs::path folder_of(GivenConfig const& given, Options const& options, std::string const& name,
                   std::string const& trained_part, std::string const& original) {
  if (!given.is_run_folder) return options.out / name / id_of(trained_part);
  if (trained_part != original) {
    throw ConfigError(
        options.config.string() +
        ": only title, evaluate, log, generate and, where nothing is trained, compute may be "
        "overridden for a run folder; give the TOML file to train something else");
  }
  return options.config;
}

fs::path starting_weights(std::string const& start_from, fs::path const& out) {
  if (start_from.ends_with(".safetensors")) return start_from;
  auto const folder = out / start_from;
  io::require_own_files(folder, false);
  auto const newest = newest_checkpoint(folder / io::run_files::checkpoints);
  if (!newest) {
    throw DataError("start_from: the run " + folder.string() +
                    " must be trained first; it has no checkpoint");
  }
  say_changed_files(folder);
  return weights_of(*newest);
}

std::string hash_of_first_weights(std::string const& start_from, fs::path const& out) try {
  if (start_from.empty()) return "";
  std::vector<fs::path> files{start_from};
  if (io::is_there(fs::path(start_from) / "config.json")) {
    files = io::list_folder(start_from, false);
    std::erase_if(files, [](fs::path const& file) {
      return file.extension() != ".safetensors" || !file.filename().string().starts_with("model");
    });
    std::sort(files.begin(), files.end());
  } else if (!start_from.ends_with(".safetensors")) {
    auto const newest = newest_checkpoint(out / start_from / io::run_files::checkpoints);
    if (!newest) return "";
    files = {weights_of(*newest)};
  }
  data::ContentHash hash;
  for (auto const& file : files) hash.add(io::SafetensorsFile(file).hash_of_data().value());
  return hash.hex();
} catch (DataError const&) {
  return "";
}

void require_writable(fs::path const& file) {
  std::error_code error;  // a rename would put a file in the place of a device
  auto const status = fs::status(file, error);
  if (status.type() == fs::file_type::none) {  // such as a name that is too long
    throw DataError(file.string() + ": cannot be written (" + error.message() + ")");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw DataError(file.string() + ": must be a regular file, or absent");
  }
  auto const folder = file.parent_path();
  if (!folder.empty() && !fs::is_directory(folder, error)) {
    throw DataError(file.string() + ": the folder " + folder.string() + " must exist");
  }
}

void require_no_input(fs::path const& file, fs::path const& folder, fs::path const& input) {
  std::error_code error;  // what cannot be examined is refused by whoever opens it
  if (!input.empty() && fs::equivalent(file, input, error)) {
    throw ConfigError(file.string() + ": must be another file than the one that is read");
  }
  if (!fs::exists(file, error)) return;
  auto const inside =
      fs::weakly_canonical(file, error).lexically_relative(fs::weakly_canonical(folder, error));
  if (!inside.empty() && *inside.begin() != "..") {
    throw ConfigError(file.string() + ": must not take the place of a file in the model's folder " +
                      folder.string());
  }
}

fs::path newest_weights(fs::path const& folder) {
  io::require_own_files(folder, false);
  auto const newest = newest_checkpoint(folder / io::run_files::checkpoints);
  if (!newest) throw DataError(folder.string() + ": there is no checkpoint; train the run first");
  return weights_of(*newest);
}

}  // namespace moenda::runner
