// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "moenda/core/bf16.hpp"
#include "moenda/core/error.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/weights/safetensors/dtype.hpp"
#include "moenda/weights/safetensors/header.hpp"
#include "moenda/weights/safetensors/tensor_info.hpp"

namespace moenda::io {

/// `text` (UTF-8) as a JSON string with its quotes.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string json = "\"";
  for (char const c : text) {
    auto const code = static_cast<unsigned char>(c);
    if (code < 0x20) {
      json += "\\u00";
      json += digits[code >> 4u];
      json += digits[code & 15u];
    } else {
      if (c == '"' || c == '\\') json += '\\';
      json += c;
    }
  }
  return json + '"';
}

/// Collects views of tensors and writes them as one safetensors file. The header lists them in
/// the order of `add`; data lies with wide types first (stable), so that every tensor is aligned
/// to its element size although the format allows no padding. Same calls, same bytes.
///
/// The memory behind the pointers must stay until the last `write`. Wrong arguments are a
/// ConfigError, failures of the file system a DataError.
class SafetensorsWriter {
 public:
  /// Stores elements of type `dtype` as they are in memory, row-major.
  void add(std::string name, Dtype dtype, std::vector<std::uint64_t> shape, void const* data) {
    add_view(std::move(name), dtype, std::move(shape), data, View::as_it_is);
  }
  /// Stores what write() is given when it comes to this tensor.
  void add_later(std::string name, Dtype dtype, std::vector<std::uint64_t> shape) {
    add_view(std::move(name), dtype, std::move(shape), nullptr, View::later);
  }

  /// Stores float as F32, double as F64, int64 as I64, uint8 as U8.
  template <class T>
  void add(std::string name, std::vector<std::uint64_t> shape, T const* data) {
    add_view(std::move(name), dtype_of<T>(), std::move(shape), data, View::as_it_is);
  }

  /// Stores floats as BF16, rounded to nearest even.
  void add_as_bfloat16(std::string name, std::vector<std::uint64_t> shape, float const* data) {
    add_view(std::move(name), Dtype::BF16, std::move(shape), data, View::rounded);
  }

  /// Writes the bytes of a tensor of add_later() to the room that it is given, all of it.
  using BytesOf = std::function<void(TensorInfo const&, std::span<std::byte>)>;

  /// Replaces `path` completely or not at all (see AtomicFile). `bytes_of` is asked for the tensors
  /// of add_later() one by one, those of wide types first, else in the order of their `add`.
  void write(std::filesystem::path const& path,
             std::map<std::string, std::string> const& metadata = {},
             BytesOf const& bytes_of = {}) const {
    auto views = views_;
    auto const order = place(views);
    std::string const header = header_text(views, metadata);
    std::uint64_t const length = header.size();
    if (length > max_header_size)
      throw ConfigError("SafetensorsWriter: header of " + std::to_string(length) +
                        " bytes, must be at most " + std::to_string(max_header_size));
    AtomicFile file(path);
    file.write(&length, 8);
    file.write(header);
    for (auto const i : order) write_data(file, views[i], bytes_of);
    file.commit();
  }

 private:
  struct View {
    TensorInfo info;  // begin is 0 and end the size in bytes until it is placed
    void const* data;
    enum { as_it_is, rounded, later } from;
  };

  template <class T>
  static constexpr Dtype dtype_of() {
    constexpr bool known = std::is_same_v<T, float> || std::is_same_v<T, double> ||
                           std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::uint8_t>;
    static_assert(known, "SafetensorsWriter: elements are float, double, int64_t or uint8_t");
    if constexpr (std::is_same_v<T, float>) return Dtype::F32;
    if constexpr (std::is_same_v<T, double>) return Dtype::F64;
    if constexpr (std::is_same_v<T, std::int64_t>) return Dtype::I64;
    return Dtype::U8;
  }

  [[noreturn]] static void fail(std::string const& name, std::string const& sentence) {
    throw ConfigError("SafetensorsWriter: tensor " + quote(name) + " " + sentence);
  }

