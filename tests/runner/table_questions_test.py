# SPDX-License-Identifier: Apache-2.0
"""Questions about tables: learnt from generated ones, then asked of a file."""
import html
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
    other = here.run("ask", run, "what is the total goals where year is more than 1998", "--table", "teams.csv",
                     "--compute.kernels=portable")
    expect(other.returncode == 0 and "answer      42\n" in other.stdout, "another [compute]", other.stderr)
    empty = ask("what is the total goals where year is more than 2050")
    expect(empty.returncode == 0 and "answer      0" not in empty.stdout, "nothing to add up",
           empty.stdout)

    here.write("ragged.csv", "a,b\n1,2\n3\n")
    here.write("empty.csv", "")
    here.refused(3, "ragged.csv:3, column 2: every row must have 2 cells", "ask", run, "how many rows", "--table", "ragged.csv")
    here.refused(3, "empty.csv", "ask", run, "how many rows", "--table", "empty.csv")
    here.refused(3, "none.csv", "ask", run, "how many rows", "--table", "none.csv")
    for silent in ["", "   ", "?!"]:
        here.refused(2, "the question must have a word or a number", "ask", run, silent, "--table", "teams.csv")
    done = here.run("report", run)
    page = html.unescape((here.path / "report.html").read_text())
    shown = json.loads((run / "results.json").read_text())["questions"]
    right = {question["operation"] for question in shown if question["right"]}
    expect(len(right) == 6, "every expert is shown at work", shown)
    for question in shown:
        for part in ("question", "evidence", "arithmetic", "answer"):
            expect(question[part] in page, "the page shows " + part, question)
    expect("language model" not in page, "the page is about questions", "")

    # Statements that compare: learnt together with generated questions, right more often than not.
    teams = [["team" + "abcdefgh"[i], str(7 * i % 17 + 10)] for i in range(8)]
    table = {"id": "t", "header": ["team", "goals"], "rows": teams}
    def statement(one, other, word):
        true = (int(one[1]) > int(other[1])) == (word == "more")
        return {"table": "t", "statement": f"{one[0]} has {word} goals than {other[0]}",
                "label": int(true)}
    pairs = [[json.dumps(statement(one, other, word)) for word in ("more", "fewer")]
             for one in teams for other in teams if one != other]
    here.write("tables.jsonl", json.dumps(table))
    here.write("train.jsonl", "\n".join(sum(pairs[::2], [])))
    here.write("test.jsonl", "\n".join(sum(pairs[1::2], [])))
    statements = ("--data.source=comparisons", "--data.tables=tables.jsonl",
                  "--data.train=train.jsonl", "--data.test=test.jsonl", "--data.questions=0",
                  "--data.test_questions=0", "--name=statements")
    done = here.run("train", "t.toml", *statements, "--data.generated=300", timeout=60)
    expect(done.returncode == 0, "statements", done.stderr)
    found = json.loads((here.run_folder("runs", "statements") / "results.json").read_text())
    found = found["results"]["table_questions"]
    expect(found["test_accuracy"] == found["test_accuracy_comparison"] > 0.8, "statements", found)
    here.refused(2, "generated must be 0 where all questions are", "train", "t.toml",
                 "--data.generated=1")
    vocabulary = run / "vocabulary.json"
    words = vocabulary.read_text()
    for damaged in ["", "[]", "[" * 50_000, '{"words": ["a"]}', words[:-20], words.replace("the", "teh", 1)]:
        vocabulary.write_text(damaged)
        here.refused(3, "vocabulary.json: ", "ask", run, "how many rows", "--table", "teams.csv")
    vocabulary.unlink()
    vocabulary.mkdir()
    here.refused(3, "vocabulary.json: ", "ask", run, "how many rows", "--table", "teams.csv")
    here.refused(2, "tiny.toml: task = \"language_modeling\" has no command 'ask'; the task must be one "
                 "of: table_questions", "ask", "tiny.toml", "how many", "--table", "teams.csv")
    here.refused(2, "questions must be in 1..1000000, got 0", "train", "t.toml", "--data.questions=0")
    here.refused(2, "questions must be in 1..1000000", "describe", "t.toml", "--data.questions=2000000000")
    here.refused(2, "data.train", "train", "t.toml", "--data.source=files")
end("table questions")
