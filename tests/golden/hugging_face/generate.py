# SPDX-License-Identifier: Apache-2.0
"""Writes a tiny random checkpoint of every family that Moenda reads, with transformers' logits.

    python3 -m venv venv && venv/bin/pip install 'torch>=2.15' 'transformers==5.24.0' safetensors
    venv/bin/python generate.py [CASE ...]

Each case is a folder as transformers saves it, and `expected.safetensors`: `ids.I` [n] I64 and the
`logits.I` [n, vocab_size] F32 that transformers computes from the saved weights in float32 with eager
attention and eager experts. The first `prompts[I]` ids of list I are a prompt, which the others
continue greedily. Run twice on one machine it writes the same bytes.
"""
import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
VOCAB, SPARE = 61, 6  # ids that prompts use; rows that no tokenizer would name
PROMPTS = (11, 3)
CONTINUED = 6
LEAST_MARGIN = 1e-3  # between the last expert that is chosen and the first that is not

COMMON = dict(vocab_size=VOCAB + SPARE, num_hidden_layers=2, max_position_embeddings=64,
              bos_token_id=1, eos_token_id=2, pad_token_id=0)
LLAMA = dict(COMMON, hidden_size=18, intermediate_size=28, num_attention_heads=3,
             num_key_value_heads=1, head_dim=8, rms_norm_eps=1e-5)
MOE = dict(COMMON, hidden_size=16, num_attention_heads=6, num_key_value_heads=2, head_dim=4,
           num_experts_per_tok=2, rms_norm_eps=1e-6)

