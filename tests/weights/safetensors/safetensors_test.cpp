// SPDX-License-Identifier: Apache-2.0
#include "moenda/weights/safetensors/safetensors.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"

using moenda::ConfigError;
using moenda::DataError;
using moenda::io::Dtype;
using moenda::io::SafetensorsFile;
using moenda::io::SafetensorsWriter;
using namespace moenda::io::test;

namespace {

using Shape = std::vector<std::uint64_t>;

template <class T>
std::vector<T> read(SafetensorsFile const& file, std::string const& name) {
  std::vector<T> values(static_cast<std::size_t>(file.tensor(name).size()));
  file.read_as(name, values.data(), values.size());
  return values;
}

std::string text_of(std::vector<std::byte> const& bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// A file with every type of the writer, out of the order that alignment wants.
SafetensorsWriter sample() {
  static std::uint8_t const small[3] = {1, 2, 255};
  static float const values[6] = {0.f, -0.f, 1.5f, -2.25f, 1e-40f, 3e38f};
  static double const wide[2] = {0.1, -1e300};
  static std::int64_t const ids[2] = {-1, std::int64_t{1} << 62};
  SafetensorsWriter writer;
  writer.add("small", {3}, small);
  writer.add("values", {2, 3}, values);
  writer.add("quote \" slash \\ line \n \xc3\xa9", {}, values + 2);
  writer.add("wide", {1, 2}, wide);
  writer.add("ids", {2}, ids);
  writer.add("none", {0, 7}, values);
  writer.add_as_bfloat16("rounded", {6}, values);
  writer.add("pairs", Dtype::I16, {2}, ids);
  return writer;
}

}  // namespace

TEST_CASE("safetensors: what is written is read back", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "a.safetensors";
  sample().write(path, {{"step", "12"}, {"a\"b", "\x01\xe6\x97\xa5"}});
  SafetensorsFile const file(path);

  std::vector<std::string> names;
  for (auto const& tensor : file.tensors()) names.push_back(tensor.name);
  CHECK(names == std::vector<std::string>{"small", "values", "quote \" slash \\ line \n \xc3\xa9",
                                          "wide", "ids", "none", "rounded", "pairs"});
  CHECK(file.metadata() ==
        std::map<std::string, std::string>{{"step", "12"}, {"a\"b", "\x01\xe6\x97\xa5"}});
  CHECK(file.tensor("values").shape == Shape{2, 3});
  CHECK(file.tensor("none").shape == Shape{0, 7});
  CHECK(file.tensor(names[2]).shape.empty());
  CHECK(file.tensor("pairs").dtype == Dtype::I16);
  CHECK(file.find("value") == nullptr);

  CHECK(text_of(file.bytes("small")) == "\x01\x02\xff");
  CHECK(read<float>(file, "values") == std::vector<float>{0.f, -0.f, 1.5f, -2.25f, 1e-40f, 3e38f});
  CHECK(std::signbit(read<double>(file, "values")[1]));
  CHECK(read<double>(file, "wide") == std::vector<double>{0.1, -1e300});
  CHECK(read<float>(file, "wide")[0] == 0.1f);
  CHECK(read<double>(file, names[2]) == std::vector<double>{1.5});
  CHECK(read<float>(file, "none").empty());
  CHECK(text_of(file.bytes("ids")) == std::string(8, '\xff') + std::string(7, '\0') + "\x40");
}

TEST_CASE("safetensors: bytes are deterministic, data aligned, header padded", "[io]") {
  TemporaryFolder const folder;
  sample().write(folder / "a");
  sample().write(folder / "b");
  auto const bytes = load(folder / "a");
  CHECK(bytes == load(folder / "b"));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  SafetensorsFile const file(folder / "a");
  for (auto const& tensor : file.tensors())
    CHECK(tensor.begin % moenda::io::dtype_size(tensor.dtype) == 0);
}

TEST_CASE("safetensors: no tensors, and the exact bytes of one", "[io]") {
  TemporaryFolder const folder;
  SafetensorsWriter{}.write(folder / "empty");
  CHECK(load(folder / "empty") == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  CHECK(SafetensorsFile(folder / "empty").tensors().empty());

  float const one = 1.f;
  SafetensorsWriter writer;
  writer.add("a", {1}, &one);
  writer.write(folder / "one", {{"k", "v"}});
  std::string const header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  REQUIRE(header.size() == 79);
  CHECK(load(folder / "one") ==
        std::string("\x50\0\0\0\0\0\0\0", 8) + header + " " + std::string("\0\0\x80\x3f", 4));
}

TEST_CASE("safetensors: a file of the Python package is read", "[io]") {
  // Made by tests/golden/safetensors_types.py.
  auto const golden = std::filesystem::path(__FILE__).parent_path() / "../../golden";
  SafetensorsFile const file(golden / "safetensors_types.safetensors");
  std::vector<double> const floats{0.0, -0.0, 1.0, -2.5, 0.333251953125, 65504.0};
  auto half = floats;
  half.insert(half.end(), {0x1p-24, -6.097555160522461e-05, HUGE_VAL});
  CHECK(file.tensors().size() == 10);
  CHECK(file.metadata().at("note") == "line\nbreak");
  CHECK(read<double>(file, "half") == half);
  CHECK(std::signbit(read<double>(file, "half")[1]));
  CHECK(read<double>(file, "bfloat16") == std::vector<double>{1.0, -2.5, 0x1.c2p127, 0x1p-133});
  CHECK(read<double>(file, "float")[4] == 0.333251953125);
  CHECK(read<double>(file, "double") == std::vector<double>{0.1, -1e300});
  CHECK(file.tensor("double").shape == Shape{1, 2, 1});
  CHECK(read<float>(file, "scalar") == std::vector<float>{0.5f});
  CHECK(file.tensor("empty").shape == Shape{0, 4});
  CHECK(text_of(file.bytes("bytes")) == "moenda");
  CHECK(text_of(file.bytes("small ids")) == "\xf9\xff\xff\xff");
  CHECK(file.find("rosa \xc3\xa9 \"\xe6\x97\xa5\xe6\x9c\xac\" \\ \n") != nullptr);
}

TEST_CASE("safetensors: numbers keep their value in every format", "[io]") {
  using moenda::from_bf16;
  using moenda::from_half;
  using moenda::to_bf16;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    auto const bits = static_cast<std::uint16_t>(i);
    float const value = from_bf16(bits);
    if (std::isnan(value)) {
      CHECK(std::isnan(from_bf16(to_bf16(value))));
    } else if (to_bf16(value) != bits) {
      FAIL("bfloat16 " << bits << " changed");
    }
    // binary16 by its definition: (-1)^s 2^(e-15) 1.f, or 2^-14 0.f, or infinity, or NaN.
    int const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    double expected =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) expected = fraction == 0 ? HUGE_VAL : NAN;
    if ((bits & 0x8000) != 0) expected = -expected;
    double const got = from_half(bits);
    if (!std::isnan(got) && moenda::to_half(static_cast<float>(got)) != bits) {
      FAIL("half " << bits << " does not come back");
    }
    if (!(got == expected || (std::isnan(got) && std::isnan(expected))) ||
        std::signbit(got) != std::signbit(expected))
      FAIL("half " << bits << " is " << got << ", not " << expected);
  }
  CHECK(to_bf16(1.00390625f) == 0x3F80);                        // a tie: to even, down
  CHECK(to_bf16(1.01171875f) == 0x3F82);                        // a tie: to even, up
  CHECK(to_bf16(1.00390637f) == 0x3F81);                        // just above a tie
  CHECK(to_bf16(std::numeric_limits<float>::max()) == 0x7F80);  // infinity
  CHECK(to_bf16(-1e-45f) == 0x8000);
  CHECK(moenda::to_half(1.00048828125f) == 0x3C00);  // a tie: to even, down
  CHECK(moenda::to_half(1.00146484375f) == 0x3C02);  // a tie: to even, up
  CHECK(moenda::to_half(65519.0f) == 0x7BFF);        // the largest
  CHECK(moenda::to_half(65520.0f) == 0x7C00);        // infinity
  CHECK(moenda::to_half(0x1p-25f) == 0);             // a tie below the smallest
  CHECK(moenda::to_half(-0x1.8p-24f) == 0x8002);     // a tie of subnormals, to even
  CHECK((moenda::to_half(std::numeric_limits<float>::quiet_NaN()) & 0x7FFF) == 0x7E00);
}

