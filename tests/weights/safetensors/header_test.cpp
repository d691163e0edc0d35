// SPDX-License-Identifier: Apache-2.0
// Every kind of lying header, each refused by its own sentence.
#include "moenda/weights/safetensors/header.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"
#include "moenda/weights/safetensors/reader.hpp"

namespace {

using moenda::DataError;
using moenda::io::SafetensorsFile;
using namespace moenda::io::test;
using namespace std::string_literals;

std::string length_bytes(std::uint64_t length) {
  return {reinterpret_cast<char const*>(&length), 8};
}

/// A file with the given header and `data_size` zero bytes after it.
std::string file_bytes(std::string const& header, std::size_t data_size = 0) {
  return length_bytes(header.size()) + header + std::string(data_size, '\0');
}

struct Lie {
  std::string what;
  std::string bytes;
  std::string sentence;  // what follows "FILE: "
};

/// One tensor 'a' with these fields in front of 8 bytes of data.
Lie tensor_lie(std::string const& fields, std::string const& sentence) {
  return {fields, file_bytes("{\"a\":{" + fields + "}}", 8), "tensor 'a': " + sentence};
}

Lie header_lie(std::string const& header, std::string const& sentence, std::size_t data_size = 0) {
  return {header.substr(0, 60), file_bytes(header, data_size), sentence};
}

Lie shape_lie(std::string const& shape, std::string const& sentence) {
  return tensor_lie(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,8])", sentence);
}

Lie offsets_lie(std::string const& offsets, std::string const& sentence) {
  return tensor_lie(R"("dtype":"F32","shape":[2],"data_offsets":)" + offsets, sentence);
}

