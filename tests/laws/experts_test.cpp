// SPDX-License-Identifier: Apache-2.0
#include "laws/alone.hpp"
#include "laws/layer_laws.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/expert/swiglu.hpp"
#include "moenda/expert/zero.hpp"
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
using Experts =
    std::tuple<Expert<expert::Ffn>, Expert<expert::SwiGlu>, Expert<laws::Alone<expert::Ffn>>,
               EitherExpert, WithoutParameters<expert::Identity>, WithoutParameters<expert::Zero>>;

TEMPLATE_LIST_TEST_CASE("experts obey the layer laws", "[laws]", Experts) {
  STATIC_REQUIRE(ExpertLike<typename TestType::Module>);
  laws::check_layer<TestType>();
}

}  // namespace
