// SPDX-License-Identifier: Apache-2.0
#include "runner/sweep/plan.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "moenda/core/random.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/files/text.hpp"
#include "moenda/toml/file.hpp"
#include "moenda/toml/read.hpp"
#include "runner/sweep/axes.hpp"
#include "runner/sweep/matching_points.hpp"
#include "runner/sweep/one_run.hpp"

namespace moenda::runner {

namespace {

/// What a [sweep] table says, with the axes that its lists span.
class Expansion {
 public:
  Expansion(std::filesystem::path path, std::vector<std::string> const& overrides)
      : path_(std::move(path)), file_(io::load_toml(path_)) {
    for (auto const& assignment : overrides) {
      if (assignment.starts_with("sweep.")) {
        io::override_toml(file_, assignment);
      } else {
        overrides_.push_back(assignment);
      }
    }
    auto* sweep = file_["sweep"].as_table();
    if (sweep == nullptr) {
      throw ConfigError(
          path_.string() +
          ": there must be a [sweep] table; `moenda train` runs a single configuration");
    }
    sweep_ = std::move(*sweep);
    file_.erase("sweep");
    read_sweep();
  }

  SweepPlan plan() {
    SweepPlan plan;
    plan.config = config_;
    auto points = chosen_points();
    if (points.empty())
      throw ConfigError(path_.string() +
                        ": the sweep must have at least one point; `exclude` removes all");
    refuse_control_characters(points);
    refuse_equal_titles(points);
    refuse_overridden_keys(points);
    for (auto const& point : points) plan.arms.push_back(arm(point, {}));
    plan.name = plan.arms.front().runs.front().name;
    plan.baseline = baseline_of(plan);
    if (config_.match.quantity != MatchedQuantity::none) match(plan, points);
    refuse_arms_of_one_run(plan, path_);
    return plan;
  }

 private:
  static constexpr std::uint64_t most_points = 100'000, most_drawn_from = std::uint64_t{1} << 53;

  void read_sweep() {
    toml::table plain;
    for (auto&& [key, value] : sweep_) {
      auto const word = key.str();
      if (word == "parameters" || word == "zip" || word == "arms" || word == "exclude") continue;
      value.visit([&](auto const& node) { plain.insert_or_assign(word, node); });
    }
    io::read_toml(plain, config_, "sweep");
    Problems problems;
    problems.expect(config_.samples >= 1, "samples", "at least 1", config_.samples);
    problems.expect(config_.repeat_seeds >= 1 && config_.repeat_seeds <= 1000, "repeat_seeds",
                    "in 1..1000", config_.repeat_seeds);
    problems.expect(config_.margin >= 0, "margin", "at least 0", config_.margin);
    problems.expect(config_.confidence > 0 && config_.confidence < 1, "confidence",
                    "between 0 and 1", config_.confidence);
    problems.expect(config_.match.multiple >= 1, "match.multiple", "at least 1",
                    config_.match.multiple);
    io::refuse_problems(sweep_, "", problems);
    if (auto const* arms = sweep_["arms"].as_array()) axes_.push_back(axis_of_arms(*arms));
    bool const has_lists = sweep_.contains("parameters") || sweep_.contains("zip");
    if (config_.method == SweepMethod::list && (axes_.empty() || has_lists)) {
      throw ConfigError(io::place_of(sweep_) +
                        ": method = \"list\" takes [[sweep.arms]] and nothing else; \"grid\" "
                        "combines them with parameters");
    }
    if (auto const* zips = sweep_["zip"].as_array()) {
      for (auto const& zip : *zips) {
        if (zip.is_table()) axes_.push_back(axis_of_zip(*zip.as_table()));
      }
    }
    if (auto const* parameters = sweep_["parameters"].as_table()) {
      for_each_list(*parameters, "", [&](std::string const& key, toml::array const& values) {
        axes_.push_back(axis_of_parameter(key, values));
      });
    }
    if (axes_.empty()) {
      throw ConfigError(io::place_of(sweep_) +
                        ": a sweep needs [sweep.parameters], [[sweep.zip]] or [[sweep.arms]]");
    }
  }

