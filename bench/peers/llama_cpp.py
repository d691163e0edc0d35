# SPDX-License-Identifier: Apache-2.0
"""Times llama.cpp on random weights of a published shape, as bench/decode.cpp does: decoding at
batch 1 and a prompt. Prints one line of JSON.

The weights are written as a GGUF file without a vocabulary, of the architecture `llama`, which
takes a mixture as Mixtral has it. The file goes to --folder, and away again. Keys and values are
what llama.cpp takes when nothing is said, half precision. Of a prompt its last layer computes the
feed-forward for the last token alone: with few layers, divide by one fewer (`whole_layers`).
"""

from __future__ import annotations

import ctypes
import json
import pathlib
import sys
import tempfile

sys.path = sys.path[1:] + sys.path[:1]  # `import llama_cpp` means the package, not this file
import gguf  # noqa: E402
import llama_cpp  # noqa: E402
import numpy  # noqa: E402

import shapes  # noqa: E402

KINDS = {"bf16": gguf.GGMLQuantizationType.BF16, "int8": gguf.GGMLQuantizationType.Q8_0,
         "int4": gguf.GGMLQuantizationType.Q4_0}


def tensors(s) -> dict[str, tuple[int, ...]]:
    """Names and shapes, outermost size first."""
    width, kv_width = s.num_heads * s.head_dim, s.num_kv_heads * s.head_dim
    all_of = {"token_embd": (s.vocab_size, s.d_model), "output_norm": (s.d_model,),
              "output": (s.vocab_size, s.d_model)}
    for layer in range(s.num_layers):
        of = {"attn_norm": (s.d_model,), "ffn_norm": (s.d_model,),
              "attn_q": (width, s.d_model), "attn_k": (kv_width, s.d_model),
              "attn_v": (kv_width, s.d_model), "attn_output": (s.d_model, width)}
        experts = (s.num_experts,) if s.num_experts else ()
        end = "_exps" if s.num_experts else ""
        of[f"ffn_gate{end}"] = of[f"ffn_up{end}"] = (*experts, s.hidden, s.d_model)
        of[f"ffn_down{end}"] = (*experts, s.d_model, s.hidden)
        if s.num_experts:
            of["ffn_gate_inp"] = (s.num_experts, s.d_model)
        all_of |= {f"blk.{layer}.{name}": size for name, size in of.items()}
    return {f"{name}.weight": size for name, size in all_of.items()}


def write(path: pathlib.Path, s, kind: gguf.GGMLQuantizationType) -> int:
    """Returns the bytes of all weights. Some rows are drawn, and repeated."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(32768)
    writer.add_embedding_length(s.d_model)
    writer.add_block_count(s.num_layers)
    writer.add_feed_forward_length(s.hidden)
    writer.add_head_count(s.num_heads)
    writer.add_head_count_kv(s.num_kv_heads)
    writer.add_key_length(s.head_dim)
    writer.add_value_length(s.head_dim)
    writer.add_rope_dimension_count(s.head_dim)
    writer.add_rope_freq_base(s.rope_base)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(s.vocab_size)
    writer.add_tokenizer_model("none")
    if s.num_experts:
        writer.add_expert_count(s.num_experts)
        writer.add_expert_used_count(s.top_k)
    plain = gguf.GGMLQuantizationType.F32
    sizes = tensors(s)
    bytes_of = {}
    for name, size in sizes.items():
        how = plain if len(size) == 1 or "gate_inp" in name else kind
        block, block_bytes = gguf.GGML_QUANT_SIZES[how]
        bytes_of[name] = (how, int(numpy.prod(size)) // block * block_bytes)
        writer.add_tensor_info(name, size, numpy.dtype(numpy.float32), bytes_of[name][1],
                               raw_dtype=how)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = numpy.random.default_rng(1)
    for name, size in sizes.items():
        how, count = bytes_of[name]
        if len(size) == 1:
            writer.write_tensor_data(numpy.ones(size, numpy.float32))
            continue
        rows = random.normal(0, 0.02, (min(64, size[-2]), size[-1])).astype(numpy.float32)
        code = numpy.frombuffer(gguf.quants.quantize(rows, how).tobytes(), numpy.uint8)
        writer.write_tensor_data(numpy.resize(code, count))
    writer.close()
    return sum(count for _, count in bytes_of.values())


def main() -> None:
    parser = shapes.arguments(__doc__, tuple(KINDS))
    parser.add_argument("--folder", default=None, help="where the file goes; it is deleted")
    options = parser.parse_args()
    s = shapes.shape_of(options)
    if s.gelu or s.tied_head or s.num_experts > 8:
        parser.error(f"--like: {options.like} is no model of the architecture `llama`")
    options.layers = s.num_layers
    with tempfile.NamedTemporaryFile(suffix=".gguf", dir=options.folder) as file:
        size = write(pathlib.Path(file.name), s, KINDS[options.weights])
        llama_cpp.llama_backend_init()
        quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
        model_options = llama_cpp.llama_model_default_params()
        model_options.use_mmap = False  # so that it may lay weights out as its kernels like them
        model = llama_cpp.llama_model_load_from_file(file.name.encode(), model_options)
    if not model:
        sys.exit("llama_cpp.py: the file was refused")
    how = llama_cpp.llama_context_default_params()
    how.n_ctx = options.prompt + options.tokens
    how.n_batch = how.n_ubatch = 512
    how.n_threads = how.n_threads_batch = options.threads
    context = llama_cpp.llama_init_from_model(model, how)
    ids = [i * 7919 % s.vocab_size for i in range(options.prompt + options.tokens)]

    def decode(begin: int, count: int) -> None:
        some = (llama_cpp.llama_token * count)(*ids[begin:begin + count])
        if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(some, count)) != 0:
            sys.exit("llama_cpp.py: llama_decode failed")
        llama_cpp.llama_synchronize(context)

    def read_prompt() -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        for begin in range(0, options.prompt, 512):
            decode(begin, min(512, options.prompt - begin))

    result = shapes.measure(options, read_prompt, lambda i: decode(options.prompt + i, 1))
    print(json.dumps({"peer": "llama.cpp", **result, "bytes": size,
                      "whole_layers": s.num_layers - 1,
                      "llama_cpp_python": llama_cpp.__version__}), flush=True)


if __name__ == "__main__":
    main()
