// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/walk.hpp"
#include "moenda/weights/layout.hpp"
#include "moenda/weights/quantised/check.hpp"
#include "moenda/weights/safetensors/reader.hpp"
#include "moenda/weights/stored_names.hpp"
#include "moenda/weights/weights_on_host.hpp"

namespace moenda {

/// A file that write_stored_file() wrote, for a model of the same shape.
class StoredFile {
 public:
  /// `whose` is what was said when it was written. Throws DataError when the file is another one,
  /// or has no place or no tensor for a weight.
  template <class Params>
  StoredFile(std::filesystem::path const& path, Params const& params, std::string const& whose)
      : file_(path) {
    auto const& metadata = file_.metadata();
    auto const kind = metadata.find(detail::stored_metadata.first);
    if (kind == metadata.end() || kind->second != detail::stored_metadata.second) {
      throw DataError(path.string() + ": must be weights that `moenda convert` wrote");
    }
    auto const of = metadata.find(detail::stored_for);
    if (of == metadata.end() || of->second != whose) {
      throw DataError(path.string() +
                      ": must be the weights of this config.json, which has changed since, or is "
                      "another model's");
    }
    read_hashes();
    std::size_t tensors = 1;  // the hashes
    for (auto const& tensor : file_.tensors()) {
      if (tensor.name != detail::hashes_name) bytes_ += tensor.end - tensor.begin;
    }
    walk(params, [&](Path const& name, auto const& weight) {
      if (weight.size() > 0) tensors += find(name.str(), weight);
    });
    if (tensors == file_.tensors().size()) return;
    throw DataError(path.string() + ": has " + std::to_string(file_.tensors().size()) +
                    " tensors, but the model of its config.json has " + std::to_string(tensors));
  }
  /// In which to lay out the model.
  [[nodiscard]] auto formats() const {
    return [this](Path const& path, auto const& weight) {
      return weight.size() == 0 ? Format::fp32 : formats_.at(path.str());
    };
  }
  /// Of all weights.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Fills all weights, on all threads of the backend. `progress` sees how many bytes of how many
  /// were read. Throws DataError when a tensor is damaged.
  template <class P>
  void load(P& parameters,
            std::function<void(std::uint64_t, std::uint64_t)> const& progress = {}) const {
    static_assert(sizeof(typename P::Scalar) == sizeof(float), "StoredFile: of floats");
    WeightsOnHost<P> on_host(parameters);
    std::vector<std::pair<std::string, WeightPlace<typename P::Scalar>>> places;
    walk(parameters.params, [&](Path const& path, auto const& weight) {
      if (weight.size() == 0) return;
      places.emplace_back(path.str(), on_host(weight));
    });
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> done{0};
    auto& pool = parameters.backend.pool;
    pool.parallel_for(pool.threads(), [&](std::int64_t, std::int64_t) {
      for (std::size_t i = next++; i < places.size(); i = next++) {
        done += read(places[i].first, places[i].second);
        if (progress && pool.worker() == 0) progress(done, bytes_);
      }
    });
    on_host.give_back();
  }

