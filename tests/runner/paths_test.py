# SPDX-License-Identifier: Apache-2.0
"""Paths that no file system takes, wherever a path can be given: a sentence, before anything is trained."""
from program import Place, end, expect

LABELLED = """
task = "classification"
data = { kind = "text", files = { train = "rows.csv" } }
[model]
context_length = 8
d_model = 8
input.type = "tokens"
ffn = { type = "ffn", hidden = 8 }
[train]
steps = 1
batch_size = 2
"""
QUESTIONS = """
task = "table_questions"
data = { source = "files", tables = "rows.csv", train = "rows.csv", test = "rows.csv" }
[model]
d_word = 8
d_model = 8
layout = { max_words = 20, max_columns = 6, max_conditions = 24, max_pairs = 2 }
"""
COMMANDS = ["train", "sweep", "eval", "generate", "describe", "trace", "counterfactual"]

with Place() as place:
    place.write("rows.csv", "a,b,y\n1,2,3\n")
    place.write("labels.toml", LABELLED)
    place.write("rows.toml", LABELLED.replace('kind = "text", files = { train = "rows.csv" }',
                                              'kind = "table", table = { table = { paths = ["rows.csv"], target = "y" } }'))
    place.write("questions.toml", QUESTIONS)
    expect(place.run("train", "tiny.toml").returncode == 0, "train", "")
    run = place.run_folder()
    before = sorted(p.name for p in place.path.iterdir())
    long, deep = "x" * 5_000, "/".join(["y" * 200] * 30)
    for path in [long, deep]:
        for command in COMMANDS:
            place.refused(3, "there is no such configuration file", command, path)
        place.refused(3, "there is no such configuration file", "report", path)
        place.refused(3, "there is no such configuration file", "ask", path, "how many", "--table", "rows.csv")
        for command in ["train", "eval", "generate", "trace", "counterfactual", "report"]:
            place.refused(3, "File name too long", command, "tiny.toml", "--out", path)
        place.write("extends.toml", f'extends = "{path}"\n')
        place.refused(3, "extends.toml:1:11: extends must name", "train", "extends.toml")
        for file, key in [("tiny.toml", "--data.paths=['{}']"), ("tiny.toml", "--start_from='{}'"),
                          ("tiny.toml", "--start_from='{}.safetensors'"),
                          ("tiny.toml", "--evaluate.completions={{kind='hellaswag', file='{}'}}"),
                          ("labels.toml", "--data.files.train='{}'"), ("labels.toml", "--data.files.test='{}'"),
                          ("rows.toml", "--data.table.table.paths=['{}']"),
                          ("questions.toml", "--data.tables='{}'"), ("questions.toml", "--data.train='{}'")]:
            place.refused(3, "", "train", file, key.format(path), "--name=n")
        place.refused(3, "", "train", "tiny.toml", "--tokenizer.kind=gpt2", f"--tokenizer.folder={path}", "--name=n")
        for command in ["report", "trace", "counterfactual"]:
            done = place.refused(3, "", command, run, "--file", path)
            expect(done.stdout == "", f"{command} --file", "must be refused before it works")
    place.refused(3, "NUL", "train", "tiny.toml", '--data.paths=["a\\u0000b"]')
    for key in ["--start_from", "--tokenizer.folder"]:
        place.refused(3, "", "train", "tiny.toml", f'{key}="a\\u0000b"', "--tokenizer.kind=gpt2", "--name=n")
    left = {p.name for p in place.path.iterdir()} - set(before) - {"extends.toml"}
    expect(not left, "files", f"left {left}")
end("paths")
