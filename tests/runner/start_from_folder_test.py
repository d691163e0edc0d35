# SPDX-License-Identifier: Apache-2.0
"""A run that begins with a folder that transformers saved."""
import json
import shutil

import hugging_face
from hugging_face import GOLDEN, edit
from program import MODEL, TRAINING, Place, end, expect, newest_checkpoint

TOKENIZER = '[tokenizer]\nkind = "{}"\n{}\n'
MOE = MODEL.replace("num_heads = 2", 'num_heads = 2\nhead_norm = { type = "rms" }')
GPT2 = hugging_face.GPT2.replace("head_dim = 8\n", 'head_dim = 8\nbias = "all"\n') + "bias = true\n"


def trained(place, name, toml):
    """The weights, and what was measured, of a run."""
    place.write(f"{name}.toml", toml)
    done = place.run("train", f"{name}.toml")
    expect(done.returncode == 0, f"train {name}", done.stderr)
    folder = place.run_folder(name=name)
    results = json.loads((folder / "results.json").read_text())["results"]["language_modeling"]
    return (newest_checkpoint(folder) / "model.safetensors").read_bytes(), results["test_loss"]


def check_same(place, name, model):
    """From the exported folder a run learns to the same bits as from the run itself."""
    learnt = TOKENIZER.format("trained", "vocab_size = 300")
    first, loss = trained(place, name, learnt + model + TRAINING)
    done = place.run("export", f"{name}.toml", f"{name}_folder")
    expect(done.returncode == 0, f"export {name}", done.stderr)
    theirs = TOKENIZER.format("gpt2", f'folder = "{name}_folder"')
    further = TRAINING.replace("steps = 20", "steps = 10\nseed = 9")
    of_run, loss_of_run = trained(place, f"{name}_of_run", f'start_from = "{name}.toml"\n' + learnt + model + further)
    of_folder, loss_of_folder = trained(place, f"{name}_of_folder",
                                        f'start_from = "{name}_folder"\n' + theirs + model + further)
    anew, _ = trained(place, f"{name}_anew", theirs + model + further)
    expect(of_folder == of_run, name, "weights must be those that begin with the run")
    expect(loss_of_folder == loss_of_run and loss_of_folder < loss, name, [loss, loss_of_run, loss_of_folder])
    expect(of_folder != anew and of_folder != first, name, "must begin with the folder, and learn")


def check_shorter(place):
    """Shorter texts may be read, for rotary positions have no table."""
    place.write("shorter.toml", 'start_from = "moe_folder"\n' + TOKENIZER.format("gpt2", 'folder = "moe_folder"') +
                MOE.replace("context_length = 16", "context_length = 8") + TRAINING)
    done = place.run("train", "shorter.toml", "--train.steps=1")
    expect(done.returncode == 0 and "begins with all weights of moe_folder" in done.stderr, "shorter", done.stderr)


def check_refused(place):
    def refused(code, sentence, toml="moe_of_folder.toml", *keys):
        place.refused(code, sentence, "train", toml, "--force", "--train.steps=1", *keys)

    changed = "the run's model must be that of the folder: where `moenda describe` says "
    refused(2, changed + "[block.ffn.sparse.experts.each] hidden = 16, the run has "
            "[block.ffn.sparse.experts.each] hidden = 24", "moe_of_folder.toml",
            "--model.block.ffn.experts.each.hidden=24")
    refused(2, changed + "[block.attention.position] base = 10000.0, the run has", "moe_of_folder.toml",
            "--model.block.attention.position.base=5000")
    refused(2, changed + "num_layers = 1, the run has num_layers = 2", "moe_of_folder.toml", "--model.num_layers=2")
    refused(2, changed + "context_length = 16, the run has context_length = 32", "moe_of_folder.toml",
            "--model.context_length=32")
    refused(2, "must be one that can be exported; export: model.block.ffn.router must be top_k", "moe_of_folder.toml",
            "--model.block.ffn.router.type=switch")
    refused(3, "the run's model has no weight 'layers.0.attention.key_bias'", "gpt2_of_folder.toml",
            "--model.block.attention.bias=none")
    done = place.run("convert", "moe_folder", "moe_nf4", "--weights", "nf4")
    expect(done.returncode == 0, "convert", done.stderr)
    refused(3, "moe_nf4: is converted; take the folder that transformers saved", "moe_of_folder.toml",
            "--start_from=moe_nf4")
    shutil.copytree(place.path / "moe_folder", place.path / "other")
    edit(place.path / "other" / "config.json", lambda config: config.update(model_type="gemma2"))
    refused(3, "'model_type' must be one of", "moe_of_folder.toml", "--start_from=other")
    for shape, sentence in [("llama3", "pre_tokenizer.type is 'Sequence', which is not read; these are: ByteLevel"),
                            ("gemma", "normalizer: must be null"), ("qwen2", "normalizer: must be null")]:
        document = json.loads((GOLDEN.parent / "tokenizers" / f"{shape}.json").read_text())
        place.write(f"{shape}/tokenizer.json", json.dumps(document["tokenizer"]))
        refused(3, f"{shape}/tokenizer.json: {sentence}", "moe_of_folder.toml", f"--tokenizer.folder={shape}")
    place.write("cut/tokenizer.json", (place.path / "moe_folder" / "tokenizer.json").read_text())
    edit(place.path / "cut" / "tokenizer.json", lambda document: document["model"]["merges"].pop())
    refused(3, "cut/tokenizer.json: model.merges: every token must have its merge", "moe_of_folder.toml",
            "--tokenizer.folder=cut")
    for key, value, sentence in [("ignore_merges", True, "model: must have 'ignore_merges' false"),
                                 ("dropout", 0.5, "model.dropout must be null, got 0.5")]:
        place.write("other_form/tokenizer.json", (place.path / "moe_folder" / "tokenizer.json").read_text())
        edit(place.path / "other_form" / "tokenizer.json", lambda document: document["model"].update({key: value}))
        refused(3, f"other_form/tokenizer.json: {sentence}", "moe_of_folder.toml", "--tokenizer.folder=other_form")


with Place() as here:
    check_same(here, "moe", MOE)
    check_same(here, "gpt2", GPT2)
    check_shorter(here)
    check_refused(here)
end("start_from_folder")
