# SPDX-License-Identifier: Apache-2.0
"""A run that was interrupted once or twice ends in the same bytes as one that was not, for several
models and for 1, 2, 3 and 8 threads."""
import signal

from program import (Place, end, expect, expect_same, interrupt, last_step, outcome, wait_for)

STEPS = 60
COMMON = [f"--train.steps={STEPS}", "--log.every=1", "--log.checkpoint_every=7",
          "--evaluate.every=13", "--evaluate.batches=1"]
ATTENTION = "--model.block.attention="
FFN = "--model.block.ffn="
MODELS = {
    "top-2, rope": [],
    "top-1 of Switch with capacity and losses": [
        "--model.block.ffn.router.top_k=1", "--model.block.ffn.capacity_factor=1.0",
        "--model.block.ffn.router.weighting=score_then_select", "--train.gradient_accumulation=2",
        "--model.block.ffn.loss.load_balancing.weight=0.01", "--model.block.ffn.loss.router_z.weight=0.001"],
    "tied head, learned positions, layer norm, dense": [
        "--model.tied_head=true", "--model.block.norm=layer", "--model.num_layers=2",
        ATTENTION + '{ type = "multi_head", num_heads = 2, head_dim = 8, position = "learned" }',
        FFN + '{ type = "ffn", hidden = 16 }', "--train.gradient_clip=0"],
    "no positions, normed heads, all experts": [
        "--model.block.attention.position=none", "--model.block.attention.head_norm=rms",
        "--model.block.ffn.router.top_k=4", "--model.block.ffn.capacity_factor=0.9",
        "--train.stride=5", "--train.schedule.warmup_steps=60",
        "--model.block.ffn.experts.each=ffn", "--model.block.ffn.experts.each.hidden=8",
        "--model.block.ffn.router.weighting=score_then_renormalise"],
    "Eigen's products": ["--compute.matmul=eigen"],
}


def train(place, out, threads, options):
    return ["train", "tiny.toml", "--out", out, "--threads", threads, *COMMON, *options]


def whole(place, name, options):
    """The uninterrupted run, and that any number of threads gives its bytes."""
    wanted = None
    for threads in [1, 2, 3, 8]:
        out = f"{name}-{threads}"
        done = place.run(*train(place, out, threads, options))
        expect(done.returncode == 0, name, done.stderr)
        found = outcome(place.run_folder(out))
        wanted = wanted or found
        expect_same(found, wanted, f"{name}, {threads} threads")
    expect(len(wanted["metrics"]) == STEPS, name, f"{len(wanted['metrics'])} rows")
    return wanted


def interrupted(place, name, options, stops, threads, wanted):
    """Ends the run by a signal near each of the steps `stops`; then lets it finish."""
    out = f"{name}-stopped-{len(stops)}"
    for number, stop in enumerate(stops):
        process = place.start(*train(place, out, threads[number], options))
        wait_for(lambda: process.poll() is not None or place_step(place, out) >= stop, "no progress")
        code, stderr = interrupt(process, [signal.SIGINT, signal.SIGTERM][number % 2])
        if code == 0:
            print(f"note: {name} finished before the signal")
            continue
        expect(code == 130 and "the same command continues" in stderr, name, f"{code}: {stderr}")
        expect(not (place.run_folder(out) / "results.json").exists(), name, "must not be finished")
    done = place.run(*train(place, out, threads[-1], options))
    expect(done.returncode == 0, name, done.stderr)
    expect("continuing after step" in done.stderr or "already trained" in done.stderr, name, done.stderr)
    expect_same(outcome(place.run_folder(out)), wanted, f"{name}, interrupted {len(stops)} times")


def place_step(place, out):
    try:
        return last_step(place.run_folder(out))
    except (OSError, AssertionError):
        return 0


with Place() as place:
    for number, (name, options) in enumerate(MODELS.items()):
        short = f"m{number}"
        wanted = whole(place, short, options)
        expect(("routing.csv" in wanted) == (number != 2), name, "routing.csv must exist for mixtures")
        dropped = wanted["training"]["dropped_share"]
        expect((dropped > 0) == (number in (1, 3)), name, f"{dropped} is dropped over capacity")
        interrupted(place, short, options, [STEPS // 2], [1, 2], wanted)
        interrupted(place, short, options, [8, 40], [3, 1, 2], wanted)
end("resume")
