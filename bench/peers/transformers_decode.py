# SPDX-License-Identifier: Apache-2.0
"""Times transformers on random weights of a published shape, as bench/decode.cpp does: decoding at
batch 1 through its cache and a prompt. Prints one line of JSON.

bf16 is the whole model in bfloat16. nf4 makes every linear layer but the head one of bitsandbytes;
mixtures are refused, since it leaves fused experts as they are.
"""

from __future__ import annotations

import json

import torch
import transformers

import shapes


def config_of(s, like: str, context_length: int, experts: str) -> transformers.PretrainedConfig:
    same = {"vocab_size": s.vocab_size, "hidden_size": s.d_model, "intermediate_size": s.hidden,
            "num_hidden_layers": s.num_layers, "num_attention_heads": s.num_heads,
            "num_key_value_heads": s.num_kv_heads, "head_dim": s.head_dim,
            "max_position_embeddings": context_length, "tie_word_embeddings": s.tied_head,
            "rope_parameters": {"rope_type": "default", "rope_theta": float(s.rope_base)},
            "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    if like.startswith("gemma"):
        return transformers.GemmaConfig(**same, hidden_activation="gelu_pytorch_tanh")
    if like.startswith("mistral"):
        return transformers.MistralConfig(**same, sliding_window=s.window or None)
    if s.num_experts == 0:
        return transformers.LlamaConfig(**same)
    kind = transformers.OlmoeConfig if like.startswith("olmoe") else transformers.MixtralConfig
    names = {"num_experts" if like.startswith("olmoe") else "num_local_experts": s.num_experts}
    config = kind(**same, **names, num_experts_per_tok=s.top_k)
    config._experts_implementation = experts
    return config


def build(config: transformers.PretrainedConfig) -> torch.nn.Module:
    """Empty first: no weight is drawn twice. Some numbers are drawn, and repeated."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model = model.to_empty(device="cpu").eval()
    if config.tie_word_embeddings:
        model.tie_weights()
    some = torch.randn(1 << 22, generator=torch.Generator().manual_seed(1)).mul(0.02).bfloat16()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.fill_(1)
                continue
            flat = weight.view(-1)
            for begin in range(0, flat.numel(), some.numel()):
                part = flat[begin:begin + some.numel()]
                part.copy_(some[:part.numel()])
    rotary = model.model.rotary_emb  # its frequencies are no parameters
    model.model.rotary_emb = type(rotary)(config)
    return model


def quantise(model: torch.nn.Module) -> None:
    import bitsandbytes

    for parent in list(model.model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, torch.nn.Linear):
                four = bitsandbytes.nn.Linear4bit(
                    layer.in_features, layer.out_features, bias=False,
                    compute_dtype=torch.bfloat16, quant_type="nf4", device="meta")
                four.weight = bitsandbytes.nn.Params4bit(
                    layer.weight.data, requires_grad=False, quant_type="nf4", module=four)
                setattr(parent, name, four.to("cpu"))


def main() -> None:
    parser = shapes.arguments(__doc__, ("bf16", "nf4"))
    parser.add_argument("--experts", default="grouped_mm",
                        choices=("eager", "batched_mm", "grouped_mm"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    s = shapes.shape_of(options)
    if options.weights == "nf4" and s.num_experts:
        parser.error("--weights: nf4 leaves the fused experts of a mixture as they are")
    options.layers = s.num_layers
    model = build(config_of(s, options.like, options.prompt + options.tokens, options.experts))
    if options.weights == "nf4":
        quantise(model)
    ids = torch.arange(options.prompt + options.tokens).mul(7919).remainder(s.vocab_size)[None]
    cache = None

    def read(begin: int, end: int) -> None:
        with torch.inference_mode():
            model(ids[:, begin:end], cache=cache, use_cache=True, logits_to_keep=1)

    def read_prompt() -> None:
        nonlocal cache
        cache = transformers.DynamicCache(config=model.config)
        read(0, options.prompt)

    result = shapes.measure(options, read_prompt,
                            lambda i: read(options.prompt + i, options.prompt + i + 1))
    experts = options.experts if s.num_experts else ""
    print(json.dumps({"peer": "transformers", **result, "experts": experts,
                      "transformers": transformers.__version__, "torch": torch.__version__}),
          flush=True)


if __name__ == "__main__":
    main()
