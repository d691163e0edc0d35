// SPDX-License-Identifier: Apache-2.0
#pragma once
// One walk over the parameters of a model serves counting, binding, naming and checkpoints.
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/core/tensor.hpp"

namespace moenda {

/// Where the walk is: a linked list on the stack, so that counting can be constexpr.
struct Path {
  Path const* parent = nullptr;
  char const* name = nullptr;
  int index = -1;

  /// "layers.3.attention.query"
  [[nodiscard]] std::string str() const {
    std::string text = parent == nullptr ? "" : parent->str();
    std::string const step = name != nullptr ? name : index >= 0 ? std::to_string(index) : "";
    if (step.empty()) return text;
    return text.empty() ? step : text + "." + step;
  }
};

template <class T>
inline constexpr bool is_weight = false;
template <class B>
inline constexpr bool is_weight<Weight<B>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

/// Calls f(path, weight) for every Weight in `params`, in declaration order. A OneOf adds nothing
/// to a name; a tuple of groups adds the name of each group.
template <class P, class F>
constexpr void walk(P& params, Path const& path, F&& f) {
  using Plain = std::remove_const_t<P>;
  if constexpr (is_weight<Plain>) {
    f(path, params);
  } else if constexpr (is_vector<Plain>) {
    int i = 0;
    for (auto& item : params) walk(item, Path{&path, nullptr, i++}, f);
  } else if constexpr (requires { params.choice; }) {
    std::visit([&](auto& chosen) { walk(chosen, path, f); }, params.choice);
  } else if constexpr (requires { params.groups; }) {
    std::size_t i = 0;
    hana::for_each(params.groups, [&](auto& group) {
      walk(group, Path{&path, Plain::names[i++]}, f);
    });
  } else {
    for_each_field(params, [&](char const* name, auto& member) {
      walk(member, Path{&path, name}, f);
    });
  }
}
template <class P, class F>
constexpr void walk(P& params, F&& f) {
  walk(params, Path{}, f);
}

/// How many scalars the weights hold, state included.
template <class P>
[[nodiscard]] constexpr std::ptrdiff_t count(P const& params) {
  std::ptrdiff_t n = 0;
  walk(params, [&](Path const&, auto& weight) { n += weight.size(); });
  return n;
}
/// How many of them are parameters: all but state, which its module keeps for itself.
template <class P>
[[nodiscard]] constexpr std::ptrdiff_t parameter_count(P const& params) {
  std::ptrdiff_t n = 0;
  walk(params, [&](Path const&, auto& weight) {
    if (weight.kind != WeightKind::state) n += weight.size();
  });
  return n;
}

/// Calls f(begin, end, decays) for every longest run of the flat arena that the optimizer treats
/// alike, in order. What is not trained is passed over.
template <class P, class F>
void for_each_trained_run(P const& params, F&& f) {
  std::ptrdiff_t begin = 0, end = 0;
  bool decays = true;
  auto const close = [&] {
    if (begin < end) f(begin, end, decays);
    begin = end;
  };
  walk(params, [&](Path const&, auto const& weight) {
    if (weight.size() == 0) return;
    if (!weight.trains()) {
      close();
      begin = end += weight.size();
      return;
    }
    if (weight.decays() != decays) close(), decays = weight.decays();
    end += weight.size();
  });
  close();
}

/// Gives every weight its place in the flat arena, in walking order.
template <class P, class T>
void bind(P& params, T* flat) {
  walk(params, [&](Path const&, auto& weight) {
    weight.data = flat;
    flat += weight.size();
  });
}

}  // namespace moenda
