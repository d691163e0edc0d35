# SPDX-License-Identifier: Apache-2.0
"""What others have written never reaches the terminal as a control character."""
import unicodedata

from program import MODEL, TRAINING, Place, end, expect

ESCAPE = "\x1b[31m"


def expect_printable(done, where):
    for name, text in [("stdout", done.stdout), ("stderr", done.stderr)]:
        turns = [chr(c) for c in [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]]
        bad = [c for c in text if (unicodedata.category(c) == "Cc" and c not in "\n\t") or c in turns]
        expect(not bad, where, f"{name} has {bad}: {text[-300:]!r}")
    expect("\ufffd" in done.stdout + done.stderr or "?" in done.stderr or "\\u001B" in done.stderr, where,
           f"must say that something was there: {done.stdout[-300:]!r} {done.stderr[-300:]!r}")


def check_errors(place):
    whole = MODEL + TRAINING
    for what, text in {
            "key": whole + '"a\\u001b[31m" = 1\n',
            "turned key": whole + '"\\u202ea\\u2066" = 1\n',
            "title": 'title = "t\\u001b[31m"\n' + whole.replace("steps = 20", "steps = -20"),
            "name": 'name = "n\\u001b[31m"\n' + whole,
            "path": whole.replace('paths = ["text"]', 'paths = ["t\\u001b[31m"]'),
            "NUL": whole.replace('paths = ["text"]', 'paths = ["text\\u0000x"]'),
            "type": whole.replace('type = "mixture"', 'type = "m\\u001b[31m"'),
            "task": 'task = "t\\u009b31m"\n' + whole,
            "not TOML": whole + "\x1b[31m = [\n",
            "extends": 'extends = "e\\u001b[31m"\n' + whole}.items():
        place.write("bad.toml", text)
        done = place.run("train", "bad.toml")
        expect(done.returncode in (2, 3), what, done.stderr)
        if what != "title":  # which this error does not name
            expect_printable(done, what)
    for arguments in [["train", f"none{ESCAPE}.toml"], [f"tr{ESCAPE}"], ["train", "tiny.toml", f"--{ESCAPE}"],
                      ["train", "tiny.toml", f"--a.{ESCAPE}=1"], ["train", "tiny.toml", f"{ESCAPE}"],
                      ["report", f"none{ESCAPE}"]]:
        done = place.run(*arguments)
        expect(done.returncode in (2, 3), arguments, done.stderr)
        expect_printable(done, arguments)
        expect(done.stderr.startswith("moenda: "), arguments, done.stderr)


def check_title(place):
    place.write("titled.toml", 'title = "red\\u001b[31m\\rand\\u009b"\n' + MODEL + TRAINING)
    for _ in range(2):  # trained, and trained already
        done = place.run("train", "titled.toml")
        expect(done.returncode == 0, "title", done.stderr)
    expect_printable(done, "title")


def check_text(place):
    """The prompt is printed again; a model of bytes may write any."""
    place.write("plain.toml", MODEL + TRAINING)
    expect(place.run("train", "plain.toml").returncode == 0, "train", "")
    done = place.run("generate", "plain.toml", "--prompt", f"água {ESCAPE}", "--max_tokens", 200,
                     "--generate.sampler.temperature=100")
    expect(done.returncode == 0 and done.stdout.startswith("água \ufffd[31m"), "generate", done)
    expect_printable(done, "generate")


with Place() as place:
    check_errors(place)
    check_title(place)
    check_text(place)
end("terminal")
