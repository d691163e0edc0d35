# SPDX-License-Identifier: Apache-2.0
"""Folders that transformers saved: the logits of every family; and runs that are written as such."""
import json

from hugging_face import GOLDEN, GPT2, cases, copy, read
from program import TRAINING, Place, end, expect

TOLERANCE = 1e-4
# Of document 1: a mixture with grouped queries, and a GPT-2.
MOE = """
[data]
paths = ["text"]
[model]
context_length = 16
d_model = 16
num_layers = 2
[model.block.attention]
type = "grouped_query"
num_heads = 3
num_kv_heads = 1
head_dim = 6
head_norm = { type = "rms" }
[model.block.ffn]
type = "mixture"
router = { type = "top_k", top_k = 2 }
experts = { count = 4, each = { type = "swiglu", hidden = 12 } }
"""
DENSE = MOE.split("[model.block.ffn]")[0].replace('head_norm = { type = "rms" }', "window = 5") + """
[model.block.ffn]
type = "swiglu"
hidden = 12
"""


def logits(place, model, ids, *options):
    """The tensors that `moenda logits` writes for lists of ids."""
    (place.path / "ids.json").write_text(json.dumps(ids))
    done = place.run("logits", model, "--ids", "ids.json", "--out", "out.safetensors", *options)
    where = f"logits {model} {' '.join(options)}"
    expect(done.returncode == 0, where, done.stderr)
    if done.returncode != 0:
        return {}
    tensors = read(place.path / "out.safetensors")
    return tensors


def distance(got, wanted):
    if len(got) != len(wanted):
        return float("inf")
    return max((abs(a - b) for a, b in zip(got, wanted)), default=0)


def check_golden(place, case):
    expected = read(GOLDEN / case / "expected.safetensors")
    ids = [list(expected[f"ids.{i}"][1]) for i in range(2)]
    for options in ([], ["--cached"]):
        tensors = logits(place, GOLDEN / case, ids, *options)
        for i in range(2):
            shape, wanted = expected[f"logits.{i}"]
            where = f"{case}, text {i} {options}"
            got_shape, got = tensors.get(f"logits.{i}", ([], []))
            expect(got_shape == shape, where, f"has shape {got_shape}, must have {shape}")
            far = distance(got, wanted)
            expect(far < TOLERANCE, where, f"logits are {far} away")
            # What follows the prompt is what the model itself would have written.
            width = shape[1]
            for place_of in range(expected["prompts"][1][i] - 1, shape[0] - 1):
                row = list(got[place_of * width:(place_of + 1) * width])
                likeliest = row.index(max(row)) if row else -1
                expect(likeliest == ids[i][place_of + 1], where, f"token {place_of + 1} differs")


def check_storage(place):
    """bf16 weights kept as bf16 are the same numbers."""
    for case in ["llama", "mixtral", "gemma", "qwen3_moe"]:
        plain = logits(place, GOLDEN / case, [[3, 1, 4, 1, 5]])
        stored = logits(place, GOLDEN / case, [[3, 1, 4, 1, 5]], "--evaluate.weights=bf16")
        far = distance(stored["logits.0"][1], plain["logits.0"][1])
        expect(far < TOLERANCE, f"{case} as bf16", f"logits are {far} away")


