// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "moenda/core/parallel.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/import/hugging_face/bitsandbytes.hpp"
#include "moenda/import/hugging_face/checkpoint.hpp"
#include "moenda/import/hugging_face/config.hpp"
#include "moenda/import/hugging_face/placement.hpp"
#include "moenda/weights/layout.hpp"
#include "moenda/weights/weights_on_host.hpp"

namespace moenda::hugging_face {

/// Where the numbers of one of our weights come from.
struct Source {
  Placement placement;
  Located tensor;
  std::optional<Nf4Matrix> nf4;  ///< when the tensor holds the codes of one
};

/// Which tensors of a checkpoint fill which weights. Made before the model is, so that no file
/// makes us ask for memory that its own size does not justify.
class Plan {
 public:
  /// Throws DataError when a weight of the description's model has no tensor, a tensor no weight,
  /// or one has another shape or type.
  Plan(Checkpoint const& checkpoint, Description const& of)
      : checkpoint_(checkpoint), names_(names_of(of.family)) {
    auto const params = Model::params<Shapes>(of.model);
    walk(params, [&](Path const& path, auto const& weight) {
      if (weight.size() > 0) place(path.str(), weight);
    });
    for (auto const& source : sources_) {
      if (!source.nf4) require_shape(source);
    }
    for (auto const& [name, count] : experts_) {
      auto const& info = *checkpoint_.find(name).info;
      if (info.shape.front() == count) continue;
      refuse(info, "must hold " + std::to_string(count) + " experts, got " +
                       std::to_string(info.shape.front()));
    }
    require_all_used(of);
  }
  /// Those of all weights that are not empty, in the order of the walk.
  [[nodiscard]] std::vector<Source> const& sources() const { return sources_; }

  /// The format in which to keep every weight: that of the checkpoint where it is quantised, else
  /// what `wished` says. Throws ConfigError when a pattern matches no weight.
  template <class Params>
  [[nodiscard]] auto formats(Formats const& wished, Params const& params, char const* who) const {
    wished.require_used(params, who);
    std::map<std::string, Format> quantised;
    for (auto const& source : sources_) {
      if (source.nf4) quantised.emplace(source.placement.ours, source.nf4->format());
    }
    return [wished, quantised](Path const& path, auto const& weight) {
      auto const found = quantised.empty() ? quantised.end() : quantised.find(path.str());
      return found == quantised.end() ? wished(path, weight) : found->second;
    };
  }

