# SPDX-License-Identifier: Apache-2.0
"""Broken folders of transformers: one sentence each, that names file, key or tensor."""
import json
import os
import shutil

from hugging_face import GOLDEN, copy, edit, header_of, poke, rewrite
from program import Place, end, expect

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
FAMILIES = "gpt2, llama, mistral, qwen2, qwen3, mixtral, qwen2_moe, qwen3_moe, olmoe, gemma"


def setting(**values):
    return lambda folder: edit(folder / CONFIG, lambda config: config.update(values))


def without(key):
    return lambda folder: edit(folder / CONFIG, lambda config: config.pop(key))


def text(name, content):
    def change(folder):
        content_of = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(content_of)
    return change


def header(change, name=WEIGHTS):
    return lambda folder: rewrite(folder / name, change)


def rename_tensor(old, new):
    def change(tensors):
        tensors[new] = tensors.pop(old)
    return header(change)


def patch(name, old, new):
    """Other bytes of a tensor, as many."""
    def change(folder):
        fields, begin = header_of(folder / WEIGHTS)
        raw = (folder / WEIGHTS).read_bytes()
        first, last = (begin + at for at in fields[name]["data_offsets"])
        tensor = raw[first:last].replace(old, new, 1)
        assert tensor != raw[first:last] and len(tensor) == last - first
        (folder / WEIGHTS).write_bytes(raw[:first] + tensor + raw[last:])
    return change


def drop_tensor(name):
    """The header must leave no hole, so the tensor becomes one that nobody knows."""
    return rename_tensor(name, "gone")


def index(change):
    return lambda folder: edit(folder / INDEX, lambda value: change(value["weight_map"]))


def cut(name, count):
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size - count)


def both(*changes):
    def change(folder):
        for each in changes:
            each(folder)
    return change


def four_rows(tensors):
    """Of every router of 5 experts, the last row becomes a tensor that nobody knows."""
    for name in [name for name in tensors if name.endswith("mlp.gate.weight")]:
        first, last = tensors[name]["data_offsets"]
        middle = first + (last - first) // 5 * 4
        tensors["rest." + name] = dict(tensors[name], shape=[1, 16], data_offsets=[middle, last])
        tensors[name].update(shape=[4, 16], data_offsets=[first, middle])


