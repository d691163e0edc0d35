// SPDX-License-Identifier: Apache-2.0
// Fine-tuning: a run that begins with the weights of a folder that transformers saved.
#include "runner/tasks/hugging_face/start_from_folder.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "moenda/import/hugging_face/converted.hpp"
#include "moenda/import/hugging_face/load.hpp"
#include "moenda/toml/write.hpp"
#include "runner/tasks/hugging_face/folder_model.hpp"
#include "runner/tasks/hugging_face/published.hpp"

namespace moenda::runner {

namespace {

namespace hf = hugging_face;

/// "[block.attention] num_heads = 2" of every line.
std::vector<std::string> keys_of(hf::Model::Config const& config) {
  std::istringstream toml(io::write_toml(config));
  std::vector<std::string> keys;
  std::string section, line;
  while (std::getline(toml, line)) {
    if (line.starts_with('[')) {
      section = line + " ";
    } else if (!line.empty()) {
      keys.push_back(section + line);
    }
  }
  return keys;
}

/// Of a softmax, the scores of the chosen experts and the scores made to sum to 1 are the same.
hf::Model::Config with_one_weighting(hf::Model::Config config) {
  if (auto* layers = std::get_if<hf::SparseOrDense::Config>(&config.block.ffn.choice)) {
    if (auto* experts = std::get_if<hf::Experts::Config>(&layers->sparse.choice)) {
      auto& weighting = experts->router.weighting;
      if (weighting == router::Weighting::select_then_score) {
        weighting = router::Weighting::score_then_renormalise;
      }
    }
  }
  return config;
}

/// Throws ConfigError unless both compute the same. Rotary positions have no table, so a run may
/// read shorter texts than the folder's model.
void require_same(hf::Model::Config ours, hf::Model::Config const& theirs,
                  std::filesystem::path const& folder) {
  if (std::holds_alternative<position::Rope::Config>(ours.block.attention.position.choice) &&
      ours.context_length < theirs.context_length) {
    ours.context_length = theirs.context_length;
  }
  auto const have = keys_of(with_one_weighting(ours)), must = keys_of(with_one_weighting(theirs));
  auto const [a, b] = std::mismatch(have.begin(), have.end(), must.begin(), must.end());
  if (a == have.end() && b == must.end()) return;
  auto const said = [](auto const& at, auto const& end) { return at == end ? "nothing" : *at; };
  throw ConfigError("start_from: " + folder.string() +
                    ": the run's model must be that of the folder: where `moenda describe` says " +
                    said(b, must.end()) + ", the run has " + said(a, have.end()));
}

/// What transformers would call the run's model.
hf::Model::Config published_model(AnyModel::Config const& model) {
  try {
    return published(model).model;
  } catch (ConfigError const& error) {
    throw ConfigError("start_from: the run's model must be one that can be exported; " +
                      std::string(error.what()));
  }
}

}  // namespace

void start_from_folder(AnyNetwork& network, std::filesystem::path const& folder) {
  auto const refuse = [&](std::string const& why) {
    throw DataError("start_from: " + folder.string() + ": " + why);
  };
  if (hf::is_converted(folder)) refuse("is converted; take the folder that transformers saved");
  auto const d = read_description(folder);
  require_same(published_model(network.config), d.model, folder);
  hf::Checkpoint const checkpoint(folder);
  hf::Plan const plan(checkpoint, d);
  std::map<std::string, hf::Source const*> sources;
  for (auto const& source : plan.sources()) {
    if (source.nf4) refuse("its weights are quantised, and only numbers can be trained");
    sources[source.placement.ours] = &source;
  }
  WeightsOnHost<AnyNetwork> on_host(network);
  std::vector<float> buffer;
  walk(network.params, [&](Path const& path, auto const& weight) {
    if (weight.size() == 0) return;
    auto const found = sources.find(path.str());
    if (found == sources.end()) refuse("has no weight '" + path.str() + "' of the run's model");
    auto const& placement = found->second->placement;
    if (placement.rows != weight.rows || placement.cols != weight.cols) {
      refuse("its weight '" + path.str() + "' has another shape than the run's");
    }
    hf::fill(*found->second, on_host(weight), buffer, network.backend.pool);
    sources.erase(found);
  });
  if (!sources.empty()) refuse("the run's model has no weight '" + sources.begin()->first + "'");
  on_host.give_back();
}

}  // namespace moenda::runner
