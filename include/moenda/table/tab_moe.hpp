// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "moenda/core/walk.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/check.hpp"
#include "moenda/module/concepts.hpp"
#include "moenda/ops/table/derivations.hpp"
#include "moenda/table/tab_passage.hpp"
#include "moenda/table/window_encoder.hpp"

namespace moenda {

/// A table answers: a router sends a question to one of six functional experts (lookup, count, sum,
/// average, extremum, comparison), the expert chooses columns and a condition on rows, and the
/// operation computes on the cells themselves. After Wu & Hou 2024, "TabMoE", section 4.3, where
/// experts are roles of one language model; here an expert is an operation, so its answer is exact.
///   p(answer | q) = sum_z p(z | q) p(answer | q, z)
///   p(answer | q, z) = sum over the derivations of the answer by z of prod_part p(part | q, z)
/// It is trained by expectation maximisation over z. With full supervision a question has a single
/// derivation, and the same loss is plain cross entropy.
template <RouterLike RouterModule>
struct TabMoe {
  static constexpr char const* name = "tab_moe";
  using Router = RouterModule;
  using Target = data::TableTarget;
  using Selector = expert::tab::Selector;
  using ScoreTable = expert::tab::ScoreTable;
  static constexpr int num_experts = expert::tab::num_operations;

  /// The E-step: who is responsible for an answer.
  struct Learning {
    double temperature = 0;  ///< 0: the best expert alone (hard EM); 1: the posterior (soft EM)
    std::int64_t soft_passes = 0;  ///< the temperature falls from 1 over so many passes
    /// So many first passes ignore the router in the E-step, so that an expert that is good at
    /// first does not get everything (Shen et al. 2019, "hMup": a uniform prior).
    std::int64_t uniform_passes = 0;
    MOENDA_FIELDS(Learning, temperature, soft_passes, uniform_passes);
  };
  struct Config {
    int vocab_size = 0, context_length = 0, d_word = 0, d_model = 0, num_layers = 0;
    bool shared_selector = false;  ///< all operations choose with the same weights: a dense model
    data::TableLayout layout{};
    typename Router::Config router{};
    Learning learning{};
    MOENDA_FIELDS(Config, vocab_size, context_length, d_word, d_model, num_layers, shared_selector,
                  layout, router, learning);
  };
  template <class B>
  struct Params {
    WindowEncoder::Params<B> encoder;
    Weight<B> reader;  // [1, d_model] how much each word of the question counts
    typename Router::template Params<B> router;
    std::vector<Selector::Params<B>> selectors;  // one for each operation, or one for all
    MOENDA_FIELDS(Params, encoder, reader, router, selectors);
  };
  template <class B>
  using Cache = WindowEncoder::Cache<B>;

