// SPDX-License-Identifier: Apache-2.0
#include "moenda/record/tfevents.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"

using namespace moenda;

namespace {

/// Reads a message field by field, written apart from the writer.
struct Reader {
  std::string bytes;
  std::size_t at = 0;

  bool more() const { return at < bytes.size(); }
  std::uint64_t fixed(int size) {
    std::uint64_t value = 0;
    REQUIRE(at + std::size_t(size) <= bytes.size());
    for (int i = 0; i < size; ++i) {
      value |= std::uint64_t(static_cast<unsigned char>(bytes[at++])) << (8 * i);
    }
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      auto const byte = fixed(1);
      value |= (byte & 127U) << shift;
      if (byte < 128) return value;
    }
  }
  std::string text(std::uint64_t size) {
    REQUIRE(at + size <= bytes.size());
    at += size;
    return bytes.substr(at - size, size);
  }
};

struct Event {
  double wall_time = 0;
  std::uint64_t step = 0;
  std::string version;
  bool start = false;
  std::vector<std::pair<std::string, float>> scalars;
};

std::pair<std::string, float> scalar_of(std::string const& bytes) {
  Reader value{bytes};
  std::pair<std::string, float> scalar;
  while (value.more()) {
    auto const key = value.varint();
    if (key == (1 << 3 | 2)) scalar.first = value.text(value.varint());
    if (key == (2 << 3 | 5)) scalar.second = std::bit_cast<float>(std::uint32_t(value.fixed(4)));
  }
  return scalar;
}

Event event_of(std::string const& bytes) {
  Reader message{bytes};
  Event event;
  while (message.more()) {
    switch (auto const key = message.varint(); key) {
      case 1 << 3 | 1:
        event.wall_time = std::bit_cast<double>(message.fixed(8));
        break;
      case 2 << 3:
        event.step = message.varint();
        break;
      case 3 << 3 | 2:
        event.version = message.text(message.varint());
        break;
      case 7 << 3 | 2:
        event.start = message.text(message.varint()) == std::string("\x08\x01");
        break;
      case 5 << 3 | 2: {
        Reader summary{message.text(message.varint())};
        while (summary.more()) {
          REQUIRE(summary.varint() == (1 << 3 | 2));
          event.scalars.push_back(scalar_of(summary.text(summary.varint())));
        }
        break;
      }
      default:
        FAIL("a field that is not known: " << key);
    }
  }
  return event;
}

std::uint32_t masked(std::string const& bytes) {
  auto const crc = io::crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

std::vector<Event> events_of(std::filesystem::path const& path) {
  Reader file{io::test::load(path)};
  std::vector<Event> events;
  while (file.more()) {
    auto const length = file.text(8);
    std::uint64_t size = 0;
    std::memcpy(&size, length.data(), 8);
    REQUIRE(file.fixed(4) == masked(length));
    auto const bytes = file.text(size);
    REQUIRE(file.fixed(4) == masked(bytes));
    events.push_back(event_of(bytes));
  }
  return events;
}

}  // namespace

TEST_CASE("crc32c has its known answers", "[io]") {
  CHECK(io::crc32c("123456789") == 0xE3069283U);
  CHECK(io::crc32c("") == 0);
  // RFC 3720, section B.4.
  CHECK(io::crc32c(std::string(32, '\0')) == 0x8A9136AAU);
  CHECK(io::crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
}

TEST_CASE("scalars read back from an event file", "[io]") {
  io::test::TemporaryFolder const folder;
  std::filesystem::path path;
  {
    io::EventFile file(folder.path(), 201);
    path = file.path();
    file.add(210, {{"loss/train", 3.5}, {"max_violation/layer_0", 0.25}});
    file.add(100'000'000'000, {});
  }
  auto const name = path.filename().string();
  CHECK(name.starts_with("events.out.tfevents.1"));
  auto const events = events_of(path);
  REQUIRE(events.size() == 4);
  CHECK(events[0].version == "brain.Event:2");
  CHECK(events[1].start);
  CHECK(events[1].step == 201);
  CHECK(events[2].step == 210);
  CHECK(events[2].wall_time > 1.5e9);
  CHECK(events[2].wall_time >= events[0].wall_time);
  REQUIRE(events[2].scalars.size() == 2);
  CHECK(events[2].scalars[0] == std::pair<std::string, float>("loss/train", 3.5f));
  CHECK(events[2].scalars[1] == std::pair<std::string, float>("max_violation/layer_0", 0.25f));
  CHECK(events[3].step == 100'000'000'000);
  CHECK(events[3].scalars.empty());
}

TEST_CASE("an event file that cannot be written is named", "[io]") {
  io::test::TemporaryFolder const folder;
  CHECK_THROWS_WITH(io::EventFile(folder.path() / "none", 1),
                    Catch::Contains("events.out.tfevents.") && Catch::Contains("cannot write"));
}
