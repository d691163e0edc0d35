// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/import/hugging_face/json_object.hpp"
#include "moenda/weights/safetensors/reader.hpp"

namespace moenda::hugging_face {

/// Where a tensor lies.
struct Located {
  io::SafetensorsFile const* file = nullptr;
  io::TensorInfo const* info = nullptr;
};

/// The tensors of a folder: model.safetensors, or the files that model.safetensors.index.json
/// names. The headers are read and checked; data is read when asked for.
class Checkpoint {
 public:
  static constexpr char const* single = "model.safetensors";
  static constexpr char const* index = "model.safetensors.index.json";
  static constexpr std::size_t most_files = 500;

  /// Throws DataError when there is no such file, when one is damaged, when the index names a file
  /// outside of the folder, or when index and files disagree.
  explicit Checkpoint(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (io::is_there(folder_ / single)) {
      files_.emplace_back(folder_ / single);
    } else if (io::is_there(folder_ / index)) {
      open_shards();
    } else {
      refuse_without_weights();
    }
    for (auto const& file : files_) {
      for (auto const& tensor : file.tensors()) {
        if (!tensors_.try_emplace(tensor.name, Located{&file, &tensor}).second) {
          throw DataError(file.path().string() + ": tensor " + io::quote(tensor.name) +
                          " is in another file of the folder, too");
        }
      }
    }
    require_index_holds();
  }
  Checkpoint(Checkpoint const&) = delete;
  Checkpoint& operator=(Checkpoint const&) = delete;

  [[nodiscard]] std::filesystem::path const& folder() const { return folder_; }
  [[nodiscard]] std::vector<io::SafetensorsFile> const& files() const { return files_; }
  [[nodiscard]] std::size_t size() const { return tensors_.size(); }
  /// Null members where there is none.
  [[nodiscard]] Located find(std::string const& name) const {
    auto const found = tensors_.find(name);
    return found == tensors_.end() ? Located{} : found->second;
  }
  /// " (did you mean 'x'?)", of the tensors that f(name) is true for.
  template <class F>
  [[nodiscard]] std::string nearest(std::string const& name, F f) const {
    std::vector<std::string> known;
    for (auto const& [other, where] : tensors_) {
      if (other.size() <= 64 && known.size() < 10000 && f(other)) known.push_back(other);
    }
    std::sort(known.begin(), known.end());
    return did_you_mean(name, known);
  }

 private:
  void open_shards() {
    JsonObject const j(folder_ / index);
    auto const map = j.object("weight_map");
    if (map.json().empty()) j.refuse("weight_map", "an object of tensor -> file, not empty");
    std::vector<std::string> names;
    for (auto const& [tensor, file] : map.json().items()) {
      if (!file.is_string()) map.refuse(tensor, "the name of a file");
      auto const name = file.get<std::string>();
      if (name.empty() || name == "." || name == ".." ||
          name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
        map.refuse(tensor, "the name of a file in the same folder");
      }
      indexed_.emplace_back(tensor, name);
      names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.size() > most_files) {
      throw DataError(j.where() + ": must name at most " + std::to_string(most_files) +
                      " files, got " + std::to_string(names.size()));
    }
    files_.reserve(names.size());
    for (auto const& name : names) files_.emplace_back(folder_ / name);
  }
  void require_index_holds() const {
    if (indexed_.empty()) return;
    for (auto const& [tensor, file] : indexed_) {
      auto const found = find(tensor);
      if (found.file != nullptr && found.file->path().filename() == file) continue;
      throw DataError((folder_ / index).string() + ": tensor " + io::quote(tensor) +
                      " must be in " + io::quote(file) + ", but it is " +
                      (found.file == nullptr
                           ? "nowhere"
                           : "in " + io::quote(found.file->path().filename().string())));
    }
    if (indexed_.size() == tensors_.size()) return;
    throw DataError((folder_ / index).string() + ": must name all " +
                    std::to_string(tensors_.size()) + " tensors of its files, got " +
                    std::to_string(indexed_.size()));
  }
  [[noreturn]] void refuse_without_weights() const {
    std::string other;
    for (auto const& name : io::names_in(folder_)) {
      auto const ending = std::filesystem::path(name).extension();
      if (ending == ".gguf" || ending == ".bin" || ending == ".pt" || ending == ".pth") {
        other = "; " + io::quote(name) + " is not read";
      }
    }
    throw DataError(folder_.string() + ": there must be " + single + " or " + index + other);
  }

  std::filesystem::path folder_;
  std::vector<io::SafetensorsFile> files_;
  std::vector<std::pair<std::string, std::string>> indexed_;
  std::unordered_map<std::string, Located> tensors_;
};

}  // namespace moenda::hugging_face
