// SPDX-License-Identifier: Apache-2.0
#include "laws/layer_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/mixture/interleave.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/mixture/sum.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;

using Sparse = Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing>;

Sparse::Config sparse() {
  Sparse::Config c{.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 5}}};
  get<loss::LoadBalancing>(c.loss).weight = 0.7;
  return c;
}
template <class M>
struct Base {
  using Module = M;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
};
struct Shared : Base<Sum<Sparse, expert::SwiGlu>> {
  static Module::Config config() {
    Module::Config c;
    get<Sparse>(c) = sparse();
    get<expert::SwiGlu>(c).hidden = 7;
    return c;
  }
};
struct ThreeParts : Base<Sum<expert::Identity, expert::Ffn, expert::SwiGlu>> {
  static Module::Config config() {
    Module::Config c;
    get<expert::Ffn>(c).hidden = 4;
    get<expert::SwiGlu>(c).hidden = 7;
    return c;
  }
};
template <int first>
struct Interleaved : Base<OneOf<expert::Ffn, Interleave<Sparse, expert::Ffn>>> {
  static Interleave<Sparse, expert::Ffn>::Config config() {
    return {.every = 2, .first = first, .sparse = sparse(), .dense = {.hidden = 5}};
  }
};

using Sums = std::tuple<Shared, ThreeParts, Interleaved<0>, Interleaved<1>>;

TEMPLATE_LIST_TEST_CASE("sums and interleaved layers obey the layer laws", "[laws]", Sums) {
  laws::check_layer<TestType>();
}

}  // namespace
