# SPDX-License-Identifier: Apache-2.0
"""check_rules.py refuses what it is there to refuse: each rule is broken once in a small project."""
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check_rules  # noqa: E402

BEGIN = "// SPDX-License-Identifier: Apache-2.0\n#pragma once\n"


class Rules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        reasons = unittest.mock.patch.dict(check_rules.LONG_HEADERS, clear=True)
        reasons.start()
        self.addCleanup(reasons.stop)
        self.project = pathlib.Path(folder.name)
        self.header("core/tensor.hpp")
        self.header("ops/matmul.hpp", "core/tensor.hpp")
        self.header("model/network.hpp", "ops/matmul.hpp")
        self.header("moenda.hpp", "model/network.hpp")
        self.source("runner/commands.hpp")
        self.source("runner/run/run.hpp", "runner/commands.hpp")

    def source(self, name, *included):
        path = self.project / "experiments" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BEGIN + "".join(f'#include "{other}"\n' for other in included))

    def header(self, name, *included, lines=0):
        path = self.project / "include/moenda" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BEGIN + "".join(f'#include "moenda/{other}"\n' for other in included)
                        + "// a line\n" * lines)

    def expect(self, *sentences):
        found = list(check_rules.problems_of(self.project))
        self.assertEqual(len(found), len(sentences), found)
        for problem, parts in zip(found, sentences):
            for part in parts:
                self.assertIn(part, problem)

    def test_a_sound_project_has_no_problems(self):
        self.expect()

    def test_a_lower_ring_includes_a_higher_one(self):
        self.header("core/gates.hpp", "core/tensor.hpp", "ops/other.hpp")
        self.header("ops/other.hpp")
        self.expect(["core/gates.hpp:4:", "ops/other.hpp", "ring `words`", "later ring `operations`"],
                    ["circle: core, ops", "core -> ops: core/gates.hpp:4"])

    def test_nobody_below_the_models_includes_everything(self):
        self.header("router/mine.hpp", "moenda.hpp")
        self.expect(["router/mine.hpp:3:", "ring `modules`", "later ring `models`"])

    def test_a_circle_inside_a_ring(self):
        self.header("norm/one.hpp", "loss/two.hpp")
        self.header("loss/two.hpp", "position/three.hpp")
        self.header("position/three.hpp", "norm/four.hpp")
        self.header("norm/four.hpp")
        self.expect(["circle: loss, norm, position", "loss -> position: loss/two.hpp:3",
                     "norm -> loss: norm/one.hpp:3", "position -> norm: position/three.hpp:3"])

    def test_a_room_without_a_ring(self):
        self.header("helpers/one.hpp")
        self.expect(["helpers/one.hpp", "helpers has no ring"])

    def test_a_room_that_is_too_large(self):
        for i in range(check_rules.LARGEST_ROOM + 1):
            self.header(f"cpu/kernels/number_{i}.hpp")
        self.expect(["cpu/kernels: ", "at most 25", "got 26"])

    def test_the_folders_of_a_room_count_apart(self):
        for i in range(check_rules.LARGEST_ROOM):
            self.header(f"cpu/kernels/number_{i}.hpp")
            self.header(f"cpu/kernels/gemm/number_{i}.hpp")
        self.expect()

    def test_a_header_that_is_too_long(self):
        self.header("core/long.hpp", lines=299)
        self.expect(["core/long.hpp", "at most 300 lines, got 301"])

    def test_a_long_header_with_a_reason(self):
        check_rules.LONG_HEADERS["core/long.hpp"] = "a list"
        self.header("core/long.hpp", lines=299)
        self.expect()
        self.header("core/long.hpp", lines=298)
        self.expect(["core/long.hpp", "has 300 lines", "out of LONG_HEADERS"])

    def test_an_include_that_leads_nowhere(self):
        self.header("core/gates.hpp", "core/absent.hpp")
        self.expect(["core/gates.hpp:3:", "no such header"])

    def test_the_walls_of_the_runner(self):
        self.source("runner/run/wrong.cpp", "runner/commands.hpp", "runner/sweep/plan.hpp")
        self.source("runner/sweep/plan.hpp")
        self.expect(["run/wrong.cpp:4:", "ring `a run`", "later ring `tasks and sweeps`"])


if __name__ == "__main__":
    unittest.main()
