// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/walk.hpp"
#include "moenda/weights/layout.hpp"
#include "moenda/weights/safetensors/writer.hpp"
#include "moenda/weights/stored_names.hpp"
#include "moenda/weights/weights_on_host.hpp"

namespace moenda {

/// Writes a file of weights, one at a time: `fill(index, place)` writes weight `index` of the walk
/// over `params`, empty ones not counted, to its place. `whose` is what a reader must say. Throws
/// DataError.
template <class Params, class FormatOf>
void write_stored_file(std::filesystem::path const& path, Params const& params,
                       FormatOf const& format_of, std::string const& whose,
                       std::function<void(std::size_t, WeightPlace<float> const&)> const& fill) {
  struct Item {
    std::size_t index;
    WeightPlace<float> place;
  };
  io::SafetensorsWriter writer;
  std::map<std::string, Item> items;
  std::map<std::string, std::size_t> order;
  auto const add = [&](std::string const& name, io::Dtype dtype, std::vector<std::uint64_t> shape) {
    order.emplace(name, order.size());
    writer.add_later(name, dtype, std::move(shape));
  };
  walk(params, [&](Path const& name, auto const& weight) {
    if (weight.size() == 0) return;
    Item const item{items.size(), {weight.rows, weight.cols, format_of(name, weight)}};
    auto const format = item.place.format;
    std::vector const shape{std::uint64_t(weight.rows), std::uint64_t(weight.cols)};
    if (format == Format::fp32) {
      items.emplace(name.str(), item);
      return add(name.str(), io::Dtype::F32, shape);
    }
    auto const [codes, scales] = detail::stored_names(name.str(), format);
    auto const bytes = item.place.bytes();
    items.emplace(codes, item);
    if (format == Format::bf16) return add(codes, io::Dtype::BF16, shape);
    add(codes, io::Dtype::U8, {bytes.codes});
    if (bytes.scales > 0) add(scales, io::Dtype::U8, {bytes.scales});
  });
  std::vector<std::uint64_t> hashes(order.size());
  writer.add_later(detail::hashes_name, io::Dtype::U8, {hashes.size() * sizeof(std::uint64_t)});
  std::vector<std::byte> scales;  // of the codes that were written last
  writer.write(path, {detail::stored_metadata, {detail::stored_for, whose}},
               [&](io::TensorInfo const& info, auto room) {
                 if (info.name == detail::hashes_name) {
                   std::memcpy(room.data(), hashes.data(), room.size());
                   return;
                 }
                 if (auto const found = items.find(info.name); found != items.end()) {
                   auto [index, place] = found->second;
                   scales.resize(place.bytes().scales);
                   place.codes = room.data(), place.scales = scales.data();
                   if (place.format == Format::fp32)
                     place.values = reinterpret_cast<float*>(room.data());
                   fill(index, place);
                 } else {
                   std::copy(scales.begin(), scales.end(), room.begin());
                 }
                 hashes[order.at(info.name)] = detail::hash_of(info.name, room);
               });
}

}  // namespace moenda
