// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeping the weights of a trained model in a smaller format.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/core/array.hpp"
#include "moenda/core/pattern.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/weights/quantised/encode.hpp"

namespace moenda {

/// Whether store() takes weights of this kind: those that products read, and embeddings. Routers
/// decide by small differences, gains, biases and tables are small, and state is written to.
[[nodiscard]] constexpr bool can_be_stored(WeightKind kind) {
  return kind == WeightKind::matrix || kind == WeightKind::residual ||
         kind == WeightKind::embedding;
}

namespace detail {

/// A weight's codes begin on a cache line, and so do its scales.
[[nodiscard]] constexpr std::size_t whole_lines(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}
template <class W>
[[nodiscard]] constexpr std::size_t stored_room(Format format, W const& weight) {
  auto const bytes = stored_bytes(format, weight.rows, weight.cols);
  return whole_lines(bytes.codes) + whole_lines(bytes.scales);
}
template <class W>
[[nodiscard]] constexpr bool takes(W const& weight, Path const& path, std::string_view pattern) {
  return weight.size() > 0 && can_be_stored(weight.kind) && matches(pattern, path.str());
}

}  // namespace detail

/// How many bytes the weights take when store() has kept those that match.
template <class Scalar, class Params>
[[nodiscard]] constexpr std::size_t stored_size(Params const& params, Format format,
                                                std::string_view pattern = "*") {
  std::size_t bytes = 0;
  walk(params, [&](Path const& path, auto const& weight) {
    bool const stored = format != Format::fp32 && detail::takes(weight, path, pattern);
    bytes +=
        stored ? detail::stored_room(format, weight) : std::size_t(weight.size()) * sizeof(Scalar);
  });
  return bytes;
}

/// Keeps in `format` every weight whose kind can_be_stored and whose name matches `pattern`, where
/// a star stands for any characters. The others move together, so parameters.bytes() falls by what
/// the format saves. From then on the model evaluates and generates, and whoever needs plain values
/// says so in a ConfigError. fp32 changes nothing. Throws ConfigError when weights are stored
/// already, or when no weight matches; then nothing has changed.
template <class P>
void store(P& parameters, Format format, std::string_view pattern = "*") {
  using Scalar = typename P::Scalar;
  static_assert(
      !requires { parameters.gradients; },
      "store: a model in training keeps plain values; store those of a Network");
  if (format == Format::fp32) return;
  parameters.require_plain("store");
  auto const chosen = [&](Path const& path, auto const& weight) {
    return detail::takes(weight, path, pattern);
  };
  std::size_t plain_count = 0, bytes = 0;
  walk(parameters.params, [&](Path const& path, auto const& weight) {
    if (chosen(path, weight)) {
      bytes += detail::stored_room(format, weight);
    } else {
      plain_count += std::size_t(weight.size());
    }
  });
  if (bytes == 0) {
    throw ConfigError("store: a name of a matrix or an embedding must match '" +
                      std::string(pattern) + "', but none does");
  }
  auto& backend = parameters.backend;
  decltype(parameters.values) values(backend, plain_count);
  decltype(parameters.stored) stored(backend, bytes);
  {
    OnHost from(parameters.values), to_values(values);
    OnHost to_stored(stored);
    std::size_t value = 0, code = 0;
    walk(parameters.params, [&](Path const& path, auto& weight) {
      Scalar const* const old = from.at(weight.data);
      if (chosen(path, weight)) {
        auto const size = stored_bytes(format, weight.rows, weight.cols);
        auto const scales = code + detail::whole_lines(size.codes);
        quantised::encode(format, to_stored.data() + code, to_stored.data() + scales, old,
                          weight.rows, weight.cols);
        weight.data = nullptr;
        weight.stored = {.format = format,
                         .data = stored.data() + code,
                         .scales = size.scales == 0 ? nullptr : stored.data() + scales};
        code += detail::stored_room(format, weight);
      } else {
        std::copy_n(old, weight.size(), to_values.data() + value);
        weight.data = values.data() + value;
        value += std::size_t(weight.size());
      }
    });
    to_values.give_back();
    to_stored.give_back();
  }
  parameters.values = std::move(values);
  parameters.stored = std::move(stored);
}

}  // namespace moenda
