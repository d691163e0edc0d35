# SPDX-License-Identifier: Apache-2.0
"""Sweeps: which arms they have, that they resume, stop on a signal, survive failures, compare."""
import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

from program import MODEL, TRAINING, Place, end, expect, rows_of, wait_for

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
BASE = MODEL + TRAINING.replace("steps = 20", "steps = 6")
ARMS = """
[sweep]
method = "list"
repeat_seeds = 2
baseline = "one"
[[sweep.arms]]
title = "two"
model.block.ffn.router.top_k = 2
[[sweep.arms]]
title = "one"
model.block.ffn.router.top_k = 1
[[sweep.arms]]
title = "dense"
model.block.ffn = { type = "swiglu", hidden = 16 }
"""


def titles(place, sweep, *options):
    """What --dry-run prints of a sweep: its arms, in order."""
    place.write("plan.toml", BASE + sweep)
    done = place.run("sweep", "plan.toml", "--dry-run", *options)
    expect(done.returncode == 0, "dry run", done.stderr)
    return [line.split("  ")[0] for line in done.stdout.splitlines()[2:-1]]


def check_expansion(place):
    expect(titles(place, ARMS) == ["two", "one", "dense"], "list", titles(place, ARMS))
    grid = '[sweep.parameters]\n"model.block.ffn.router.top_k" = [1, 2]\nmodel.num_layers = [1, 2, 3]\n'
    found = titles(place, "[sweep]\n" + grid)
    expect(len(found) == 6 and "top_k = 2, num_layers = 3" in " ".join(found) or
           "num_layers = 3, top_k = 2" in " ".join(found), "grid", found)
    rates = titles(place, "[sweep]\n[sweep.parameters]\ntrain.optimizer.learning_rate = [0.004, 1e-5]\n")
    expect(rates == ["learning_rate = 0.004", "learning_rate = 1e-05"], "numbers in titles", rates)
    zipped = '[[sweep.zip]]\ntitle = ["small", "large"]\n"model.d_model" = [16, 32]\n' \
             '"model.num_layers" = [1, 2]\n'
    expect(titles(place, "[sweep]\n" + zipped) == ["small", "large"], "zip", "titles")
    exclude = '[sweep]\nexclude = [{ "model.num_layers" = 2 }, { "model.num_layers" = 3,' \
              ' "model.block.ffn.router.top_k" = 1 }]\n'
    expect(len(titles(place, exclude + grid)) == 3, "exclude", titles(place, exclude + grid))
    nested = "[[sweep.exclude]]\nmodel.num_layers = 2\n[[sweep.exclude]]\n" \
             "model.num_layers = 3\nmodel.block.ffn.router.top_k = 1\n"
    expect(titles(place, "[sweep]\n" + nested + grid) == titles(place, exclude + grid), "exclude",
           "keys without quotes")
    drawn = titles(place, '[sweep]\nmethod = "random"\nsamples = 4\n' + grid)
    again = titles(place, '[sweep]\nmethod = "random"\nsamples = 4\n' + grid)
    other = titles(place, '[sweep]\nmethod = "random"\nsamples = 4\nseed = 5\n' + grid)
    expect(len(set(drawn)) == 4 and drawn == again and drawn != other, "random", (drawn, other))
    # Points are drawn without making all of them: here there are a hundred million.
    many = "".join(f'train.{key} = [{", ".join(map(str, range(1, 10001)))}]\n' for key in ["steps", "seed"])
    vast = titles(place, '[sweep]\nmethod = "random"\nsamples = 4\n[sweep.parameters]\n' + many)
    expect(len(set(vast)) == 4, "random", vast)
    place.write("plan.toml", BASE + "[sweep.parameters]\n" + many)
    place.refused(2, "a sweep must not have more than 100000 points", "sweep", "plan.toml", "--dry-run")


def check_match(place):
    def costs(quantity):
        place.write("plan.toml", BASE + ARMS.replace(
            "[sweep]\n", f'[sweep]\nmatch = {{ quantity = "{quantity}", multiple = 1 }}\n'))
        done = place.run("sweep", "plan.toml", "--dry-run")
        expect(done.returncode == 0, "match", done.stderr)
        column = 2 if quantity == "parameters" else 4
        return [float(line.split()[column]) for line in done.stdout.splitlines()[2:-1]]
    for quantity in ["active_flops", "parameters"]:
        values = costs(quantity)
        expect(max(values) - min(values) <= 0.011 * max(1, max(values)), "match " + quantity, values)
    expect(len(set(costs("none"))) > 1, "match none", "arms must differ without matching")