  /// What has a config of its own; the windows' encoder and the selectors have none.
  static constexpr void parts(auto&& f, Setting const&, Config const& c, auto&... of) {
    f(part<Router>("router"), c.router, of.router...);
  }
  static constexpr Setting inside(Config const& c, Setting const&) {
    return {.d_model = c.d_model, .context_length = c.context_length, .num_experts = num_experts};
  }
  static Problems check(Config const& c) {
    Problems problems;
    auto const expect_size = [&](char const* key, int value, int least, int most) {
      problems.expect(value >= least && value <= most, key,
                      "in " + std::to_string(least) + ".." + std::to_string(most), value);
    };
    expect_size("vocab_size", c.vocab_size, 1, 1 << 28);
    expect_size("d_word", c.d_word, 1, 1 << 16);
    expect_size("d_model", c.d_model, 1, 1 << 16);
    expect_size("num_layers", c.num_layers, 0, 1 << 10);
    problems.in("layout", [&] {
      expect_size("max_words", c.layout.max_words, 1, 1 << 12);
      expect_size("max_columns", c.layout.max_columns, 1, 1 << 12);
      expect_size("max_conditions", c.layout.max_conditions, 1, 1 << 12);
      expect_size("max_pairs", c.layout.max_pairs, 0, 1 << 12);
    });
    if (!problems.empty()) return problems;
    problems.expect(c.context_length == c.layout.tokens(), "context_length",
                    std::to_string(c.layout.tokens()) + ", the tokens of the layout",
                    c.context_length);
    problems.in("learning", [&] {
      problems.expect(c.learning.temperature >= 0 && c.learning.temperature <= 1, "temperature",
                      "in 0..1", c.learning.temperature);
      problems.expect(c.learning.soft_passes >= 0, "soft_passes", "at least 0",
                      c.learning.soft_passes);
      problems.expect(c.learning.uniform_passes >= 0, "uniform_passes", "at least 0",
                      c.learning.uniform_passes);
    });
    check_parts<TabMoe>(c, {}, problems);
    return problems;
  }
  template <class B>
  static constexpr Params<B> params(Config const& c) {
    Params<B> p{WindowEncoder::params<B>(encoder(c)),
                weights::router(1, c.d_model),
                Router::template params<B>(c.router, c.d_model, num_experts),
                {}};
    constexpr expert::tab::Parts all{.column = true, .shown = true, .direction = true};
    if (c.shared_selector) {
      p.selectors.push_back(Selector::params<B>(all, c.d_model));
    } else {
      for (auto const& operation : expert::tab::operations) {
        p.selectors.push_back(Selector::params<B>(operation.parts, c.d_model));
      }
    }
    return p;
  }
  static constexpr std::ptrdiff_t parameter_count(Config const& c) {
    return moenda::parameter_count(params<Shapes>(c));
  }
  /// All: every operation's choice is scored, only the computing is one expert's.
  static constexpr std::ptrdiff_t active_parameter_count(Config const& c) {
    return parameter_count(c);
  }

  /// tokens [questions * context_length] (in ctx.batch) -> hidden [questions * windows, d_model].
  template <class B>
  static Tensor<B> forward(Context<B>& ctx, Config const& c, Params<B> const& p, Cache<B>& cache) {
    return WindowEncoder::forward(ctx, encoder(c), p.encoder, cache);
  }
  template <class B>
  static void backward(Context<B>& ctx, Config const& c, Params<B> const& p, Params<B> const& grads,
                       Cache<B>& cache, Tensor<B> dhidden) {
    WindowEncoder::backward(ctx, encoder(c), p.encoder, grads.encoder, cache, dhidden);
  }
  /// Throws ConfigError for sizes that the model cannot take, DataError for ids outside the
  /// vocabulary.
  static void check_batch(Config const& c, Batch const& batch) {
    require(batch.batch_size >= 1, "TabMoe: a batch must hold a question", batch.batch_size, 1);
    require(batch.seq_len == c.context_length, "TabMoe: seq_len must be context_length",
            batch.seq_len, c.context_length);
    require(batch.tokens != nullptr, "TabMoe: a batch must hold tokens (it holds vs needed)", 0,
            batch.rows());
    ops::check_ids(batch.tokens, batch.rows(), c.vocab_size);
  }
  static std::int64_t target_count(Batch const& batch) { return batch.batch_size; }