 private:
  void read_hashes() {
    auto const& info = file_.tensor(detail::hashes_name);
    auto const count = file_.tensors().size() - 1;
    if (info.dtype != io::Dtype::U8 || info.size() != count * sizeof(std::uint64_t)) {
      refuse(info.name, "must have 8 bytes for every other tensor");
    }
    std::vector<std::uint64_t> hashes(count);
    file_.read_bytes(info, 0, hashes.data(), count * sizeof(std::uint64_t));
    auto hash = hashes.begin();
    for (auto const& tensor : file_.tensors()) {
      if (&tensor != &info) hashes_.emplace(tensor.name, *hash++);
    }
  }
  /// Notes its format, and says how many tensors it has.
  template <class W>
  std::size_t find(std::string const& name, W const& weight) {
    std::vector const shape{std::uint64_t(weight.rows), std::uint64_t(weight.cols)};
    if (auto const* plain = file_.find(name)) {
      bool const is_bf16 = plain->dtype == io::Dtype::BF16 && can_be_stored(weight.kind);
      if (plain->dtype != io::Dtype::F32 && !is_bf16) refuse(name, "must be F32 or BF16");
      if (plain->shape != shape) {
        refuse(name, "must have shape " + io::shape_text(shape) + ", got " +
                         io::shape_text(plain->shape));
      }
      formats_.emplace(name, is_bf16 ? Format::bf16 : Format::fp32);
      return 1;
    }
    for (std::size_t i = 2; can_be_stored(weight.kind) && i < enum_names(Format{}).size(); ++i) {
      auto const format = static_cast<Format>(i);
      auto const [codes, scales] = detail::stored_names(name, format);
      if (file_.find(codes) == nullptr) continue;
      auto const bytes = stored_bytes(format, weight.rows, weight.cols);
      require_bytes(codes, bytes.codes);
      if (bytes.scales > 0) require_bytes(scales, bytes.scales);
      formats_.emplace(name, format);
      return bytes.scales > 0 ? 2 : 1;
    }
    (void)file_.tensor(name);  // throws
    return 0;
  }
  void require_bytes(std::string const& name, std::uint64_t size) const {
    auto const& info = file_.tensor(name);
    if (info.dtype == io::Dtype::U8 && info.size() == size) return;
    refuse(name, "must be " + std::to_string(size) + " of U8, got " + io::shape_text(info.shape) +
                     " of " + std::string(io::dtype_name(info.dtype)));
  }
  /// Returns how many bytes.
  template <class T>
  std::uint64_t read(std::string const& name, WeightPlace<T> const& place) const {
    auto const bytes = place.bytes();
    if (place.format == Format::fp32) {
      auto const size = std::size_t(place.size()) * sizeof(T);
      read(name, place.values, size, [](std::byte const* piece, std::size_t count) {
        return quantised::are_finite(piece, count / sizeof(float));
      });
      return size;
    }
    auto const [codes, scales] = detail::stored_names(name, place.format);
    if (place.format == Format::bf16) {
      read(codes, place.codes, bytes.codes, [](std::byte const* piece, std::size_t count) {
        return quantised::are_finite_bf16(piece, count / 2);
      });
      return bytes.codes;
    }
    auto const any = [](std::byte const*, std::size_t) { return true; };
    read(codes, place.codes, bytes.codes, any);
    if (bytes.scales > 0) read(scales, place.scales, bytes.scales, any);
    if (!quantised::are_sound(place.format, place.codes, place.scales, place.rows, place.cols)) {
      refuse(codes, "all numbers must be finite, and its scales as many as its blocks");
    }
    return bytes.codes + bytes.scales;
  }
  /// In pieces that stay in the cache while they are looked at. Several threads read one file,
  /// which the system takes for reading here and there, so it is told what comes.
  template <class IsSound>
  void read(std::string const& name, void* to, std::size_t size, IsSound const& is_sound) const {
    constexpr std::size_t most = std::size_t{1} << 20, ahead = 16 * most;
    auto const& info = file_.tensor(name);
    auto* const bytes = static_cast<std::byte*>(to);
    data::ContentHash hash;
    hash.add(name);
    bool sound = true;
    file_.will_need(info, 0, ahead);
    for (std::size_t done = 0;; done += most) {
      auto const piece = std::min(most, size - done);
      file_.will_need(info, done + ahead, most);
      file_.read_bytes(info, done, bytes + done, piece);
      sound = is_sound(bytes + done, piece) && sound;
      std::string_view const text(reinterpret_cast<char const*>(bytes + done), piece);
      if (piece < most) {
        hash.add(text);
        break;
      }
      hash.begin(text);
    }
    if (hash.value() != hashes_.at(name)) refuse(name, "is damaged: its bytes have another hash");
    if (!sound) refuse(name, "all numbers must be finite");
  }
  [[noreturn]] void refuse(std::string const& tensor, std::string const& sentence) const {
    throw DataError(file_.path().string() + ": tensor " + io::quote(tensor) + ": " + sentence);
  }

  io::SafetensorsFile file_;
  std::map<std::string, std::uint64_t> hashes_;  // of tensors
  std::map<std::string, Format> formats_;        // of weights
  std::uint64_t bytes_ = 0;
};

}  // namespace moenda
