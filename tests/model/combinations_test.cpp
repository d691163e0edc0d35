// SPDX-License-Identifier: Apache-2.0
#include "model/flexible.hpp"
#include "model/network_gradients.hpp"

namespace {

using namespace models;

TEST_CASE("all combinations of choices have right gradients", "[model]") {
  std::vector<OneOf<norm::Rms, norm::Layer, norm::Identity>::Config> const norms{
      norm::Rms::Config{}, norm::Layer::Config{}, norm::Identity::Config{}};
  std::vector<Positions::Config> const positions{
      position::Rope::Config{}, position::Learned::Config{}, position::None::Config{}};
  std::vector<HeadNorms::Config> const head_norms{norm::Identity::Config{},
                                                  attention::QkNorm::Config{}};
  std::vector<OneOf<Sparse, expert::Ffn, expert::SwiGlu>::Config> const ffns{
      sparse(), expert::Ffn::Config{.hidden = 5}, expert::SwiGlu::Config{.hidden = 4}};
  int checked = 0;
  for (std::size_t n = 0; n < norms.size(); ++n) {
    for (std::size_t p = 0; p < positions.size(); ++p) {
      for (std::size_t h = 0; h < head_norms.size(); ++h) {
        for (std::size_t f = 0; f < ffns.size(); ++f) {
          for (bool const grouped : {true, false}) {
            auto c = sizes();
            c.num_layers = 1;
            c.block.norm = norms[n];
            c.block.ffn = ffns[f];
            if (grouped) {
              c.block.attention = Grouped::Config{.num_heads = 4,
                                                  .num_kv_heads = 2,
                                                  .head_dim = 4,
                                                  .position = positions[p],
                                                  .head_norm = head_norms[h]};
            } else {
              c.block.attention = Multi::Config{.num_heads = 2,
                                                .head_dim = 4,
                                                .position = positions[p],
                                                .head_norm = head_norms[h]};
            }
            CAPTURE(n, p, h, f, grouped);
            check_network_gradients<Flexible>(c, 2);
            ++checked;
          }
        }
      }
    }
  }
  CHECK(checked == 108);
}

}  // namespace