  /// Whether numbers of half precision become bf16, which keeps three bits less, in the formats
  /// that format_of(path, weight) says.
  template <class FormatOf, class Params>
  [[nodiscard]] bool loses_bits(FormatOf const& format_of, Params const& params) const {
    bool loses = false;
    auto source = sources_.begin();
    walk(params, [&](Path const& path, auto const& weight) {
      if (weight.size() == 0) return;
      bool const is_half = (source++)->tensor.info->dtype == io::Dtype::F16;
      loses = loses || (is_half && format_of(path, weight) == Format::bf16);
    });
    return loses;
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
        add(std::move(placed), theirs, can_be_stored(weight.kind));
        return;
      }
    }
    throw DataError(checkpoint_.folder().string() + ": the weight " + io::quote(ours) +
                    " needs tensor " + io::quote(tried) + ", which is missing" +
                    checkpoint_.nearest(tried, [&](auto const& other) { return !knows(other); }));
  }
  void add(Placement placed, std::string const& theirs, bool can_be_nf4) {
    auto const tensor = checkpoint_.find(theirs);
    auto const& shape = tensor.info->shape;
    if (can_be_nf4 && placed.form == Form::plain && Nf4Matrix::is_at(checkpoint_, theirs)) {
      Nf4Matrix nf4(checkpoint_, theirs, placed.rows, placed.cols);
      for (auto const* ending : nf4_endings) used_.insert(theirs + ending);
      sources_.push_back({std::move(placed), tensor, std::move(nf4)});
    } else {
      if (!shape.empty()) placed.experts = shape.front();
      if (placed.form == Form::of_experts || placed.form == Form::upper_half) {
        auto& count = experts_[theirs];
        count = std::max(count, placed.number + 1);
      }
      sources_.push_back({std::move(placed), tensor, std::nullopt});
    }
    used_.insert(theirs);
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
  void require_shape(Source const& source) const {
    auto const& [placement, tensor, nf4] = source;
    auto const& info = *tensor.info;
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
  void require_all_used(Description const& of) const {
    auto const others = names_of_no_weights(of.family, of.model.tied_head);
    for (auto const& file : checkpoint_.files()) {
      for (auto const& tensor : file.tensors()) {
        if (used_.contains(tensor.name)) continue;
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
    for (auto const& used : used_) {
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
  std::vector<Source> sources_;
  std::set<std::string> used_;                    // tensors
  std::map<std::string, std::uint64_t> experts_;  // of tensors that hold those of a layer
};

/// Writes one weight, in the format that its place has. `buffer` is for reuse. Throws DataError for
/// a number that is not finite.
template <class T>
void fill(Source const& source, WeightPlace<T> const& place, std::vector<float>& buffer,
          ThreadPool& pool) {
  auto const in_parts = [&](std::ptrdiff_t count, auto&& body) { pool.parallel_for(count, body); };
  auto const& [placement, tensor, nf4] = source;
  if (nf4) {
    require(place.format == nf4->format(), "fill: a quantised weight keeps its format",
            int(place.format), int(nf4->format()));
    nf4->read_to(place.codes, place.scales);
    if (place.is_sound()) return;
    throw DataError(tensor.file->path().string() + ": tensor " + io::quote(tensor.info->name) +
                    ": its statistics mean numbers that are not finite");
  }
  auto const& info = *tensor.info;
  auto const begin = placement.begin();
  auto const first = begin.value_or(0), size = begin ? placement.size() : info.size();
  bool const in_place = std::is_same_v<T, float> && begin && place.format == Format::fp32;
  if (!in_place) buffer.resize(std::size_t(size));
  std::span<float> numbers(buffer.data(), in_place ? 0 : std::size_t(size));
  if constexpr (std::is_same_v<T, float>) {
    if (in_place) numbers = {place.values, std::size_t(size)};
  }
  tensor.file->read_range(info, first, numbers.data(), size);
  auto const bad =
      std::find_if(numbers.begin(), numbers.end(), [](float x) { return !std::isfinite(x); });
  if (bad != numbers.end()) {
    throw DataError(tensor.file->path().string() + ": tensor " + io::quote(info.name) +
                    ": all numbers must be finite, but number " +
                    std::to_string(first + std::uint64_t(bad - numbers.begin())) + " is not");
  }
  if (placement.added() != 0) {
    for (auto& number : numbers) number += placement.added();
  }
  if (in_place) return;
  if (begin) {
    place.put(numbers.data(), in_parts);
  } else {
    std::vector<float> ours(std::size_t(placement.size()));
    placement.each([&](std::size_t to, std::size_t from) { ours[to] = numbers[from]; });
    place.put(ours.data(), in_parts);
  }
  if (place.is_sound()) return;
  throw DataError(tensor.file->path().string() + ": tensor " + io::quote(info.name) +
                  ": has numbers that are too large for " +
                  enum_names(place.format)[std::size_t(place.format)]);
}

/// Fills all weights of `parameters`, which the plan's formats have laid out. `progress` sees how
/// many numbers of how many were read. Throws DataError.
template <class P>
void load(Plan const& plan, P& parameters,
          std::function<void(std::int64_t, std::int64_t)> const& progress = {}) {
  WeightsOnHost<P> on_host(parameters);
  std::vector<float> buffer;
  std::int64_t done = 0;
  auto const all = std::int64_t(count(parameters.params));
  auto source = plan.sources().begin();
  walk(parameters.params, [&](Path const&, auto const& weight) {
    if (weight.size() == 0) return;
    fill(*source++, on_host(weight), buffer, parameters.backend.pool);
    done += weight.size();
    if (progress) progress(done, all);
  });
  on_host.give_back();
}

}  // namespace moenda::hugging_face
