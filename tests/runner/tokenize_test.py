# SPDX-License-Identifier: Apache-2.0
"""moenda tokenize: of a Hugging Face folder, of a run, and what it refuses."""
import json
import pathlib

from program import MODEL, TRAINING, Place, end, expect

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "tokenizers"


def printed(place, *arguments):
    done = place.run("tokenize", *arguments)
    expect(done.returncode == 0 and done.stdout.count("\n") == 1, arguments, done.stderr or done.stdout)
    expect(done.stdout.isascii(), arguments, "must print ASCII")
    return json.loads(done.stdout) if done.returncode == 0 else None


def check_folder(place, name):
    document = json.loads((GOLDEN / f"{name}.json").read_text())
    place.write(f"{name}/tokenizer.json", json.dumps(document["tokenizer"]))
    for case in document["cases"][3::9]:
        text = case["text"]
        for ids, flags in zip(case["ids"], [[], ["--literal"], ["--plain"], ["--plain", "--literal"]]):
            place.write("text.txt", text)
            expect(printed(place, name, "--file", "text.txt", *flags) == ids, name, [text, flags])
        place.write("ids.json", json.dumps(case["ids"]))
        expect(printed(place, name, "--ids", "ids.json") == case["decoded"][1::2], name, text)
        expect(printed(place, name, "--ids", "ids.json", "--plain") == case["decoded"][::2], name, text)
    expect(printed(place, name, "a casa") == printed(place, name, "--file", place.write("a", "a casa")), name, "")


def check_run(place):
    place.write("byte.toml", MODEL + TRAINING)
    expect(printed(place, "byte.toml", "é\n") == [195, 169, 10], "run", "")
    place.write("learnt.toml", '[tokenizer]\nkind = "trained"\nvocab_size = 300\n' + MODEL +
                TRAINING.replace("steps = 20", "steps = 1"))
    expect(place.run("train", "learnt.toml").returncode == 0, "run", "must train")
    folder = place.run_folder(name="learnt")
    ids = printed(place, folder, "o mar e a terra")
    expect(0 < len(ids) < 15 and max(ids) < 300, "run", ids)
    place.write("ids.json", json.dumps(ids))
    expect(printed(place, folder, "--ids", "ids.json") == "o mar e a terra", "run", "must come back")


def check_refused(place):
    for code, sentence, *arguments in [
            (2, "one of TEXT, --file and --ids must be given, got 0", "gpt2"),
            (2, "got 2 of them", "gpt2", "x", "--file", "text.txt"),
            (2, "no configuration to override", "gpt2", "x", "--train.steps=1"),
            (3, "absent", "gpt2", "--file", "absent"),
            (3, "must be JSON", "gpt2", "--ids", place.write("a.json", "[1,")),
            (3, "whole numbers from 0 on, got -1", "gpt2", "--ids", place.write("b.json", "[-1]")),
            (3, "whole numbers from 0 on, got 1e+99", "gpt2", "--ids", place.write("c.json", "[1e99]")),
            (3, "must hold a list of ids", "gpt2", "--ids", place.write("d.json", "[" * 100_000)),
            (3, "must hold a list of ids", "gpt2", "--ids", place.write("e.json", "{}")),
            (3, "a token id must lie in 0..", "gpt2", "--ids", place.write("f.json", "[99999]")),
            (3, "the text must be UTF-8, byte 1 is not", "gpt2", "--file", place.write("g", b"a\xff")),
            (3, "broken/tokenizer.json: model.type is 'Unigram', which is not read; these are: BPE",
             place.write("broken/tokenizer.json", '{"model": {"type": "Unigram"}}').parent, "x")]:
        place.refused(code, sentence, "tokenize", *arguments)


with Place() as place:
    for shape in ["gpt2", "llama", "olmo"]:
        check_folder(place, shape)
    check_run(place)
    check_refused(place)
end("tokenize")
