// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every rule of composition, once: static_assert reads the sentence at compile time, check() at run
// time, where the message also names the key.
#include <algorithm>
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
#define MOENDA_RULE_EXPERT_BIAS                                                               \
  "Group: the experts of a mixture must have no biases; a dense feed-forward, or one beside " \
  "a mixture, may"
#define MOENDA_RULE_NOISE                                                                        \
  "Mixture: the smooth load is a chance over the router's noise, so the router must draw some: " \
  "router::NoisyTopK; in a file set the weight of the loss to 0 for others"

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
  /// In training its gates have clean and noisy logits, and the sigma of the noise.
  bool draws_noise = false;
  /// The user knows that the router looks at later tokens, and wants it in a causal model all the
  /// same. It permits, and changes no fact.
  bool future_leak_allowed = false;

  /// Whether a causal model must refuse the router.
  [[nodiscard]] constexpr bool breaks_causality() const {
    return !causal_at_evaluation && !future_leak_allowed;
  }
};

/// What is known of the model around a module. A module that knows more about what surrounds its
/// parts says so: inside(config, at).
struct Setting {
  bool causal = false;
  int d_model = 0, context_length = 0;
  int num_layers = 0;     ///< of the stack of layers that the module is in; 0: not known
  int vocab_size = 0;     ///< of the tokens that the model reads; 0: not known
  int num_experts = 0;    ///< inside a mixture
  int head_dim = 0;       ///< inside an attention
  int layer = 0;          ///< of the stack, from 0
  int layers_before = 0;  ///< layers of the model before the stack

  /// The layer's number in the model, as Context::layer has it.
  [[nodiscard]] constexpr int layer_number() const { return layers_before + layer; }
};

struct Problem {
  std::string where;  ///< dotted key
  std::string what;
};

/// Collects what is wrong with a configuration, with the key where it is wrong. The same is said
/// once, however many modules share the configuration.
class Problems {
 public:
  void add(std::string what) { add_at(path_, std::move(what)); }
  void add(std::string const& key, std::string what) {
    add_at(path_.empty() ? key : path_ + "." + key, std::move(what));
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
  void add_at(std::string const& where, std::string what) {
    bool const known = std::any_of(found_.begin(), found_.end(), [&](Problem const& problem) {
      return problem.where == where && problem.what == what;
    });
    if (!known) found_.push_back({where, std::move(what)});
  }

  std::string path_;
  std::vector<Problem> found_;
};

}  // namespace moenda