  void add_view(std::string name, Dtype dtype, std::vector<std::uint64_t> shape, void const* data,
                decltype(View::from) from) {
    if (find_invalid_utf8(name) != name.size()) fail(name, "must have a name in UTF-8");
    if (name == "__metadata__") fail(name, "must have another name, this one is reserved");
    if (shape.size() > max_rank)
      fail(name, "has " + std::to_string(shape.size()) + " sizes, must have at most 8");
    std::uint64_t const bytes = tensor_byte_size(shape, dtype);
    if (bytes > max_tensor_size) fail(name, "must be smaller than 2^63 bytes");
    if (bytes > 0 && data == nullptr && from != View::later)
      fail(name, "has no data, must have some");
    if (!names_.insert(name).second) fail(name, "was added before, must be unique");
    views_.push_back({{std::move(name), dtype, std::move(shape), 0, bytes}, data, from});
  }

  /// Gives each view its place in the file and returns the views' order there.
  static std::vector<std::size_t> place(std::vector<View>& views) {
    std::vector<std::size_t> order(views.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return dtype_size(views[a].info.dtype) > dtype_size(views[b].info.dtype);
    });
    std::uint64_t offset = 0;
    for (auto const i : order) {
      views[i].info.begin = offset;
      if (views[i].info.end > max_tensor_size - offset)
        fail(views[i].info.name, "makes the file too large, must end before byte 2^63");
      offset = views[i].info.end += offset;
    }
    return order;
  }

  static std::string header_text(std::vector<View> const& views,
                                 std::map<std::string, std::string> const& metadata) {
    if (metadata.size() > max_metadata_entries)
      throw ConfigError("SafetensorsWriter: metadata has " + std::to_string(metadata.size()) +
                        " entries, must have at most " + std::to_string(max_metadata_entries));
    std::string text = "{";
    for (auto const& [key, value] : metadata) {
      if (find_invalid_utf8(key) != key.size() || find_invalid_utf8(value) != value.size())
        throw ConfigError("SafetensorsWriter: metadata " + quote(key) + " must be UTF-8");
      text += (text.size() == 1 ? "\"__metadata__\":{" : ",") + json_string(key) + ":" +
              json_string(value);
    }
    if (!metadata.empty()) text += "}";
    for (auto const& [info, data, from] : views) {
      if (text.size() > 1) text += ",";
      text += json_string(info.name) + ":{\"dtype\":\"" + std::string(dtype_name(info.dtype)) +
              "\",\"shape\":" + list_text(info.shape) +
              ",\"data_offsets\":" + list_text({info.begin, info.end}) + "}";
    }
    text += "}";
    text.resize((text.size() + 7) / 8 * 8, ' ');  // data begins at a multiple of 8
    return text;
  }

  static std::string list_text(std::vector<std::uint64_t> const& list) {
    std::string text;
    for (auto const value : list) text += (text.empty() ? "" : ",") + std::to_string(value);
    return "[" + text + "]";
  }

  static void write_data(AtomicFile& file, View const& view, BytesOf const& bytes_of) {
    auto const bytes = static_cast<std::size_t>(view.info.end - view.info.begin);
    if (view.from == View::as_it_is) return file.write(view.data, bytes);
    if (view.from == View::later) {
      std::vector<std::byte> room(bytes);
      bytes_of(view.info, room);
      return file.write(room.data(), bytes);
    }
    auto const* values = static_cast<float const*>(view.data);
    std::size_t const size = bytes / 2;
    std::vector<std::uint16_t> buffer(std::min<std::size_t>(size, 16384));
    for (std::size_t done = 0; done < size;) {
      std::size_t const piece = std::min(buffer.size(), size - done);
      std::transform(values + done, values + done + piece, buffer.begin(), to_bf16);
      file.write(buffer.data(), piece * 2);
      done += piece;
    }
  }

  std::vector<View> views_;
  std::unordered_set<std::string> names_;
};

}  // namespace moenda::io
