// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/weights/safetensors/dtype.hpp"
#include "moenda/weights/safetensors/tensor_info.hpp"

namespace moenda::io {

inline constexpr std::uint64_t max_header_size = 100'000'000;  ///< bytes, as in the format
/// Keeps memory a small multiple of the file: an entry of 10 bytes costs 112 in a map.
inline constexpr std::size_t max_metadata_entries = 65536;

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< in the order of the file's header
  std::map<std::string, std::string> metadata;
};

/// Takes the events of the JSON parser (which keeps its own stack on the heap, so that depth is
/// harmless) and builds the header, refusing at once what the format does not allow.
class SafetensorsHeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit SafetensorsHeaderHandler(std::string const& file) : file_(file) {}

  bool null() override { refuse("null"); }
  bool boolean(bool value) override { refuse(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    refuse(value == 0 ? "-0" : std::to_string(value));
  }
  bool number_float(number_float_t, string_t const& text) override { refuse(text); }
  bool binary(binary_t&) override { refuse("binary"); }
  bool number_unsigned(number_unsigned_t value) override;
  bool string(string_t& value) override;
  bool start_object(std::size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override;
  bool parse_error(std::size_t position, std::string const&,
                   nlohmann::detail::exception const& error) override {
    // 406: a number that no double can hold. Everything else is syntax.
    if (error.id == 406) refuse("a number that is too large");
    fail("header must be valid JSON, but is not at byte " + std::to_string(position));
  }

  SafetensorsHeader header;

 private:
  enum class Place { document, root, metadata, tensor, list };
  enum Field : unsigned { dtype = 1, shape = 2, data_offsets = 4 };

  [[noreturn]] void fail(std::string const& sentence) const {
    throw DataError(file_ + ": " + sentence);
  }
  [[noreturn]] void fail_tensor(std::string const& sentence) const {
    fail("tensor " + quote(tensor_.name) + ": " + sentence);
  }
  /// A value of the wrong kind: says where it stands and what must be there.
  [[noreturn]] void refuse(std::string const& got) const;
  void check_tensor() const;
  [[nodiscard]] std::string field_name() const {
    return field_ == dtype ? "dtype" : field_ == shape ? "shape" : "data_offsets";
  }

  std::string const& file_;
  Place place_ = Place::document;
  TensorInfo tensor_;                // the entry being read
  unsigned fields_seen_ = 0;         // of tensor_, bits of Field
  unsigned field_ = 0;               // the value being read
  std::vector<std::uint64_t> list_;  // the shape or offsets being read
  bool metadata_seen_ = false;
  std::string metadata_key_;
};

inline void SafetensorsHeaderHandler::refuse(std::string const& got) const {
  std::string const number = "must be a whole number from 0 to 9223372036854775807";
  std::string const shown = got.size() <= 80 ? got : got.substr(0, 80) + "...";
  switch (place_) {
    case Place::document:
      fail("header is " + shown + ", must be an object");
    case Place::root:
      fail("entry " + quote(tensor_.name) + " is " + shown + ", must be an object");
    case Place::metadata:
      fail("__metadata__ " + quote(metadata_key_) + " is " + shown + ", must be a string");
    case Place::tensor:
      fail_tensor(field_name() + " is " + shown + ", must be " +
                  (field_ == dtype   ? "a string"
                   : field_ == shape ? "a list of at most 8 whole numbers"
                                     : "a list of two whole numbers"));
    case Place::list:
      fail_tensor(field_name() + "[" + std::to_string(list_.size()) + "] is " + shown + ", " +
                  number);
  }
  fail("header must be valid");  // not reached: the cases are complete
}

inline bool SafetensorsHeaderHandler::number_unsigned(number_unsigned_t value) {
  if (place_ != Place::list || value > max_tensor_size) refuse(std::to_string(value));
  if (field_ == shape && list_.size() == max_rank)
    fail_tensor("shape has more than 8 sizes, must have at most 8");
  if (field_ == data_offsets && list_.size() == 2)
    fail_tensor("data_offsets has more than 2 numbers, must be [begin, end]");
  list_.push_back(value);
  return true;
}

inline bool SafetensorsHeaderHandler::string(string_t& value) {
  if (place_ == Place::metadata) {
    if (header.metadata.size() == max_metadata_entries)
      fail("__metadata__ must have at most " + std::to_string(max_metadata_entries) + " entries");
    if (!header.metadata.emplace(metadata_key_, std::move(value)).second)
      fail("__metadata__ " + quote(metadata_key_) + " appears twice, must be unique");
    return true;
  }
  if (place_ != Place::tensor || field_ != dtype) refuse("the string " + quote(value));
  auto const found = find_dtype(value);
  if (!found) {
    std::string known;
    for (auto const& [name, size] : dtypes)
      known += (known.empty() ? "" : ", ") + std::string(name);
    fail_tensor("dtype is " + quote(value) + ", must be one of " + known);
  }
  tensor_.dtype = *found;
  return true;
}

inline bool SafetensorsHeaderHandler::start_object(std::size_t) {
  if (place_ == Place::document) {
    place_ = Place::root;
  } else if (place_ == Place::root) {
    place_ = tensor_.name == "__metadata__" ? Place::metadata : Place::tensor;
    if (place_ == Place::metadata && std::exchange(metadata_seen_, true))
      fail("__metadata__ appears twice, must be unique");
  } else {
    refuse("an object");
  }
  return true;
}

inline bool SafetensorsHeaderHandler::key(string_t& name) {
  if (place_ == Place::root) {
    tensor_ = TensorInfo{};
    tensor_.name = std::move(name);
    fields_seen_ = 0;
  } else if (place_ == Place::metadata) {
    metadata_key_ = std::move(name);
  } else {
    field_ = name == "dtype"          ? dtype
             : name == "shape"        ? shape
             : name == "data_offsets" ? data_offsets
                                      : 0u;
    if (field_ == 0)
      fail_tensor("has the key " + quote(name) + ", must have only dtype, shape, data_offsets");
    if ((fields_seen_ & field_) != 0) fail_tensor(name + " appears twice, must be unique");
    fields_seen_ |= field_;
  }
  return true;
}

inline bool SafetensorsHeaderHandler::end_object() {
  if (place_ == Place::tensor) {
    check_tensor();
    header.tensors.push_back(std::move(tensor_));
  }
  place_ = place_ == Place::root ? Place::document : Place::root;
  return true;
}

inline bool SafetensorsHeaderHandler::start_array(std::size_t) {
  if (place_ != Place::tensor || field_ == dtype) refuse("a list");
  place_ = Place::list;
  list_.clear();
  return true;
}

inline bool SafetensorsHeaderHandler::end_array() {
  place_ = Place::tensor;
  if (field_ == shape) {
    tensor_.shape = list_;
  } else {
    if (list_.size() != 2)
      fail_tensor("data_offsets is " + shape_text(list_) + ", must be [begin, end]");
    tensor_.begin = list_[0];
    tensor_.end = list_[1];
  }
  return true;
}

inline void SafetensorsHeaderHandler::check_tensor() const {
  for (auto const& [bit, name] :
       {std::pair{dtype, "dtype"}, {shape, "shape"}, {data_offsets, "data_offsets"}})
    if ((fields_seen_ & bit) == 0) fail_tensor(std::string(name) + " is missing, must be given");
  std::string const offsets = "data_offsets is " + shape_text({tensor_.begin, tensor_.end});
  if (tensor_.begin > tensor_.end) fail_tensor(offsets + ", must not end before it begins");
  std::uint64_t const bytes = tensor_byte_size(tensor_.shape, tensor_.dtype);
  std::string const what = std::string(dtype_name(tensor_.dtype)) + " " + shape_text(tensor_.shape);
  if (bytes > max_tensor_size)
    fail_tensor("shape of " + what + " must be less than 2^63 bytes without its zero sizes");
  if (tensor_.end - tensor_.begin != bytes)
    fail_tensor(offsets + ", must span the " + std::to_string(bytes) + " bytes of " + what);
}

/// Throws DataError unless names are unique and the tensors cover `data_size` bytes without hole
/// or overlap. n log n.
inline void check_safetensors_layout(std::string const& file,
                                     std::vector<TensorInfo> const& tensors,
                                     std::uint64_t data_size) {
  std::vector<TensorInfo const*> order;
  order.reserve(tensors.size());
  for (auto const& tensor : tensors) order.push_back(&tensor);
  auto const by_name = [](auto const* a, auto const* b) { return a->name < b->name; };
  std::sort(order.begin(), order.end(), by_name);
  for (std::size_t i = 1; i < order.size(); ++i)
    if (order[i]->name == order[i - 1]->name)
      throw DataError(file + ": tensor " + quote(order[i]->name) +
                      " appears twice, must be unique");
  std::sort(order.begin(), order.end(), [](auto const* a, auto const* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t covered = 0;
  for (auto const* tensor : order) {
    if (tensor->begin != covered)
      throw DataError(file + ": tensor " + quote(tensor->name) + ": begins at byte " +
                      std::to_string(tensor->begin) + " of the data, must begin at " +
                      std::to_string(covered) + ", where the tensor before it ends");
    covered = tensor->end;
  }
  if (covered != data_size)
    throw DataError(file + ": the tensors end at byte " + std::to_string(covered) +
                    " of the data, must end at " + std::to_string(data_size) +
                    ", where the file ends");
}

/// Reads the JSON `text` of a file with `data_size` bytes after it. `file` names it in errors.
/// Format: https://github.com/huggingface/safetensors ("Format"). Stricter than that text in
/// three points: rank at most 8, no unknown keys, each key once.
[[nodiscard]] inline SafetensorsHeader parse_safetensors_header(std::string const& file,
                                                                std::string_view text,
                                                                std::uint64_t data_size) {
  std::size_t const invalid = find_invalid_utf8(text);
  if (invalid != text.size())
    throw DataError(file + ": header must be UTF-8, but is not at byte " + std::to_string(invalid));
  // The JSON parser takes a NUL for the end of its input and would ignore what follows.
  if (auto const nul = text.find('\0'); nul != text.npos)
    throw DataError(file + ": header must not hold a NUL, but does at byte " + std::to_string(nul));
  if (text.empty() || text[0] != '{')
    throw DataError(file + ": header must begin with '{', begins with " + quote(text.substr(0, 1)));
  SafetensorsHeaderHandler handler(file);
  nlohmann::json::sax_parse(text.begin(), text.end(), &handler);
  check_safetensors_layout(file, handler.header.tensors, data_size);
  return std::move(handler.header);
}

}  // namespace moenda::io