std::string repeat(std::string const& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string tensor(std::string const& name, std::uint64_t begin, std::uint64_t end) {
  return "\"" + name + R"(":{"dtype":"U8","shape":[)" + std::to_string(end - begin) +
         R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

std::string const whole = "must be a whole number from 0 to 9223372036854775807";
std::string const one_of =
    "must be one of BOOL, U8, I8, F8_E5M2, F8_E4M3, I16, U16, F16, BF16, I32, U32, F32, I64, U64, "
    "F64";

void check(std::vector<Lie> const& lies) {
  TemporaryFolder const folder;
  auto const path = folder / "lie.safetensors";
  for (auto const& lie : lies) {
    INFO(lie.what);
    store(path, lie.bytes);
    auto const message = message_of<DataError>([&] { SafetensorsFile{path}; });
    CHECK(message == path.string() + ": " + lie.sentence);
  }
}

}  // namespace

TEST_CASE("safetensors: lengths that lie are refused", "[io]") {
  std::string const twenty(12, ' ');
  auto const limit = [](std::uint64_t length, std::string const& range) {
    return "header length is " + std::to_string(length) + ", must be from 2 to " + range;
  };
  check({
      {"empty", "", "has 0 bytes, must have at least 8"},
      {"one byte", "a", "has 1 bytes, must have at least 8"},
      {"seven bytes", "\2\0\0\0\0\0\0"s, "has 7 bytes, must have at least 8"},
      {"length only", length_bytes(2), limit(2, "0 (what the file holds)")},
      {"zero", length_bytes(0) + twenty, limit(0, "12 (what the file holds)")},
      {"one", length_bytes(1) + twenty, limit(1, "12 (what the file holds)")},
      {"one too many", length_bytes(13) + twenty, limit(13, "12 (what the file holds)")},
      {"counts itself", length_bytes(20) + twenty, limit(20, "12 (what the file holds)")},
      {"2^31", length_bytes(1ull << 31) + twenty, limit(1ull << 31, "12 (what the file holds)")},
      {"2^63", length_bytes(1ull << 63) + twenty, limit(1ull << 63, "12 (what the file holds)")},
      {"2^64-1", length_bytes(~0ull) + twenty, limit(~0ull, "12 (what the file holds)")},
      {"2^64-8", length_bytes(~7ull) + twenty, limit(~7ull, "12 (what the file holds)")},
      {"big-endian", "\0\0\0\0\0\0\0\2{}"s, limit(1ull << 57, "2 (what the file holds)")},
  });
}

TEST_CASE("safetensors: a header over 100 MB is refused before it is read", "[io]") {
  TemporaryFolder const folder;
  auto const path = folder / "large.safetensors";
  store(path, length_bytes(100'000'001));
  std::filesystem::resize_file(path, 100'000'100);  // a hole, no disk space
  CHECK(message_of<DataError>([&] { SafetensorsFile{path}; }) ==
        path.string() +
            ": header length is 100000001, must be from 2 to 100000000 (the limit of the format)");
}

TEST_CASE("safetensors: headers that are not JSON objects are refused", "[io]") {
  auto const json = [](int at) {
    return "header must be valid JSON, but is not at byte " + std::to_string(at);
  };
  auto const begin = [](std::string const& with) {
    return "header must begin with '{', begins with '" + with + "'";
  };
  std::string const deep_list = R"({"a":{"dtype":"F32","shape":)" + repeat("[", 10000);
  check({
      header_lie("{\"\xff\":1}", "header must be UTF-8, but is not at byte 2"),
      header_lie("{\"\xc0\xaf\":1}", "header must be UTF-8, but is not at byte 2"),
      header_lie("{\"\xed\xa0\x80\":1}", "header must be UTF-8, but is not at byte 2"),
      header_lie("{\"\xf4\x90\x80\x80\":1}", "header must be UTF-8, but is not at byte 2"),
      header_lie("{\"abc\xe3\x81", "header must be UTF-8, but is not at byte 5"),
      header_lie("{}\0\0"s, "header must not hold a NUL, but does at byte 2"),
      header_lie("{}\0{}"s, "header must not hold a NUL, but does at byte 2"),
      header_lie(" {}", begin(" ")),
      header_lie("\xef\xbb\xbf{}", begin("?")),
      header_lie("[]", begin("[")),
      header_lie("null", begin("n")),
      header_lie("12", begin("1")),
      header_lie("\"ab\"", begin("\"")),
      header_lie(repeat("[", 10000), begin("[")),
      header_lie("{{", json(2)),
      header_lie("{\"a", json(4)),
      header_lie("{\"a\"", json(5)),
      header_lie("{\"a\":", json(6)),
      header_lie("{\"a\":{", json(7)),
      header_lie("{} {", json(4)),
      header_lie("{}x", json(3)),
      header_lie("{,}", json(2)),
      header_lie("{a:1}", json(2)),
      header_lie("{'a':1}", json(2)),
      header_lie("{/**/}", json(2)),
      header_lie("{\"\\ud800\":1}", json(9)),
      header_lie("{\"\\x\":1}", json(4)),
      header_lie("{\"a\n\":1}", json(4)),
      header_lie("{\"a\":NaN}", json(6)),
      header_lie("{\"a\":+1}", json(6)),
      header_lie("{\"a\":1}", "entry 'a' is 1, must be an object"),
      header_lie("{\"a\":-1}", "entry 'a' is -1, must be an object"),
      header_lie("{\"a\":1.5}", "entry 'a' is 1.5, must be an object"),
      header_lie("{\"a\":1e999}", "entry 'a' is a number that is too large, must be an object"),
      header_lie("{\"a\":true}", "entry 'a' is true, must be an object"),
      header_lie("{\"a\":null}", "entry 'a' is null, must be an object"),
      header_lie("{\"a\":\"b\"}", "entry 'a' is the string 'b', must be an object"),
      header_lie("{\"a\":[]}", "entry 'a' is a list, must be an object"),
      header_lie(repeat("{\"a\":", 10000),
                 "tensor 'a': has the key 'a', must have only dtype, shape, data_offsets"),
      header_lie(deep_list, "tensor 'a': shape[0] is a list, " + whole),
  });
}

TEST_CASE("safetensors: metadata that is not text is refused", "[io]") {
  auto const metadata = [](std::string const& value, std::string const& sentence) {
    return header_lie("{\"__metadata__\":" + value + "}", sentence);
  };
  std::string many;
  for (int i = 0; i <= 65536; ++i) many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  check({
      metadata("1", "entry '__metadata__' is 1, must be an object"),
      metadata("[]", "entry '__metadata__' is a list, must be an object"),
      metadata(R"({"k":1})", "__metadata__ 'k' is 1, must be a string"),
      metadata(R"({"k":null})", "__metadata__ 'k' is null, must be a string"),
      metadata(R"({"k":{}})", "__metadata__ 'k' is an object, must be a string"),
      metadata(R"({"k":["v"]})", "__metadata__ 'k' is a list, must be a string"),
      metadata(R"({"k":"v","k":"v"})", "__metadata__ 'k' appears twice, must be unique"),
      metadata(R"({"\u006b":"v","k":"w"})", "__metadata__ 'k' appears twice, must be unique"),
      metadata(R"({},"__metadata__":{})", "__metadata__ appears twice, must be unique"),
      metadata("{" + many + "}", "__metadata__ must have at most 65536 entries"),
  });
}

TEST_CASE("safetensors: tensors with wrong fields are refused", "[io]") {
  std::string const list = "must be a list of at most 8 whole numbers";
  check({
      tensor_lie("", "dtype is missing, must be given"),
      tensor_lie(R"("shape":[2],"data_offsets":[0,8])", "dtype is missing, must be given"),
      tensor_lie(R"("dtype":"F32","data_offsets":[0,8])", "shape is missing, must be given"),
      tensor_lie(R"("dtype":"F32","shape":[2])", "data_offsets is missing, must be given"),
      tensor_lie(R"("dtype":"F32","dtype":"F32")", "dtype appears twice, must be unique"),
      tensor_lie(R"("shape":[2],"shape":[2])", "shape appears twice, must be unique"),
      tensor_lie(R"("data_offsets":[0,8],"data_offsets":[0,8])",
                 "data_offsets appears twice, must be unique"),
      tensor_lie(R"("stride":[1])",
                 "has the key 'stride', must have only dtype, shape, data_offsets"),
      tensor_lie(R"("dtype":"F31")", "dtype is 'F31', " + one_of),
      tensor_lie(R"("dtype":"f32")", "dtype is 'f32', " + one_of),
      tensor_lie(R"("dtype":"")", "dtype is '', " + one_of),
      tensor_lie(R"("dtype":"F32\u0000")", "dtype is 'F32?', " + one_of),
      tensor_lie(R"("dtype":")" + std::string(1000, 'F') + "\"",
                 "dtype is '" + std::string(80, 'F') + "...', " + one_of),
      tensor_lie(R"("dtype":32)", "dtype is 32, must be a string"),
      tensor_lie(R"("dtype":["F32"])", "dtype is a list, must be a string"),
      tensor_lie(R"("dtype":{})", "dtype is an object, must be a string"),
      shape_lie("2", "shape is 2, " + list),
      shape_lie("\"2\"", "shape is the string '2', " + list),
      shape_lie("null", "shape is null, " + list),
      shape_lie("{}", "shape is an object, " + list),
      shape_lie("[-2]", "shape[0] is -2, " + whole),
      shape_lie("[-0]", "shape[0] is -0, " + whole),
      shape_lie("[2,1.0]", "shape[1] is 1.0, " + whole),
      shape_lie("[2e0]", "shape[0] is 2e0, " + whole),
      shape_lie("[\"2\"]", "shape[0] is the string '2', " + whole),
      shape_lie("[[2]]", "shape[0] is a list, " + whole),
      shape_lie("[{}]", "shape[0] is an object, " + whole),
      shape_lie("[true]", "shape[0] is true, " + whole),
      shape_lie("[9223372036854775808]", "shape[0] is 9223372036854775808, " + whole),
      shape_lie("[18446744073709551615]", "shape[0] is 18446744073709551615, " + whole),
      shape_lie("[18446744073709551618]", "shape[0] is 18446744073709551618, " + whole),
      shape_lie("[1e999]", "shape[0] is a number that is too large, " + whole),
      shape_lie("[1,1,1,1,1,1,1,1,2]", "shape has more than 8 sizes, must have at most 8"),
  });
}

TEST_CASE("safetensors: shapes and offsets that disagree are refused", "[io]") {
  std::string const too_large = " must be less than 2^63 bytes without its zero sizes";
  auto const product = [&](std::string const& shape) {
    return shape_lie(shape, "shape of F32 " + shape + too_large);
  };
  check({
      product("[4294967296, 4294967296]"),
      product("[4611686018427387904, 4]"),  // wraps to 0
      product("[4611686018427387904]"),     // 2^62 values of 4 bytes
      product("[2305843009213693952]"),     // 2^61 values: 2^63 bytes
      product("[4611686018427387904, 4, 0]"),
      product("[0, 4611686018427387904, 4]"),
      product("[4294967297, 4294967297, 4294967297]"),
      shape_lie("[3]", "data_offsets is [0, 8], must span the 12 bytes of F32 [3]"),
      shape_lie("[]", "data_offsets is [0, 8], must span the 4 bytes of F32 []"),
      shape_lie("[0]", "data_offsets is [0, 8], must span the 0 bytes of F32 [0]"),
      tensor_lie(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])",
                 "data_offsets is [0, 8], must span the 16 bytes of F64 [2]"),
      offsets_lie("8", "data_offsets is 8, must be a list of two whole numbers"),
      offsets_lie("[]", "data_offsets is [], must be [begin, end]"),
      offsets_lie("[8]", "data_offsets is [8], must be [begin, end]"),
      offsets_lie("[0,8,8]", "data_offsets has more than 2 numbers, must be [begin, end]"),
      offsets_lie("[8,0]", "data_offsets is [8, 0], must not end before it begins"),
      offsets_lie("[-8,0]", "data_offsets[0] is -8, " + whole),
      offsets_lie("[0,8.0]", "data_offsets[1] is 8.0, " + whole),
      offsets_lie("[0,18446744073709551624]", "data_offsets[1] is 18446744073709551624, " + whole),
      offsets_lie("[0,7]", "data_offsets is [0, 7], must span the 8 bytes of F32 [2]"),
  });
}

