// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "moenda/core/array.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/import/hugging_face/checkpoint.hpp"
#include "moenda/import/hugging_face/config.hpp"
#include "moenda/import/hugging_face/placement.hpp"

namespace moenda::hugging_face {

/// Which tensor of a checkpoint fills which weights, tensor by tensor.
class Plan {
 public:
  /// `params` are those of the description's model, bound or only shapes. Throws DataError when a
  /// weight has no tensor, a tensor no weight, or one has another shape or type.
  template <class Params>
  Plan(Checkpoint const& checkpoint, Description const& of, Params const& params)
      : checkpoint_(checkpoint), names_(names_of(of.family)) {
    walk(params, [&](Path const& path, auto const& weight) {
      if (weight.size() > 0) place(path.str(), weight);
    });
    for (auto& [name, placements] : by_tensor_) {
      auto const& info = *checkpoint_.find(name).info;
      if (!info.shape.empty()) {
        for (auto& placement : placements) placement.experts = info.shape.front();
      }
      for (auto const& placement : placements) require_shape(info, placement);
      require_experts(info, placements);
    }
    require_all_used(of);
  }
  [[nodiscard]] std::map<std::string, std::vector<Placement>> const& by_tensor() const {
    return by_tensor_;
  }

 private:
  template <class W>
  void place(std::string const& ours, W const& weight) {
    auto const [pattern, numbers] = without_numbers(ours);
    std::string tried;
    for (auto const& name : names_) {
      if (pattern != name.ours) continue;
      for (auto const& theirs : spellings(with_numbers(name.theirs, numbers))) {
        if (checkpoint_.find(theirs).info == nullptr) {
          if (tried.empty()) tried = theirs;
          continue;
        }
        Placement placed{ours, weight.rows, weight.cols};
        placed.is_row = weight.kind == WeightKind::gain || weight.kind == WeightKind::bias;
        placed.form = name.form;
        if (numbers.size() > 1) placed.number = std::stoull(numbers[1]);
        placed.values = weight.data;
        by_tensor_[theirs].push_back(placed);
        return;
      }
    }
    throw DataError(checkpoint_.folder().string() + ": the weight " + io::quote(ours) +
                    " needs tensor " + io::quote(tried) + ", which is missing" +
                    checkpoint_.nearest(tried, [&](auto const& other) { return !knows(other); }));
  }
  /// Whether the family has such a name.
  [[nodiscard]] bool knows(std::string const& theirs) const {
    auto const pattern = without_numbers(theirs).pattern;
    return std::any_of(names_.begin(), names_.end(),
                       [&](Name const& name) { return pattern == name.theirs; });
  }
  /// Files that hold the inner model alone leave out its name.
  [[nodiscard]] static std::vector<std::string> spellings(std::string const& name) {
    for (std::string_view const prefix : {"transformer.", "model."}) {
      if (name.starts_with(prefix)) return {name, name.substr(prefix.size())};
    }
    return {name};
  }
  void require_shape(io::TensorInfo const& info, Placement const& placement) const {
    if (info.shape != placement.shape()) {
      refuse(info, "must have shape " + io::shape_text(placement.shape()) + " for the weight " +
                       io::quote(placement.ours) + ", got " + io::shape_text(info.shape));
    }
    bool const is_read = info.dtype == io::Dtype::F32 || info.dtype == io::Dtype::F16 ||
                         info.dtype == io::Dtype::BF16;
    if (!is_read) {
      refuse(info,
             "its type must be F32, F16 or BF16, got " + std::string(io::dtype_name(info.dtype)));
    }
  }
  /// A tensor of all experts has as many as the model.
  void require_experts(io::TensorInfo const& info, std::vector<Placement> const& placements) const {
    std::uint64_t most = 0;
    bool stacked = false;
    for (auto const& p : placements) {
      stacked = stacked || p.form == Form::of_experts || p.form == Form::upper_half;
      most = std::max(most, p.number + 1);
    }
    if (stacked && info.shape.front() != most) {
      refuse(info, "must hold " + std::to_string(most) + " experts, got " +
                       std::to_string(info.shape.front()));
    }
  }
  void require_all_used(Description const& of) const {
    auto const others = names_of_no_weights(of.family, of.model.tied_head);
    for (auto const& file : checkpoint_.files()) {
      for (auto const& tensor : file.tensors()) {
        if (by_tensor_.contains(tensor.name)) continue;
        auto const pattern = without_numbers(tensor.name).pattern;
        bool const known = std::any_of(others.begin(), others.end(), [&](auto const& other) {
          auto const same = spellings(other);
          return std::find(same.begin(), same.end(), pattern) != same.end();
        });
        if (known) continue;
        throw DataError(file.path().string() + ": tensor " + io::quote(tensor.name) +
                        " is no weight of a " + name_of(of.family) + " of this config" +
                        nearest_used(tensor.name));
      }
    }
  }
  [[nodiscard]] std::string nearest_used(std::string const& name) const {
    std::vector<std::string> known;
    for (auto const& [used, placements] : by_tensor_) {
      if (known.size() < 10000) known.push_back(used);
    }
    return did_you_mean(name, known);
  }
  [[noreturn]] void refuse(io::TensorInfo const& info, std::string const& sentence) const {
    throw DataError(checkpoint_.find(info.name).file->path().string() + ": tensor " +
                    io::quote(info.name) + ": " + sentence);
  }