TEST_CASE("safetensors: a wrong read says what is there", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "a.safetensors";
  sample().write(path);
  SafetensorsFile const file(path);
  std::vector<float> values(6);
  auto const message = [&](std::string const& name, std::uint64_t size) {
    return message_of<DataError>([&] { file.read_as(name, values.data(), size); });
  };
  CHECK(message("values", 5) == path.string() +
                                    ": tensor 'values': has shape [2, 3] (6 values), must have 5 "
                                    "values");
  CHECK(message("ids", 2) ==
        path.string() +
            ": tensor 'ids': dtype is I64, must be F32, F64, BF16 or F16 to be read as numbers");
  CHECK(message("value", 6) ==
        path.string() + ": tensor 'value' is missing (did you mean 'values'?)");
}

TEST_CASE("safetensors: a file shortened while it is open is an error, not a signal", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "a.safetensors";
  std::vector<float> values(100000, 1.f);
  SafetensorsWriter writer;
  writer.add("a", {values.size()}, values.data());
  writer.write(path);
  SafetensorsFile const file(path);
  auto const size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size / 2);
  std::vector<double> wide(values.size());
  std::string const expected = path.string() +
                               ": tensor 'a': the file was shortened after it was opened, must "
                               "keep its " +
                               std::to_string(size) + " bytes";
  CHECK(message_of<DataError>([&] { file.read_as("a", values.data(), values.size()); }) ==
        expected);
  CHECK(message_of<DataError>([&] { file.read_as("a", wide.data(), wide.size()); }) == expected);
  CHECK(message_of<DataError>([&] { (void)file.bytes("a"); }) == expected);
}

