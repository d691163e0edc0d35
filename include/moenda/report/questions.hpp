// SPDX-License-Identifier: Apache-2.0
#pragma once
// Answered questions about tables: which expert acted, on which columns and rows, and what it
// computed.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/record/run.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

inline constexpr std::size_t most_questions = 40, longest_answer = 400;

[[nodiscard]] inline std::string answer_text(std::string const& text) {
  return escape_html(shorten(text, longest_answer));
}

/// Exact answers of every operation: a row each, a column per set of questions ("test", "unseen").
[[nodiscard]] inline std::string operations_table(std::map<std::string, double> const& measures) {
  constexpr std::string_view between = "_accuracy_";
  std::set<std::string> sets, operations;
  for (auto const& [key, value] : measures) {
    auto const found = key.find(between);
    if (found == std::string::npos || found == 0) continue;
    sets.insert(key.substr(0, found));
    operations.insert(key.substr(found + between.size()));
  }
  if (operations.empty()) return "";
  std::string html = "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Exact answers</th>";
  for (auto const& set : sets) html += "<th scope=\"col\">" + answer_text(set) + "</th>";
  html += "</tr></thead><tbody>\n";
  auto const row = [&](std::string const& title, std::string const& key) {
    html += "<tr><th scope=\"row\">" + answer_text(title) + "</th>";
    for (auto const& set : sets) {
      auto const found = measures.find(set + key);
      html += found == measures.end() ? "<td>–</td>"
                                      : "<td>" + format_fixed(found->second, 4) + "</td>";
    }
    html += "</tr>\n";
  };
  for (auto const& operation : operations) row(operation, std::string(between) + operation);
  row("all questions", "_accuracy");
  row("purity of the routing", "_route_purity");
  row("route and operation (NMI)", "_route_information");
  return html + "</tbody></table></div>\n";
}

[[nodiscard]] inline std::string question_row(RunQuestion const& question) {
  auto const small = [](std::string const& text) {
    return text.empty() ? "" : "<small>" + answer_text(text) + "</small>";
  };
  bool const other = !question.wanted.empty() && question.wanted != question.operation;
  std::string const verdict = question.right ? "<small class=\"better\">right</small>"
                                             : "<small class=\"worse\">wrong; right would be: " +
                                                   answer_text(question.expected) + "</small>";
  return "<tr><th scope=\"row\">" + answer_text(question.question) + small(question.set) +
         "</th><td>" + answer_text(question.operation) +
         small(other ? question.wanted + " was wanted" : "") + "</td><td>" +
         answer_text(question.columns) + "</td><td>" + answer_text(question.condition) +
         small(question.rows) + "</td><td>" + answer_text(question.evidence) +
         small(question.arithmetic) + "</td><td>" + answer_text(question.answer) + verdict +
         "</td></tr>\n";
}

[[nodiscard]] inline std::string questions_html(std::vector<ReportRun> const& runs) {
  std::string html;
  for (auto const& run : runs) {
    if (run.results.questions.empty()) continue;
    html += "<h3>" + escape_html(shorten(run.name, 200)) + "</h3>\n";
    auto const measures = run.results.tasks.find(run.task);
    if (measures != run.results.tasks.end()) html += operations_table(measures->second);
    html +=
        "<div class=\"scroll\"><table class=\"asked\"><thead><tr><th scope=\"col\">Question</th>";
    for (std::string_view const title : {"Expert", "Columns", "Rows", "What it did", "Answer"}) {
      html += "<th scope=\"col\">" + std::string(title) + "</th>";
    }
    html += "</tr></thead><tbody>\n";
    for (std::size_t i = 0; i < run.results.questions.size() && i < most_questions; ++i) {
      html += question_row(run.results.questions[i]);
    }
    html += "</tbody></table></div>\n";
  }
  return "<h2>Questions and how they were answered</h2>\n<p class=\"soft\">Test questions: of "
         "every "
         "expert the first that it answered rightly and the first that it did not. They show how "
         "answers come about; how many are right, the shares say. Rows are counted from 1, below "
         "the header.</p>\n" +
         html;
}
inline constexpr ReportSection questions_section{
    [](ReportRun const& run) { return !run.results.questions.empty(); }, questions_html};

}  // namespace moenda::io::detail