CASES = {
    "gpt2": dict(
        config=("GPT2Config", dict(
            vocab_size=VOCAB + SPARE, n_positions=32, n_embd=20, n_layer=2, n_head=5, n_inner=36,
            bos_token_id=1, eos_token_id=2)),
        dtype=torch.float32),
    # As the first GPT-2 files were: no prefix, masks among the weights, and an exact GELU.
    "gpt2_bare": dict(
        config=("GPT2Config", dict(
            vocab_size=VOCAB + SPARE, n_positions=32, n_embd=15, n_layer=2, n_head=3,
            activation_function="gelu", bos_token_id=1, eos_token_id=2)),
        dtype=torch.float16, edit="bare_gpt2"),
    "llama": dict(
        config=("LlamaConfig", dict(
            LLAMA, attention_bias=True, mlp_bias=True,
            rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0})),
        dtype=torch.bfloat16, edit="old_rope_keys"),
    "llama3": dict(
        config=("LlamaConfig", dict(
            LLAMA, tie_word_embeddings=True,
            rope_parameters={"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0,
                             "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                             "original_max_position_embeddings": 16})),
        dtype=torch.float32, shard="12KB"),
    "llama_yarn": dict(
        config=("LlamaConfig", dict(
            LLAMA, head_dim=12,
            rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
                             "original_max_position_embeddings": 16})),
        dtype=torch.float16),
    "mistral": dict(
        config=("MistralConfig", dict(LLAMA, sliding_window=4)),
        dtype=torch.bfloat16, shard="8KB"),
    "qwen2": dict(
        config=("Qwen2Config", dict(
            {k: v for k, v in LLAMA.items() if k != "head_dim"}, num_hidden_layers=3,
            tie_word_embeddings=True, use_sliding_window=True, sliding_window=3,
            max_window_layers=1)),
        dtype=torch.bfloat16),
    "qwen3": dict(
        config=("Qwen3Config", dict(
            LLAMA, attention_bias=True, use_sliding_window=True, sliding_window=5,
            max_window_layers=2, layer_types=["sliding_attention", "full_attention"])),
        dtype=torch.float32),
    "mixtral": dict(
        config=("MixtralConfig", dict(MOE, intermediate_size=12, num_local_experts=5,
                                      sliding_window=4)),
        dtype=torch.bfloat16, shard="12KB"),
    "mixtral_fused": dict(
        config=("MixtralConfig", dict(MOE, intermediate_size=12, num_local_experts=5)),
        dtype=torch.float32, edit="fused_experts"),
    "qwen2_moe": dict(
        config=("Qwen2MoeConfig", dict(
            {k: v for k, v in MOE.items() if k != "head_dim"}, num_attention_heads=4,
            num_hidden_layers=4, intermediate_size=20, moe_intermediate_size=10,
            shared_expert_intermediate_size=14, num_experts=6, decoder_sparse_step=2,
            mlp_only_layers=[3], use_sliding_window=True, sliding_window=4, max_window_layers=3)),
        dtype=torch.float32),
    "qwen2_moe_plain": dict(
        config=("Qwen2MoeConfig", dict(
            MOE, intermediate_size=20, moe_intermediate_size=10,
            shared_expert_intermediate_size=14, num_experts=6, norm_topk_prob=True,
            tie_word_embeddings=True)),
        dtype=torch.float16),
    "qwen3_moe": dict(
        config=("Qwen3MoeConfig", dict(
            MOE, num_hidden_layers=3, intermediate_size=20, moe_intermediate_size=10, num_experts=7,
            norm_topk_prob=True, mlp_only_layers=[1])),
        dtype=torch.bfloat16),
    "olmoe": dict(
        config=("OlmoeConfig", dict(
            {k: v for k, v in MOE.items() if k != "head_dim"}, hidden_size=18,
            num_attention_heads=3, num_key_value_heads=1, intermediate_size=12, num_experts=5,
            clip_qkv=1.2)),
        dtype=torch.float32),
    "gemma": dict(
        config=("GemmaConfig", dict(LLAMA, num_key_value_heads=3, head_dim=10)),
        dtype=torch.bfloat16, edit="legacy_gelu"),
}


def fill(model, seed):
    """Numbers that leave no path unseen: gains differ from 1, biases from 0."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() == 1:
            gain = "norm" in name or "ln_" in name
            base = 1.0 if gain and name.endswith("weight") and "gemma" not in type(
                model).__name__.lower() else 0.0
            value.data = base + 0.2 * noise
        else:
            value.data = noise * (0.8 if "embed" in name or "wte" in name else
                                  1.2 / value.shape[-1] ** 0.5)


def tensors_of(folder):
    return load_file(folder / "model.safetensors")


def write_tensors(folder, tensors):
    save_file({name: value.contiguous() for name, value in tensors.items()},
              folder / "model.safetensors", metadata={"format": "pt"})


def edit_config(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def bare_gpt2(folder):
    tensors = {name.removeprefix("transformer."): value
               for name, value in tensors_of(folder).items()}
    for layer in range(2):
        tensors[f"h.{layer}.attn.bias"] = torch.tril(torch.ones(32, 32)).view(1, 1, 32, 32).to(
            torch.uint8)
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    write_tensors(folder, tensors)


def old_rope_keys(folder):
    def change(config):
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope["rope_theta"]
        config["rope_scaling"] = {"type": rope["rope_type"], "factor": rope["factor"]}
    edit_config(folder, change)


def fused_experts(folder):
    """As transformers 5 keeps Mixtral's experts in memory, and may save them."""
    tensors = tensors_of(folder)
    for layer in range(2):
        old, new = f"model.layers.{layer}.block_sparse_moe", f"model.layers.{layer}.mlp"
        part = lambda e, w: tensors.pop(f"{old}.experts.{e}.{w}.weight")
        both = [(torch.cat([part(e, "w1"), part(e, "w3")]), part(e, "w2")) for e in range(5)]
        tensors[f"{new}.experts.gate_up_proj"] = torch.stack([up for up, _ in both])
        tensors[f"{new}.experts.down_proj"] = torch.stack([down for _, down in both])
        tensors[f"{new}.gate.weight"] = tensors.pop(f"{old}.gate.weight")
    write_tensors(folder, tensors)


def legacy_gelu(folder):
    """Gemma's first files say gelu, and mean its tanh form."""
    edit_config(folder, lambda config: config.update(hidden_act="gelu"))


def margins(model):
    """The least distance between experts that are chosen and that are not, of all calls."""
    least = [float("inf")]

    def look(module, _, output):
        logits = output[0] if isinstance(output, tuple) else output
        k = model.config.num_experts_per_tok
        top = logits.float().flatten(0, -2).topk(k + 1).values
        least[0] = min(least[0], (top[:, k - 1] - top[:, k]).min().item())

    for name, module in model.named_modules():
        if "Router" in type(module).__name__:
            module.register_forward_hook(look)
    return least


@torch.no_grad()
def make(name, case, seed):
    kind, values = case["config"]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    config = getattr(transformers, kind)(**values)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    fill(model, seed)
    model.to(case["dtype"]).save_pretrained(folder, max_shard_size=case.get("shard", "1GB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    # What transformers reads must be what was saved, so edits come after the logits.
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager",
        experts_implementation="eager").eval()
    least = margins(model)
    generator = torch.Generator().manual_seed(seed + 1)
    tensors = {"prompts": torch.tensor(PROMPTS)}
    for i, length in enumerate(PROMPTS):
        ids = torch.randint(0, VOCAB, (1, length), generator=generator)
        for _ in range(CONTINUED):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
        tensors[f"ids.{i}"] = ids[0]
        tensors[f"logits.{i}"] = model(ids).logits[0].float().contiguous()
    sparse = getattr(config, "num_experts_per_tok", None) is not None
    assert sparse == (least[0] < float("inf")), name  # the routers were seen
    if least[0] < LEAST_MARGIN:
        return f"experts {least[0]:.2g} apart"
    for logits in (tensors["logits.0"], tensors["logits.1"]):
        top = logits.topk(2).values
        if (top[:, 0] - top[:, 1]).min() < LEAST_MARGIN:
            return "two likeliest tokens too close"
    save_file(tensors, folder / "expected.safetensors")
    if "edit" in case:
        globals()[case["edit"]](folder)
    edit_config(folder, lambda config: config.pop("transformers_version", None))
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size < 200_000, (name, size)
    print(f"{name}: {size} bytes, seed {seed}, logits to {tensors['logits.0'].abs().max():.1f}")
    return None


for chosen in sys.argv[1:] or CASES:
    for attempt in range(1, 20):
        problem = make(chosen, CASES[chosen], attempt)
        if problem is None:
            break
        print(f"{chosen}: seed {attempt}: {problem}")
    else:
        sys.exit(f"{chosen}: no seed will do")
