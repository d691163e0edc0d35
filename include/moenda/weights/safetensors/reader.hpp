// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "moenda/core/bf16.hpp"
#include "moenda/core/error.hpp"
#include "moenda/core/half.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/file_descriptor.hpp"
#include "moenda/weights/safetensors/dtype.hpp"
#include "moenda/weights/safetensors/header.hpp"
#include "moenda/weights/safetensors/tensor_info.hpp"

namespace moenda::io {

/// A safetensors file open for reading. The constructor checks the whole header, so that every
/// tensor listed lies inside the file; tensor data is read when asked for, by pread and not
/// through a mapping, because a file that another program shortens meanwhile must give a
/// DataError and not SIGBUS. Reading from several threads at once is allowed.
class SafetensorsFile {
 public:
  /// Throws DataError naming file, tensor, the value found and what must hold.
  explicit SafetensorsFile(std::filesystem::path const& path)
      : file_(open_for_reading(path, file_size_)) {
    header_ = read_header();
    by_name_.reserve(header_.tensors.size());
    for (auto const& tensor : header_.tensors) by_name_.push_back(&tensor);
    std::sort(by_name_.begin(), by_name_.end(),
              [](auto const* a, auto const* b) { return a->name < b->name; });
  }
  SafetensorsFile(SafetensorsFile&&) noexcept = default;  // vectors keep their elements in place
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept = default;

  [[nodiscard]] std::filesystem::path const& path() const { return file_.path(); }
  [[nodiscard]] std::map<std::string, std::string> const& metadata() const {
    return header_.metadata;
  }
  /// In the order of the header.
  [[nodiscard]] std::vector<TensorInfo> const& tensors() const { return header_.tensors; }

  /// The tensor called `name`, or nullptr. log n.
  [[nodiscard]] TensorInfo const* find(std::string_view name) const {
    auto const found =
        std::lower_bound(by_name_.begin(), by_name_.end(), name,
                         [](auto const* tensor, auto const& text) { return tensor->name < text; });
    return found != by_name_.end() && (*found)->name == name ? *found : nullptr;
  }

  /// The tensor called `name`; DataError with the nearest name when there is none.
  [[nodiscard]] TensorInfo const& tensor(std::string_view name) const {
    if (auto const* found = find(name)) return *found;
    std::vector<std::string> known;
    for (auto const& candidate : header_.tensors)
      if (candidate.name.size() <= 64 && known.size() < 10000) known.push_back(candidate.name);
    throw DataError(path().string() + ": tensor " + quote(name) + " is missing" +
                    did_you_mean(name, known));
  }

  /// The stored bytes of a tensor of any dtype, little-endian, row-major.
  [[nodiscard]] std::vector<std::byte> bytes(std::string_view name) const {
    TensorInfo const& info = tensor(name);
    std::vector<std::byte> data(static_cast<std::size_t>(info.end - info.begin));
    read_piece(info, 0, data.data(), data.size());
    return data;
  }

  /// Converts F32, F64, BF16 or F16 to T and writes `size` values to `to`, row-major. F64 beyond
  /// the range of float becomes infinity. DataError for another dtype or another number of values.
  template <std::floating_point T>
  void read_as(std::string_view name, T* to, std::uint64_t size) const {
    TensorInfo const& info = tensor(name);
    if (info.size() != size)
      fail(info, "has shape " + shape_text(info.shape) + " (" + std::to_string(info.size()) +
                     " values), must have " + std::to_string(size) + " values");
    read_range(info, 0, to, size);
  }
  /// The same for the values first .. first + size of a tensor of this file, which must have them.
  template <std::floating_point T>
  void read_range(TensorInfo const& info, std::uint64_t first, T* to, std::uint64_t size) const {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "read_as: values are float or double");
    if (first > info.size() || size > info.size() - first)
      fail(info, "has shape " + shape_text(info.shape) + ", must have values up to " +
                     std::to_string(first + size));
    switch (info.dtype) {
      case Dtype::F32:
        return convert<float>(info, first, to, size, [](float x) { return static_cast<T>(x); });
      case Dtype::F64:
        return convert<double>(info, first, to, size, [](double x) { return static_cast<T>(x); });
      case Dtype::BF16:
        return convert<std::uint16_t>(info, first, to, size, from_bf16);
      case Dtype::F16:
        return convert<std::uint16_t>(info, first, to, size, from_half);
      default:
        fail(info, "dtype is " + std::string(dtype_name(info.dtype)) +
                       ", must be F32, F64, BF16 or F16 to be read as numbers");
    }
  }
  /// Says that `size` bytes from `begin` on are read soon.
  void will_need(TensorInfo const& info, std::uint64_t begin, std::uint64_t size) const {
    if (begin < info.end - info.begin) file_.will_need(data_begin_ + info.begin + begin, size);
  }
  /// The bytes begin .. begin + size of a tensor of this file.
  void read_bytes(TensorInfo const& info, std::uint64_t begin, void* to, std::size_t size) const {
    std::uint64_t const all = info.end - info.begin;
    if (begin > all || size > all - begin)
      fail(info,
           "has " + std::to_string(all) + " bytes, must have " + std::to_string(begin + size));
    read_piece(info, begin, to, size);
  }

