#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a rendered report in headless Chromium and looks at it.

Renders two synthetic runs, then requires: no message on the script console, the charts in the
document, a screenshot that shows something (with scripts and without), nothing loaded from
elsewhere, and hostile names shown as text. Each check is first shown a broken page, which it must
refuse.

  report_browser_test.py [--renderer COMMAND] [--keep FOLDER]

COMMAND is called with the page to write and the run folders; without it the headers beside this
file are compiled with $CXX. Exit codes: 0 passed, 1 failed, 77 skipped (no Chromium or compiler).
"""
import argparse
import json
import math
import os
import random
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

WIDTH, HEIGHT = 1200, 2400
RENDERER = """#include "moenda/report/report.hpp"
#include <cstdio>
int main(int argc, char** argv) try {
  moenda::io::write_report(std::vector<std::filesystem::path>(argv + 2, argv + argc), argv[1]);
} catch (moenda::Error const& error) {
  std::fprintf(stderr, "%s\\n", error.what());
  return 3;
}
"""


class Failure(Exception):
    pass


def require(holds, sentence):
    if not holds:
        raise Failure(sentence)


# --- synthetic runs ------------------------------------------------------------------------------
def loss_at(step, floor, speed):
    return floor + (8.3 - floor) * math.exp(-step / speed) + 0.9 * (1 + step / 40) ** -0.5


def write_metrics(folder, dice, floor, speed, step_seconds, steps=1500):
    rows = ["step,tokens,seconds,learning_rate,train_loss,valid_loss,gradient_norm,"
            "tokens_per_second"]
    for step in range(5, steps + 1, 5):
        loss = loss_at(step, floor, speed)
        valid = f"{loss + 0.06 + dice.gauss(0, 0.008):.5f}" if step % 75 == 0 else ""
        rows.append(f"{step},{step * 4096},{step * step_seconds:.3f},0.0006,"
                    f"{loss + dice.gauss(0, 0.06):.5f},{valid},{1.2 + dice.gauss(0, 0.1):.4f},"
                    f"{4096 / step_seconds:.1f}")
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_routing(folder, dice, layers=4, experts=8, steps=1500):
    rows = ["step,layer,expert,tokens_per_expert"]
    favour = [[dice.gauss(0, 0.55) for _ in range(experts)] for _ in range(layers)]
    for step in range(0, steps + 1, 15):
        for layer in range(layers):
            rest = 0.12 + 0.88 * math.exp(-step / (180 + 90 * layer))
            shares = [math.exp(f * rest * 1.6 + dice.gauss(0, 0.05)) for f in favour[layer]]
            rows += [f"{step},{layer},{e},{round(4096 * s / sum(shares))}" for e, s in enumerate(shares)]
    (folder / "routing.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_routing_layers(folder, dice, layers=4, steps=1500):
    rows = ["step,layer,evenness,max_violation,dropped_share,dead_experts,router_entropy,"
            "experts_per_item,churn"]
    for step in range(0, steps + 1, 15):
        for layer in range(layers):
            rest = math.exp(-step / (180 + 90 * layer))
            rows.append(f"{step},{layer},{1 - 0.2 * rest},{1.4 * rest + 0.05},{0.1 * rest},"
                        f"{round(2 * rest)},{0.5 + 0.4 * rest},2,{0.3 * rest * dice.random()}")
    (folder / "routing_layers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_analysis(folder, dice, layers=4, experts=8):
    words = [" de", " o", "ão", "\n", " <b>", "1", ",", " casa"]
    def expert(number):
        pairs = [round(900 * dice.random() ** 3) for _ in range(experts)]
        pairs[number] = 2000
        return {"tokens_per_expert": 2000, "coactivation": pairs,
                "classes": [round(900 * dice.random() ** 2) for _ in range(3)],
                "typical": [{"token": t, "text": words[(number + t) % 8], "count": 90 - t,
                             "share": 0.9 - t / 20} for t in range(8)]}
    found = {"text": "valid", "tokens": 8000, "classes": ["word start", "number", "punctuation"],
             "layers": [{"layer": layer, "tokens": 8000, "token_information": 0.5,
                         "class_information": 0.2, "token_explains": 0.6, "class_explains": 0.1,
                         "experts": [expert(e) for e in range(experts)]}
                        for layer in range(layers)]}
    (folder / "routing.json").write_text(json.dumps(found), encoding="utf-8")


def write_run(root, name, model, parameters, results, sample, seed, mixture):
    dice = random.Random(seed)
    folder = root / "runs" / f"run{seed}" / "3f9a1c"
    folder.mkdir(parents=True)
    meta = {"name": name, "model": model, "parameters": parameters, "version": "1.0.0",
            "compiler": "GNU 12.2.0", "cpu": "16 cores, AVX2", "threads": 16}
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (folder / "config.resolved.toml").write_text(
        f"[model]\nvocab_size = 4096\nd_model = 256\nnum_layers = 4\n\n[train]\nseed = {seed}\n"
        "batch_size = 16\nseq_len = 256\nsteps = 1500\n", encoding="utf-8")
    floor, speed, step_seconds = results["curve"]
    write_metrics(folder, dice, floor, speed, step_seconds)
    if mixture:
        write_routing(folder, dice)
        write_routing_layers(folder, dice)
        write_analysis(folder, dice)
    loss = results["test_loss"]
    seconds = 1500 * step_seconds
    (folder / "results.json").write_text(json.dumps({
        "results": {"language_modeling": {"test_loss": loss, "perplexity": math.exp(loss),
                                          "test_loss_stride": loss - 0.071}},
        "training": {"seconds": seconds, "tokens": 6144000, "steps": 1500,
                     "tokens_per_second": 6144000 / seconds, "peak_bytes": results["peak_bytes"]},
        "samples": [{"prompt": "lisboa", "text": sample}]}), encoding="utf-8")
    return folder


def write_pair(root, first_name="gpt2-baseline", second_name="moe-gqa"):
    return [
        write_run(root, first_name, "layer norm, multi-head attention, FFN",
                  {"total": 12_400_000, "active": 12_400_000},
                  {"curve": (3.72, 170, 0.205), "test_loss": 3.9482, "peak_bytes": 1_212_000_000},
                  "lisboa de noite, ao pé da janela, olhava para o rio e não dizia palavra; a mãe "
                  "chamava-a, e ela respondia que já ia, que era cedo.", 1, False),
        write_run(root, second_name, "RMS norm, grouped-query attention, mixture",
                  {"total": 21_900_000, "active": 11_800_000},
                  {"curve": (3.66, 150, 0.191), "test_loss": 3.8911, "peak_bytes": 1_055_000_000},
                  "lisboa, onde as ruas desciam até ao Tejo, e a manhã vinha devagar sobre os "
                  "telhados; pouco depois, chegou a viúva com as três crianças.", 2, True)]


# --- Chromium ------------------------------------------------------------------------------------
def chromium(browser, page, option):
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}",
             "--enable-logging=stderr", option, page.as_uri()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    require(done.returncode == 0, f"Chromium must end well on {page.name}, got {done.returncode}:\n"
            + done.stderr.decode("utf-8", "replace")[-1500:])
    return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def console_messages(log):
    return [line for line in log.splitlines() if ":CONSOLE" in line]


def screenshot(browser, page, image):
    _, log = chromium(browser, page, f"--screenshot={image}")
    require(image.exists(), f"Chromium must write a screenshot of {page.name}")
    return console_messages(log)


def unfilter(kind, line, above, size):
    """Undoes one row's PNG filter (PNG specification, section 9)."""
    for i in range(len(line)) if kind else ():
        left = line[i - size] if i >= size else 0
        up = above[i]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) >> 1
        else:
            corner = above[i - size] if i >= size else 0
            to_left, to_up = abs(up - corner), abs(left - corner)
            to_corner = abs(left + up - 2 * corner)
            guess = (left if to_left <= to_up and to_left <= to_corner
                     else up if to_up <= to_corner else corner)
        line[i] = (line[i] + guess) & 255


