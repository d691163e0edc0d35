// SPDX-License-Identifier: Apache-2.0
#include "runner/sweep/results.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "moenda/files/atomic_file.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/report/terminal/table.hpp"
#include "runner/run/results.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

std::string millions(double value) { return io::format_general(value * 1e-6, 4); }

/// How the layers routed in the last quarter of the logged steps: means over layers and steps.
Measures routing_measures(io::RunRecord const& run) {
  Measures measures;
  auto const rows = run.routing_layers().rows;
  auto const first = rows.size() - rows.size() / 4;
  auto const mean = [&](char const* name, auto&& of) {
    double sum = 0;
    for (auto i = first; i < rows.size(); ++i) sum += of(rows[i]);
    if (first < rows.size()) measures[name] = sum / double(rows.size() - first);
  };
  using Row = io::RoutingLayerRow;
  mean("max_violation", [](Row const& row) { return row.max_violation; });
  mean("evenness", [](Row const& row) { return row.evenness; });
  mean("dead_experts", [](Row const& row) { return row.dead_experts; });
  mean("experts_per_item", [](Row const& row) { return row.experts_per_item; });
  return measures;
}

/// How the validation text is routed in the end, and whether its hard tokens take more experts:
/// means over the layers. What balances in training only does not show there; unrouted are tokens
/// that no expert took.
Measures analysis_measures(io::RunRecord const& run) {
  Measures to;
  auto const analysis = run.analysis().value_or(io::RoutingAnalysis{});
  for (auto const& layer : analysis.layers) {
    std::span<std::int64_t const> const chosen(layer.tokens_per_expert);
    auto const share = 1 / double(analysis.layers.size());
    to["valid_evenness"] += share * probe::evenness(chosen);
    to["valid_max_violation"] += share * probe::max_violation(chosen);
    to["valid_unrouted_share"] +=
        share * (1 - double(layer.tokens) / double(std::max<std::int64_t>(1, analysis.tokens)));
    to["token_explains"] += share * layer.token_explains;
    to["class_explains"] += share * layer.class_explains;
    to["valid_dead_experts"] += share * double(std::count(chosen.begin(), chosen.end(), 0));
  }
  for (auto const& layer : analysis.difficulty) {
    auto const share = 1 / double(analysis.difficulty.size());
    to["experts_per_easy_token"] += share * layer.by_loss.front();
    to["experts_per_hard_token"] += share * layer.by_loss.back();
    to["experts_per_frequent_token"] += share * layer.by_rarity.front();
    to["experts_per_rare_token"] += share * layer.by_rarity.back();
  }
  if (analysis.experts_added) to["experts_added"] = double(*analysis.experts_added);
  if (analysis.experts_removed) to["experts_removed"] = double(*analysis.experts_removed);
  return to;
}

/// Every number that the run measured; nothing while it is not finished. Throws DataError where two
/// have one name.
Measures measures_of(io::RunRecord const& run) {
  auto const results = run.results();
  if (!results) return {};
  Measures measures = results->all_numbers(run.task());
  for (auto const& more : {routing_measures(run), analysis_measures(run)}) {
    for (auto const& [name, value] : more) {
      if (measures.emplace(name, value).second) continue;
      throw DataError(run.file(io::run_files::results).string() + ": '" + name +
                      "' is the name of a measure of the routing; results must name it otherwise");
    }
  }
  return measures;
}

/// How the joules of the runs were counted; several ways where they ran on different machines.
std::string energy_source(SweepPlan const& plan, fs::path const& folder) {
  std::set<std::string> sources;
  for (auto const& arm : plan.arms) {
    for (auto const& run : arm.runs) {
      auto const results = io::RunRecord(folder / run.id).results();
      if (results) sources.insert(results->energy_source);
    }
  }
  sources.erase("");
  std::string text;
  for (auto const& source : sources) text += (text.empty() ? "" : "; ") + source;
  return text;
}

