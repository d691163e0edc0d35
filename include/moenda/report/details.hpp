// SPDX-License-Identifier: Apache-2.0
#pragma once
// Generated samples, further results, configuration and machine.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "moenda/record/run.hpp"
#include "moenda/report/chart/svg.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

inline constexpr std::size_t most_samples = 8, longest_sample = 1500, longest_file = 60'000;

[[nodiscard]] inline std::string sample_quote(ReportRun const& run, std::size_t index,
                                              RunSample const& sample) {
  // Generators differ in whether they repeat the prompt: it is shown once, in bold.
  std::string text = sample.text;
  if (text.starts_with(sample.prompt)) text.erase(0, sample.prompt.size());
  return "<blockquote style=\"border-color:" + std::string(svg::colour(index)) + "\"><cite>" +
         escape_html(shorten(run.name, 80)) + "</cite><b>" +
         escape_html(shorten(sample.prompt, longest_sample)) + "</b>" +
         escape_html(shorten(text, longest_sample)) + "</blockquote>\n";
}

/// Texts of all runs, those of the same prompt side by side.
[[nodiscard]] inline std::string samples_html(std::vector<ReportRun> const& runs) {
  std::vector<std::string> prompts;
  std::size_t left_out = 0;
  for (auto const& run : runs) {
    for (auto const& sample : run.results.samples) {
      if (std::find(prompts.begin(), prompts.end(), sample.prompt) != prompts.end()) continue;
      if (prompts.size() < most_samples) {
        prompts.push_back(sample.prompt);
      } else {
        ++left_out;
      }
    }
  }
  std::string html =
      "<h2>Generated text</h2>\n<p class=\"soft\">Each model continues the words in bold.</p>\n";
  for (auto const& prompt : prompts) {
    html += "<div class=\"quotes\">\n";
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto const found =
          std::find_if(runs[i].results.samples.begin(), runs[i].results.samples.end(),
                       [&](RunSample const& sample) { return sample.prompt == prompt; });
      if (found != runs[i].results.samples.end()) html += sample_quote(runs[i], i, *found);
    }
    html += "</div>\n";
  }
  if (left_out > 0) {
    html +=
        "<p class=\"note\">" + with_thousands(left_out) + " further prompts are not shown.</p>\n";
  }
  return html;
}
inline constexpr ReportSection samples_section{
    [](ReportRun const& run) { return !run.results.samples.empty(); }, samples_html};

inline void meta_rows(nlohmann::json const& value, std::string const& name, int depth,
                      std::string& html) {
  if (value.is_object() && depth < 4) {
    for (auto const& [key, item] : value.items()) {
      meta_rows(item, name.empty() ? key : name + "." + key, depth + 1, html);
    }
    return;
  }
  bool const list_of_values =
      value.is_array() &&
      std::all_of(value.begin(), value.end(), [](auto const& item) { return item.is_primitive(); });
  std::string text = "…";
  if (value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_primitive() || list_of_values) {
    text = value.dump();
  }
  html += "<tr><th scope=\"row\">" + escape_html(shorten(name, 100)) + "</th><td>" +
          escape_html(shorten(text, 400)) + "</td></tr>\n";
}

[[nodiscard]] inline std::string further_results(ReportRun const& run) {
  std::string rows;
  for (auto const& [task, measures] : run.results.tasks) {
    for (auto const& [measure, value] : measures) {
      rows += "<tr><th scope=\"row\">" + escape_html(shorten(task + ": " + measure, 120)) +
              "</th><td>" + format_general(value, 8) + "</td></tr>\n";
      if (rows.size() > longest_file) return rows;
    }
  }
  return rows;
}

[[nodiscard]] inline std::string folded(std::string const& title, std::string const& content) {
  return "<details><summary>" + escape_html(shorten(title, 240)) + "</summary>\n" + content +
         "</details>\n";
}

[[nodiscard]] inline std::string details_html(std::vector<ReportRun> const& runs) {
  std::string html =
      "<h2>Configuration and machine</h2>\n<p class=\"soft\">The configuration alone reproduces "
      "the "
      "run. Click to unfold.</p>\n";
  for (auto const& run : runs) {
    std::string const shown = shorten(run.configuration, longest_file);
    html +=
        folded(run.name + ": configuration",
               "<pre>" + escape_html(shown) + "</pre>" +
                   (shown.size() < run.configuration.size()
                        ? "<p class=\"note\">Only the beginning is shown; the whole is in the run "
                          "folder.</p>"
                        : ""));
    std::string machine;
    meta_rows(run.meta, "", 0, machine);
    html += folded(run.name + ": program and machine", "<table>" + machine + "</table>");
    std::string const results = further_results(run);
    if (!results.empty())
      html += folded(run.name + ": all results", "<table>" + results + "</table>");
  }
  return html;
}
inline constexpr ReportSection details_section{every_run, details_html};

}  // namespace moenda::io::detail