def pixels(image):
    """Width, height and the RGB triples of every fourth pixel of every row of an 8-bit PNG."""
    data = image.read_bytes()
    require(data[:8] == b"\x89PNG\r\n\x1a\n", f"{image} must be a PNG")
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack(">IIBB", body[:10])
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    require(depth == 8 and colours in (2, 6), f"{image} must have 8-bit colours")
    size = 3 if colours == 2 else 4
    raw, above, seen = zlib.decompress(packed), bytes(width * size), []
    for row in range(height):
        start = row * (width * size + 1)
        line = bytearray(raw[start + 1:start + 1 + width * size])
        unfilter(raw[start], line, above, size)
        seen.append([bytes(line[i:i + 3]) for i in range(0, len(line), 4 * size)])
        above = line
    return width, height, seen


def require_picture(image):
    """A page with charts has many colours, mostly white, and ink from top to bottom."""
    width, height, rows = pixels(image)
    require((width, height) == (WIDTH, HEIGHT), f"the screenshot must be {WIDTH} x {HEIGHT}")
    colours = {pixel for row in rows for pixel in row}
    require(len(colours) >= 100, f"the screenshot must have 100 colours, got {len(colours)}")
    white = b"\xff\xff\xff"
    share = sum(row.count(white) for row in rows) / sum(len(row) for row in rows)
    require(0.5 < share < 0.97, f"between 50 and 97 % of the page must be white, got {share:.0%}")
    bands = [rows[i:i + height // 12] for i in range(0, height - height // 12, height // 12)]
    blank = [i for i, band in enumerate(bands) if all(p == white for row in band for p in row)]
    require(not blank, f"every twelfth of the page must show something, blank: {blank}")
    for red, green, blue, what in ((0, 114, 178, "first"), (213, 94, 0, "second")):
        require(bytes((red, green, blue)) in colours, f"the {what} run's colour must be visible")


# --- checks --------------------------------------------------------------------------------------
def require_charts(dom):
    found = {"curves": len(re.findall(r'<svg class="curves"', dom)),
             "heat maps": len(re.findall(r'<svg class="heat"', dom)),
             "panels of layers": len(re.findall(r'data-rows="layer"', dom)),
             "pairs of experts": len(re.findall(r'data-rows="expert"', dom)),
             "tables of experts": len(re.findall(r'<table class="takes"', dom)),
             "validation curves": len(re.findall(r'<path class="valid" data-name', dom)),
             "quotes": len(re.findall(r"<blockquote", dom)),
             "tooltip": len(re.findall(r'<div id="tip"', dom))}
    wanted = {"curves": 2, "heat maps": 4, "panels of layers": 6, "pairs of experts": 4,
              "tables of experts": 4, "validation curves": 4, "quotes": 2, "tooltip": 1}
    require(found == wanted, f"the document must hold {wanted}, got {found}")


def require_self_contained(text):
    outside = re.findall(r"(?:\b(?:src|href)\s*=|@import|url\().{0,40}", text)
    require(not outside, f"the page must load nothing, got {outside[:3]}")
    require(len(text.encode("utf-8")) < 1_000_000, f"the page must be under 1 MB, got {len(text)}")


def require_refusal(check, *arguments):
    """A check that accepts a broken page proves nothing about a good one."""
    try:
        check(*arguments)
    except Failure:
        return
    raise Failure(f"{check.__name__} must refuse a broken page")


def check_tooltips(browser, page, text):
    """The pointer over the middle of a chart shows the values there."""
    probe = """<script>['svg.curves', 'svg.cells path', 'svg.squares path'].forEach(function (name) {
      var chart = document.querySelector(name), box = chart.getBoundingClientRect();
      chart.dispatchEvent(new MouseEvent('mousemove', {bubbles: true,
        clientX: box.left + box.width / 2, clientY: box.top + box.height / 2}));
      document.body.appendChild(document.createElement('samp')).textContent =
        document.getElementById('tip').textContent;
    });</script></body>"""
    page.write_text(text.replace("</body>", probe), encoding="utf-8")
    dom, log = chromium(browser, page, "--dump-dom")
    require(not console_messages(log), f"tooltips must not fail: {console_messages(log)}")
    tips = re.findall("<samp>(.*?)</samp>", dom, re.S)
    require(len(tips) == 3, f"all kinds of charts must have tooltips, got {tips}")
    wanted = r"training tokens seen \(millions\): 3\.\d+\n[34]\.\d\d  gpt2-baseline, training\n"
    require(re.match(wanted, tips[0]), f"the curves must show their values, got {tips[0]!r}")
    wanted = r"expert \d, step \d+\nabout \d\.\d× its fair share$"
    require(re.match(wanted, tips[1]), f"the heat map must show its values, got {tips[1]!r}")
    wanted = r"layer \d, step \d+\nabout \d\.?\d*$"
    require(re.match(wanted, tips[2]), f"the layers must show their values, got {tips[2]!r}")


def check_hostile_names(browser, render, root):
    bad = "<script>document.title='broken'</script>\"'><img src=x onerror=alert(1)>&amp;\x01"
    folders = write_pair(root, bad, bad)
    page = root / "hostile.html"
    render(page, folders)
    dom, log = chromium(browser, page, "--dump-dom")
    require(not console_messages(log), f"no script may run: {console_messages(log)}")
    require(len(re.findall("<script", dom)) == 1, "a name must not become a script element")
    require("<img" not in dom, "a name must not become an image element")
    require("broken" not in re.search("<title>(.*?)</title>", dom, re.S).group(1).split("'")[0],
            "a name must not run")


def run_checks(browser, render, root):
    folders = write_pair(root)
    page = root / "report.html"
    render(page, folders)
    text = page.read_text(encoding="utf-8")
    require_self_contained(text)
    require_refusal(require_self_contained, text + "<img src='https://example.org/x.png'>")

    broken = root / "broken.html"
    broken.write_text(text.replace("<body>", "<body><script>missing();</script>"), encoding="utf-8")
    require(screenshot(browser, broken, root / "broken.png"), "a script error must be noticed")
    blank = root / "blank.html"
    blank.write_text("<!DOCTYPE html><title>blank</title>", encoding="utf-8")
    screenshot(browser, blank, root / "blank.png")
    require_refusal(require_picture, root / "blank.png")

    messages = screenshot(browser, page, root / "report.png")
    require(not messages, "the console must stay silent:\n" + "\n".join(messages))
    require_picture(root / "report.png")
    # Headless Chromium takes no screenshot with scripts switched off, so the script is cut out.
    no_script = root / "no_script.html"
    no_script.write_text(re.sub("<script>.*?</script>", "", text, flags=re.S), encoding="utf-8")
    screenshot(browser, no_script, root / "no_script.png")
    require_picture(root / "no_script.png")
    require_charts(chromium(browser, page, "--dump-dom")[0])
    require_refusal(require_charts, "<svg class=\"curves\">")
    check_tooltips(browser, root / "tooltips.html", text)
    check_hostile_names(browser, render, root / "hostile")
    print(f"passed: report of {len(text) // 1024} KiB")


def installed_browser():
    """The path of a Chromium, or None after saying so."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    browser = next((path for path in map(shutil.which, names) if path), None)
    if browser is None:
        print("SKIP: no Chromium found (looked for " + ", ".join(names) + ")")
    return browser


def compiled_renderer(root, program=RENDERER):
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        return None
    source = root / "render.cpp"
    source.write_text(program, encoding="utf-8")
    headers = Path(__file__).resolve().parents[2] / "include"
    subprocess.run([compiler, "-std=c++20", f"-I{headers}", str(source), "-o",
                    str(root / "render")], check=True)
    return [str(root / "render")]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--renderer", help="command that takes the page and the run folders")
    options.add_argument("--keep", help="folder that receives the page and its screenshots")
    options = options.parse_args()
    browser = installed_browser()
    if browser is None:
        return 77
    with tempfile.TemporaryDirectory() as place:
        root = Path(options.keep or place).resolve()
        root.mkdir(parents=True, exist_ok=True)
        command = shlex.split(options.renderer) if options.renderer else compiled_renderer(root)
        if command is None:
            print("SKIP: no C++ compiler found to build the renderer, and no --renderer given")
            return 77

        def render(page, folders):
            done = subprocess.run([*command, str(page), *map(str, folders)], text=True,
                                  stderr=subprocess.PIPE, timeout=120)
            require(done.returncode == 0, f"the renderer must succeed: {done.stderr}")
        try:
            run_checks(browser, render, root)
        except Failure as failure:
            print(f"FAILED: {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