def check_routing_columns(folder, run, row):
    """The columns that say how a run routed are those of its own files."""
    def same(column, wanted):
        expect(abs(float(row[column]) - wanted) < 1e-9, "sweep.csv", f"{column}: {row[column]}, "
               f"must be {wanted}")
    steps = rows_of(folder / run["id"] / "routing_layers.csv")
    last = steps[len(steps) - len(steps) // 4:]
    for column in ["max_violation", "evenness", "dead_experts", "experts_per_item"]:
        if last:
            same(column, sum(float(step[column]) for step in last) / len(last))
    analysis = json.loads((folder / run["id"] / "routing.json").read_text())
    layer = analysis["layers"][0]
    chosen = [expert["tokens_per_expert"] for expert in layer["experts"]]
    same("valid_max_violation", max(chosen) * len(chosen) / sum(chosen) - 1)
    same("experts_per_easy_token", layer["experts_by_loss"][0])
    same("experts_per_hard_token", layer["experts_by_loss"][3])
    same("experts_per_rare_token", layer["experts_by_rarity"][3])
    expect(layer["experts_by_loss"] == [2, 2, 2, 2], "routing.json", "top-2 takes two, always")
    same("valid_dead_experts", chosen.count(0))
    same("token_explains", layer["token_explains"])
    same("class_explains", layer["class_explains"])
    same("valid_unrouted_share", 1 - layer["tokens"] / analysis["tokens"])


def check_adaptive_experts(place):
    """Top-any: what routing.json says of experts that come and go is what the weights count."""
    place.write("adaptive.toml", BASE.replace("steps = 6", "steps = 12") + """
[model.block.ffn.router]
type = "top_any"
initial_experts = 1
adapt_every = 3
[sweep.parameters]
"train.seed" = [1]
[sweep]
repeat_seeds = 1
""")
    done = place.run("sweep", "adaptive.toml", timeout=60)
    expect(done.returncode == 0, "adaptive", done.stderr)
    folder = place.path / "runs" / "adaptive"
    row, = rows_of(folder / "sweep.csv")
    expect(1 <= float(row["experts_added"]) <= 4, "experts_added", row["experts_added"])
    expect(float(row["experts_removed"]) >= 0, "experts_removed", row["experts_removed"])


def check_run(place):
    place.write("swept.toml", BASE + ARMS)
    done = place.run("sweep", "swept.toml", "-j", "2", timeout=120)
    expect(done.returncode == 0, "sweep", done.stderr)
    for word in ["baseline", "difference", "dense", "paired by seed"]:
        expect(word in done.stdout, "sweep", f"{word} must be printed")
    folder = place.path / "runs" / "swept"
    runs = [p for p in folder.iterdir() if (p / "results.json").exists()]
    expect(len(runs) == 6, "sweep", f"{len(runs)} runs")
    with open(folder / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    expect(len(rows) == 6 and all(float(row["test_loss"]) > 0 for row in rows), "sweep.csv", rows)
    expect(all(len(row["test_loss"]) <= len(repr(float(row["test_loss"]))) for row in rows),
           "sweep.csv", "numbers must be as short as they read back")
    table = json.loads((folder / "sweep.json").read_text())
    source = json.loads((runs[0] / "results.json").read_text())["energy"]["source"]
    expect(source and table["energy_source"] == source, "sweep.json", table["energy_source"])
    arms = {arm["title"]: arm for arm in table["arms"]}
    expect("comparison" not in arms["one"], "sweep.json", "the baseline has no comparison")
    expected = sum(float(a["test_loss"]) - float(b["test_loss"]) for a in rows for b in rows
                   if a["arm"] == "two" and b["arm"] == "one" and a["seed"] == b["seed"]) / 2
    got = arms["two"]["comparison"]
    expect(got["pairs"] == 2 and abs(got["difference"] - expected) < 1e-12, "sweep.json", got)
    check_routing_columns(folder, arms["two"]["runs"][0], [r for r in rows if r["arm"] == "two"][0])
    expect(rows[-1]["arm"] == "dense" and rows[-1]["valid_evenness"] == "", "sweep.csv", rows[-1])
    times = {p: p.stat().st_mtime_ns for run in runs for p in run.rglob("*.safetensors")}
    again = place.run("sweep", "swept.toml")
    expect("6 of 6 runs are already trained" in again.stderr, "sweep again", again.stderr)
    expect(times == {p: p.stat().st_mtime_ns for p in times}, "sweep again", "must train nothing")
    expect(again.stdout == done.stdout, "sweep again", "must print the same tables")
    check_page(place, done.stdout.splitlines()[-1])


def check_page(place, last_line):
    expect(last_line == "report runs/swept/sweep.html", "page", last_line)
    page = (place.path / "runs/swept/sweep.html").read_text()
    expect(page.startswith("<!DOCTYPE html>") and "3 arms, 2 seeds each" in page, "page", page[:300])
    for given in ["swept.toml", "runs/swept"]:
        done = place.run("report", given, "--file", "page.html")
        expect(done.returncode == 0 and done.stdout.splitlines()[-1] == "report page.html",
               "report of a sweep", done)
        expect((place.path / "page.html").read_text() == page, "report of a sweep", "the same page")
    place.refused(2, "give it alone", "report", "swept.toml", "runs/swept")
    check_charts(place, page)
    place.write("untrained.toml", BASE + ARMS)
    place.refused(3, "no run of this sweep has a test_loss yet", "report", "untrained.toml")


def check_charts(place, page):
    """tools/chart takes charts out of the page: pictures by themselves, with their colours."""
    tool = [sys.executable, str(TOOLS / "chart"), str(place.path / "page.html")]
    listed = subprocess.run(tool, check=True, capture_output=True, text=True).stdout.splitlines()
    expect(len(listed) == page.count("<figure><svg") and "1  test loss" in listed[0], "chart", listed)
    file = place.path / "charts.svg"
    subprocess.run(tool + [str(file), *(line.split()[0] for line in listed)], check=True)
    drawn = ElementTree.parse(file).getroot()
    inner = [node for node in drawn if node.tag.endswith("svg")]
    expect([node.get("aria-label") for node in inner] == [line[5:] for line in listed], "chart", listed)
    shapes = [sum(1 for _ in node.iter()) for node in inner]
    expect(min(shapes) > 10, "chart", shapes)
    for name in ["whisker", "dot", "grid"]:
        expect(f".{name}{{" in file.read_text(), "chart", f"the style of .{name} must come along")
    beyond = subprocess.run(tool + [str(file), "99"], capture_output=True, text=True)
    expect(beyond.returncode == 2 and "numbers must be in 1.." in beyond.stderr, "chart", beyond)


def check_signal(place):
    place.write("long.toml", BASE.replace("steps = 6", "steps = 100000") + ARMS)
    process = place.start("sweep", "long.toml")
    folder = place.path / "runs" / "long"
    wait_for(lambda: any(folder.glob("*/metrics.csv")), "the first run to begin")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    expect(process.returncode == 130, "SIGTERM", f"code {process.returncode}: {stderr}")
    expect("the same command continues" in stderr, "SIGTERM", stderr)
    expect(any(folder.glob("*/checkpoint/step_*")), "SIGTERM", "a checkpoint must be saved")


def check_measured_again(place):
    """Runs that were measured with another [evaluate] are measured again, not trained again."""
    def results(out="runs"):
        return {path.parent.name: json.loads(path.read_text())
                for path in (place.path / out / "swept").glob("*/results.json")}
    folder = place.path / "runs" / "swept"
    before, weights = results(), {p: p.read_bytes() for p in folder.rglob("*.safetensors")}
    text = (BASE + ARMS).replace("test_batches = 4", "test_batches = 3").replace("\nbatches = 2", "\nbatches = 3")
    place.write("swept.toml", text)
    stale = place.run("report", "swept.toml")
    expect(stale.returncode == 3 and "no run of this sweep has" in stale.stderr, "measured otherwise", stale.stderr)
    done = place.run("sweep", "swept.toml")
    expect(done.returncode == 0 and done.stderr.count("measuring again") == 6, "measured again", done.stderr)
    expect(place.run("sweep", "swept.toml", "--out", "fresh", "-j", "2", timeout=120).returncode == 0, "fresh", "")
    after, fresh = results(), results("fresh")
    expect(weights == {p: p.read_bytes() for p in folder.rglob("*.safetensors")}, "measured again",
           "the weights must stay")
    expect(after.keys() == fresh.keys() == before.keys(), "measured again", list(after))
    for run, found in after.items():
        old, mine, wanted = (of["results"]["language_modeling"] for of in [before[run], found, fresh[run]])
        expect(mine == wanted and mine["test_tokens"] * 4 == old["test_tokens"] * 3, "measured again", mine)
        expect(mine["valid_loss"] != old["valid_loss"], "measured again", "valid_loss is of 3 batches now")
        expect(found["evaluation"] == fresh[run]["evaluation"] != before[run]["evaluation"], "evaluation", run)
        expect(found["training"] == before[run]["training"], "measured again", "training was before")
        routing = folder / run / "routing.json"
        same = place.path / "fresh" / "swept" / run / "routing.json"
        expect(not same.exists() or routing.read_text() == same.read_text(), "routing.json", run)
    again = place.run("sweep", "swept.toml")
    expect("6 of 6 runs are already trained" in again.stderr, "measured once", again.stderr)


def check_one_seed(place):
    place.write("one_seed.toml", BASE + ARMS.replace("repeat_seeds = 2", "repeat_seeds = 1"))
    done = place.run("sweep", "one_seed.toml", timeout=60)
    page = (place.path / "runs/one_seed/sweep.html").read_text()
    expect(done.stdout.count("cannot be told") == 2 and "no difference shown" not in done.stdout and
           "cannot be told" in page, "one seed", done.stdout)


def check_killed(place):
    """A sweep that is killed takes its runs with it; they save what they have."""
    place.write("killed.toml", BASE.replace("steps = 6", "steps = 100000") + ARMS)
    process = place.start("sweep", "killed.toml", "-j", "2")
    folder = place.path / "runs" / "killed"
    # A run that has made no step yet has nothing to save.
    logs = lambda: [len(path.read_text().splitlines()) for path in folder.glob("*/metrics.csv")]
    wait_for(lambda: len(logs()) == 2 and min(logs()) > 1, "two runs to begin")
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True,
                              check=True).stdout.split()
    expect(len(children) == 2, "two runs", children)
    process.kill()
    process.communicate(timeout=30)
    try:
        wait_for(lambda: not any(pathlib.Path("/proc", child).exists() for child in children), "the runs to end", 30)
    except TimeoutError:
        expect(False, "SIGKILL", "the runs must end with the sweep")
        for child in children:
            subprocess.run(["kill", child], check=False)
    saved = {path.parent for path in folder.glob("*/checkpoint/step_*")}
    expect(len(saved) == 2, "SIGKILL", "both runs must save a checkpoint")


def check_failures(place):
    place.write("broken.toml", BASE + ARMS.replace('title = "dense"\n', 'title = "dense"\n'
                                                   'data.paths = ["nowhere"]\n'))
    done = place.run("sweep", "broken.toml", "-j", "2", timeout=120)
    expect(done.returncode == 3, "a failed run", done.returncode)
    expect("the run 'dense, seed 1' failed with code 3" in done.stderr and "nowhere" in done.stderr,
           "a failed run", done.stderr)
    expect("two" in done.stdout and "difference" in done.stdout, "a failed run", "others go on")
    page = (place.path / "runs/broken/sweep.html").read_text()
    for seed in [1, 2]:
        named = f"<li>dense, seed {seed}: failed with code 3"
        expect(named in page, "a failed run", f"the page must hold {named}")
    expect("2 of 6 runs have no result" in page, "a failed run", "the page must count them")


def check_formulas(place):
    """A title is no formula in a spreadsheet."""
    place.write("formulas.toml", BASE.replace("steps = 6", "steps = 1") + ARMS.replace('"two"', "'=1+\"1'")
                .replace("repeat_seeds = 2", "repeat_seeds = 1"))
    done = place.run("sweep", "formulas.toml")
    expect(done.returncode == 0, "formulas", done.stderr)
    found = [row["arm"] for row in rows_of(place.path / "runs" / "formulas" / "sweep.csv")]
    expect(found == ["'=1+\"1", "one", "dense"], "formulas", found)


def check_many_arms(place):
    """Four times the arms take about four times the time."""
    def seconds(arms):
        text = "".join(f'[[sweep.arms]]\ntitle = "arm {i}"\ntrain.seed = {i}\n' for i in range(arms))
        place.write("many.toml", BASE + '[sweep]\nmethod = "list"\nrepeat_seeds = 1\n' + text)
        before = os.times()
        done = place.run("sweep", "many.toml", "--dry-run", timeout=300)
        after = os.times()
        expect(done.returncode == 0 and f"arm {arms - 1} " in done.stdout, "many arms", done.stderr)
        return after.children_user + after.children_system - before.children_user - before.children_system
    few, many = seconds(1_000), seconds(4_000)
    expect(many < 8 * few, "many arms", f"1,000 arms take {few:.2f} s, 4,000 arms {many:.2f} s")


def check_refusals(place):
    def refused(sentence, sweep, *more):
        place.write("bad.toml", BASE + sweep)
        place.refused(2, sentence, "sweep", "bad.toml", "--dry-run", *more)
    refused("there must be a [sweep] table", "")
    refused("a sweep needs [sweep.parameters]", "[sweep]\n")
    refused("unknown key 'metod'", ARMS.replace("method", "metod"))
    refused("one of: grid, random, list", ARMS.replace('"list"', '"lst"'))
    refused("sweep.baseline must be the title of an arm, got 'onee' (did you mean 'one'?)",
            ARMS.replace('baseline = "one"', 'baseline = "onee"'))
    refused("must be a table with a title", ARMS.replace('title = "two"\n', ""))
    refused("bad.toml: the title of an arm must hold no control character, got 'two?'",
            ARMS.replace('title = "two"', 'title = "two\\u001b"'))
    refused("a title of its own, but two are called 'one'", ARMS.replace('title = "two"', 'title = "one"'))
    refused("arm 'two': ", ARMS.replace("top_k = 2", "top_k = 99"))
    refused("top_k must be in 1..", ARMS.replace("top_k = 2", "top_k = 99"))
    refused("must be a list of values, got 3", "[sweep]\n[sweep.parameters]\nmodel.num_layers = 3\n")
    refused("must list at least one value", "[sweep]\n[sweep.parameters]\nmodel.num_layers = []\n")
    refused("lists of one sweep.zip must be equally long",
            "[sweep]\n[[sweep.zip]]\nmodel.num_layers = [1, 2]\nmodel.d_model = [16]\n")
    refused("must have at least one point", "[sweep]\nexclude = [{ title = 'num_layers = 1' }]\n"
            "[sweep.parameters]\nmodel.num_layers = [1]\n")
    refused("exclude must match a point of the sweep, got model.num_layers = 3",
            "[sweep]\nexclude = [{ 'model.num_layers' = 3 }]\n"
            "[sweep.parameters]\nmodel.num_layers = [1, 2]\n")
    refused("repeat_seeds must be in 1..1000, got 0", ARMS.replace("repeat_seeds = 2", "repeat_seeds = 0"))
    refused("sweep.match.keys must hold a size that this model has", ARMS.replace(
        "[sweep]\n", '[sweep]\nmatch = { quantity = "parameters", keys = ["model.nothing"] }\n'))
    refused("sweep.match: the arm 'two' must come within 5 % of the parameters of the baseline 'one'",
            ARMS.replace("[sweep]\n", '[sweep]\nmatch = { quantity = "parameters", multiple = 64 }\n')
            .replace("top_k = 2", "top_k = 2\nmodel.num_layers = 2"))
    measured = '[sweep]\n[sweep.parameters]\nevaluate.test_batches = [1, 2]\n'
    refused("the arms 'test_batches = 1' and 'test_batches = 2' are one run", measured)
    refused("only in evaluate.test_batches; set", measured)
    swept = "the sweep sets model.block.ffn.router.top_k itself (arm 'two')"
    for override in ["model.block.ffn.router.top_k=1", "model.block.ffn.router={type='switch'}",
                     "model.block.ffn.router.top_k.x=1"]:
        refused(swept, ARMS, "--" + override)
    expect(titles(place, ARMS, "--model.d_model=32", "--train.seed=5") ==
           ["two", "one", "dense"], "an override beside the arms' keys", "must be taken")
    place.write("swept.toml", BASE + ARMS)
    place.refused(2, "use `moenda sweep`", "train", "swept.toml")


with Place() as here:
    check_expansion(here)
    check_match(here)
    check_run(here)
    check_measured_again(here)
    check_one_seed(here)
    check_adaptive_experts(here)
    check_signal(here)
    check_killed(here)
    check_failures(here)
    check_formulas(here)
    check_many_arms(here)
    check_refusals(here)
end("sweep")