  /// Of the bytes of all tensors as they follow each other in the file, one field.
  [[nodiscard]] data::ContentHash hash_of_data() const {
    constexpr std::uint64_t block = 1 << 16;
    std::string bytes(block, '\0');
    data::ContentHash hash;
    for (std::uint64_t place = data_begin_;; place += block) {
      bytes.resize(std::size_t(std::min(block, file_size_ - place)));
      if (file_.read_at(place, bytes.data(), bytes.size()) != bytes.size()) {
        throw DataError(path().string() + ": was shortened while it was read");
      }
      if (bytes.size() < block) return hash.add(bytes);
      hash.begin(bytes);
    }
  }

 private:
  [[noreturn]] void fail(TensorInfo const& info, std::string const& sentence) const {
    throw DataError(path().string() + ": tensor " + quote(info.name) + ": " + sentence);
  }

  SafetensorsHeader read_header() {
    std::string const file = path().string();
    if (file_size_ < 8)
      throw DataError(file + ": has " + std::to_string(file_size_) +
                      " bytes, must have at least 8");
    std::uint64_t length = 0;
    std::size_t got = file_.read_at(0, &length, 8);
    std::uint64_t const limit = std::min(max_header_size, file_size_ - 8);
    if (length < 2 || length > limit)
      throw DataError(
          file + ": header length is " + std::to_string(length) + ", must be from 2 to " +
          std::to_string(limit) +
          (limit == max_header_size ? " (the limit of the format)" : " (what the file holds)"));
    std::string text(static_cast<std::size_t>(length), '\0');
    got += file_.read_at(8, text.data(), text.size());
    if (got != text.size() + 8) throw DataError(file + ": was shortened while it was read");
    data_begin_ = 8 + length;
    return parse_safetensors_header(file, text, file_size_ - data_begin_);
  }

  void read_piece(TensorInfo const& info, std::uint64_t offset, void* to, std::size_t size) const {
    if (file_.read_at(data_begin_ + info.begin + offset, to, size) != size)
      fail(info, "the file was shortened after it was opened, must keep its " +
                     std::to_string(file_size_) + " bytes");
  }

  /// Reads values stored as `Stored` and writes `value(stored)`; one small buffer at a time.
  template <class Stored, class T, class Value>
  void convert(TensorInfo const& info, std::uint64_t first, T* to, std::uint64_t size,
               Value value) const {
    if constexpr (std::is_same_v<Stored, T>) {
      read_piece(info, first * sizeof(T), to, static_cast<std::size_t>(size) * sizeof(T));
    } else {
      std::vector<Stored> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size, 16384)));
      for (std::uint64_t done = 0; done < size;) {
        auto const piece =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - done));
        read_piece(info, (first + done) * sizeof(Stored), buffer.data(), piece * sizeof(Stored));
        for (std::size_t i = 0; i < piece; ++i) to[done + i] = static_cast<T>(value(buffer[i]));
        done += piece;
      }
    }
  }

  std::uint64_t file_size_ = 0;  // before file_, whose opening sets it
  FileDescriptor file_;
  std::uint64_t data_begin_ = 0;
  SafetensorsHeader header_;
  std::vector<TensorInfo const*> by_name_;
};

}  // namespace moenda::io
