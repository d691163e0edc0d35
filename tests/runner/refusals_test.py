# SPDX-License-Identifier: Apache-2.0
"""Bad usage, configurations, corpora and places: an exit code and one sentence, never a crash."""
import json
import os
import random
import subprocess

from program import MODEL, TRAINING, Place, end, expect

CHANGE = "--train.seed=9"  # another run folder than the one that is trained


def check_usage(place):
    for arguments, sentence in [
            ([], "subcommand is required"), (["trian"], "did you mean 'train'?"),
            ([""], "there is no command ''"), (["é" * 1000], "there is no command"),
            (["train"], "config is required"), (["--nope"], "subcommand is required"),
            (["train", "tiny.toml", "--bogus"], "'--bogus' must be an option"),
            (["train", "tiny.toml", "extra"], "'extra' must be an option"),
            (["train", "tiny.toml", "--train.steps", "5"], "must be an option of this command or --a.b="),
            (["train", "tiny.toml", "--threads", "-1"], "--threads"),
            (["train", "tiny.toml", "--threads", "1025"], "--threads"),
            (["train", "tiny.toml", "--threads", "two"], "--threads"),
            (["generate", "tiny.toml", "--max_tokens", "-1"], "--max_tokens"),
            (["report"], "runs is required"), (["list", "extra"], "extra"), (["schema", "--x=1"], "--x"),
            (["train", "tiny.toml", "--=5"], "must read --a.b=value"),
            (["train", "tiny.toml", "--a-b=5"], "a key must be words joined by dots"),
            (["train", "tiny.toml", "--train..steps=5"], "not valid TOML")]:
        place.refused(2, sentence, *arguments)


def check_garbage(place):
    chance = random.Random(4)
    for length in [1, 1000, 40_000]:
        for alphabet in ["x", "-", "--=", ".", "[", "\"", "\\", "é", " ", "\n", "\x1b[31m", None]:
            word = ("".join(chr(chance.randrange(1, 0x250)) for _ in range(length))
                    if alphabet is None else (alphabet * length)[:length])
            for arguments in [[word], ["train", word], ["train", "tiny.toml", word],
                              ["describe", "tiny.toml", "--title=" + word]]:
                done = place.run(*arguments)
                expect(done.returncode in {0, 2, 3}, f"{arguments[0][:20]} {word[:20]!r} x {length}",
                       f"exit code {done.returncode}: {done.stderr[:200]}")
    raw = os.fsencode(place.path / "tiny.toml")
    for tail in [b"--title=\xff\xfe", b"--\xff=1", b"\xff"]:
        done = subprocess.run([os.fsencode(place.program), b"describe", raw, tail], capture_output=True)
        expect(done.returncode == 2, f"argument {tail}", done)


def check_configurations(place):
    deep = "a" + ".a" * 400_000 + " = 1\n"
    for name, content, code, sentence in [
            ("unknown", MODEL + "[train]\nstepz = 3\n", 2, "unknown.toml:17:9: unknown key 'stepz' in [train] (did you mean 'steps'?)"),
            ("kind", MODEL + "[train]\nsteps = 'x'\n", 2, "kind.toml:17:9: train.steps must be a whole number, got 'x'"),
            ("value", MODEL + "[train]\nbatch_size = 0\n", 2, "value.toml:17:14: train.batch_size: batch_size must be at least 1, got 0"),
            ("two", MODEL + "[train]\nbatch_size = 0\nsteps = -1\n", 2, "two.toml:18:9: train.steps"),
            ("empty", "", 2, "model.d_model: d_model must be in 1..1048576, got 0"),
            ("nul", b"name = 1\0", 2, "nul.toml:1:"), ("binary", bytes(range(256)), 2, "binary.toml:1:"),
            ("utf16", MODEL.encode("utf-16"), 2, "utf16.toml:1"),
            ("deep", deep, 2, "deep.toml:1: tables, lists and dotted keys must not be nested deeper"),
            ("deep_list", "a = " + "[" * 400_000, 2, "nested deeper"),
            ("large", "#" * (1 << 20) + "\n", 2, "must not exceed 1 MB"),
            ("circle", "extends = 'circle.toml'", 2, "extends must not form a circle"),
            ("base", "extends = 'none.toml'", 3, "base.toml:1:11: extends must name a TOML file"),
            ("folder_base", "extends = '.'", 3, "extends must name a TOML file")]:
        place.write(f"{name}.toml", content)
        place.refused(code, sentence, "train", f"{name}.toml")
        place.refused(code, sentence, "describe", f"{name}.toml")
    place.write("a name.toml", MODEL + TRAINING)
    place.refused(2, "name must be 1 to 100 letters, digits", "train", "a name.toml")
    for config in ["none.toml", "", "/dev/null", "x" * 5000, "none.toml/x"]:
        place.refused(3, "there is no such configuration file", "train", config)
    place.refused(3, "there is no such configuration file", "train", ".")
    place.refused(2, "", "train", place.program)
    place.write("bom.toml", b"\xef\xbb\xbf" + (MODEL + TRAINING).replace("\n", "\r\n").encode())
    expect(place.run("describe", "bom.toml").returncode == 0, "BOM and CRLF", "must be taken")


