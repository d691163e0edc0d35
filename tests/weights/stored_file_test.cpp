// SPDX-License-Identifier: Apache-2.0
// Files of weights in every format: what is read is what was written, bit for bit, or a sentence.
#include "moenda/weights/stored_file.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "files/temporary_folder.hpp"
#include "moenda/core/random.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/weights/write_stored_file.hpp"

using namespace moenda;
using io::test::load;
using io::test::store;
using io::test::TemporaryFolder;

namespace {

using B = cpu::Backend<float>;

template <class Of>
struct SmallParams {
  Weight<Of> embedding = weights::embedding(3, 64);
  Weight<Of> odd = weights::matrix(7, 37);
  Weight<Of> output = weights::residual(2, 96);
  Weight<Of> router = weights::router(4, 9);
  Weight<Of> gain = weights::gain(5);
  Weight<Of> bias = weights::bias(5, false);
  MOENDA_FIELDS(SmallParams, embedding, odd, output, router, gain, bias);
};

/// What Parameters has, of these weights.
struct Small {
  using Scalar = float;

  template <class FormatOf>
  Small(B& on, FormatOf const& format_of) : backend(on), values(on), stored(on) {
    auto const room = room_of_all(params, format_of);
    values = Array<B, float>(backend, room.values);
    stored = Array<B, std::byte>(backend, room.bytes);
    Layout<float> layout(values.data(), stored.data());
    walk(params,
         [&](Path const& path, auto& weight) { layout.place(weight, format_of(path, weight)); });
  }
  [[nodiscard]] bool operator==(Small const& other) const {
    return std::equal(values.begin(), values.end(), other.values.begin(), other.values.end()) &&
           std::equal(stored.begin(), stored.end(), other.stored.begin(), other.stored.end());
  }
  B& backend;
  SmallParams<B> params;
  Array<B, float> values;
  Array<B, std::byte> stored;
};

/// Numbers of weight `index`.
std::vector<float> numbers(std::size_t index, std::ptrdiff_t size) {
  Random const random(3, index);
  std::vector<float> x(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(random.normal(i));
  return x;
}
void fill(std::size_t index, WeightPlace<float> const& place) {
  place.put(numbers(index, place.size()).data());
}
Small written_in(B& backend, Formats const& formats) {
  Small small(backend, formats);
  WeightsOnHost<Small> on_host(small);
  std::size_t index = 0;
  walk(small.params, [&](Path const&, auto const& weight) {
    if (weight.size() > 0) fill(index++, on_host(weight));
  });
  return small;
}
Small read(B& backend, std::filesystem::path const& path) {
  StoredFile const file(path, SmallParams<Shapes>{}, "ours");
  Small small(backend, file.formats());
  file.load(small);
  return small;
}

std::vector<Formats> all_formats() {
  std::vector<Formats> all;
  for (std::size_t i = 0; i < enum_names(Format{}).size(); ++i) all.emplace_back(Format(i));
  all.push_back({Format::nf4_double, {{"*", Format::int4}, {"e*g", Format::bf16}}});
  all.push_back({Format::int8, {{"odd", Format::nf4_double}, {"output", Format::fp32}}});
  return all;
}

}  // namespace

TEST_CASE("stored weights are read as they were written, in every format", "[stored]") {
  TemporaryFolder const folder;
  auto const path = folder / "weights";
  for (auto const& formats : all_formats()) {
    write_stored_file(path, SmallParams<Shapes>{}, formats, "ours", fill);
    for (int const threads : {1, 3}) {
      B backend(threads);
      CHECK(read(backend, path) == written_in(backend, formats));
    }
  }
}

TEST_CASE("a file of stored weights with a bit flipped or cut is refused, or means the same",
          "[stored]") {
  TemporaryFolder const folder;
  auto const path = folder / "weights";
  B backend(1);
  int refused = 0, same = 0;
  for (auto const& formats : all_formats()) {
    write_stored_file(path, SmallParams<Shapes>{}, formats, "ours", fill);
    auto const bytes = load(path);
    auto const wanted = written_in(backend, formats);
    auto const check = [&](std::string const& damaged) {
      store(path, damaged);
      try {
        if (!(read(backend, path) == wanted)) FAIL("accepted");
        ++same;
      } catch (DataError const&) {
        ++refused;
      }
    };
    for (std::size_t i = 0; i < bytes.size(); i += i < 1500 ? 1 : 5) {
      auto damaged = bytes;
      damaged[i] = char(damaged[i] ^ (1 << (i % 8)));
      check(damaged);
    }
    for (std::size_t size = 0; size < bytes.size(); size += 17) check(bytes.substr(0, size));
  }
  CHECK(refused > 4000);
  CHECK(same < refused / 10);  // spaces of the header
}

TEST_CASE("what a file of stored weights says is checked before it is used", "[stored]") {
  TemporaryFolder const folder;
  auto const path = folder / "weights";
  B backend(1);
  auto const refused = [&](Formats const& formats, auto change, std::string const& sentence) {
    write_stored_file(path, SmallParams<Shapes>{}, formats, "ours",
                      [&](std::size_t index, WeightPlace<float> const& place) {
                        fill(index, place);
                        if (index == 1) change(place);
                      });
    CHECK_THROWS_WITH(read(backend, path), Catch::Contains(sentence));
  };
  auto const nan = std::numeric_limits<float>::quiet_NaN();
  refused(
      Format::fp32, [&](auto const& place) { place.values[5] = nan; }, "must be finite");
  refused(
      Format::bf16,
      [](auto const& place) {
        place.codes[7] = std::byte{0x7f};
        place.codes[6] = std::byte{0x80};
      },
      "must be finite");
  for (auto const format : {Format::int8, Format::int4}) {
    refused(
        format, [](auto const& place) { place.codes[1] = std::byte{0x7c}; }, "must be finite");
  }
  refused(
      Format::nf4, [&](auto const& place) { std::memcpy(place.scales + 4, &nan, 4); },
      "must be finite");
  refused(
      Format::nf4_double, [&](auto const& place) { std::memcpy(place.scales + 1024, &nan, 4); },
      "must be finite");
  refused(
      Format::nf4_double,
      [](auto const& place) {
        std::uint32_t const groups = 1u << 30;
        std::memcpy(place.scales + 1028, &groups, 4);
      },
      "its scales as many as its blocks");
  refused(
      Format::nf4_double,
      [](auto const& place) {
        float const large = 3e38f;  // finite, but not times the largest value
        for (int i = 0; i < 256; ++i) std::memcpy(place.scales + 4 * i, &large, 4);
        std::memcpy(place.scales + 1032, &large, 4);
      },
      "must be finite");
  write_stored_file(path, SmallParams<Shapes>{}, Formats(Format::int8), "theirs", fill);
  CHECK_THROWS_WITH(read(backend, path), Catch::Contains("must be the weights of this config"));
  store(path, "x");
  CHECK_THROWS_AS(read(backend, path), DataError);
  io::SafetensorsWriter other;
  float const one = 1;
  other.add("gain", {1}, &one);
  other.write(path);
  CHECK_THROWS_WITH(read(backend, path), Catch::Contains("must be weights that `moenda convert`"));
}
