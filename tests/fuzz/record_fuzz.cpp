// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of a run's folder or of a sweep: a DataError, or what comes back from what is
// written of it.
//
// The first byte says as which file.
#include <string>
#include <string_view>

#include "input.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/record/sweep_results.hpp"

namespace {

using namespace moenda::io;

template <class Row>
void check_rows(Scratch const& scratch, std::string_view header) {
  auto const written = [&](CsvRows<Row> const& read) {
    std::string text(header);
    text += '\n';
    for (auto const& row : read.rows) text += to_csv(row);
    return text;
  };
  auto const text = written(detail::read_csv<Row>(scratch.path, header));
  scratch.write(text);
  check(written(detail::read_csv<Row>(scratch.path, header)) == text, "rows must come back");
}
void check_analysis(std::string const& text) {
  auto const spelled = [](int token) { return std::to_string(token); };
  auto const written = routing_json(parse_routing_json(text), spelled);
  check(routing_json(parse_routing_json(written), spelled) == written, "an analysis comes back");
}
void check_results(std::string const& path) {
  auto const results = detail::read_results(path);
  for (auto const& [task, numbers] : results.tasks) {
    for (auto const& [name, value] : numbers) {
      auto const found = results.measure(task, name);
      check(found && (*found == value || value != value), "a measure must be found");
    }
  }
  try {
    (void)results.all_numbers("language_modeling");
  } catch (moenda::DataError const&) {  // two of one name
  }
}
void check_sweep(std::string const& path) {
  auto const sweep = read_sweep(path);
  check(sweep.baseline < sweep.arms.size(), "the baseline must be an arm");
  for (auto const& arm : sweep.arms) (void)arm.mean(sweep.measure);
}
void read_all(Scratch const& scratch, char kind) {
  switch (kind) {
    case 'm':
      return check_rows<MetricsRow>(scratch, metrics_header);
    case 'r':
      return check_rows<RoutingRow>(scratch, routing_header);
    case 'l':
      return check_rows<RoutingLayerRow>(scratch, routing_layers_header);
    case 'a':
      return check_analysis(read_text_file(scratch.path));
    case 's':
      return check_sweep(scratch.path);
    default:
      return check_results(scratch.path);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Scratch const scratch;
  if (size == 0) return 0;
  scratch.write(data + 1, size - 1);
  try {
    read_all(scratch, char(data[0]));
  } catch (moenda::DataError const&) {
  }
  return 0;
}