Q = "model.layers.0.self_attn.q_proj.weight"
SHARD = "model-00001-of-00002.safetensors"
BROKEN = {
    "qwen3": [  # one file, F32
        (setting(model_type="gemma2"), f"'model_type' must be one of {FAMILIES}, got 'gemma2' (did "
                                       "you mean 'gemma'?)"),
        (setting(model_type="phi"), f"must be one of {FAMILIES}, got 'phi'"),
        (setting(model_type="gpt_oss"), "got 'gpt_oss'"),
        (setting(model_type=""), "got ''"),
        (setting(model_type=5), "'model_type' must be a text, got 5"),
        (without("model_type"), "'model_type' must be the name of a family, got nothing"),
        (setting(quantization_config={"quant_method": "gptq"}), "quantised by 'gptq', but only F32"),
        (setting(quantization_config={"quant_method": "awq"}), "quantised by 'awq'"),
        (setting(quantization_config=[]), "'quantization_config' must be an object, got []"),
        (setting(hidden_act="relu"), "'hidden_act' must be one of silu, got 'relu'"),
        (setting(hidden_act="sliu"), "got 'sliu' (did you mean 'silu'?)"),
        (setting(rope_parameters={"rope_type": "longrope", "factor": 2}),
         "the rope_type must be one of default, linear, llama3, yarn, got 'longrope'"),
        (setting(rope_parameters={"rope_type": "yran", "factor": 2}), "(did you mean 'yarn'?)"),
        (setting(rope_parameters={"rope_type": "linear"}),
         "'rope_parameters.factor' must be a number above 0, got nothing"),
        (setting(rope_parameters={"rope_theta": -1}), "'rope_parameters.rope_theta' must be a number"),
        (setting(rope_parameters={"partial_rotary_factor": 0.5}), "partial_rotary_factor' must be 1"),
        (setting(rope_parameters=7), "'rope_parameters' must be an object, got 7"),
        (setting(hidden_size="18"), "'hidden_size' must be a whole number in 1..1048576, got \"18\""),
        (setting(hidden_size=0), "'hidden_size' must be a whole number"),
        (setting(hidden_size=18.5), "got 18.5"),
        (setting(hidden_size=10 ** 30), "'hidden_size' must be a whole number"),
        (without("vocab_size"), "'vocab_size' must be there, got nothing"),
        (setting(vocab_size=2 ** 28), "must have shape [268435456, 18]"),
        (setting(num_hidden_layers=16384, use_sliding_window=False),
         "the weight 'layers.2.attention_norm.gain' needs tensor "
         "'model.layers.2.input_layernorm.weight', which is missing"),
        (setting(num_hidden_layers=-1), "'num_hidden_layers' must be a whole number in 0..16384"),
        (setting(num_hidden_layers=1, use_sliding_window=False),
         "is no weight of a qwen3 of this config"),
        (setting(num_attention_heads=2), "must have shape"),
        (setting(num_key_value_heads=2), "num_kv_heads must divide num_heads, got 2 and 3"),
        (setting(head_dim=7), "head_dim must be even"),
        (setting(rms_norm_eps=0), "'rms_norm_eps' must be a number above 0, got 0"),
        (setting(tie_word_embeddings="yes"), "'tie_word_embeddings' must be true or false"),
        (setting(attention_bias=False), "is no weight of a qwen3 of this config"),
        (setting(layer_types=["full_attention"]), "'layer_types' must be as long as there are layers"),
        (setting(layer_types=["linear_attention", "full_attention"]),
         "'layer_types' must be one of full_attention, sliding_attention, got 'linear_attention'"),
        (setting(layer_types=[1, 2]), "'layer_types' must be a list of texts"),
        (text(CONFIG, ""), "config.json: must be JSON"),
        (text(CONFIG, "{"), "config.json: must be JSON"),
        (text(CONFIG, "[]"), "config.json: must hold an object, got array"),
        (text(CONFIG, "[" * 100000), "config.json: must be nested at most 32 deep"),
        (text(CONFIG, '{"model_type": ' + "[" * 3000000 + "]" * 3000000 + "}"),
         "config.json: must be nested at most 32 deep"),
        (text(CONFIG, b"\xff\xfe{}"), "config.json: must be JSON"),
        (lambda folder: (folder / WEIGHTS).unlink(), f"there must be {WEIGHTS} or {INDEX}"),
        (both(lambda folder: (folder / WEIGHTS).unlink(), text("m.gguf", "GGUF")),
         "'m.gguf' is not read"),
        (both(lambda folder: (folder / WEIGHTS).unlink(), text("pytorch_model.bin", "PK")),
         "'pytorch_model.bin' is not read"),
        (text(WEIGHTS, ""), "model.safetensors: has 0 bytes"),
        (cut(WEIGHTS, 4), "model.safetensors"),
        (text(WEIGHTS, b"\xff" * 64), "model.safetensors: header length"),
        (rename_tensor(Q, "model.layers.0.self_attn.qproj.weight"),
         f"needs tensor '{Q}', which is missing (did you mean 'model.layers.0.self_attn.qproj.weight"
         "'?)"),
        (drop_tensor("lm_head.weight"), "the weight 'head' needs tensor 'lm_head.weight'"),
        (header(lambda tensors: tensors[Q].update(shape=[18, 24])),
         f"'{Q}': must have shape [24, 18] for the weight 'layers.0.attention.query', got [18, 24]"),
        (header(lambda tensors: tensors[Q].update(dtype="I32")),
         "its type must be F32, F16 or BF16, got I32"),
        (lambda folder: poke(folder / WEIGHTS, Q, 5, float("nan")), "number 5 is not"),
        (lambda folder: poke(folder / WEIGHTS, "model.norm.weight", 0, float("inf")),
         "'model.norm.weight': all numbers must be finite, but number 0 is not"),
    ],
    "qwen3_nf4": [
        (setting(quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}),
         "'quantization_config.load_in_4bit' must be true, got nothing"),
        (setting(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True,
                                      "bnb_4bit_quant_type": "fp4"}),
         "'quantization_config.bnb_4bit_quant_type' must be \"nf4\", got \"fp4\""),
        (drop_tensor(Q + ".absmax"), f"the matrix '{Q}', quantised by bitsandbytes, needs tensor "
                                     f"'{Q}.absmax', which is missing"),
        (header(lambda tensors: tensors[Q].update(dtype="I8")),
         f"'{Q}': must be 216 of U8, got [216, 1] of I8"),
        (drop_tensor(Q + ".quant_state.bitsandbytes__nf4"), f"'{Q}': must have shape [24, 18]"),
        (patch(Q + ".quant_state.bitsandbytes__nf4", b'"blocksize": 64', b'"blocksize": 32'),
         "'blocksize' must be a whole number in 64..64, got 32"),
        (patch(Q + ".quant_state.bitsandbytes__nf4", b'"nf4"', b'"fp4"'),
         "'quant_type' must be \"nf4\", got \"fp4\""),
        (patch(Q + ".quant_state.bitsandbytes__nf4", b"[24, 18]", b"[18, 24]"),
         "'shape' must be [24, 18], got [18,24]"),
        (patch(Q + ".quant_state.bitsandbytes__nf4", b"{", b"["), "must be JSON"),
        (lambda folder: poke(folder / WEIGHTS, Q + ".absmax", 3, float("nan")),
         f"'{Q}.absmax': all numbers must be finite, but number 3 is not"),
        (lambda folder: poke(folder / WEIGHTS, Q + ".quant_map", 3, 0.5),
         f"'{Q}.quant_map': must hold the 16 values of NF4"),
    ],
    "mistral": [  # two files
        (lambda folder: (folder / SHARD).unlink(), SHARD),
        (index(lambda names: names.update({Q: "../" + SHARD})),
         f"'weight_map.{Q}' must be the name of a file in the same folder"),
        (index(lambda names: names.update({Q: "/etc/passwd"})), "a file in the same folder"),
        (index(lambda names: names.update({Q: ".."})), "a file in the same folder"),
        (index(lambda names: names.update({Q: ""})), "a file in the same folder"),
        (index(lambda names: names.update({Q: 3})), f"'weight_map.{Q}' must be the name of a file"),
        (index(lambda names: names.update({Q: "model-00002-of-00002.safetensors"})),
         f"tensor '{Q}' must be in 'model-00002-of-00002.safetensors', but it is in '{SHARD}'"),
        (index(lambda names: names.update({"more": SHARD})), "but it is nowhere"),
        (index(lambda names: names.pop(Q)), "must name all"),
        (index(lambda names: names.clear()), "'weight_map' must be an object of tensor -> file"),
        (text(INDEX, "{}"), "'weight_map' must be an object"),
        (text(INDEX, "[1]"), "must hold an object"),
    ],
    "mixtral_fused": [
        (setting(num_local_experts=4), "must have shape [4, 16]"),
        (both(setting(num_local_experts=4), header(four_rows)), "must hold 4 experts, got 5"),
        (setting(num_local_experts=65536), "must have shape [65536, 16]"),
        (setting(num_local_experts=65536, num_hidden_layers=16384), "layers times experts must be"),
        (setting(num_experts_per_tok=6), "'num_experts_per_tok' must be a whole number in 1..5"),
        (setting(intermediate_size=13), "must have shape [5, 26, 16]"),
    ],
    "qwen2_moe": [
        (setting(mlp_only_layers=[9]), "dense_layers must be layers of the model"),
        (setting(mlp_only_layers=[1]), "which is missing"),
        (setting(mlp_only_layers=[3] * 5), "'mlp_only_layers' must be at most as long as there are"),
        (setting(mlp_only_layers="1"), "'mlp_only_layers' must be a list, got \"1\""),
        (setting(decoder_sparse_step=0), "'decoder_sparse_step' must be a whole number"),
        (setting(decoder_sparse_step=9), "'decoder_sparse_step' must be at most num_hidden_layers"),
    ],
    "gpt2": [
        (setting(activation_function="relu"),
         "must be one of gelu_new, gelu_pytorch_tanh, gelu, got 'relu'"),
        (setting(scale_attn_by_inverse_layer_idx=True),
         "'scale_attn_by_inverse_layer_idx' must be false, got true"),
        (setting(n_head=3), "'n_head' must be a divisor of n_embd, got 3"),
        (setting(n_positions=31), "must have shape [31, 20]"),
    ],
}


