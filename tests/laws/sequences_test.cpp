// SPDX-License-Identifier: Apache-2.0
// Experts and mixtures of whole sequences.
#include "laws/sequence_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/gru.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/expert/pooled.hpp"
#include "moenda/loss/entropy.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/per_sequence.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;
using expert::GruOutput;
using laws::Reach;
using router::Weighting;

template <class M, Reach how_far>
struct Base {
  using Module = M;
  static constexpr int width = 6;
  static constexpr Reach reach = how_far;
};
template <int hidden>  // 6: the states are the answer
struct States : Base<expert::Gru, Reach::sequence> {
  static expert::Gru::Config config() { return {.hidden = hidden}; }
};
template <int hidden>
struct Last : Base<expert::Gru, Reach::whole_sequence> {
  static expert::Gru::Config config() { return {.hidden = hidden, .output = GruOutput::last}; }
};
struct PooledFfn : Base<expert::Pooled<expert::Ffn>, Reach::whole_sequence> {
  static Module::Config config() { return {.hidden = 7}; }
};
struct EitherExpert : Base<OneOf<expert::Ffn, expert::Gru>, Reach::sequence> {
  static Module::Config config() { return expert::Gru::Config{.hidden = 4}; }
};

template <class... Es>
using BySequence =
    Mixture<router::PerSequence<router::TopK>, Experts<Es...>, loss::LoadBalancing, loss::Entropy>;
template <class First, class Second>
struct Mixed : Base<BySequence<First, Second>, Reach::whole_sequence> {
  using M = BySequence<First, Second>;
  static typename M::Config of(typename First::Config first, typename Second::Config second) {
    typename M::Config c{.router = {.top_k = 1, .weighting = Weighting::score_then_select}};
    get<Group<First>>(c.experts) = {.count = 2, .each = first};
    get<Group<Second>>(c.experts) = {.count = 2, .each = second};
    get<loss::LoadBalancing>(c.loss).weight = 0.3;
    get<loss::Entropy>(c.loss) = {.token_weight = 0.2, .marginal_weight = 0.4};
    return c;
  }
};
struct FfnAndGru : Mixed<expert::Ffn, expert::Gru> {
  static M::Config config() { return of({.hidden = 5}, {.hidden = 4}); }
};
struct SwiGluAndIdentity : Mixed<expert::SwiGlu, expert::Identity> {
  static M::Config config() { return of({.hidden = 5}, {}); }
};
struct PooledAndGru : Mixed<expert::Pooled<expert::Ffn>, expert::Gru> {
  static M::Config config() {
    auto c = of({.hidden = 5}, {.hidden = 6, .output = GruOutput::last});
    c.router.top_k = 2;
    return c;
  }
};
/// Single tokens, of which only those that are there are routed.
struct TokenChoice : Base<Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing>, Reach::row> {
  static Module::Config config() {
    Module::Config c{.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 5}}};
    get<loss::LoadBalancing>(c.loss).weight = 0.3;
    return c;
  }
};

using WholeSequences = std::tuple<States<5>, States<6>, Last<5>, Last<6>, PooledFfn, EitherExpert,
                                  FfnAndGru, SwiGluAndIdentity, PooledAndGru>;
TEMPLATE_LIST_TEST_CASE("layers of sequences obey the layer laws", "[laws]", WholeSequences) {
  laws::check_layer<TestType>();
}
using Padded = std::tuple<States<5>, States<6>, Last<5>, Last<6>, PooledFfn, EitherExpert,
                          FfnAndGru, SwiGluAndIdentity, PooledAndGru, TokenChoice>;
TEMPLATE_LIST_TEST_CASE("padding and the order of sequences change nothing", "[laws]", Padded) {
  laws::check_sequences<TestType>();
}

}  // namespace
