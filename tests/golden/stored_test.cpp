// SPDX-License-Identifier: Apache-2.0
// Numbers in 4 and 8 bits are those of bitsandbytes and of GGUF's package (generate_stored.py).
#include "golden/golden.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/weights/quantised/encode.hpp"

namespace {

using namespace moenda;

struct Bytes {
  std::vector<std::byte> codes, scales;
  [[nodiscard]] WeightView<float> view(Format format) const {
    return {format, codes.data(), scales.data()};
  }
};

/// One matrix of the file.
class Matrix {
 public:
  explicit Matrix(std::string name) : name_(std::move(name)) {
    auto const shape = file_.shape(name_ + ".x");
    rows = int(shape.at(0)), cols = int(shape.at(1));
    x = file_.values<float>(name_ + ".x");
  }
  [[nodiscard]] std::string of(Format format, char const* what) const {
    return name_ + "." + enum_names(format)[std::size_t(format)] + "." + what;
  }
  [[nodiscard]] std::vector<std::byte> bytes(Format format, char const* what) const {
    return file_.bytes(of(format, what));
  }
  [[nodiscard]] std::vector<float> floats(Format format, char const* what) const {
    return file_.values<float>(of(format, what));
  }
  [[nodiscard]] Bytes encoded(Format format) const {
    auto const size = stored_bytes(format, rows, cols);
    Bytes out{std::vector<std::byte>(size.codes), std::vector<std::byte>(size.scales)};
    quantised::encode(format, out.codes.data(), out.scales.data(), x.data(), rows, cols);
    return out;
  }
  /// As embeddings read it: every row whole.
  [[nodiscard]] std::vector<float> decoded(WeightView<float> view) const {
    cpu::Backend<float> backend(1);
    std::vector<float> values(x.size());
    std::vector<int> ids;
    for (int r = 0; r < rows; ++r) ids.push_back(r);
    cpu::embedding_forward(backend, values.data(), view, ids.data(), rows, cols);
    return values;
  }
  int rows = 0, cols = 0;
  std::vector<float> x;

 private:
  std::string name_;
  golden::File file_{"stored"};
};

char const* const matrices[] = {"whole", "odd",        "one", "edges", "zeros", "zeros_at_the_end",
                                "large", "many_blocks"};

/// Equal as bits, but for the sign of a zero.
bool same_numbers(std::vector<float> const& a, std::vector<float> const& b) { return a == b; }

}  // namespace

TEST_CASE("nf4 has the codes and scales of bitsandbytes", "[golden][stored]") {
  for (auto const* name : matrices) {
    CAPTURE(name);
    Matrix const m(name);
    auto const ours = m.encoded(Format::nf4);
    CHECK(ours.codes == m.bytes(Format::nf4, "codes"));
    CHECK(ours.scales == m.bytes(Format::nf4, "scales"));
    if (std::string(name) == "many_blocks") continue;  // its numbers are kept for nf4_double alone
    CHECK(same_numbers(m.decoded(ours.view(Format::nf4)), m.floats(Format::nf4, "values")));
  }
}

TEST_CASE("scales of scales mean what bitsandbytes means", "[golden][stored]") {
  auto const values = golden::File("stored").values<float>("byte_values");
  auto const known = quantised::dynamic_values();
  CHECK(std::equal(values.begin(), values.end(), known.begin(), known.end()));
  for (auto const* name : matrices) {
    CAPTURE(name);
    Matrix const m(name);
    constexpr auto format = Format::nf4_double;
    // Their bytes in our layout give their numbers.
    auto const bytes = m.bytes(format, "scales");
    auto const largest = m.floats(format, "largest");
    Bytes theirs{m.bytes(format, "codes"),
                 std::vector<std::byte>(DoubleScales::size(bytes.size()))};
    DoubleScales head{};
    std::copy(values.begin(), values.end(), head.values);
    head.offset = m.floats(format, "offset").at(0);
    head.groups = std::uint32_t(largest.size());
    std::memcpy(theirs.scales.data(), &head, sizeof head);
    std::memcpy(theirs.scales.data() + sizeof head, largest.data(), largest.size() * sizeof(float));
    std::copy(bytes.begin(), bytes.end(),
              theirs.scales.data() + sizeof head + largest.size() * sizeof(float));
    CHECK(same_numbers(m.decoded(theirs.view(format)), m.floats(format, "values")));
    // Our own bytes are no further from the scales than theirs, up to the rounding of the offset.
    auto const ours = m.encoded(format);
    CHECK(ours.codes == theirs.codes);
    auto const scales = m.floats(Format::nf4, "scales");
    auto const error = [&](Bytes const& of, std::size_t b) {
      auto const& all = *reinterpret_cast<DoubleScales const*>(of.scales.data());
      return std::abs(double(all.values[all.bytes()[b]]) * all.largest()[b / 256] + all.offset -
                      scales[b]);
    };
    for (std::size_t b = 0; b < scales.size(); ++b) {
      REQUIRE(error(ours, b) <= error(theirs, b) + 1e-6 * largest[b / 256]);
    }
  }
}

TEST_CASE("int8 and int4 have the bytes of GGUF", "[golden][stored]") {
  for (auto const* name : {"whole", "edges", "zeros"}) {
    for (auto const format : {Format::int8, Format::int4}) {
      CAPTURE(name, enum_names(format)[std::size_t(format)]);
      Matrix const m(name);
      auto const ours = m.encoded(format);
      CHECK(ours.codes == m.bytes(format, "codes"));
      CHECK(same_numbers(m.decoded(ours.view(format)), m.floats(format, "values")));
    }
  }
}
