// SPDX-License-Identifier: Apache-2.0
// The recurrent expert against torch.nn.GRU on packed sequences.
#include "moenda/expert/gru.hpp"

#include "golden/golden.hpp"

namespace {

using namespace moenda;
using laws::Tolerance;

template <class B>
class GoldenGru {
 public:
  using Scalar = typename B::Scalar;

  GoldenGru() : ctx{backend, arena} {
    arena.poison(true);
    ctx.batch = {nullptr, int(lengths.size()), file.integer("seq_len"), 0, lengths.data()};
    auto const make = [&](auto& weights) {
      weights = expert::Gru::params<B>(config(false), width);
      walk(weights, [&](Path const&, auto& weight) {
        weight.data = ops::zeros(ctx, weight.rows, weight.cols).data;
      });
    };
    make(params), make(grads);
    walk(params, [&](Path const& path, auto& weight) {
      if (path.str() == "down") return;  // PyTorch has none
      auto const values = file.template values<Scalar>(path.str());
      REQUIRE(std::ptrdiff_t(values.size()) == weight.size());
      std::copy(values.begin(), values.end(), weight.data);
    });
  }
  [[nodiscard]] expert::Gru::Config config(bool last) const {
    return {.hidden = file.integer("hidden"),
            .output = last ? expert::GruOutput::last : expert::GruOutput::states};
  }
  Tensor<B> read(std::string const& name, int rows, int cols) {
    auto const values = file.template values<Scalar>(name);
    REQUIRE(std::ptrdiff_t(values.size()) == std::ptrdiff_t(rows) * cols);
    auto t = ctx.tensor(rows, cols);
    std::copy(values.begin(), values.end(), t.data);
    return t;
  }
  void require(std::string const& name, auto const& got) {
    CAPTURE(name);
    golden::require_near(std::vector<Scalar>(got.data, got.data + got.size()), file.doubles(name),
                         Tolerance<B>::value);
  }

  golden::File file{"gru"};
  std::vector<int> lengths = file.ids("lengths");
  int width = file.integer("d_model");
  B backend{2};
  StepMemory<B> arena;
  Context<B> ctx;
  expert::Gru::Params<B> params, grads;
};

TEMPLATE_TEST_CASE("the recurrent expert is PyTorch's GRU on packed sequences", "[golden]",
                   laws::Double, laws::Float) {
  using B = TestType;
  GoldenGru<B> g;
  bool const last = GENERATE(false, true);
  std::string const name = last ? "last" : "states";
  auto const c = g.config(last);
  int const width = g.width, hidden = c.hidden, rows = g.ctx.batch.rows();
  // down selects the states: y = (h, 0).
  for (int i = 0; i < hidden; ++i) g.params.down.data[i * hidden + i] = 1;
  expert::Gru::Cache<B> cache;
  auto const y = expert::Gru::forward(g.ctx, c, g.params, cache, g.read("x", rows, width));
  int const answers = last ? int(g.lengths.size()) : rows;
  auto const states = ops::zeros(g.ctx, answers, hidden), dy = ops::zeros(g.ctx, rows, width);
  auto const dstates = g.read(name + ".dy", answers, hidden);
  for (int row = 0; row < rows; ++row) {
    int const b = row / g.ctx.batch.seq_len, t = row % g.ctx.batch.seq_len;
    bool const read_here = last ? t == 0 : t < g.lengths[std::size_t(b)];
    if (!read_here) continue;  // of a repeated answer one row is enough
    int const answer = last ? b : row;
    std::copy_n(y.data + row * width, hidden, states.data + answer * hidden);
    std::copy_n(dstates.data + answer * hidden, hidden, dy.data + row * width);
    REQUIRE(y.data[row * width + hidden] == 0);
  }
  g.require(name + ".y", states);
  g.require(name + ".dx", expert::Gru::backward(g.ctx, c, g.params, g.grads, cache, dy));
  g.require(name + ".dinput", g.grads.input);
  g.require(name + ".dinput_bias", g.grads.input_bias);
  g.require(name + ".drecurrent", g.grads.recurrent);
  g.require(name + ".drecurrent_bias", g.grads.recurrent_bias);
}

}  // namespace
