// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the numbers of a sweep say, in words.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/record/sweep_results.hpp"

namespace moenda::io::detail {

/// Whether less of a measure is better, by the words in its name: losses, errors, costs, and what
/// is not known otherwise.
[[nodiscard]] inline bool lower_is_better(std::string_view measure) {
  constexpr std::array<std::string_view, 11> more{
      "accuracy", "acc,",    "f1",          "auc",        "r_squared", "correlation",
      "purity",   "covered", "information", "per_second", "evenness"};
  return std::none_of(more.begin(), more.end(), [&](std::string_view word) {
    return measure.find(word) != std::string_view::npos;
  });
}

/// "test_loss" as it is read: "test loss".
[[nodiscard]] inline std::string spoken(std::string_view measure) {
  std::string words(shorten(measure, 60));
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

/// Four decimals where they say enough.
[[nodiscard]] inline std::string measure_text(double value) {
  double const size = std::abs(value);
  if (size >= 1e4) return format_general(value, 5);
  return size >= 1e-3 || size == 0 ? format_fixed(value, 4) : format_general(value, 2);
}
/// "+0.0123", "−0.0123"
[[nodiscard]] inline std::string signed_text(double value) {
  auto const digits = measure_text(std::abs(value));
  return (value < 0 ? "−" : "+") + digits;
}
[[nodiscard]] inline std::string interval_words(statistics::Interval interval) {
  if (!std::isfinite(interval.low) || !std::isfinite(interval.high)) return "";
  return signed_text(interval.low) + " to " + signed_text(interval.high);
}
[[nodiscard]] inline std::string percent_text(double confidence) {
  return format_general(100 * confidence, 4) + " %";
}

/// How an arm stands to the baseline.
enum class Standing { baseline, better, worse, same, unknown, alone };

[[nodiscard]] inline Standing standing_of(SweepResults const& sweep, std::size_t arm) {
  using statistics::Verdict;
  if (arm == sweep.baseline) return Standing::baseline;
  auto const& comparison = sweep.arms[arm].comparison;
  if (!comparison || comparison->pairs == 0) return Standing::alone;
  if (comparison->verdict == Verdict::equivalent) return Standing::same;
  if (comparison->verdict == Verdict::not_shown) return Standing::unknown;
  bool const lower = comparison->verdict == Verdict::lower;
  return lower == lower_is_better(sweep.measure) ? Standing::better : Standing::worse;
}
/// The CSS class of a standing.
[[nodiscard]] inline std::string_view class_of(Standing standing) {
  return standing == Standing::better ? "better" : standing == Standing::worse ? "worse" : "";
}

/// The verdict on one arm: one word, and one sentence.
struct Verdict {
  std::string word, sentence;
};

[[nodiscard]] inline Verdict verdict_of(SweepResults const& sweep, std::size_t arm) {
  auto const standing = standing_of(sweep, arm);
  auto const& comparison = sweep.arms[arm].comparison;
  switch (standing) {
    case Standing::baseline:
      return {"baseline", "the others are compared with it"};
    case Standing::better:
    case Standing::worse:
      return {std::string(class_of(standing)),
              "more than chance explains" +
                  (std::abs(comparison->difference) < sweep.margin
                       ? ", but less than the margin of " + format_general(sweep.margin, 3)
                       : "")};
    case Standing::same:
      return {"equally good", "shown to differ by less than " + format_general(sweep.margin, 3)};
    case Standing::alone:
      return {"not compared", "no seed has a result in both"};
    case Standing::unknown:
      break;
  }
  return {statistics::words_of(*comparison),
          comparison->pairs < 2 ? "one seed says nothing about chance"
                                : "more seeds may show one, or that there is none"};
}

/// Indices of the arms, best first, those without a result last.
[[nodiscard]] inline std::vector<std::size_t> ranking_of(SweepResults const& sweep) {
  std::vector<std::size_t> order(sweep.arms.size());
  std::vector<double> keys(order.size());
  double const sign = lower_is_better(sweep.measure) ? 1 : -1;
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    auto const mean = sweep.arms[i].mean(sweep.measure);
    keys[i] = mean ? sign * *mean : std::numeric_limits<double>::infinity();
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  return order;
}

/// "<b>a</b>, <b>b</b> and 3 more", escaped.
[[nodiscard]] inline std::string arm_names(SweepResults const& sweep,
                                           std::vector<std::size_t> const& arms,
                                           std::size_t most = 6) {
  std::string html;
  for (std::size_t i = 0; i < arms.size() && i < most; ++i) {
    bool const last = i + 1 == arms.size();
    html += (i == 0 ? "" : last ? " and " : ", ");
    html += "<b>" + escape_html(shorten_middle(sweep.arms[arms[i]].title, 60)) + "</b>";
  }
  if (arms.size() > most) html += " and " + std::to_string(arms.size() - most) + " more";
  return html;
}

/// The verdicts, counted and named: what one would say of the sweep in three sentences.
[[nodiscard]] inline std::string summary_of(SweepResults const& sweep,
                                            std::vector<std::size_t> const& order) {
  auto const with = [&](Standing standing) {
    std::vector<std::size_t> arms;
    for (std::size_t const arm : order) {
      if (standing_of(sweep, arm) == standing) arms.push_back(arm);
    }
    return arms;
  };
  std::string html = "<ul>\n";
  auto const item = [&](Standing standing, std::string_view text) {
    auto const arms = with(standing);
    if (arms.empty()) return;
    html += "<li>" + std::string(text) + ": " + arm_names(sweep, arms) + ".</li>\n";
  };
  item(Standing::baseline, "Every arm is compared with the baseline");
  item(Standing::better, "<span class=\"better\">Better</span> than it");
  item(Standing::worse, "<span class=\"worse\">Worse</span> than it");
  item(Standing::same, "As good as it, to within " + format_general(sweep.margin, 3));
  item(Standing::unknown, "No difference from it is shown, which is not to say there is none");
  item(Standing::alone, "Not compared with it, because no seed has a result in both");
  std::size_t compared = 0;  // one pair says nothing, so chance cannot mislead it
  for (std::size_t i = 0; i < sweep.arms.size(); ++i) {
    auto const& comparison = sweep.arms[i].comparison;
    compared += i != sweep.baseline && comparison && comparison->pairs >= 2;
  }
  if (compared >= 5) {
    auto const by_chance = (1 - sweep.confidence) * double(compared);
    html += "<li>Of " + std::to_string(compared) + " comparisons at " +
            percent_text(sweep.confidence) + " about " + format_fixed(by_chance, 1) +
            " would show a difference by chance alone.</li>\n";
  }
  return html + "</ul>\n";
}

/// Runs without a result of the measure, named.
[[nodiscard]] inline std::string missing_runs(SweepResults const& sweep) {
  constexpr std::size_t most = 30;
  std::string items;
  std::size_t missing = 0, total = 0;
  for (auto const& arm : sweep.arms) {
    for (auto const& run : arm.runs) {
      ++total;
      auto const found = run.measures.find(sweep.measure);
      if (found != run.measures.end() && std::isfinite(found->second)) continue;
      if (++missing > most) continue;
      auto const why = !run.failure.empty()   ? run.failure
                       : run.measures.empty() ? std::string("it has no results yet")
                                              : "its results have no " + spoken(sweep.measure);
      items += "<li>" + escape_html(shorten_middle(arm.title, 80)) + ", seed " +
               std::to_string(run.seed) + ": " + escape_html(shorten(why, 300)) + "</li>\n";
    }
  }
  if (missing == 0) return "";
  if (missing > most) items += "<li>and " + std::to_string(missing - most) + " more</li>\n";
  return "<div class=\"note\">" + std::to_string(missing) + " of " + std::to_string(total) +
         " runs have no result and count nowhere below:<ul>\n" + items + "</ul></div>\n";
}

}  // namespace moenda::io::detail