def copy_with_huge_gains(place):
    folder = copy("qwen3", place.path / "huge")
    for number in range(18):
        poke(folder / WEIGHTS, "model.norm.weight", number, 3e38)
    return folder


def check_convert(place):
    """Nothing is written unless all of it is; nobody uses what is damaged."""
    def refused(code, sentence, *words):
        place.refused(code, sentence, "convert", *words)
        expect(not (place.path / "to").exists(), sentence, "must write nothing")
        left = [path.name for path in place.path.glob(".tmp-*") if path.name != ".tmp-to"]
        expect(not left, sentence, f"must leave nothing, left {left}")

    folder = copy("qwen3", place.path / "from")
    refused(2, "must be one of: fp32, bf16, int8, int4, nf4, nf4_double, got 'nf5' (did you mean",
            folder, "to", "--weights", "nf5")
    refused(2, "must match 'query', but none does", folder, "to", "--weights", "query=int8")
    refused(2, "with a config.json", place.path, "to")
    refused(3, "cannot", folder, "/proc/to")
    (place.path / ".tmp-to").mkdir()  # somebody's own
    (place.path / ".tmp-to" / "mine").write_text("mine")
    (place.path / "ids.json").write_text("[[1, 2, 3]]")
    for weights in ["int8", "int4"]:  # their scales have half precision
        poke(folder / WEIGHTS, "lm_head.weight", 3, 1e9)
        sentence = f"'lm_head.weight': has numbers that are too large for {weights}"
        place.refused(3, sentence, "convert", folder, "to", "--weights", weights)
        place.refused(3, sentence, "logits", folder, "--ids", "ids.json", "--out", "o",
                      f"--evaluate.weights={weights}")
        place.refused(4, "those of list 0 are not all finite", "logits", copy_with_huge_gains(place),
                      "--ids", "ids.json", "--out", "o")
        expect(not (place.path / "o").exists(), "logits", "must write nothing")
    copy("qwen3", folder)
    for out in [folder / WEIGHTS, folder / CONFIG]:
        place.refused(2, "must not take the place of a file in the model's folder", "logits", folder, "--ids",
                      "ids.json", "--out", out)
    place.refused(2, "must be another file than the one that is read", "logits", folder, "--ids",
                  "ids.json", "--out", "ids.json")
    poke(folder / WEIGHTS, "lm_head.weight", 3, float("nan"))
    refused(3, "number 3 is not", folder, "to")
    copy("qwen3", folder)
    (folder / "tokenizer.json").mkdir()
    refused(3, "tokenizer.json", folder, "to")
    copy("qwen3", folder)
    steps = [{"type": "Digits", "individual_digits": False}] * 1001
    (folder / "tokenizer.json").write_text(json.dumps(
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}))
    place.refused(3, "must have at most 1000 entries, got 1001", "tokenize", folder, "a")
    copy("qwen3", folder)
    together = [place.start("convert", folder, "to", "--weights", "nf4") for _ in range(4)]
    codes = sorted(each.wait() for each in together)
    expect(codes == [0, 3, 3, 3], "four at once", f"exit codes {codes}")
    expect((place.path / ".tmp-to" / "mine").read_text() == "mine", ".tmp-to", "must stay")
    shutil.rmtree(place.path / ".tmp-to")
    expect(not list(place.path.glob(".tmp-*")), "four at once", "must leave nothing")
    weights = place.path / "to" / "weights.safetensors"
    place.refused(3, "to: must not exist yet", "convert", folder, "to")
    place.refused(2, "is converted already", "convert", "to", "again")
    use = ["logits", "to", "--ids", "ids.json", "--out", "o"]
    place.refused(2, "keeps its weights in the formats", *use, "--evaluate.weights=int8")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    place.refused(3, "another hash", *use)
    weights.write_bytes(whole[:-1])
    place.refused(3, "weights.safetensors", *use)
    weights.write_bytes(whole)
    edit(place.path / "to" / CONFIG, lambda config: config.update(hidden_size=20))
    place.refused(3, "must be the weights of this config.json", *use)
    shutil.copy(GOLDEN / "qwen3" / WEIGHTS, place.path / "to" / WEIGHTS)
    place.refused(3, "must not have both model.safetensors and weights.safetensors", *use)


