// SPDX-License-Identifier: Apache-2.0
#include "laws/alone.hpp"
#include "laws/layer_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/loss/router_z.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/per_sequence.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using router::Weighting;

template <class M>
struct Base {
  using Module = M;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
};
struct Sparse : Base<Mixture<router::TopK, expert::SwiGlu>> {
  static Module::Config config() {
    return {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 5}}};
  }
};
using WithLosses = Mixture<router::TopK, expert::Ffn, loss::LoadBalancing, loss::RouterZ>;
template <Weighting W>
struct Balanced : Base<WithLosses> {
  static WithLosses::Config config() {
    WithLosses::Config c{.router = {.top_k = 2, .weighting = W},
                         .experts = {.count = 5, .each = {.hidden = 4}}};
    get<loss::LoadBalancing>(c.loss).weight = 0.7;
    get<loss::RouterZ>(c.loss).weight = 0.3;
    return c;
  }
};
struct Capped : Balanced<Weighting::score_then_renormalise> {
  // Later tokens find a full expert: an output depends on the rows before it.
  static constexpr laws::Reach reach = laws::Reach::causal;
  static WithLosses::Config config() {
    auto c = Balanced::config();
    c.capacity_factor = 0.75;
    return c;
  }
};
using Mixed = Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>;
struct Heterogeneous : Base<Mixed> {
  static Mixed::Config config() {
    Mixed::Config c{.router = {.top_k = 2}};
    get<Group<expert::Ffn>>(c.experts) = {.count = 2, .each = {.hidden = 3}};
    get<Group<expert::SwiGlu>>(c.experts) = {.count = 3, .each = {.hidden = 4}};
    return c;
  }
};
using AnyExpert = OneOf<expert::Ffn, expert::SwiGlu>;
struct Chosen : Base<Mixture<OneOf<router::TopK>, AnyExpert, loss::LoadBalancing>> {
  static Module::Config config() {
    return {.router = router::TopK::Config{.top_k = 1, .weighting = Weighting::score_then_select},
            .experts = {.count = 3, .each = expert::SwiGlu::Config{.hidden = 4}}};
  }
};
struct OneByOne : Base<Mixture<router::TopK, laws::Alone<expert::SwiGlu>>> {
  static Module::Config config() {
    return {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 5}}};
  }
};
struct MostlyEmpty : Base<Mixture<router::TopK, expert::SwiGlu>> {  // more experts than tokens
  static Module::Config config() {
    return {.router = {.top_k = 1}, .experts = {.count = 40, .each = {.hidden = 2}}};
  }
};
struct Soft : Sparse {
  static Module::Config config() {
    return {.router = {.top_k = 3}, .experts = {.count = 3, .each = {.hidden = 4}}};
  }
};

struct PerSequence : Base<Mixture<router::PerSequence<router::TopK>, expert::Ffn>> {
  static constexpr laws::Reach reach = laws::Reach::whole_sequence;
  static Module::Config config() {
    return {.router = {.top_k = 2}, .experts = {.count = 3, .each = {.hidden = 4}}};
  }
};
struct MixedPerSequence
    : Base<Mixture<router::PerSequence<router::TopK>, Experts<expert::Ffn, expert::SwiGlu>>> {
  static constexpr laws::Reach reach = laws::Reach::whole_sequence;
  static Module::Config config() {
    Module::Config c{.router = {.top_k = 2}};
    get<Group<expert::Ffn>>(c.experts) = {.count = 2, .each = {.hidden = 3}};
    get<Group<expert::SwiGlu>>(c.experts) = {.count = 1, .each = {.hidden = 4}};
    return c;
  }
};

using Mixtures =
    std::tuple<PerSequence, MixedPerSequence, Sparse, OneByOne, MostlyEmpty,
               Balanced<Weighting::select_then_score>, Balanced<Weighting::score_then_select>,
               Capped, Heterogeneous, Chosen, Soft>;

TEMPLATE_LIST_TEST_CASE("mixtures obey the layer laws", "[laws]", Mixtures) {
  laws::check_layer<TestType>();
}

}  // namespace
