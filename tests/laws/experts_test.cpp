// SPDX-License-Identifier: Apache-2.0
#include "laws/alone.hpp"
#include "laws/layer_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/gated.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/expert/zero.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/one_of.hpp"

namespace {

using namespace moenda;

template <ExpertLike M>
struct Expert {
  using Module = M;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
  static typename M::Config config() { return {.hidden = 9}; }
};
template <ExpertLike M>
struct WithoutParameters : Expert<M> {
  static typename M::Config config() { return {}; }
};
struct EitherExpert {
  using Module = OneOf<expert::Ffn, expert::SwiGlu>;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
  static Module::Config config() { return expert::SwiGlu::Config{.hidden = 5}; }
};
template <ExpertLike M>
struct WithBias : Expert<M> {
  static typename M::Config config() { return {.hidden = 9, .bias = true}; }
};
struct Erf : Expert<expert::Ffn> {
  static expert::Ffn::Config config() {
    return {.hidden = 9, .activation = expert::Activation::gelu_erf, .bias = true};
  }
};
using Experts =
    std::tuple<Expert<expert::Ffn>, Expert<expert::SwiGlu>, Expert<laws::Alone<expert::Ffn>>,
               EitherExpert, WithoutParameters<expert::Identity>, WithoutParameters<expert::Zero>,
               Erf, WithBias<expert::GeGlu>, Expert<expert::Gated<expert::SwiGlu>>>;

TEMPLATE_LIST_TEST_CASE("experts obey the layer laws", "[laws]", Experts) {
  STATIC_REQUIRE(ExpertLike<typename TestType::Module>);
  laws::check_layer<TestType>();
}

TEST_CASE("biases have a place where they are asked for, outside of mixtures", "[laws]") {
  auto const parameters = [](bool bias) {
    return count(expert::SwiGlu::params<Shapes>({.hidden = 9, .bias = bias}, 6));
  };
  CHECK(parameters(true) == parameters(false) + 9 + 9 + 6);
  Problems found;
  check<expert::Ffn>(expert::Ffn::Config{.hidden = 9, .bias = true}, {.num_experts = 4}, found);
  CHECK(found.str() == std::string("bias: ") + MOENDA_RULE_EXPERT_BIAS);
}

}  // namespace
