// SPDX-License-Identifier: Apache-2.0
#include "moenda/mixture/cond_mlp.hpp"

#include "laws/layer_laws.hpp"
#include "moenda/loss/importance.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/loss/penalty.hpp"
#include "moenda/loss/router_z.hpp"

namespace {

using namespace moenda;

template <class M>
struct Base {
  using Module = M;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
  static typename M::Config config() { return {.hidden = 7, .num_paths = 3}; }
};
template <Gradient G>
struct Plain : Base<CondMlp<G>> {};
template <Gradient G>
using WithLosses = CondMlp<G, loss::LoadBalancing, loss::Importance, loss::Penalty, loss::RouterZ>;
template <Gradient G>
struct Taught : Base<WithLosses<G>> {
  static typename WithLosses<G>::Config config() {
    typename WithLosses<G>::Config c{.hidden = 5, .num_paths = 4, .temperature = 0.6};
    get<loss::LoadBalancing>(c.loss).weight = 0.7;
    get<loss::Importance>(c.loss).weight = 0.5;
    get<loss::Penalty>(c.loss).weight = 0.9;
    get<loss::RouterZ>(c.loss).weight = 0.3;
    return c;
  }
};
using Layers = std::tuple<Plain<Gradient::none>, Taught<Gradient::none>, Taught<Gradient::scaled>>;

TEMPLATE_LIST_TEST_CASE("conditional MLPs obey the layer laws", "[laws]", Layers) {
  laws::check_layer<TestType>();
}

/// Its gradient is not the derivative of its output, by design.
TEST_CASE("a straight-through MLP obeys the other layer laws", "[laws]") {
  using Case = Taught<Gradient::straight_through>;
  constexpr Batch small{nullptr, 2, 5}, large{nullptr, 2, 65};
  SECTION("gradients accumulate") { laws::gradients_accumulate<Case>(small); }
  SECTION("steps repeat") { laws::steps_repeat<Case>(large); }
  SECTION("threads change nothing") { laws::threads_change_nothing<Case>(large); }
  SECTION("nothing is a batch") { laws::nothing_is_a_batch<Case>(); }
  SECTION("poison changes nothing") { laws::poison_changes_nothing<Case>(large); }
  SECTION("steady steps allocate nothing") { laws::steady_steps_allocate_nothing<Case>(large); }
  SECTION("reach is kept") { laws::reach_is_kept<Case>({nullptr, 2, 7}); }
}

}  // namespace