  /// A rule that leaves out nothing is a mistake in its keys or values.
  void leave_out_excluded(std::vector<Point>& points) const {
    auto const* rules = sweep_["exclude"].as_array();
    if (rules == nullptr) return;
    std::vector<bool> excluded(points.size(), false);
    auto const places = places_of_leaves(points);
    for (auto const& rule : *rules) {
      if (!rule.is_table())
        throw ConfigError(io::place_of(rule) + ": exclude must list tables of keys and values");
      Leaves const wanted = leaves_of("", rule);
      auto const found = points_with(places, wanted, points.size());
      for (auto const i : found) excluded[i] = true;
      if (found.empty()) {
        std::vector<std::string> words;
        constexpr std::size_t most = 5;
        for (auto const& [key, value] : wanted) {
          if (words.size() < most) words.push_back(io::shorten(key + " = " + value, 80));
        }
        if (wanted.size() > most) {
          words.push_back("and " + std::to_string(wanted.size() - most) + " more keys");
        }
        throw ConfigError(io::place_of(rule) + ": exclude must match a point of the sweep, got " +
                          join(words));
      }
    }
    std::vector<Point> kept;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!excluded[i]) kept.push_back(std::move(points[i]));
    }
    points = std::move(kept);
  }
  /// How many points the axes span. Throws ConfigError above `most`, before any is made.
  [[nodiscard]] std::uint64_t count_points(std::uint64_t most) const {
    std::uint64_t count = 1;
    for (auto const& axis : axes_) {
      if (!axis.empty() && count > most / axis.size()) {
        throw ConfigError(path_.string() + ": a sweep must not have more than " +
                          std::to_string(most) + " points" +
                          (config_.method == SweepMethod::random
                               ? ", or, where all of them are looked at for `exclude`, " +
                                     std::to_string(most_points)
                               : ""));
      }
      count *= axis.size();
    }
    return count;
  }
  /// The point of that number: options of the last axis change first.
  [[nodiscard]] Point point_at(std::uint64_t number) const {
    Point point(axes_.size());
    for (std::size_t i = axes_.size(); i-- > 0; number /= axes_[i].size()) {
      point[i] = &axes_[i][number % axes_[i].size()];
    }
    return point;
  }
  [[nodiscard]] std::vector<Point> chosen_points() const {
    bool const is_random = config_.method == SweepMethod::random;
    bool const looks_at_all = !is_random || sweep_.contains("exclude");
    auto const count = count_points(looks_at_all ? most_points : most_drawn_from);
    std::vector<Point> points;
    if (looks_at_all) {
      for (std::uint64_t i = 0; i < count; ++i) points.push_back(point_at(i));
      leave_out_excluded(points);
    }
    if (!is_random) return points;
    // Fisher & Yates, from the front: the first `samples` places are a sample without repetition.
    // `moved` has the numbers that are not in their own place.
    Random const random(config_.seed, stream_of("sweep"));
    auto const all = looks_at_all ? points.size() : count;
    auto const wanted = std::min<std::uint64_t>(all, std::uint64_t(config_.samples));
    if (wanted > most_points) {
      throw ConfigError(path_.string() + ": sweep.samples must be at most " +
                        std::to_string(most_points) + ", got " + std::to_string(config_.samples));
    }
    std::map<std::uint64_t, std::uint64_t> moved;
    std::vector<Point> drawn;
    for (std::uint64_t i = 0; i < wanted; ++i) {
      auto const place = i + random.bits(i) % (all - i);
      auto const number = moved.try_emplace(place, place).first->second;
      moved[place] = moved.try_emplace(i, i).first->second;
      drawn.push_back(looks_at_all ? points[number] : point_at(number));
    }
    return drawn;
  }
  static std::string title_of(Point const& point) {
    std::string title;
    for (auto const* option : point) title += (title.empty() ? "" : ", ") + option->label;
    return title;
  }
  /// They would change what a terminal or a table shows.
  void refuse_control_characters(std::vector<Point> const& points) const {
    for (auto const& point : points) {
      auto const title = title_of(point);
      for (std::size_t i = 0; i < title.size();) {
        if (!io::is_control(io::next_code_point(title, i))) continue;
        throw ConfigError(path_.string() +
                          ": the title of an arm must hold no control character, got " +
                          io::quote(title));
      }
    }
  }
  void refuse_equal_titles(std::vector<Point> const& points) const {
    std::set<std::string> seen;
    for (auto const& point : points) {
      if (!seen.insert(title_of(point)).second) {
        throw ConfigError(path_.string() +
                          ": every arm of a sweep needs a title of its own, but two are called '" +
                          title_of(point) + "'");
      }
    }
  }
  /// An override of what an arm sets would win, and the arm's title would still say otherwise.
  void refuse_overridden_keys(std::vector<Point> const& points) const {
    auto const holds = [](std::string const& outer, std::string const& inner) {
      return inner == outer || inner.starts_with(outer + ".");
    };
    for (auto const& assignment : overrides_) {
      auto const key = assignment.substr(0, assignment.find('='));
      for (auto const& point : points) {
        for (auto const& [set, value] : settings_of(point)) {
          if (!holds(key, set) && !holds(set, key)) continue;
          throw ConfigError("--" + key + ": the sweep sets " + set + " itself (arm '" +
                            title_of(point) + "'); leave one of the two out");
        }
      }
    }
  }

