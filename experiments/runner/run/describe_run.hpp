// SPDX-License-Identifier: Apache-2.0
#pragma once
// What can be said of a configuration without training.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "moenda/core/suggest.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/report/terminal/table.hpp"
#include "moenda/toml/write.hpp"
#include "moenda/weights/stored.hpp"

namespace moenda::runner {

inline std::string grouped(std::int64_t number) {
  auto text = std::to_string(number);
  for (int i = int(text.size()) - 3; i > 0; i -= 3) text.insert(std::size_t(i), ",");
  return text;
}
/// "layers.*.ffn.experts.*.up": numbers become stars, so that equal tensors share a row.
inline std::string starred(std::string const& path) {
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
template <class Model>
void describe_parameters(typename Model::Config const& config) {
  struct Row {
    std::int64_t tensors = 0, parameters = 0;
    std::string shape;
  };
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  auto const params = Model::template params<Shapes>(config);
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
void add_loss_row(io::Table& table, char const* key, Mixture<Router, Expert, Losses...>) {
  table.add_row({"loss", key, join({Losses::name...})});
}

template <class E>
void add_enum_row(io::Table& table, char const* role, char const* key, E value) {
  auto const names = enum_names(value);
  table.add_row({role, key, join({names.begin(), names.end()})});
}

/// The configuration whole, every tensor, and the totals.
template <class Model, class C>
void describe_run(C const& config) {
  auto const& model = config.model;
  std::cout << io::write_toml(config) << '\n';
  describe_parameters<Model>(model);
  auto const total = Model::parameter_count(model);
  auto const rows = std::int64_t(config.train.batch_size) * model.context_length;
  std::cout << "\nparameters         " << grouped(total) << "\nactive parameters  "
            << grouped(Model::active_parameter_count(model)) << "\ntokens per step    "
            << grouped(rows * config.train.gradient_accumulation)
            << "\nmemory of weights, gradients and moments  " << grouped(total * 16)
            << " bytes\nmemory of weights as evaluated            "
            << grouped(std::int64_t(stored_size<float>(Model::template params<Shapes>(model),
                                                       config.evaluate.weights)))
            << " bytes\n";
}

}  // namespace moenda::runner