TEST_CASE("safetensors: data with holes, overlaps or a rest is refused", "[io]") {
  auto const begins = [](char const* name, int got, int want) {
    return "tensor '"s + name + "': begins at byte " + std::to_string(got) +
           " of the data, must begin at " + std::to_string(want) +
           ", where the tensor before it ends";
  };
  auto const ends = [](std::uint64_t got, int want) {
    return "the tensors end at byte " + std::to_string(got) + " of the data, must end at " +
           std::to_string(want) + ", where the file ends";
  };
  auto const two = [](std::string const& a, std::string const& b, std::string const& sentence) {
    return header_lie("{" + a + "," + b + "}", sentence, 8);
  };
  check({
      header_lie("{}", ends(0, 8), 8),
      header_lie("{" + tensor("a", 0, 4) + "}", ends(4, 8), 8),
      header_lie("{" + tensor("a", 0, 9) + "}", ends(9, 8), 8),
      header_lie("{" + tensor("a", 0, 1ull << 62) + "}", ends(1ull << 62, 8), 8),
      header_lie("{" + tensor("a", 4, 8) + "}", begins("a", 4, 0), 8),
      header_lie("{" + tensor("a", 100, 100) + "}", begins("a", 100, 0), 8),
      two(tensor("a", 0, 3), tensor("b", 4, 8), begins("b", 4, 3)),
      two(tensor("a", 0, 5), tensor("b", 4, 8), begins("b", 4, 5)),
      two(tensor("a", 0, 8), tensor("b", 0, 8), begins("b", 0, 8)),
      two(tensor("a", 0, 8), tensor("b", 3, 3), begins("b", 3, 8)),
      two(tensor("a", 0, 8), tensor("b", 8, 9), ends(9, 8)),
      two(tensor("a", 0, 8), tensor("a", 8, 8), "tensor 'a' appears twice, must be unique"),
      two(tensor("a", 0, 8), tensor("\\u0061", 8, 8), "tensor 'a' appears twice, must be unique"),
  });
}

TEST_CASE("safetensors: what cannot be a regular file is refused", "[io]") {
  TemporaryFolder const folder;
  auto const open = [](std::filesystem::path const& path) {
    return message_of<DataError>([&] { SafetensorsFile{path}; });
  };
  CHECK(open(folder / "none") ==
        (folder / "none").string() + ": cannot open for reading (No such file or directory)");
  CHECK(open(folder.path()) == folder.path().string() + ": must be a regular file");
  CHECK(open("/dev/zero") == "/dev/zero: must be a regular file");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(open(folder / "pipe") == (folder / "pipe").string() + ": must be a regular file");
}