  /// What the configuration of a point says, with `more` laid on it ("a.b=3").
  [[nodiscard]] RunFacts facts_of(Point const& point, std::vector<std::string> const& more,
                                  bool explains = true) const {
    try {
      return facts_of(toml::table(file_), point, more);
    } catch (ConfigError const&) {
      if (!explains) throw;
      auto table = io::load_toml(path_);  // anew: a copied table has forgotten its lines
      table.erase("sweep");
      return facts_of(std::move(table), point, more);
    }
  }
  /// What a point and `more` make of the file, or of a copy of it.
  [[nodiscard]] toml::table laid_on(toml::table table, Point const& point,
                                    std::vector<std::string> const& more) const {
    for (auto const* option : point) {
      for (auto const& setting : option->settings) io::merge_toml(table, nested(setting));
    }
    for (auto const& assignment : overrides_) io::override_toml(table, assignment);
    for (auto const& assignment : more) io::override_toml(table, assignment);
    return table;
  }
  [[nodiscard]] RunFacts facts_of(toml::table from, Point const& point,
                                  std::vector<std::string> const& more) const {
    auto table = laid_on(std::move(from), point, more);
    try {
      return task_of(table).facts(table, path_);
    } catch (ConfigError const& error) {
      throw ConfigError("arm '" + title_of(point) + "': " + error.what());
    }
  }
  /// Of its first run.
  [[nodiscard]] std::uint64_t seed_of(Point const& point,
                                      std::vector<std::string> const& more) const {
    auto const table = laid_on(toml::table(file_), point, more);
    auto const given = table.at_path("train.seed");
    if (auto const* seed = given.as_integer(); seed != nullptr && seed->get() >= 0) {
      return std::uint64_t(seed->get());
    }
    if (given) return facts_of(point, more).seed;  // which says what is wrong with it
    if (!usual_seed_) usual_seed_ = facts_of(point, more).seed;
    return *usual_seed_;
  }
  [[nodiscard]] Arm arm(Point const& point, std::vector<std::string> const& more) const {
    Arm arm;
    arm.title = title_of(point);
    auto const first_seed = seed_of(point, more);
    for (int s = 0; s < config_.repeat_seeds; ++s) {
      auto const seed = std::to_string(first_seed + std::uint64_t(s));
      auto of_seed = more;
      of_seed.push_back("train.seed=" + seed);
      of_seed.push_back("title=" + quoted(arm.title + ", seed " + seed));
      arm.runs.push_back(facts_of(point, of_seed));
    }
    return arm;
  }
  [[nodiscard]] std::size_t baseline_of(SweepPlan const& plan) const {
    if (config_.baseline.empty()) return 0;
    std::vector<std::string> titles;
    for (std::size_t i = 0; i < plan.arms.size(); ++i) {
      if (plan.arms[i].title == config_.baseline) return i;
      titles.push_back(plan.arms[i].title);
    }
    throw ConfigError(path_.string() + ": sweep.baseline must be the title of an arm, got '" +
                      config_.baseline + "'" + did_you_mean(config_.baseline, titles) +
                      "; there are: " + join(titles));
  }