def main(place):
    (place.path / "ids.json").write_text("[[1, 2, 3]]")
    count = 0
    for case, changes in BROKEN.items():
        for change, sentence in changes:
            folder = copy(case, place.path / "broken")
            change(folder)
            result = place.refused(3, sentence, "logits", folder, "--ids", "ids.json", "--out",
                                   "out.safetensors")
            expect(result.stderr.count("\n") == 1, f"{case} {sentence}", result.stderr)
            expect(not (place.path / "out.safetensors").exists(), sentence, "must write nothing")
            count += 1
    expect(count >= 60, "folders", count)
    check_convert(place)
    folder = copy("gpt2", place.path / "fine")
    for ids, code, sentence in [
            ("", 3, "must be JSON"), ("{}", 3, "must be a list of lists of ids, got {}"),
            ("[1]", 3, "list 0 must hold a list of ids, got 1"),
            ("[[1], [-1]]", 3, "list 1 must hold ids, whole numbers from 0 on, got -1"),
            ("[" * 3000000 + "]" * 3000000, 3, "must hold a list of ids, or a list of such lists"),
            ("[[1.5]]", 3, "got 1.5"), ("[[1e30]]", 3, "list 0 must hold ids"),
            ("[[67]]", 3, "has id 67, but ids must lie in 0..66"),
            (json.dumps([[1] * 33]), 2, "must fit context_length (33 vs 32)")]:
        (place.path / "ids.json").write_text(ids)
        place.refused(code, sentence, "logits", folder, "--ids", "ids.json", "--out", "o")
    place.refused(3, "ids.json2", "logits", folder, "--ids", "ids.json2", "--out", "o")
    place.refused(2, "weights", "logits", folder, "--ids", "ids.json", "--out", "o",
                  "--evaluate.weights=int3")
    place.refused(2, "is taken by convert, describe, eval, generate, logits, tokenize and trace", "train", folder)
    place.refused(2, "no key may be given", "describe", folder, "--model.d_model=3")


with Place() as here:
    main(here)
end("hugging_face_refusals")