  /// hidden [questions * windows, d_model] -> the sum of the questions' losses, dhidden. A question
  /// without a derivation counts 0.
  template <class B>
  static std::pair<double*, Tensor<B>> loss_with_gradient(Context<B>& ctx, Config const& c,
                                                          Params<B> const& p,
                                                          Params<B> const& grads, Tensor<B> hidden,
                                                          Target const* targets, double scale) {
    Passage<B> passage;
    passage.forward(ctx, c, p, hidden);
    auto const derivations = flat(ctx, c, targets);
    auto const likelihood = ops::derivation_likelihood(ctx, passage.table, derivations);
    auto const prior = clean_prior(ctx, c, p, passage);  // [questions, num_experts]
    auto const step = ops::expectation_step(ctx, prior, passage.log_router, likelihood.logs,
                                            expectation(c.learning, ctx.step));
    auto const dlikelihood = ops::scale(ctx, step.shares, -scale);  // [questions, num_experts]
    auto const dtable =
        ops::derivation_likelihood_backward(ctx, dlikelihood, likelihood, derivations);
    return {step.loss, passage.backward(ctx, c, p, grads, dtable, dlikelihood)};
  }
  /// The sum alone, of -log p(answer | question); `losses`: null, or [questions].
  template <class B>
  static double* loss(Context<B>& ctx, Config const& c, Params<B> const& p, Tensor<B> hidden,
                      Target const* targets, typename B::Scalar* losses) {
    Passage<B> passage;
    passage.forward(ctx, c, p, hidden);
    auto const likelihood = ops::derivation_likelihood(ctx, passage.table, flat(ctx, c, targets));
    return ops::expectation_step(ctx, passage.log_router, passage.log_router, likelihood.logs, {},
                                 losses)
        .loss;
  }
  /// hidden [questions * windows, d_model] -> log probabilities [questions, ScoreTable::width].
  template <class B>
  static Tensor<B> outputs(Context<B>& ctx, Config const& c, Params<B> const& p, Tensor<B> hidden) {
    Passage<B> passage;
    passage.forward(ctx, c, p, hidden);
    Selector::write(ctx, passage.table, 0, passage.log_router);
    return passage.table;
  }

 private:
  template <class B>
  using Passage = TabPassage<TabMoe, B>;

  static constexpr WindowEncoder::Config encoder(Config const& c) {
    return {c.vocab_size, data::TableLayout::window, c.d_word, c.d_model, c.num_layers};
  }
  static ops::Expectation expectation(Learning const& learning, std::uint64_t pass) {
    double const gone = learning.soft_passes == 0 ? 1 : double(pass) / double(learning.soft_passes);
    double const softness = std::max(0.0, 1 - gone);
    return {std::int64_t(pass) < learning.uniform_passes ? 0.0 : 1.0,
            learning.temperature + (1 - learning.temperature) * softness};
  }

  /// What the router thinks without the noise that it may add in training: the E-step's prior.
  template <class B>
  static Tensor<B> clean_prior(Context<B>& ctx, Config const& c, Params<B> const& p,
                               Passage<B> const& passage) {
    auto quiet = ctx;
    quiet.training = false;
    typename Router::template Cache<B> unused;
    auto const gates =
        Router::forward(quiet, c.router, p.router, unused, passage.reading.question, num_experts);
    return ops::log_softmax(ctx, gates.logits);  // [questions, num_experts]
  }

  /// The derivations of all questions, one after the other, on the backend.
  template <class B>
  static DerivationTable flat(Context<B>& ctx, Config const& c, Target const* targets) {
    constexpr std::size_t parts = DerivationTable::parts;
    ScoreTable const scores(c.layout);
    auto const questions = std::size_t(ctx.batch.batch_size);
    auto const begin = ctx.template make<int>(int(questions) + 1);  // [questions + 1]
    for (std::size_t q = 0; q < questions; ++q) {
      begin[q + 1] = begin[q] + int(targets[q].question->derivations.size());
    }
    auto const expert = ctx.template make<int>(begin[questions]);                // [derivations]
    auto const columns = ctx.template make<int>(begin[questions] * int(parts));  // [.., parts]
    std::size_t next = 0;
    for (std::size_t q = 0; q < questions; ++q) {
      for (auto const& derivation : targets[q].question->derivations) {
        expert[next] = derivation.operation;
        auto const places = scores.columns_of(derivation);
        std::copy(places.begin(), places.end(), columns.begin() + std::ptrdiff_t(parts * next++));
      }
    }
    auto const on_backend = [&](std::span<int const> numbers) {
      return ctx.on_backend(numbers).data();
    };
    return {int(questions),     num_experts,         scores.width,    on_backend(begin),
            on_backend(expert), on_backend(columns), begin[questions]};
  }
};

}  // namespace moenda
