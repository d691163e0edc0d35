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
#include "moenda/weights/layout.hpp"

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
/// Stands for a number that the data decide.
inline constexpr char const* from_data = "from the data";

/// The tensors of a model; equal ones share a row.
struct TensorRows {
  struct Row {
    std::int64_t tensors = 0, parameters = 0;
    std::string shape;
  };
  std::vector<std::string> order;
  std::map<std::string, Row> rows;

  template <class Model>
  static TensorRows of(typename Model::Config const& config) {
    TensorRows all;
    auto const params = Model::template params<Shapes>(config);
    walk(params, [&](Path const& path, auto const& weight) {
      if (weight.size() == 0) return;
      auto const name = starred(path.str());
      auto [row, added] = all.rows.try_emplace(name);
      if (added) all.order.push_back(name);
      ++row->second.tensors;
      row->second.parameters += weight.size();
      row->second.shape =
          "[" + std::to_string(weight.rows) + ", " + std::to_string(weight.cols) + "]";
    });
    return all;
  }
};
/// `other` is the model with other sizes where the data decide them.
template <class Model>
void describe_parameters(typename Model::Config const& config,
                         typename Model::Config const& other) {
  auto const all = TensorRows::of<Model>(config);
  auto const others = TensorRows::of<Model>(other);
  io::Table table({"tensor", "shape", "count", "parameters"});
  for (auto const& name : all.order) {
    auto const& row = all.rows.at(name);
    bool const known = others.rows.at(name).parameters == row.parameters;
    table.add_row({name, known ? row.shape : from_data, std::to_string(row.tensors),
                   known ? grouped(row.parameters) : from_data});
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

/// The configuration whole, every tensor, and the totals. `model` and `other` are its model with
/// two choices of the sizes that the file leaves to the data; equal where it leaves none.
template <class Model, class C>
void describe_run(C const& config, typename Model::Config const& model,
                  typename Model::Config const& other) {
  std::cout << io::write_toml(config) << '\n';
  describe_parameters<Model>(model, other);
  auto const total = Model::parameter_count(model);
  bool const known = total == Model::parameter_count(other);
  auto const shown = [&](std::int64_t number, char const* unit = "") {
    return known ? grouped(number) + unit : from_data;
  };
  auto const params = Model::template params<Shapes>(model);
  config.evaluate.formats().require_used(params, "evaluate.weights_of");
  auto const bytes_as_evaluated =
      std::int64_t(room_of_all(params, config.evaluate.formats()).template size<float>());
  auto const rows = std::int64_t(config.train.batch_size) * model.context_length;
  std::cout << "\nparameters         " << shown(total) << "\nactive parameters  "
            << shown(Model::active_parameter_count(model)) << "\ntokens per step    "
            << grouped(rows * config.train.gradient_accumulation)
            << "\nmemory of weights, gradients and moments  " << shown(total * 16, " bytes")
            << "\nmemory of weights as evaluated            " << shown(bytes_as_evaluated, " bytes")
            << '\n';
}

}  // namespace moenda::runner