statistics::Comparison compare(ArmResult const& arm, ArmResult const& baseline,
                               SweepConfig const& config) {
  std::vector<double> a, b;
  for (std::size_t s = 0; s < arm.runs.size(); ++s) {
    auto const mine = arm.runs[s].find(config.measure),
               other = baseline.runs[s].find(config.measure);
    if (mine == arm.runs[s].end() || other == baseline.runs[s].end()) continue;
    a.push_back(mine->second);
    b.push_back(other->second);
  }
  if (a.empty()) return {};
  return statistics::compare_paired(a, b, config.margin, config.confidence);
}

std::string interval_text(statistics::Interval interval) {
  if (!std::isfinite(interval.low)) return "-";
  return "[" + io::format_fixed(interval.low, 4) + ", " + io::format_fixed(interval.high, 4) + "]";
}
std::string mean_text(std::vector<double> const& values, int digits) {
  return values.empty() ? "-" : io::format_fixed(statistics::mean(values), digits);
}

ordered_json json_of(statistics::Comparison const& c) {
  auto const list = [](statistics::Interval interval) {
    return std::isfinite(interval.low) ? ordered_json{interval.low, interval.high} : ordered_json();
  };
  return {{"pairs", c.pairs},
          {"difference", c.difference},
          {"interval", list(c.interval)},
          {"bootstrap", list(c.bootstrap)},
          {"p_different", c.p_different},
          {"p_equivalent", c.p_equivalent},
          {"verdict", enum_names(c.verdict)[std::size_t(c.verdict)]}};
}

}  // namespace

std::vector<double> ArmResult::values(std::string const& measure) const {
  std::vector<double> values;
  for (auto const& run : runs) {
    if (auto const found = run.find(measure); found != run.end()) values.push_back(found->second);
  }
  return values;
}

fs::path failure_file(fs::path const& folder, std::string const& id) {
  return folder / "sweep" / (id + ".failed");
}

std::string plan_text(SweepPlan const& plan) {
  io::Table table({"arm", "runs", "parameters (M)", "active (M)", "MFLOP/token", "memory (MB)"});
  for (auto const& arm : plan.arms) {
    auto const cost = arm.facts().cost.value_or(ModelCost{});
    auto const shown = [&](std::string const& text) {
      return arm.facts().cost ? text : "from the data";
    };
    table.add_row({arm.title, std::to_string(arm.runs.size()),
                   shown(millions(double(cost.parameters))), shown(millions(double(cost.active))),
                   shown(millions(cost.flops)),
                   shown(io::format_fixed(double(cost.parameters) * 16e-6, 0))});
  }
  return table.text() + std::to_string(plan.runs()) + " runs of " + plan.name + "\n";
}

namespace {

/// What the sweep wrote of a run that failed; "" where it wrote nothing.
std::string failure_of(fs::path const& folder, std::string const& id) {
  auto const file = failure_file(folder, id);
  if (!io::is_there(file)) return "";
  auto const text = io::read_text_file(file);
  return io::shorten(text.substr(0, text.find('\n')), 1000);
}

}  // namespace

std::vector<ArmResult> read_sweep_results(SweepPlan const& plan, fs::path const& out) {
  io::require_own_folder(out / plan.name / "sweep");
  std::vector<ArmResult> results;
  for (auto const& arm : plan.arms) {
    ArmResult result;
    result.cost = arm.facts().cost;
    for (auto const& run : arm.runs) {
      io::RunRecord const record(out / run.name / run.id);
      bool const measured = is_measured(record, run.evaluation);
      result.runs.push_back(measured ? measures_of(record) : Measures{});
      std::string failure;
      if (measured) {
        if (auto const cost = cost_in_meta(record)) result.cost = cost;
      } else if (failure = failure_of(out / run.name, run.id);
                 failure.empty() && record.finished()) {
        failure = "it was measured in another way ([evaluate]); `moenda sweep` measures it again";
      }
      result.failures.push_back(failure);
    }
    results.push_back(std::move(result));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i != plan.baseline) {
      results[i].comparison = compare(results[i], results[plan.baseline], plan.config);
    }
  }
  return results;
}

