#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens the page of a sweep in headless Chromium and looks at it.

Requires a silent console, charts that say under the pointer what they show, nothing loaded from
elsewhere, and missing runs named.

  report_sweep_browser_test.py [--keep FOLDER]

Exit codes: 0 passed, 1 failed, 77 skipped (no Chromium or compiler).
"""
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import report_browser_test as browser_test
from report_browser_test import Failure, chromium, console_messages, require

RENDERER = """#include "moenda/report/sweep/sweep.hpp"
#include <cstdio>
int main(int, char** argv) try {
  moenda::io::write_sweep_report(moenda::io::read_sweep(argv[2]), argv[1]);
} catch (moenda::Error const& error) {
  std::fprintf(stderr, "%s\\n", error.what());
  return 3;
}
"""
TITLES = ["top-2", "top-1", "hash, balanced", "<b>Sinkhorn</b>", "switch, capacity 1.25",
          "noisy top-2 with importance and load losses", "failed", "diverged"]


def write_sweep(file):
    dice, arms = random.Random(5), []
    chance = [dice.gauss(0, 0.02) for _ in range(3)]
    for place, title in enumerate(TITLES):
        level = 60.0 if title == "diverged" else 5.2 + 0.03 * place
        runs = []
        for seed in range(3):
            loss = level + chance[seed] + dice.gauss(0, 0.004)
            measures = {"test_loss": loss, "seconds": 7 + dice.random() * 4,
                        "training_joules": 180 + 90 * dice.random(), "max_violation": 0.4}
            runs.append({"seed": seed + 1, "id": f"run{place}{seed}",
                         "measures": {} if title == "failed" else measures})
        arm = {"title": title, "parameters": 1.2e6, "active_parameters": 7e5,
               "flops_per_token": 8e6 * (1 + place % 3), "runs": runs}
        if place > 0 and title != "failed":
            difference = level - 5.2
            arm["comparison"] = {"pairs": 3, "difference": difference,
                                 "interval": [difference - 0.02, difference + 0.02],
                                 "verdict": "no difference shown" if difference < 0.02 else "higher"}
        arms.append(arm)
    file.write_text(json.dumps({"name": "router_war", "measure": "test_loss", "margin": 0.01,
                                "confidence": 0.95, "baseline": "top-2", "arms": arms}))


def check_tips(browser, page, text):
    """Points and rows say which arm they are, and how it did."""
    probe = """<script>['svg.pareto g[data-tip]', 'svg.intervals g[data-tip]'].forEach(
      function (name) {
        var mark = document.querySelectorAll(name)[1], box = mark.getBoundingClientRect();
        mark.dispatchEvent(new MouseEvent('mousemove', {bubbles: true,
          clientX: box.left + 3, clientY: box.top + 3}));
        document.body.appendChild(document.createElement('samp')).textContent =
          document.getElementById('tip').textContent;
      });</script></body>"""
    page.write_text(text.replace("</body>", probe), encoding="utf-8")
    dom, log = chromium(browser, page, "--dump-dom")
    require(not console_messages(log), f"pointing must not fail: {console_messages(log)}")
    tips = re.findall("<samp>(.*?)</samp>", dom, re.S)
    require(len(tips) == 2, f"points and rows must say what they are, got {tips}")
    wanted = (r"2  top-1\ntest loss 5\.\d{4}\ndifference \+0\.0300 \(\+0\.0100 to \+0\.0500\)\nworse"
              r"(\n16 MFLOPs)?$")
    for tip in tips:
        require(re.match(wanted, tip), f"the second arm must be described, got {tip!r}")


def require_page(dom):
    found = {"intervals": len(re.findall(r'<svg class="intervals"', dom)),
             "fronts": len(re.findall(r'<path class="front"', dom)),
             "dots off the front": len(re.findall(r'class="dot pale"', dom)) > 0,
             "numbers in the legend": len(re.findall(r'<span class="number">\d+</span>', dom)),
             "missing runs": len(re.findall("<li>failed, seed", dom)),
             "tooltip": len(re.findall(r'<div id="tip"', dom))}
    wanted = {"intervals": 1, "fronts": 3, "dots off the front": True,
              "numbers in the legend": 3 * len(TITLES), "missing runs": 3, "tooltip": 1}
    require(found == wanted, f"the document must hold {wanted}, got {found}")


def run_checks(browser, render, root):
    sweep, page = root / "sweep.json", root / "sweep.html"
    write_sweep(sweep)
    render(page, sweep)
    text = page.read_text(encoding="utf-8")
    browser_test.require_self_contained(text)
    messages = browser_test.screenshot(browser, page, root / "sweep.png")
    require(not messages, "the console must stay silent:\n" + "\n".join(messages))
    dom = chromium(browser, page, "--dump-dom")[0]
    require_page(dom)
    browser_test.require_refusal(require_page, dom.replace("front", "back"))
    require("<b>Sinkhorn" not in dom, "a title must not become an element")
    check_tips(browser, root / "tips.html", text)
    print(f"passed: page of a sweep of {len(text) // 1024} KiB")


def main():
    browser = browser_test.installed_browser()
    if browser is None:
        return 77
    with tempfile.TemporaryDirectory() as place:
        root = Path(sys.argv[2] if sys.argv[1:2] == ["--keep"] else place).resolve()
        root.mkdir(parents=True, exist_ok=True)
        renderer = browser_test.compiled_renderer(root, RENDERER)
        if renderer is None:
            print("SKIP: no C++ compiler found to build the renderer")
            return 77

        def render(page, sweep):
            done = subprocess.run([*renderer, str(page), str(sweep)], text=True,
                                  stderr=subprocess.PIPE, timeout=60)
            require(done.returncode == 0, f"the renderer must succeed: {done.stderr}")
        try:
            run_checks(browser, render, root)
        except Failure as failure:
            print(f"FAILED: {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
