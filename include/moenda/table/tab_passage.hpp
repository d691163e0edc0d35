// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include "moenda/core/gates.hpp"
#include "moenda/core/routing_hook.hpp"
#include "moenda/ops/norm/softmax.hpp"
#include "moenda/ops/routing/dispatch.hpp"
#include "moenda/router/choice/reweigh.hpp"
#include "moenda/table/selector.hpp"

namespace moenda {

/// One pass of a TabMoe from windows to log probabilities, and back:
///   attention = softmax_i <reader, word_i>;   question = sum_i attention_i word_i
///   log_router = log_softmax(router(question));   table = what each operation's Selector chooses
template <class Model, class B>
struct TabPassage {
  using Config = typename Model::Config;
  using Params = typename Model::template Params<B>;
  using Router = typename Model::Router;
  using Selector = typename Model::Selector;
  static constexpr std::size_t num_experts = Model::num_experts;

  Tensor<B> reader;     // [questions, d_model]
  Tensor<B> attention;  // [questions, max_words]
  expert::tab::Reading<B> reading;
  typename Router::template Cache<B> routed;
  Gates<B> gates;
  RoutingSite site;
  Tensor<B> log_router;  // [questions, num_experts]
  std::span<typename Selector::template Cache<B>> selectors;
  Tensor<B> table;  // [questions, ScoreTable::width], without the router's columns

  /// hidden [questions * windows, d_model].
  void forward(Context<B>& ctx, Config const& c, Params const& p, Tensor<B> hidden) {
    read_question(ctx, c, p, hidden);
    gates = Router::forward(ctx, c.router, p.router, routed, reading.question, int(num_experts));
    require(gates.logits.rows == reading.question.rows && gates.logits.cols == int(num_experts),
            "TabMoe: the router must have a logit for every question and expert (rows)",
            gates.logits.rows, reading.question.rows);
    site = next_site(ctx);
    if (ctx.hook != nullptr) show_routing(ctx, c);
    log_router = ops::log_softmax(ctx, gates.logits);  // [questions, num_experts]
    expert::tab::ScoreTable const scores(c.layout);
    table = ops::zeros(ctx, log_router.rows, scores.width);
    selectors = ctx.template make<typename Selector::template Cache<B>>(int(num_experts));
    auto const windows = present(ctx, c.layout);
    for (std::size_t e = 0; e < num_experts; ++e) {
      Selector::forward(ctx, expert::tab::operations[e].parts, scores.of[e],
                        p.selectors[selector_of(c, e)], selectors[e], reading, windows, table);
    }
  }
  /// dtable, as table, and dlog_router [questions, num_experts] -> dhidden [questions * windows,
  /// d_model].
  Tensor<B> backward(Context<B>& ctx, Config const& c, Params const& p, Params const& grads,
                     Tensor<B> dtable, Tensor<B> dlog_router) {
    auto const hidden = reading.windows;
    int const questions = reading.question.rows;
    expert::tab::Reading<B> d{ops::zeros(ctx, questions, c.d_model),
                              ops::zeros(ctx, hidden.rows, hidden.cols)};
    expert::tab::ScoreTable const scores(c.layout);
    for (std::size_t e = num_experts; e-- > 0;) {
      auto const selector = selector_of(c, e);
      Selector::backward(ctx, expert::tab::operations[e].parts, scores.of[e], p.selectors[selector],
                         grads.selectors[selector], selectors[e], dtable, d);
    }
    GatesGrad<B> const dgates{ops::zeros(ctx, questions, int(num_experts)),
                              ops::zeros(ctx, questions, int(num_experts)),
                              ops::log_softmax_backward(ctx, dlog_router, log_router)};
    if (ctx.hook != nullptr) ctx.hook->teach(ctx, site, gates, dgates);
    ops::accumulate(ctx, d.question,
                    Router::backward(ctx, c.router, p.router, grads.router, routed, dgates));
    auto const dattention =
        ops::mix_windows_backward(ctx, d.question, attention, hidden, d.windows, words(c));
    auto const dscores = ops::softmax_backward(ctx, dattention, attention);
    ops::add_row_backward(
        ctx, ops::score_windows_backward(ctx, dscores, reader, hidden, d.windows, words(c)),
        grads.reader);
    return d.windows;
  }

 private:
  static constexpr std::size_t selector_of(Config const& c, std::size_t expert) {
    return c.shared_selector ? 0 : expert;
  }
  static constexpr ops::Range words(Config const& c) { return {0, c.layout.max_words}; }

  /// A hook may look and teach. There is nothing to decide: every operation is asked, and what the
  /// router selects weighs nothing, only its logits do. So a hook that does is refused.
  void show_routing(Context<B>& ctx, Config const& c) {
    auto decided = gates;
    ctx.hook->decide(ctx, site, decided, router::reweigh_by<Router, B>(c.router));
    if (decided.selected.data != gates.selected.data ||
        decided.weights.data != gates.weights.data) {
      throw ConfigError(
          "TabMoE: a hook cannot decide, because every operation is asked and only the router's "
          "logits weigh it");
    }
    observe(ctx, site, gates, ops::make_plan(ctx, gates, 1, -1));
  }
  /// The question in one vector: a mean of its words' windows, weighted by attention.
  void read_question(Context<B>& ctx, Config const& c, Params const& p, Tensor<B> hidden) {
    auto const nothing = ops::zeros(ctx, ctx.batch.batch_size, c.d_model);
    reader = ops::add_row(ctx, nothing, p.reader);  // [questions, d_model]
    auto const scores = ops::score_windows(ctx, reader, hidden, words(c));
    auto const there = window_mask(ctx, c.layout, words(c));  // [questions, max_words]
    attention = ops::softmax(ctx, scores, there);             // [questions, max_words]
    reading = {ops::mix_windows(ctx, attention, hidden, words(c)), hidden};
  }
  static Tensor<B> window_mask(Context<B>& ctx, data::TableLayout const& layout, ops::Range range) {
    return ops::present_windows(ctx, layout.windows(), data::TableLayout::window, range);
  }
  static typename Selector::template Windows<B> present(Context<B>& ctx,
                                                        data::TableLayout const& layout) {
    ops::Range const columns{layout.first_column(), layout.max_columns};
    ops::Range const conditions{layout.first_condition(), layout.max_conditions};
    ops::Range const pairs{layout.first_pair(), layout.max_pairs};
    return {columns,
            conditions,
            pairs,
            window_mask(ctx, layout, columns),
            window_mask(ctx, layout, conditions),
            window_mask(ctx, layout, pairs)};
  }
};

}  // namespace moenda