def check_values(place):
    for override, code, sentence in [
            ("--train=5", 2, "train must be a table, got 5"),
            ("--train.steps=", 2, "train.steps must be a whole number, got ''"),
            ("--train.steps=99999999999999999999", 2, "train.steps must be a whole number"),
            ("--train.epochs=inf", 2, "train.epochs must be a finite number"),
            ("--train.optimizer.learning_rate=nan", 2, "must be a finite number, got nan"),
            ("--train.optimizer.learning_rate=-1", 2, "must be at least 0"),
            ("--train.optimizer.beta1=1.5", 2, "beta1 must be in 0..1"),
            ("--train.seed=-1", 2, "train.seed must be a whole number in 0..9223372036854775807"),
            ("--name=../../escape", 2, "name must be 1 to 100 letters, digits"),
            ("--name=" + 101 * "x", 2, "name must be 1 to 100 letters, digits, '_', '-' and '.', not beginning with "
             "'.', got 101 of them"),
            ("--name=", 2, "name must be 1 to 100"), ("--name=..", 2, "name must be 1 to 100"),
            ("--data.train_fraction=0.5", 2, "must sum to 1, got 0.700000"),
            ("--evaluate.test_stride=999", 2,
             "evaluate.test_stride: test_stride must be in 0..model.context_length, which is "),
            ("--data.max_bytes=-5", 2, "data.max_bytes: max_bytes must be at least 0, got -5"),
            ("--data.paths=[]", 2, "paths must name a folder or file"),
            ("--model.vocab_size=10", 2, "vocab_size must be at least the tokenizer's 256, got 10"),
            ("--model.block.ffn.experts.count=0", 2, "count must be in 1..65536, got 0"),
            ("--model.block.ffn.router.top_k=9", 2, "top_k must be in 1..4, the number of experts, got 9"),
            ("--model.block.ffn=swiglu", 2, "hidden must be in 1..16777216, got 0"),
            ("--model.block.ffn.type=swilgu", 2, "(did you mean 'swiglu'?)"),
            ("--model.block.attention.head_dim=7", 2, "head_dim must be even"),
            ("--model.block.attention.num_kv_heads=3", 2, "num_kv_heads"),
            ("--tokenizer.vocab_size=2", 2, "vocab_size must be in 257..1000000, got 2"),
            ("--tokenizer.kind=gpt2", 3, "'gpt2-bpe' must exist"),
            ("--train.optimizer.learning_rate=1e30", 4, "loss and gradient must be finite, but step 2 has"),
            ("--compute={matmul='eigen', precision='bf16'}", 2,
             "compute.precision: precision must be fp32 where matmul = eigen, got bf16"),
            ("--model.block.ffn.loss.smooth_load.weight=0.1", 2, "model.block.ffn.loss: Mixture: the smooth load"),
            ("--model.block.ffn.router={type='hash', kind='balanced', vocab_size=99}", 2,
             "model.block.ffn.router.vocab_size: vocab_size must be 256, that of the model"),
            ("--train.batch_size=2000000000", 3, "not enough memory"),
            ("--model.vocab_size=2000000000", 2, "vocab_size must be in 1..268435456"),
            ("--model.vocab_size=268435456", 3, "not enough memory"),
            ("--train.stride=2000000000", 3, "the training text must fill a batch"),
            ("--model.context_length=5000", 3, "tokens")]:
        place.refused(code, sentence, "train", "tiny.toml", "--out", "values", override)


