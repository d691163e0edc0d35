// SPDX-License-Identifier: Apache-2.0
#include "laws/layer_laws.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/norm/identity.hpp"
#include "moenda/norm/layer.hpp"
#include "moenda/norm/rms.hpp"

namespace {

using namespace moenda;

template <NormLike M>
struct Norm {
  using Module = M;
  static constexpr int width = 6;
  static constexpr laws::Reach reach = laws::Reach::row;
  static typename M::Config config() { return {}; }
};
struct Second : Norm<OneOf<norm::Rms, norm::Layer>> {
  static Module::Config config() { return norm::Layer::Config{}; }
};
using Norms = std::tuple<Norm<norm::Identity>, Norm<norm::Rms>, Norm<norm::Layer>,
                         Norm<OneOf<norm::Rms, norm::Layer>>, Second>;

TEMPLATE_LIST_TEST_CASE("norms obey the layer laws", "[laws]", Norms) {
  laws::check_layer<TestType>();
}

}  // namespace
