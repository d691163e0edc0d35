// SPDX-License-Identifier: Apache-2.0
// A verb that a module may leave out must be callable where there is one. The module is a part of
// a part: the walk over parts refuses it wherever it is.
// says: check: it must be callable as check(config, at, problems)
// says: check_batch: it must be callable as check_batch(config, batch)
// says: check_targets: it must be callable as check_targets(config, targets)
// says: fit: it must be callable as fit(text, config, params)
// says: after_step: it must be callable as after_step(end, config, params, grads)
// says: idle_parameters: it must be callable as idle_parameters(config, at)
// says: weighting_rule: it must be callable as weighting_rule(config)
// says: inside: it must be callable as inside(config, at)
// says: experts_per_item: it must be callable as experts_per_item(config, num_experts)
// says: traits_for: it must be callable as traits_for(config)
// says: granularity_for: it must be callable as granularity_for(config)
// says: parts: it must be callable as parts(f, at, config)
// says: a module must not be final: only a class derived from it shows whether it has one of the
#include "moenda/core/context.hpp"
#include "moenda/input/check_batch.hpp"
#include "moenda/module/after_step.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/facts.hpp"
#include "moenda/module/fit.hpp"
#include "moenda/module/idle_parameters.hpp"
#include "moenda/output/check_targets.hpp"
#include "moenda/router/choice/scores.hpp"
using namespace moenda;

struct Plain {
  struct Config {};
  template <class B>
  struct Params {};
  static int experts_per_item(Config const&, int) { return 1; }
  static RouterTraits traits_for(Config const&) { return {}; }
  static Granularity granularity_for(Config const&) { return {}; }
};
template <class M>
struct Around {
  using Inner = M;
  using Config = Plain::Config;
  template <class B>
  using Params = Plain::Params<B>;
  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<M>(), c, of...);
  }
};
struct Verbs : Around<Plain> {
  using Target = int;
#ifdef MOENDA_MUST_FAIL
  // Templates, a private function, one of other arguments: each would be passed over.
  static void check(Config const&, Problems&) {}
  static void check_batch(Batch const&) {}
  static void check_targets(std::span<Target const>) {}
  template <class P>
  static void fit(TrainingText const&, P const&) {}
  template <class B, class P>
  static void after_step(StepEnd<B> const&, Config const&, P const&) {}
  static int idle_parameters(Config const&) { return 1; }
  static Setting inside(Setting at) { return at; }
  static int experts_per_item(Config const&) { return 2; }
  static RouterTraits traits_for() { return {}; }
  static Granularity granularity_for(int, int) { return {}; }

 private:
  static router::WeightingRule weighting_rule(Config const&) { return {}; }
#endif
};
struct Composite {
  using Config = Plain::Config;
#ifdef MOENDA_MUST_FAIL
  static void parts(auto&&, Config const&) {}
#endif
};

#ifdef MOENDA_MUST_FAIL
struct Sealed final : Plain {};
#else
struct Sealed : Plain {};
#endif

void ask(Around<Verbs>::Config const& config, Batch const& batch, StepEnd<Shapes> const& end) {
  using Model = Around<Verbs>;
  Model::Params<Shapes> const params;
  Problems problems;
  check<Model>(config, {}, problems);
  check_batch<Model>(config, batch);
  check_targets<Verbs>(config, {});
  fit<Model>({}, config, params);
  after_step<Model>(end, config, params, params);
  (void)idle_parameters<Model>(config, {});
  (void)router::weighting_rule<Model>(config);
  (void)experts_per_item<Model>(config, 2);
  (void)traits_of<Model>(config);
  (void)granularity_of<Model>(config);
  (void)idle_parameters<Composite>(config, {});
  (void)inside<Verbs>(config, {});
  (void)idle_parameters<Sealed>(config, {});
}