std::string comparison_text(SweepPlan const& plan, std::vector<ArmResult> const& results) {
  auto const& config = plan.config;
  auto const percent = io::format_fixed(100 * config.confidence, 0) + " %";
  io::Table table({"arm", "seeds", config.measure, "+-", "difference", percent + " interval",
                   "verdict", "max violation", "dropped %", "s", "tokens/s"});
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& result = results[i];
    auto const values = result.values(config.measure);
    std::string reach = "-", difference = "-", interval = "-", verdict = "-";
    if (values.size() > 1) {
      auto const of_mean = statistics::mean_interval(values, config.confidence);
      reach = io::format_fixed((of_mean.high - of_mean.low) / 2, 4);
    }
    if (i == plan.baseline) {
      verdict = "baseline";
    } else if (result.comparison && result.comparison->pairs > 0) {
      auto const& c = *result.comparison;
      difference = io::format_fixed(c.difference, 4);
      interval = interval_text(c.interval);
      verdict = statistics::words_of(c);
    }
    auto const percent_dropped = [&] {
      auto shares = result.values("dropped_share");
      for (double& share : shares) share *= 100;
      return mean_text(shares, 1);
    };
    table.add_row({plan.arms[i].title, std::to_string(values.size()), mean_text(values, 4), reach,
                   difference, interval, verdict, mean_text(result.values("max_violation"), 2),
                   percent_dropped(), mean_text(result.values("seconds"), 1),
                   mean_text(result.values("tokens_per_second"), 0)});
  }
  return table.text() +
         "Differences are paired by seed, against the baseline. \"equivalent\": shown "
         "to lie within " +
         io::format_fixed(config.margin, 4) +
         " (two one-sided tests). With many arms, some differences of one in twenty appear by "
         "chance.\n";
}

namespace {

/// A quoted cell of a CSV file. What a spreadsheet would take for a formula gets an apostrophe.
std::string cell_of(std::string const& text) {
  std::string cell = "\"";
  if (text.find_first_of("=+-@") == 0) cell += '\'';
  for (char const c : text) cell += c == '"' ? "\"\"" : std::string(1, c);
  return cell + '"';
}

}  // namespace

void write_sweep_results(SweepPlan const& plan, std::vector<ArmResult> const& results,
                         fs::path const& folder) {
  std::set<std::string> names;
  for (auto const& result : results) {
    for (auto const& run : result.runs) {
      for (auto const& [name, value] : run) names.insert(name);
    }
  }
  std::ostringstream csv;
  csv.exceptions(std::ios::badbit);
  csv << "arm,seed,parameters,active_parameters,flops_per_token";
  for (auto const& name : names) csv << ',' << name;
  csv << '\n';
  ordered_json json;
  json["name"] = plan.name;
  json["measure"] = plan.config.measure;
  json["margin"] = plan.config.margin;
  json["confidence"] = plan.config.confidence;
  json["baseline"] = plan.arms[plan.baseline].title;
  json["energy_source"] = energy_source(plan, folder);
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& arm = plan.arms[i];
    ordered_json entry{{"title", arm.title}};
    std::string costs = ",,,";
    if (auto const& cost = results[i].cost) {
      entry["parameters"] = cost->parameters;
      entry["active_parameters"] = cost->active;
      entry["flops_per_token"] = cost->flops;
      costs = "," + std::to_string(cost->parameters) + "," + std::to_string(cost->active) + "," +
              io::format_shortest(cost->flops);
    }
    for (std::size_t s = 0; s < results[i].runs.size(); ++s) {
      auto const& run = results[i].runs[s];
      csv << cell_of(arm.title) << ',' << arm.runs[s].seed << costs;
      for (auto const& name : names) {
        csv << ',';
        if (auto const found = run.find(name); found != run.end())
          csv << io::format_shortest(found->second);
      }
      csv << '\n';
      entry["runs"].push_back(
          {{"seed", arm.runs[s].seed}, {"id", arm.runs[s].id}, {"measures", run}});
      auto const& failure = results[i].failures[s];
      if (!failure.empty()) entry["runs"].back()["failure"] = failure;
    }
    if (results[i].comparison) entry["comparison"] = json_of(*results[i].comparison);
    json["arms"].push_back(entry);
  }
  io::write_file_atomically(folder / io::run_files::sweep_table, csv.str());
  io::write_file_atomically(folder / io::run_files::sweep_results, json.dump(2) + "\n");
}

}  // namespace moenda::runner