def letters_tokenizer():
    letters = [chr(33 + i) for i in range(67)]
    return {"model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(letters)}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            "decoder": {"type": "ByteLevel"}}


def check_generate(place):
    """A tokenizer of single letters: the greedy text is the one that transformers writes."""
    tokenizer = letters_tokenizer()
    letters = list(tokenizer["model"]["vocab"])
    for case in ["gpt2", "gemma", "mistral", "mixtral", "qwen2_moe"]:
        folder = copy(case, place.path / case)
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        expected = read(GOLDEN / case / "expected.safetensors")
        for i in range(2):
            ids = list(expected[f"ids.{i}"][1])
            read_first = expected["prompts"][1][i]
            text = "".join(letters[id] for id in ids)
            done = place.run("generate", folder, "--prompt", text[:read_first], "--max_tokens",
                             len(ids) - read_first, "--generate.sampler.temperature=0")
            expect(done.stdout == text + "\n", f"generate {case}", f"{done.stdout!r} {done.stderr}")
    for weights in ["bf16", "int8", "int4", "nf4", "nf4_double"]:
        done = place.run("generate", folder, "--prompt", text[:3], "--max_tokens", 4,
                         f"--evaluate.weights={weights}")
        expect(done.returncode == 0 and len(done.stdout) == 8, f"generate {weights}", done.stderr)
    done = place.run("generate", folder, "--prompt", "abc" * 30, "--max_tokens", 1)
    expect("the prompt has 90 ids; the model sees the last 64" in done.stderr, "long prompt", done.stderr)
    place.refused(2, "no id for anything", "generate", folder, "--prompt", "\u00e9" )
    place.refused(2, "train", "generate", folder, "--prompt", "abc", "--train.steps=3")
    place.refused(2, "temperature", "generate", folder, "--prompt", "abc",
                  "--generate.sampler.temperature=-1")
    place.refused(2, "the prompt must not be empty", "generate", folder)
    place.refused(3, "there is none", "generate", GOLDEN / "llama", "--prompt", "abc")


def check_convert(place):
    """A converted folder computes the very bits of the folder with weights kept so."""
    def agree(name, given, converted, *options):
        ids = [[3, 1, 4, 1, 5], [9]]
        wanted, got = logits(place, given, ids, *options), logits(place, converted, ids)
        expect(got != {} and got == wanted, f"convert {name}", "must have the same logits")

    for case in ["gpt2", "llama3", "mixtral_fused", "qwen2_moe", "gemma"]:
        for weights in ["fp32", "bf16", "int8", "int4", "nf4", "nf4_double"]:
            to = f"{case}_{weights}"
            done = place.run("convert", GOLDEN / case, to, "--weights", weights)
            expect(done.returncode == 0, f"convert {to}", done.stderr)
            agree(to, GOLDEN / case, to, f"--evaluate.weights={weights}")
    for case in ["qwen3_nf4", "mistral_nf4_double"]:  # keep what bitsandbytes made
        place.run("convert", GOLDEN / case, case, "--weights", "int8")
        agree(case, GOLDEN / case, case, "--evaluate.weights=int8")
    done = place.run("convert", GOLDEN / "mixtral", "parts", "--weights", "int4", "--weights",
                     "*.attention.*=bf16", "--weights", "layers.1.*.output=int8")
    expect("a mixtral" in done.stdout, "convert parts", done.stderr)
    agree("parts", GOLDEN / "mixtral", "parts", "--evaluate.weights=int4",
          '--evaluate.weights_of=[{names="*.attention.*",format="bf16"},'
          '{names="layers.1.*.output",format="int8"}]')
    for case, says in [("llama_yarn", True), ("llama", False)]:  # F16, BF16
        done = place.run("convert", GOLDEN / case, case, "--weights", "bf16")
        expect(("lose 3 of their 11 bits" in done.stderr) == says, f"convert {case}", done.stderr)
    about = place.run("describe", "parts").stdout
    expect("a mixtral, converted" in about and "int4" in about, "describe parts", about)
    folder = copy("gemma", place.path / "texts")
    (folder / "tokenizer.json").write_text(json.dumps(letters_tokenizer()))
    place.run("convert", folder, "texts_bf16", "--weights", "bf16")
    say = ["--prompt", "abc", "--max_tokens", 6, "--generate.sampler.temperature=0"]
    wanted = place.run("generate", folder, *say, "--evaluate.weights=bf16").stdout
    got = place.run("generate", "texts_bf16", *say).stdout
    expect(got == wanted and len(got) == 10, "generate converted", f"{got!r} {wanted!r}")


def check_export(place, name, toml, family):
    place.write(f"{name}.toml", toml + TRAINING)
    expect(place.run("train", f"{name}.toml").returncode == 0, name, "must train")
    done = place.run("export", f"{name}.toml", f"{name}_folder")
    expect(done.returncode == 0, f"export {name}", done.stderr)
    config = json.loads((place.path / f"{name}_folder" / "config.json").read_text())
    expect(config["model_type"] == family, f"export {name}", config["model_type"])
    ids = [[104, 101, 32, 1, 255, 7], [0]]
    for options in ([], ["--cached"]):
        run = logits(place, f"{name}.toml", ids, *options)
        folder = logits(place, f"{name}_folder", ids, *options)
        for i in range(2):
            far = distance(folder[f"logits.{i}"][1], run[f"logits.{i}"][1])
            expect(far < 1e-6, f"export {name} {options}", f"logits are {far} away from the run's")
    place.refused(3, "must not exist yet", "export", f"{name}.toml", f"{name}_folder")


def check_refused_exports(place):
    for key, value, sentence in [
            ("model.block.ffn.router.temperature", "2", "export: model.block.ffn.router must be"),
            ("model.block.ffn.router.type", "switch", "model.block.ffn.router must be top_k"),
            ("model.block.attention.clip", "1", "model.block.attention.clip must be 0"),
            ("model.embedding_scale", "2", "model.embedding_scale must be 1")]:
        place.refused(2, sentence, "export", "moe.toml", "nowhere", f"--{key}={value}")
    place.refused(2, "model.d_model must be a multiple of num_heads for a llama", "export",
                  "dense.toml", "nowhere", "--model.block.attention.window=0")


def check_describe(place):
    done = place.run("describe", GOLDEN / "qwen2_moe")
    expect(done.returncode == 0, "describe", done.stderr)
    for word in ["a qwen2_moe of 1 file", "dense_layers", "window_per_layer",
                 "layers.*.ffn.gated.gate", "active parameters"]:
        expect(word in done.stdout, "describe", f"must say {word!r}")


with Place() as here:
    expect(len(cases()) >= 15, "golden", f"only {cases()}")
    for each in cases():
        check_golden(here, each)
    check_storage(here)
    check_generate(here)
    check_convert(here)
    check_export(here, "moe", MOE, "qwen3_moe")
    check_export(here, "gpt2", GPT2, "gpt2")
    check_export(here, "dense", DENSE, "mistral")
    check_refused_exports(here)
    check_describe(here)
end("hugging_face")
