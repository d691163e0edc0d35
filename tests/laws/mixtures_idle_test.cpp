// SPDX-License-Identifier: Apache-2.0
// Mixtures in which some experts do no work.
#include "laws/alone.hpp"
#include "laws/layer_laws.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/expert/zero.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;

template <class M>
struct Base {
  using Module = M;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
};
using WithoutWork =
    Mixture<router::TopK, Experts<expert::SwiGlu, expert::Identity, laws::Alone<expert::Zero>>>;
struct SomeIdle : Base<WithoutWork> {
  static WithoutWork::Config config() {
    WithoutWork::Config c{.router = {.top_k = 2}};
    get<Group<expert::SwiGlu>>(c.experts) = {.count = 2, .each = {.hidden = 3}};
    get<Group<expert::Identity>>(c.experts).count = 2;
    get<Group<laws::Alone<expert::Zero>>>(c.experts).count = 1;
    return c;
  }
};
struct OnlyIdentity : Base<Mixture<router::TopK, expert::Identity>> {
  static Module::Config config() {
    return {.router = {.top_k = 1, .weighting = router::Weighting::score_then_select},
            .experts = {.count = 3}};
  }
};

using Mixtures = std::tuple<SomeIdle, OnlyIdentity>;

TEMPLATE_LIST_TEST_CASE("mixtures with idle experts obey the layer laws", "[laws]", Mixtures) {
  laws::check_layer<TestType>();
}

}  // namespace
