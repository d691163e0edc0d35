# SPDX-License-Identifier: Apache-2.0
"""How often a trained model finds the true ending, from a file of tasks and from held-out text."""
import json

from program import MODEL, TRAINING, Place, end, expect

TASK = "o mar e a terra\n{}\n{}\n"
ENDINGS = ["casa noite dia", "#@!%&()= {}[]", "QQQQXXXXZZZZ", "0987654321 00"]


def tasks(count):
    """Of the endings, one is written like the corpus; it stands in another place in every task."""
    text = ""
    for i in range(count):
        turned = [ENDINGS[(e - i) % 4] for e in range(4)]
        text += TASK.format(i % 4, "\n".join(turned))
    return text


def results_of(place, name):
    """Every value of results.json by its last key."""
    file, = (place.path / "runs" / name).glob("*/results.json")
    found = {}

    def collect(node):
        for key, value in node.items():
            if isinstance(value, dict):
                collect(value)
            else:
                found[key] = value

    collect(json.loads(file.read_text()))
    return found


def trained(place, name, completions):
    place.write(f"{name}.toml", f'extends = "tiny.toml"\n[evaluate]\ncompletions = {completions}\n')
    done = place.run("train", f"{name}.toml")
    expect(done.returncode == 0, name, done.stderr)
    return results_of(place, name)


with Place() as here:
    here.write("tiny.toml", MODEL + TRAINING.replace("steps = 20", "steps = 60"))
    here.write("tasks.txt", tasks(24))
    got = trained(here, "file", '{ kind = "hellaswag", file = "tasks.txt", tasks = 0 }')
    expect(got.get("completion_accuracy") == 1, "file", got)
    expect(got.get("completion_tasks") == 24, "file", got)
    expect(got.get("completion_standard_error") == 0, "file", got)
    expect(got.get("completion_chance") == 0.25, "file", got)
    got = trained(here, "part", '{ kind = "hellaswag", file = "tasks.txt", tasks = 5 }')
    expect(got.get("completion_tasks") == 5, "part", got)
    got = trained(here, "cut", '{ kind = "held_out", tasks = 40, context_tokens = 10, '
                  'ending_tokens = 5 }')
    expect(got.get("completion_tasks") == 40, "cut", got)
    expect(0 < got.get("completion_accuracy", -1) < 1, "cut", got)
    expect("completion_accuracy" not in trained(here, "none", '{ kind = "none" }'), "none", got)

    here.write("broken.txt", tasks(3) + "more\n7\n")
    other = "--train.seed=9"
    for value, code, sentence in [
            ('kind="hellaswag", file="broken.txt"', 3, "broken.txt:20: the answer must be 0, 1, 2 or 3"),
            ('kind="hellaswag", file="absent.txt"', 3, "'absent.txt' must exist"),
            ('kind="held_out", tasks=0', 2, "tasks must be in 1..1000000, got 0"),
            ('kind="held_out", context_tokens=60000', 3, "the text must hold at least"),
            ('kind="held_out", ending_tokens=0', 2, "ending_tokens must be in 1..65536, got 0"),
            ('kind="hella"', 2, "must be one of: none, hellaswag, held_out")]:
        here.refused(code, sentence, "train", "tiny.toml", other,
                     "--evaluate.completions={" + value + "}")

end("completions")
