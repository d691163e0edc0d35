# SPDX-License-Identifier: Apache-2.0
"""Models and tokenizers of unequal sizes: what a tokenizer does not know is never written."""
import json
import re
import shutil

from program import MODEL, TRAINING, Place, end, expect, expect_same, outcome

HOT = ["--generate.sampler.temperature=1000", "--generate.max_tokens=300"]


def learnt(size):
    return f'[tokenizer]\nkind = "trained"\nvocab_size = {size}\n' + MODEL + \
        TRAINING.replace("steps = 20", "steps = 4")


def model_size(folder):
    return int(re.search(r"^vocab_size = (\d+)$", (folder / "config.resolved.toml").read_text()
                         .split("[model]")[1], re.MULTILINE)[1])


def check_larger_model(place):
    """Ids of the model alone are never drawn, after training or later."""
    place.write("larger.toml", learnt(300).replace("[model]", "[model]\nvocab_size = 4000"))
    done = place.run("train", "larger.toml", *HOT)
    expect(done.returncode == 0, "larger model", done.stderr)
    folder = place.run_folder(name="larger")
    expect(model_size(folder) == 4000, "larger model", model_size(folder))
    done = place.run("generate", "larger.toml", *HOT)
    expect(done.returncode == 0 and len(done.stdout) > 100, "larger model", done.stderr)


def check_fewer_words(place):
    """A text that gives fewer tokens than were asked for: sweep and train make the same run of it."""
    place.write("fewer.toml", learnt(5000))
    expect(place.run("train", "fewer.toml").returncode == 0, "fewer", "")
    folder = place.run_folder(name="fewer")
    known = len(json.loads((folder / "tokenizer" / "encoder.json").read_text()))
    expect(known < 5000 and model_size(folder) == 5000, "fewer", f"{known}, {model_size(folder)}")
    place.write("swept/fewer.toml", learnt(5000) +
                '[sweep]\nrepeat_seeds = 1\n[sweep.parameters]\n"train.seed" = [1]\n')
    done = place.run("sweep", "swept/fewer.toml", "--out", "swept")
    expect(done.returncode == 0, "sweep", done.stderr)
    swept = place.path / "swept" / "fewer" / folder.name
    expect(swept.is_dir(), "sweep", f"must give the run the name {folder.name}")
    if swept.is_dir():
        expect_same(outcome(swept), outcome(folder), "sweep", but=["config", "files"])  # titles
    check_run_of_earlier_version(place, folder, known)


def check_run_of_earlier_version(place, folder, known):
    """Such a run had the size that the text gave; it goes on with it."""
    done = place.run("train", "fewer.toml", "--out", "earlier", f"--model.vocab_size={known}")
    expect(done.returncode == 0, "earlier", done.stderr)
    earlier = place.run_folder("earlier", "fewer")
    wanted = outcome(earlier)
    (earlier / "results.json").unlink()
    moved = earlier.rename(earlier.parent / folder.name)
    done = place.run("train", "fewer.toml", "--out", "earlier")
    expect(done.returncode == 0 and "continuing after step 4" in done.stderr, "earlier", done.stderr)
    expect_same(outcome(moved), wanted, "earlier")
    shutil.rmtree(place.path / "earlier")


with Place() as place:
    check_larger_model(place)
    check_fewer_words(place)
end("vocabulary")
