# SPDX-License-Identifier: Apache-2.0
"""Questions about tables: learnt from generated ones, then asked of a file."""
import json

from program import Place, end, expect

CONFIG = """
task = "table_questions"
data = { questions = 1200, test_questions = 120 }
[model]
d_word = 16
d_model = 32
layout = { max_words = 20, max_columns = 6, max_conditions = 24, max_pairs = 2 }
[train]
steps = 300
batch_size = 32
initial_std = 0.1
optimizer = { learning_rate = 4e-3, weight_decay = 0.0 }
"""
TEAMS = "Team,Year,Goals\nPorto,1999,10\nBraga,1997,5\nBenfica,2001,32\n"

with Place() as here:
    here.write("t.toml", CONFIG)
    done = here.run("train", "t.toml", timeout=60)
    expect(done.returncode == 0, "train", done.stderr)
    found = json.loads((here.run_folder("runs", "t") / "results.json").read_text())
    found = found["results"]["table_questions"]
    expect(found["test_accuracy"] > 0.85 and found["unseen_accuracy"] > 0.8, "accuracy", found)
    expect(found["test_route_information"] > 0.9, "routing", found)
    expect(found["test_refused"] <= 0.1 and found["test_covered"] > 0.95, "coverage", found)

    here.write("teams.csv", TEAMS)
    run = here.run_folder("runs", "t")
    def ask(question, table="teams.csv"):
        return here.run("ask", run, question, "--table", table)
    total = ask("what is the total goals where year is more than 1998")
    expect("answer      42\n" in total.stdout, "sum", total.stdout + total.stderr)
    expect("sum of 'Goals' over 2 rows where 'Year' > 1998 = 42" in total.stdout, "evidence",
           total.stdout)
    again = ask("what is the total goals where year is more than 1998")
    expect(again.stdout == total.stdout, "determinism", again.stdout)
    empty = ask("what is the total goals where year is more than 2050")
    expect(empty.returncode == 0 and "answer      0" not in empty.stdout, "nothing to add up",
           empty.stdout)

    here.write("ragged.csv", "a,b\n1,2\n3\n")
    here.write("empty.csv", "")
    here.refused(3, "ragged.csv", "ask", run, "how many rows", "--table", "ragged.csv")
    here.refused(3, "empty.csv", "ask", run, "how many rows", "--table", "empty.csv")
    here.refused(3, "none.csv", "ask", run, "how many rows", "--table", "none.csv")
    silent = ask("")
    expect(silent.returncode in (0, 2), "an empty question", silent.stderr)
    here.refused(2, "table_questions", "ask", "tiny.toml", "how many", "--table", "teams.csv")
    here.refused(2, "questions must be at least 1", "train", "t.toml", "--data.questions=0")
    here.refused(2, "data.train", "train", "t.toml", "--data.source=files")
end("table questions")