def check_nonfinite(place):
    """Exit code 4 leaves the checkpoint before the step that is not finite; skip_step goes on."""
    rate = "--train.optimizer.learning_rate=1e30"
    place.refused(4, "lower the learning rate", "train", "tiny.toml", "--out", "nan", rate)
    saved = list((place.run_folder("nan") / "checkpoint").iterdir())
    expect(len(saved) == 1, "non-finite", f"must leave one checkpoint, left {saved}")
    expect(not (place.run_folder("nan") / "results.json").exists(), "non-finite", "left results")
    skipping = ["train", "tiny.toml", "--out", "skip", rate, "--train.on_nonfinite=skip_step"]
    done = place.run(*skipping)
    expect(done.returncode == 0, "skip_step", done.stderr)
    results = place.run_folder("skip") / "results.json"
    skipped = json.loads(results.read_text())["training"]["skipped_steps"]
    results.unlink()
    done = place.run(*skipping)  # has nothing left to do but to measure
    expect(done.returncode == 0 and skipped == 19 and
           json.loads(results.read_text())["training"]["skipped_steps"] == skipped, "skipped_steps", skipped)


def check_corpora(place):
    texts = {
        "empty.txt": b"", "one.txt": b"x", "nul.txt": b"\0" * 3000, "bom.txt": b"\xef\xbb\xbf" + b"ab " * 1000,
        "latin.txt": b"abc \xe9t\xe9 " * 200, "cut.txt": b"ab " * 1000 + b"\xc3", "binary.dat": bytes(range(256)) * 20}
    for name, content in texts.items():
        place.write(name, content)
    (place.path / "no_texts").mkdir()
    place.write("no_texts/a.md", "not a text")
    for path, code, sentence in [
            ("missing", 3, "'missing' must exist here or below"), ("no_texts", 3, "must hold at least one *.txt file"),
            ("empty.txt", 3, "tokens"), ("one.txt", 3, "tokens"), ("latin.txt", 3, "must be UTF-8, byte 4"),
            ("cut.txt", 3, "must be UTF-8, byte 3000"), ("binary.dat", 3, "must be UTF-8, byte 128"),
            ("nothing*", 3, "must exist here or below"), ("/dev/null", 3, "")]:
        place.refused(code, sentence, "train", "tiny.toml", "--out", "corpora", "--data.split=position",
                      f'--data.paths=["{path}"]')
    for path in ["nul.txt", "bom.txt", "te*"]:
        done = place.run("train", "tiny.toml", "--out", "taken", "--data.split=position", f'--data.paths=["{path}"]')
        expect(done.returncode == 0, path, done.stderr)
    place.refused(3, "3 splits need as many documents, got 1", "train", "tiny.toml", '--data.paths=["nul.txt"]')
    place.refused(3, "the valid text must hold at least 17 tokens", "train", "tiny.toml",
                  "--data.split=position", "--data.max_bytes=100")
    place.write("data/below.txt", "ab " * 1000)
    done = place.run("train", "tiny.toml", "--out", "below", "--data.split=position", '--data.paths=["below.txt"]')
    expect(done.returncode == 0, "data/", done.stderr)


def check_places(place):
    place.refused(3, "there is no checkpoint", "eval", "tiny.toml", CHANGE)
    place.refused(3, "there is no checkpoint", "generate", "tiny.toml", CHANGE)
    place.refused(3, "cannot create folder", "train", "tiny.toml", "--out", "tiny.toml")
    place.refused(3, "cannot create folder", "train", "tiny.toml", "--out", "/proc/none")
    place.refused(3, "", "report", "tiny.toml", "none")
    place.refused(3, "must exist", "report", "text")
    expect(place.run("train", "tiny.toml").returncode == 0, "train", "")
    place.refused(2, "the prompt must not be empty", "generate", "tiny.toml", "--prompt", "")
    place.refused(2, "--prompt", "generate", "tiny.toml", "--prompt=")
    os.mkfifo(place.path / "fifo")
    for file in [".", "fifo", "text"]:
        place.refused(3, "must be a regular file", "report", "tiny.toml", "--file", file)
    for file in ["/proc/none/page.html", "tiny.toml/page.html"]:
        place.refused(3, "moenda: ", "report", "tiny.toml", "--file", file)
    read_only(place)


def read_only(place):
    (place.path / "locked").mkdir(mode=0o555)
    if os.geteuid() != 0:
        return place.refused(3, "cannot create folder", "train", "tiny.toml", "--out", "locked")
    os.chmod(place.path, 0o755)
    nobody = {"user": 65534, "group": 65534}
    try:
        if place.run("--version", **nobody).returncode != 0:
            raise PermissionError("the program")
    except PermissionError as error:
        return print(f"skipped: the read-only place, as root may write anywhere ({error})")
    place.refused(3, "cannot create folder", "train", "tiny.toml", "--out", "locked", **nobody)


with Place() as place:
    check_usage(place)
    check_garbage(place)
    check_configurations(place)
    check_values(place)
    check_nonfinite(place)
    check_corpora(place)
    check_places(place)
end("refusals")
