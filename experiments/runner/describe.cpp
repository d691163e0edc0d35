// SPDX-License-Identifier: Apache-2.0
// What can be said without training: describe, list, schema.
#include <iostream>
#include <map>

#include "moenda/io/schema.hpp"
#include "moenda/io/table.hpp"
#include "run.hpp"
#include "sweep_results.hpp"

namespace moenda::runner {

namespace {

std::string grouped(std::int64_t number) {
  auto text = std::to_string(number);
  for (int i = int(text.size()) - 3; i > 0; i -= 3) text.insert(std::size_t(i), ",");
  return text;
}
/// "layers.*.ffn.experts.*.up": numbers become stars, so that equal tensors share a row.
std::string starred(std::string const& path) {
  std::string text, step;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i < path.size() && path[i] != '.') {
      step += path[i];
      continue;
    }
    bool const number = !step.empty() && step.find_first_not_of("0123456789") == step.npos;
    text += (text.empty() ? "" : ".") + (number ? "*" : step);
    step.clear();
  }
  return text;
}
void describe_parameters(AnyModel::Config const& config) {
  struct Row {
    std::int64_t tensors = 0, parameters = 0;
    std::string shape;
  };
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  auto const params = AnyModel::params<Shapes>(config);
  walk(params, [&](Path const& path, auto const& weight) {
    if (weight.size() == 0) return;
    auto const name = starred(path.str());
    auto [row, added] = rows.try_emplace(name);
    if (added) order.push_back(name);
    ++row->second.tensors;
    row->second.parameters += weight.size();
    row->second.shape =
        "[" + std::to_string(weight.rows) + ", " + std::to_string(weight.cols) + "]";
  });
  io::Table table({"tensor", "shape", "count", "parameters"});
  for (auto const& name : order) {
    auto const& row = rows[name];
    table.add_row({name, row.shape, std::to_string(row.tensors), grouped(row.parameters)});
  }
  std::cout << table.text();
}

/// Adds the row of a OneOf: what a key may name.
template <class... Ms>
void add_row(io::Table& table, char const* role, char const* key, OneOf<Ms...>) {
  table.add_row({role, key, join({Ms::name...})});
}
template <class Router, class Expert, class... Losses>
void add_loss_row(io::Table& table, Mixture<Router, Expert, Losses...>) {
  table.add_row({"loss", "model.block.ffn.loss.NAME.weight", join({Losses::name...})});
}

}  // namespace

int describe(Options const& options) {
  if (is_sweep(options.config)) {
    std::cout << plan_text(plan_sweep(options.config, options.overrides));
    return 0;
  }
  std::error_code error;
  bool const is_folder = std::filesystem::is_directory(options.config, error);
  auto config = read_run_config(
      is_folder ? options.config / "config.resolved.toml" : options.config, options.overrides);
  if (config.model.vocab_size == 0) config.model.vocab_size = expected_vocab_size(config.tokenizer);
  auto const& model = config.model;
  std::cout << io::write_toml(config) << '\n';
  describe_parameters(model);
  auto const total = AnyModel::parameter_count(model);
  auto const active = AnyModel::active_parameter_count(model);
  auto const rows = std::int64_t(config.train.batch_size) * model.context_length;
  std::cout << "\nparameters         " << grouped(total) << "\nactive parameters  "
            << grouped(active) << "\ntokens per step    "
            << grouped(rows * config.train.gradient_accumulation)
            << "\nmemory of weights, gradients and moments  " << grouped(total * 16) << " bytes\n";
  return 0;
}

int list() {
  io::Table table({"role", "key", "names"});
  add_row(table, "norm", "model.block.norm.type", AnyNorm{});
  add_row(table, "attention", "model.block.attention.type", AnyAttention{});
  add_row(table, "position", "model.block.attention.position.type", AnyPosition{});
  add_row(table, "head norm", "model.block.attention.head_norm.type", AnyHeadNorm{});
  add_row(table, "feed-forward", "model.block.ffn.type", AnyFeedForward{});
  add_row(table, "router", "model.block.ffn.router.type", AnyRouter{});
  add_row(table, "expert", "model.block.ffn.experts.each.type", AnyExpert{});
  add_loss_row(table, AnyFeedForward::Nth<0>{});
  std::cout << table.text();
  return 0;
}

int schema() {
  std::cout << io::schema_document<RunConfig>("Moenda run").dump(2) << std::endl;
  return 0;
}

}  // namespace moenda::runner