  [[nodiscard]] double matched(RunFacts const& facts) const {
    if (!facts.cost) {
      throw ConfigError(path_.string() +
                        ": sweep.match needs to know every size of the model, but the file leaves "
                        "some to the data (model.input.channels or vocab_size, "
                        "model.output.num_classes); give them");
    }
    return config_.match.quantity == MatchedQuantity::parameters ? double(facts.cost->parameters)
                                                                 : facts.cost->flops;
  }
  /// Solves every arm but the baseline for the size at which it comes nearest to the baseline.
  void match(SweepPlan& plan, std::vector<Point> const& points) const {
    double const target = matched(plan.arms[plan.baseline].facts());
    for (std::size_t i = 0; i < plan.arms.size(); ++i) {
      if (i == plan.baseline) continue;
      auto const key = key_to_solve(points[i]);
      plan.arms[i] = nearest(points[i], key, target);
      refuse_unmatched(plan.arms[i], plan.arms[plan.baseline], key);
    }
  }
  /// An arm that stays far from the baseline is not made equal, whatever the file says.
  void refuse_unmatched(Arm const& arm, Arm const& baseline, std::string const& key) const {
    constexpr double most = 0.05;
    double const target = matched(baseline.facts()), reached = matched(arm.facts());
    if (std::abs(reached - target) <= most * target) return;
    throw ConfigError(
        path_.string() + ": sweep.match: the arm '" + arm.title + "' must come within 5 % of the " +
        enum_names(config_.match.quantity)[std::size_t(config_.match.quantity)] +
        " of the baseline '" + baseline.title + "', " + io::format_general(target, 6) +
        ", but the nearest that " + key + " reaches in steps of " +
        std::to_string(config_.match.multiple) + " is " + io::format_general(reached, 6) +
        "; give another of match.keys, a smaller match.multiple or another baseline");
  }
  [[nodiscard]] std::string key_to_solve(Point const& point) const {
    for (auto const& key : config_.match.keys) {
      try {
        (void)facts_of(point, {key + "=" + std::to_string(config_.match.multiple)}, false);
        return key;
      } catch (ConfigError const&) {  // this model has no such key
      }
    }
    throw ConfigError("arm '" + title_of(point) +
                      "': sweep.match.keys must hold a size that this model has, got " +
                      join(config_.match.keys));
  }
  /// The cost grows with the size, so halving finds where it crosses the target.
  [[nodiscard]] Arm nearest(Point const& point, std::string const& key, double target) const {
    int const multiple = config_.match.multiple;
    auto const setting = [&](int units) {
      return std::vector{key + "=" + std::to_string(units * multiple)};
    };
    auto const at = [&](int units) { return matched(facts_of(point, setting(units))); };
    int low = 1, high = (1 << 20) / multiple;
    while (high - low > 1) {
      int const middle = (low + high) / 2;
      (at(middle) <= target ? low : high) = middle;
    }
    return arm(point, setting(target - at(low) <= at(high) - target ? low : high));
  }

  std::filesystem::path path_;
  std::vector<std::string> overrides_;
  toml::table file_, sweep_;  // the file without its [sweep], and that
  SweepConfig config_;
  mutable std::optional<std::uint64_t> usual_seed_;  // where no configuration says one
  std::vector<Axis> axes_;
};

}  // namespace

bool is_sweep(std::filesystem::path const& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && io::load_toml(path).contains("sweep");
}

SweepPlan plan_sweep(std::filesystem::path const& path, std::vector<std::string> const& overrides) {
  return Expansion(path, overrides).plan();
}

}  // namespace moenda::runner
