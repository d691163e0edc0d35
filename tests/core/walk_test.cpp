// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/walk.hpp"

#include <catch2/catch.hpp>
#include <numeric>

namespace {

using namespace moenda;

struct Host {
  using Scalar = double;
};
template <class B>
struct Leaf {
  Weight<B> up, down;
  MOENDA_FIELDS(Leaf, up, down);
};
template <class B>
struct Choice {
  std::variant<Leaf<B>, Weight<B>> choice;
};
template <class B>
struct Groups {
  hana::tuple<std::vector<Leaf<B>>, Leaf<B>> groups;
  static constexpr char const* names[]{"many", "one"};
};
template <class B>
struct Tree {
  Weight<B> first;
  std::vector<Leaf<B>> layers;
  Choice<B> chosen;
  Groups<B> sides;
  MOENDA_FIELDS(Tree, first, layers, chosen, sides);
};
template <class B>
constexpr Tree<B> tree() {
  Leaf<B> const leaf{{2, 3}, {0, 3, WeightKind::bias}};
  return {{1, 5, WeightKind::gain}, {leaf, leaf}, {Weight<B>{4, 1}}, {{{leaf}, leaf}}};
}

TEST_CASE("a walk names every weight in order", "[walk]") {
  std::vector<std::string> names;
  auto params = tree<Host>();
  walk(params, [&](Path const& path, auto&) { names.push_back(path.str()); });
  CHECK(names == std::vector<std::string>{"first", "layers.0.up", "layers.0.down", "layers.1.up",
                                          "layers.1.down", "chosen", "sides.many.0.up",
                                          "sides.many.0.down", "sides.one.up", "sides.one.down"});
  params.chosen.choice = Leaf<Host>{{1, 1}, {1, 1}};
  names.clear();
  walk(params, [&](Path const& path, auto&) { names.push_back(path.str()); });
  CHECK(names[5] == "chosen.up");  // the choice itself has no name
  CHECK(names[6] == "chosen.down");
}

TEST_CASE("counting needs no storage and works at compile time", "[walk]") {
  static_assert(count(tree<Shapes>()) == 5 + 2 * 6 + 4 + 2 * 6);
  CHECK(count(tree<Host>()) == 33);
}

TEST_CASE("binding lays the weights side by side", "[walk]") {
  auto params = tree<Host>();
  std::vector<double> flat(33);
  std::iota(flat.begin(), flat.end(), 0);
  bind(params, flat.data());
  CHECK(params.first.data == flat.data());
  CHECK(params.layers[0].up.data[0] == 5);
  CHECK(params.layers[0].down.data == params.layers[1].up.data);  // an empty weight takes nothing
  CHECK(params.layers[1].up.data[0] == 11);
  CHECK(std::get<1>(params.chosen.choice).data[0] == 17);
  CHECK(params.sides.groups[hana::size_c<1>].up.data[5] == 32);
}

TEST_CASE("gains and biases do not decay", "[walk]") {
  for (auto const kind :
       {WeightKind::matrix, WeightKind::residual, WeightKind::embedding, WeightKind::table,
        WeightKind::router, WeightKind::gain, WeightKind::bias}) {
    bool const decays = kind != WeightKind::gain && kind != WeightKind::bias;
    CHECK(Weight<Host>{1, 1, kind}.decays() == decays);
  }
}

TEST_CASE("sizes are counted in 64 bits", "[walk]") {
  static_assert(Weight<Shapes>{1 << 20, 1 << 20}.size() == std::ptrdiff_t(1) << 40);
  static_assert(Tensor<Shapes>{nullptr, 1 << 20, 1 << 20}.size() == std::ptrdiff_t(1) << 40);
  float values[12]{};
  Tensor<Shapes> const t{values, 4, 3};
  CHECK(t.slice(1, 2).data == values + 3);
  CHECK(t.slice(1, 2).rows == 2);
  CHECK(t.reshape(6, 2).cols == 2);
}

}  // namespace
