// SPDX-License-Identifier: Apache-2.0
// Also this program's operator new, which can be made to fail. A stream takes a lack of memory for
// the end of its text unless it is told not to, so what is read must be whole or refused.
#include "laws/operator_new.hpp"

#include <string>

#include "files/temporary_folder.hpp"
#include "laws/fail_each.hpp"
#include "moenda/record/csv.hpp"

using namespace moenda;
using io::test::store;
using laws::fail_each;

TEST_CASE("a table is read whole or not at all when memory is short", "[memory]") {
  io::test::TemporaryFolder folder;
  auto const path = folder / "metrics.csv";
  std::string text = std::string(io::metrics_header) + "\n";
  for (std::uint64_t step = 1; step <= 40; ++step) {
    text += io::to_csv(
        {step, step * 512, 0.5 * double(step), 1e-3, 4 + 1.0 / double(step), {}, {}, {}});
  }
  store(path, text);
  bool whole = true;
  CHECK(fail_each("read metrics.csv",
                  [&] { whole = io::read_metrics(path).rows.size() == 40 && whole; }) > 5);
  CHECK(whole);
  CHECK(fail_each("cut metrics.csv", [&] { io::keep_rows_until(path, 40); }) > 5);
  CHECK(io::test::load(path) == text);
}