  Checkpoint const& checkpoint_;
  std::vector<Name> names_;
  std::map<std::string, std::vector<Placement>> by_tensor_;
};

/// Fills the weights that the placements of one tensor point to. Throws DataError for a number that
/// is not finite.
inline void fill(Located const& tensor, std::vector<Placement> const& placements,
                 std::vector<float>& buffer) {
  auto const& info = *tensor.info;
  buffer.resize(std::size_t(info.size()));
  tensor.file->read_as(info.name, buffer.data(), info.size());
  auto const bad =
      std::find_if(buffer.begin(), buffer.end(), [](float x) { return !std::isfinite(x); });
  if (bad != buffer.end()) {
    throw DataError(tensor.file->path().string() + ": tensor " + io::quote(info.name) +
                    ": all numbers must be finite, but number " +
                    std::to_string(bad - buffer.begin()) + " is not");
  }
  for (auto const& placement : placements) {
    auto const added = placement.added();
    placement.each(
        [&](std::size_t to, std::size_t from) { placement.values[to] = buffer[from] + added; });
  }
}

/// Before the model is made: config and checkpoint agree, so that no file makes us ask for memory
/// that its own size does not justify. Throws DataError.
inline void require_agreement(Checkpoint const& checkpoint, Description const& of) {
  auto const& c = of.model;
  std::int64_t const most = std::int64_t{1} << 22;
  if (c.num_layers * (1 + std::int64_t(of.num_experts)) > most) {
    throw DataError(checkpoint.folder().string() + ": config.json asks for " +
                    std::to_string(c.num_layers) + " layers of " + std::to_string(of.num_experts) +
                    " experts, but layers times experts must be at most " + std::to_string(most));
  }
  (void)Plan(checkpoint, of, Model::params<Shapes>(c));
}

/// Fills all weights of `parameters`, tensor by tensor. `progress` sees how many tensors of how
/// many were read. Throws DataError.
template <class P>
void load(Checkpoint const& checkpoint, Description const& of, P& parameters,
          std::function<void(std::size_t, std::size_t)> const& progress = {}) {
  Plan const plan(checkpoint, of, parameters.params);
  std::vector<float> buffer;
  std::size_t done = 0;
  for (auto const& [name, placements] : plan.by_tensor()) {
    fill(checkpoint.find(name), placements, buffer);
    if (progress) progress(++done, plan.by_tensor().size());
  }
}

}  // namespace moenda::hugging_face
