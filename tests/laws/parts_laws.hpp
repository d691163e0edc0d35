// SPDX-License-Identifier: Apache-2.0
#pragma once
// The law of modules that are made of modules: what is asked of the whole is asked of every part.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "laws/numbers.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/after_step.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/fit.hpp"
#include "moenda/module/idle_parameters.hpp"
#include "moenda/router/choice/scores.hpp"

namespace laws {

/// A module of every role at once, which does nothing but remember what it was asked. Its one
/// weight has 100 + Number rows, so that a walk finds it.
template <int Number>
struct Spy {
  static constexpr char name[] = {'s', 'p', 'y', '_', char('a' + Number), '\0'};
  static constexpr moenda::RouterTraits traits{.couples_batch_in_training = true};
  static constexpr auto granularity = moenda::Granularity::token;
  static constexpr bool balances = false;
  using Target = int;
  struct Config {
    int key = 0;
    MOENDA_FIELDS(Config, key);
  };
  template <class B>
  struct Params {
    moenda::Weight<B> weight;  // [100 + Number, 1]
    MOENDA_FIELDS(Params, weight);
  };
  template <class B>
  struct Cache {};

  /// What it was asked.
  static inline int checked = 0, counted = 0;
  static inline std::vector<Double::Scalar const*> fitted{}, stepped{}, gradients{};
  static inline std::vector<moenda::Setting> fitted_at{}, stepped_at{};
  static void forget() {
    checked = counted = 0;
    fitted.clear(), stepped.clear(), gradients.clear(), fitted_at.clear(), stepped_at.clear();
  }

  static void check(Config const& c, moenda::Setting const&, moenda::Problems& problems) {
    ++checked;
    problems.expect(c.key == 0, "key", std::string("0 in ") + name, c.key);
  }
  static std::ptrdiff_t idle_parameters(Config const&, moenda::Setting const&) {
    ++counted;
    return 0;
  }
  static void fit(moenda::TrainingText const& text, Config const&, Params<Double> const& p) {
    fitted.push_back(p.weight.data);
    fitted_at.push_back(text.at);
  }
  static void after_step(moenda::StepEnd<Double> const& end, Config const&, Params<Double> const& p,
                         Params<Double> const& grads) {
    stepped.push_back(p.weight.data);
    gradients.push_back(grads.weight.data);
    stepped_at.push_back(end.at);
  }

  static constexpr int experts_per_item(Config const&, int) { return 7; }
  static constexpr moenda::router::WeightingRule weighting_rule(Config const&) {
    return {.scaling_factor = 3};
  }
  static constexpr bool is_on(Config const&) { return false; }
  template <class B>
  static constexpr Params<B> params(Config const&, int, int = 0) {
    return {moenda::weights::matrix(100 + Number, 1)};
  }
  template <class B>
  static moenda::Tensor<B> forward(moenda::Context<B>&, Config const&, Params<B> const&, Cache<B>&,
                                   moenda::Tensor<B> x) {
    return x;
  }
  template <class B>
  static moenda::Gates<B> forward(moenda::Context<B>&, Config const&, Params<B> const&, Cache<B>&,
                                  moenda::Tensor<B>, int, moenda::Weight<B> const* = nullptr) {
    return {};
  }
  template <class B>
  static moenda::Tensor<B> backward(moenda::Context<B>&, Config const&, Params<B> const&,
                                    Params<B> const&, Cache<B>&, moenda::Tensor<B> dy) {
    return dy;
  }
  template <class B>
  static moenda::Tensor<B> backward(moenda::Context<B>&, Config const&, Params<B> const&,
                                    Params<B> const&, Cache<B>&, moenda::GatesGrad<B> const&) {
    return {};
  }
  template <class B>
  static void rotate(moenda::Context<B>&, Config const&, moenda::Tensor<B>, int, int) {}
  template <class B>
  static void add(moenda::Context<B>&, Config const&, moenda::Gates<B> const&,
                  moenda::GatesGrad<B> const&, Params<B> const& = {}) {}
};

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

/// What spy `Number` was asked, beside what is there of it in `params`.
template <int Number, class P>
void spy_was_asked(P const& params, P const& grads) {
  using S = Spy<Number>;
  CAPTURE(S::name);
  std::vector<double const*> there, of_grads;
  auto const find = [](auto const& in, auto& found) {
    moenda::walk(in, [&](moenda::Path const&, auto const& weight) {
      if (weight.rows == 100 + Number) found.push_back(weight.data);
    });
  };
  find(params, there);
  find(grads, of_grads);
  CHECK(S::checked > 0);
  CHECK(S::counted > 0);
  CHECK(sorted(S::fitted) == sorted(there));  // each once
  CHECK(sorted(S::stepped) == sorted(there));
  CHECK(sorted(S::gradients) == sorted(of_grads));
}

/// Every verb that is asked of M reaches spies 0 .. num_spies - 1, and those with weights in M once
/// for each set of them. `sizes` are what params() takes beside the config.
template <class M, int num_spies>
void check_parts_of(typename M::Config const& config, auto... sizes) {
  auto const each_spy = [](auto&& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) { (f.template operator()<I>(), ...); }
    (std::make_integer_sequence<int, num_spies>{});
  };
  each_spy([]<int I>() { Spy<I>::forget(); });
  auto params = M::template params<Double>(config, sizes...), grads = params;
  std::vector<double> values(std::size_t(moenda::count(params))), gradients(values.size());
  moenda::bind(params, values.data());
  moenda::bind(grads, gradients.data());

  moenda::Problems problems;
  moenda::check_parts<M>(config, {.num_layers = 1}, problems);
  (void)moenda::idle_parameters<M>(config, {.d_model = 4, .num_layers = 1});
  moenda::fit<M>({}, config, params);
  Double backend(1);
  moenda::after_step<M>(moenda::StepEnd<Double>{backend}, config, params, grads);
  each_spy([&]<int I>() { spy_was_asked<I>(params, grads); });
}

}  // namespace laws