TEST_CASE("safetensors: 100000 tiny tensors", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "many.safetensors";
  std::uint8_t const bytes[2] = {7, 9};
  SafetensorsWriter writer;
  for (int i = 0; i < 100000; ++i) {
    writer.add("layer." + std::to_string(i), {static_cast<std::uint64_t>(i % 2)},
               &bytes[i / 2 % 2]);
  }
  writer.write(path);
  SafetensorsFile const file(path);
  REQUIRE(file.tensors().size() == 100000);
  CHECK(file.bytes("layer.99999")[0] == std::byte{9});
  CHECK(file.bytes("layer.99998").empty());
  CHECK(file.find("layer.100000") == nullptr);
}

TEST_CASE("safetensors: rank 8, escapes and any header order are accepted", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "a.safetensors";
  std::string const header =
      R"({"b":{"data_offsets":[4,8],"shape":[1,1,1,1,1,1,1,1],"dtype":"F32"},)"
      R"("":{"dtype":"U8","shape":[0],"data_offsets":[4,4]},)"
      R"("\u00e9":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"__metadata__":{}} )"
      "\n\t ";
  std::string bytes(8, '\0');
  std::uint64_t const length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  store(path, bytes + header + std::string(8, '\0'));
  SafetensorsFile const file(path);
  CHECK(file.tensor("b").shape == Shape(8, 1));
  CHECK(file.tensor("\xc3\xa9").end == 4);
  CHECK(file.tensor("").size() == 0);
}

TEST_CASE("safetensors: the writer refuses what no reader would accept", "[io]") {
  float const value = 1.f;
  SafetensorsWriter writer;
  writer.add("a", {}, &value);
  auto const message = [&](std::string const& name, Shape const& shape, float const* data) {
    return message_of<ConfigError>([&] { writer.add(name, shape, data); });
  };
  std::string const where = "SafetensorsWriter: tensor ";
  CHECK(message("a", {}, &value) == where + "'a' was added before, must be unique");
  CHECK(message("__metadata__", {}, &value) ==
        where + "'__metadata__' must have another name, this one is reserved");
  CHECK(message("\xff", {}, &value) == where + "'?' must have a name in UTF-8");
  CHECK(message("b", Shape(9, 1), &value) == where + "'b' has 9 sizes, must have at most 8");
  CHECK(message("b", {1ull << 62, 4}, &value) == where + "'b' must be smaller than 2^63 bytes");
  CHECK(message("b", {1}, nullptr) == where + "'b' has no data, must have some");
  TemporaryFolder const folder;
  CHECK(message_of<ConfigError>([&] {
          writer.write(folder / "a", {{"k", "\xff"}});
        }) == "SafetensorsWriter: metadata 'k' must be UTF-8");
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("safetensors: every length and every flipped bit", "[io]") {
  TemporaryFolder const folder;
  sample().write(folder / "whole", {{"step", "12"}});
  auto const whole = load(folder / "whole");
  auto const data_size = [](SafetensorsFile const& file) {
    std::uint64_t size = 0;
    for (auto const& tensor : file.tensors()) size += tensor.end - tensor.begin;
    return size;
  };
  auto const data = data_size(SafetensorsFile(folder / "whole"));
  auto const path = folder / "damaged";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    store(path, whole.substr(0, size));
    if (message_of<DataError>([&] { SafetensorsFile{path}; }) == "(nothing thrown)")
      FAIL("accepted when cut to " << size << " bytes");
  }
  int refused = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    store(path, bytes);
    try {
      SafetensorsFile const file(path);
      if (data_size(file) != data) FAIL("bit " << bit << ": sizes must cover the file");
      for (auto const& tensor : file.tensors()) (void)file.bytes(tensor.name);
    } catch (DataError const&) {
      ++refused;
    }
  }
  // Names, metadata and data may change unnoticed (the format has no checksum); the rest not.
  CHECK(refused > static_cast<int>(whole.size() - data) * 8 / 2);
}
