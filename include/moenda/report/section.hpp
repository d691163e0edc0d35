// SPDX-License-Identifier: Apache-2.0
#pragma once
// A page of runs is made of sections. A section says itself to which runs it applies, by what they
// learn or by the files that they left, so that another task joins by another section.
#include <algorithm>
#include <string>
#include <vector>

#include "moenda/record/run.hpp"

namespace moenda::io::detail {

struct ReportSection {
  bool (*applies)(ReportRun const& run);
  std::string (*html)(std::vector<ReportRun> const& runs);  ///< of a page where it applies to a run
};

/// For `applies` of a section that every run has.
[[nodiscard]] inline bool every_run(ReportRun const&) { return true; }

/// The sections that apply to at least one of the runs, in their order.
template <class Sections>
[[nodiscard]] std::string html_of(Sections const& sections, std::vector<ReportRun> const& runs) {
  std::string html;
  for (ReportSection const& section : sections) {
    if (std::any_of(runs.begin(), runs.end(), section.applies)) html += section.html(runs);
  }
  return html;
}

}  // namespace moenda::io::detail
