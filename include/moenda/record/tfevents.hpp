// SPDX-License-Identifier: Apache-2.0
#pragma once
// Scalars for TensorBoard: events.out.tfevents.* is a row of TFRecords, each an Event message of
// protocol buffers. Written by hand because five fields are all that is needed of either.
//   TFRecord: u64 length, u32 masked crc of the length, bytes, u32 masked crc of the bytes
//   Event: 1 wall_time (double), 2 step (varint), 3 file_version, 5 summary, 7 session_log
//   Summary: 1 value { 1 tag, 2 simple_value (float) };   SessionLog: 1 status (1 = start)
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/own_files.hpp"

namespace moenda::io {

/// The checksum CRC-32C (Castagnoli) of some bytes.
[[nodiscard]] inline std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
      entries[i] = crc;
    }
    return entries;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (char const c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 255U] ^ (crc >> 8);
  return ~crc;
}

/// One number of a step, under a name such as "loss/train".
struct EventScalar {
  std::string tag;
  double value = 0;
};

namespace detail {

/// A message of protocol buffers.
class Message {
 public:
  Message& varint(int field, std::uint64_t value) {
    key(field, 0);
    put_varint(value);
    return *this;
  }
  Message& number(int field, double value) {
    key(field, 1);
    put_little_endian(std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  Message& number(int field, float value) {
    key(field, 5);
    put_little_endian(std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2);
    put_varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& put_little_endian(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 255U);
    return *this;
  }
  [[nodiscard]] std::string const& str() const { return bytes_; }

 private:
  void key(int field, unsigned type) { put_varint(unsigned(field) << 3U | type); }
  void put_varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7U) bytes_ += static_cast<char>((value & 127U) | 128U);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

[[nodiscard]] inline std::string tf_record(std::string const& bytes) {
  auto const checksum = [](std::string_view of) {
    std::uint32_t const crc = crc32c(of);
    return Message().put_little_endian(((crc >> 15 | crc << 17) + 0xA282EAD8U) & 0xFFFFFFFFU, 4);
  };
  auto const length = Message().put_little_endian(bytes.size(), 8).str();
  return length + checksum(length).str() + bytes + checksum(bytes).str();
}

[[nodiscard]] inline std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  std::string host(name.data());
  for (char& c : host) {
    bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '.' && c != '-') c = '-';
  }
  return host.empty() ? "unknown" : host;
}

}  // namespace detail

inline constexpr std::string_view event_file_prefix = "events.out.tfevents.";

/// Adds scalars to an event file of this process. A resumed run begins another file, whose first
/// event tells TensorBoard to forget what earlier files say from that step on.
class EventFile {
 public:
  /// Begins a file in `folder`; `first_step` is the first one that it may hold. DataError when it
  /// cannot be written.
  EventFile(std::filesystem::path const& folder, std::uint64_t first_step)
      : path_(folder / (std::string(event_file_prefix) + std::to_string(std::int64_t(now())) + "." +
                        detail::host_name() + "." + std::to_string(::getpid()))),
        file_(open_own_file(path_, O_WRONLY | O_CREAT | O_APPEND, "write")) {
    write(event(0).bytes(3, "brain.Event:2"));
    write(event(first_step).bytes(7, detail::Message().varint(1, 1).str()));
  }

  /// Appends the scalars of one step; they are on disk when this returns.
  void add(std::uint64_t step, std::vector<EventScalar> const& scalars) {
    detail::Message summary;
    for (auto const& [tag, value] : scalars) {
      summary.bytes(1, detail::Message().bytes(1, tag).number(2, static_cast<float>(value)).str());
    }
    write(event(step).bytes(5, summary.str()));
  }
  /// When the last step is written: it survives a power cut. Throws DataError where it does not.
  void close() {
    file_.sync();
    file_.close();
  }
  [[nodiscard]] std::filesystem::path const& path() const { return path_; }

 private:
  static double now() {
    auto const since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
  }
  static detail::Message event(std::uint64_t step) {
    return detail::Message().number(1, now()).varint(2, step);
  }
  void write(detail::Message const& message) {
    auto const record = detail::tf_record(message.str());
    file_.write(record.data(), record.size());
  }

  std::filesystem::path path_;
  FileDescriptor file_;
};

}  // namespace moenda::io
