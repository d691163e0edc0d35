// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrices that bitsandbytes quantised to NF4 (Dettmers et al. 2023), as it saves them: a tensor of
// codes, and beside it tensors of statistics. They are taken over as they are.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "moenda/core/quantised.hpp"
#include "moenda/import/hugging_face/checkpoint.hpp"
#include "moenda/import/hugging_face/json_object.hpp"

namespace moenda::hugging_face {

/// What follows a matrix's name in the names of its statistics.
inline constexpr std::array nf4_endings{".absmax", ".quant_map", ".nested_absmax",
                                        ".nested_quant_map", ".quant_state.bitsandbytes__nf4"};

/// The tensors of one matrix [rows, cols].
class Nf4Matrix {
 public:
  /// Whether `name` is the codes of such a matrix.
  [[nodiscard]] static bool is_at(Checkpoint const& checkpoint, std::string const& name) {
    return checkpoint.find(name + nf4_endings.back()).info != nullptr;
  }
  /// Throws DataError with the tensor when one is missing, or says something else than a matrix of
  /// this size in blocks of 64, with statistics in blocks of 256 where they are quantised too.
  Nf4Matrix(Checkpoint const& checkpoint, std::string const& name, int rows, int cols)
      : name_(name), count_(std::uint64_t(rows) * std::uint64_t(cols)) {
    state_ = need(checkpoint, nf4_endings.back());
    read_state(rows, cols);
    codes_ = need(checkpoint, "");
    require(codes_, io::Dtype::U8, (count_ + 1) / 2);
    absmax_ = need(checkpoint, ".absmax");
    require(absmax_, is_double_ ? io::Dtype::U8 : io::Dtype::F32, blocks());
    auto const map = need(checkpoint, ".quant_map");
    require(map, io::Dtype::F32, nf4_values.size());
    std::array<float, nf4_values.size()> values{};
    read(map, values.data());
    if (values != nf4_values) refuse(map, "must hold the 16 values of NF4");
    if (!is_double_) return;
    nested_absmax_ = need(checkpoint, ".nested_absmax");
    require(nested_absmax_, io::Dtype::F32, groups());
    nested_map_ = need(checkpoint, ".nested_quant_map");
    require(nested_map_, io::Dtype::F32, 256);
  }
  [[nodiscard]] Format format() const { return is_double_ ? Format::nf4_double : Format::nf4; }

  /// Writes codes and scales of stored_bytes(format(), rows, cols). Throws DataError for a
  /// statistic that is not finite.
  void read_to(std::byte* codes, std::byte* scales) const {
    read(codes_, codes);
    if (!is_double_) return read_finite(absmax_, scales);
    DoubleScales head{};
    read_finite(nested_map_, reinterpret_cast<std::byte*>(head.values));
    head.offset = offset_;
    head.groups = std::uint32_t(groups());
    std::memcpy(scales, &head, sizeof head);
    auto* const largest = scales + sizeof head;
    read_finite(nested_absmax_, largest);
    read(absmax_, largest + groups() * sizeof(float));
  }

 private:
  [[nodiscard]] std::uint64_t blocks() const { return (count_ + nf4_block - 1) / nf4_block; }
  [[nodiscard]] std::uint64_t groups() const {
    return (blocks() + DoubleScales::blocks_of_group - 1) / DoubleScales::blocks_of_group;
  }
  [[nodiscard]] Located need(Checkpoint const& checkpoint, std::string const& ending) const {
    auto const found = checkpoint.find(name_ + ending);
    if (found.info != nullptr) return found;
    throw DataError(checkpoint.folder().string() + ": the matrix " + io::quote(name_) +
                    ", quantised by bitsandbytes, needs tensor " + io::quote(name_ + ending) +
                    ", which is missing");
  }
  [[noreturn]] static void refuse(Located const& tensor, std::string const& sentence) {
    throw DataError(tensor.file->path().string() + ": tensor " + io::quote(tensor.info->name) +
                    ": " + sentence);
  }
  static void require(Located const& tensor, io::Dtype dtype, std::uint64_t size) {
    if (tensor.info->dtype == dtype && tensor.info->size() == size) return;
    refuse(tensor, "must be " + std::to_string(size) + " of " + std::string(io::dtype_name(dtype)) +
                       ", got " + io::shape_text(tensor.info->shape) + " of " +
                       std::string(io::dtype_name(tensor.info->dtype)));
  }
  static void read(Located const& tensor, void* to) {
    tensor.file->read_bytes(*tensor.info, 0, to,
                            std::size_t(tensor.info->end - tensor.info->begin));
  }
  static void read_finite(Located const& tensor, std::byte* to) {
    read(tensor, to);
    for (std::uint64_t i = 0; i < tensor.info->size(); ++i) {
      float value;
      std::memcpy(&value, to + i * sizeof value, sizeof value);
      if (!std::isfinite(value)) {
        refuse(tensor, "all numbers must be finite, but number " + std::to_string(i) + " is not");
      }
    }
  }
  /// A JSON text, as bytes.
  void read_state(int rows, int cols) {
    constexpr std::uint64_t most = 4096;
    if (state_.info->dtype != io::Dtype::U8 || state_.info->size() > most) {
      refuse(state_, "must be at most 4096 of U8, a JSON text");
    }
    std::string text(std::size_t(state_.info->size()), '\0');
    read(state_, text.data());
    auto const where = state_.file->path().string() + ": tensor " + io::quote(state_.info->name);
    JsonObject const state(parse_json_document(text, where), where, "");
    if (state.text("quant_type", "") != "nf4") state.refuse("quant_type", "\"nf4\"");
    (void)state.integer("blocksize", nf4_block, nf4_block);
    if (state.integers("shape") != std::vector{rows, cols}) {
      state.refuse("shape", "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]");
    }
    is_double_ = state.has("nested_blocksize");
    if (!is_double_) return;
    constexpr int group = DoubleScales::blocks_of_group;
    (void)state.integer("nested_blocksize", group, group);
    auto const offset = state.json().value("nested_offset", nlohmann::json());
    if (!offset.is_number() || !std::isfinite(offset.get<float>())) {
      state.refuse("nested_offset", "a number");
    }
    offset_ = offset.get<float>();
  }

  std::string name_;
  std::uint64_t count_;
  bool is_double_ = false;
  float offset_ = 0;
  Located state_{}, codes_{}, absmax_{}, nested_absmax_{}, nested_map_{};
};

}  // namespace moenda::hugging_face
