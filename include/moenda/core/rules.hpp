// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every rule of composition, once: static_assert reads the sentence at compile time, check() at run
// time, where the message also names the key.
#include <concepts>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

// Sentences are macros because static_assert takes a literal only. They stay defined: a test of
// your own router can ask for the very sentence (tests/model/future_leak_test.cpp).
#define MOENDA_RULE_CAUSAL                                                                     \
  "LanguageModel: the router chooses by looking at later tokens, so a causal model would see " \
  "the future; wrap it in router::AllowFutureLeak<...> to accept that"
#define MOENDA_RULE_CAUSAL_ATTENTION                                                             \
  "LanguageModel: attention must be causal, or every token would see the one it is to predict; " \
  "a SequenceModel may read a whole sequence"
#define MOENDA_RULE_GRANULARITY                                                             \
  "Mixture: the expert needs whole sequences (or table rows) in order, so the router must " \
  "route that unit; wrap it in router::PerSequence<...>"
#define MOENDA_RULE_BALANCE                                                                      \
  "Mixture: a load-balancing loss needs a router with parameters to train that is not balanced " \
  "by construction; remove loss::LoadBalancing, or in a file set its weight to 0"

namespace moenda {

/// The unit that is routed, or that an expert needs whole and in order.
enum class Granularity { token, sequence, table_row };

/// What a router declares about itself, honestly.
struct RouterTraits {
  Granularity granularity = Granularity::token;
  bool causal_at_evaluation = true;        ///< a token's route depends on no later token
  bool couples_batch_in_training = false;  ///< a token's route depends on other tokens of the batch
  bool balanced_by_construction = false;   ///< every expert gets the same number of items
  bool has_parameters = true;
};

/// What is known of the model around a module when it is checked.
struct Setting {
  bool causal = false;
  int d_model = 0, context_length = 0;
  int num_layers = 0;   ///< of the model; 0: not known
  int num_experts = 0;  ///< inside a mixture
  int head_dim = 0;     ///< inside an attention
};

struct Problem {
  std::string where;  ///< dotted key
  std::string what;
};

/// Collects what is wrong with a configuration, with the key where it is wrong.
class Problems {
 public:
  void add(std::string what) { found_.push_back({path_, std::move(what)}); }
  void add(std::string const& key, std::string what) {
    found_.push_back({path_.empty() ? key : path_ + "." + key, std::move(what)});
  }
  /// "`key` must be `rule`, got `value`" unless `holds`.
  template <class T>
  void expect(bool holds, std::string const& key, std::string const& rule, T value) {
    if (holds) return;
    std::ostringstream shown;
    shown.precision(17);
    shown << value;
    add(key, key + " must be " + rule + ", got " + shown.str());
  }
  /// Runs `f` one key deeper.
  template <class F>
  void in(std::string const& key, F&& f) {
    std::string const outer = path_;
    path_ = outer.empty() ? key : outer + "." + key;
    f();
    path_ = outer;
  }
  [[nodiscard]] std::vector<Problem> const& found() const { return found_; }
  [[nodiscard]] bool empty() const { return found_.empty(); }
  [[nodiscard]] std::string str() const {
    std::string text;
    for (auto const& [where, what] : found_) {
      text += (text.empty() ? "" : "\n") + (where.empty() ? what : where + ": " + what);
    }
    return text;
  }

 private:
  std::string path_;
  std::vector<Problem> found_;
};

/// The traits of a router: known at compile time unless a OneOf is involved.
template <class R>
inline constexpr bool has_static_traits = requires {
  R::traits;
};
template <class R, class C>
[[nodiscard]] constexpr RouterTraits traits_of(C const& config) {
  if constexpr (has_static_traits<R>) {
    return R::traits;
  } else {
    return R::traits_for(config);
  }
}
/// The unit an expert needs.
template <class E, class C>
[[nodiscard]] constexpr Granularity granularity_of(C const& config) {
  if constexpr (requires { E::granularity; }) {
    return E::granularity;
  } else {
    return E::granularity_for(config);
  }
}
/// True when a module is known at compile time to look at later tokens.
template <class M>
inline constexpr bool looks_ahead = false;
template <class M>
requires requires {
  { M::looks_ahead } -> std::convertible_to<bool>;
}
inline constexpr bool looks_ahead<M> = M::looks_ahead;

/// Adds what is wrong with a module's config; modules without check() have nothing to say.
template <class M, class C>
void check(C const& config, Setting const& setting, Problems& problems) {
  if constexpr (requires { M::check(config, setting, problems); }) {
    M::check(config, setting, problems);
  }
}
/// Weights that one item does not use, such as those of experts it was not sent to.
template <class M, class C>
[[nodiscard]] constexpr std::ptrdiff_t idle_parameters(C const& config, int width) {
  if constexpr (requires { M::idle_parameters(config, width); }) {
    return M::idle_parameters(config, width);
  } else {
    return 0;
  }
}

}  // namespace moenda
