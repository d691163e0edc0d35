# SPDX-License-Identifier: Apache-2.0
"""Writes gru.safetensors: torch.nn.GRU on packed sequences of different lengths, in float64.

Two cases share their inputs. `states` is the output at every row (0 in padding), `last` the final
hidden state of every sequence, each with the gradients of <dy, y> in x and all weights.
"""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from generate import FOLDER, Source, write_safetensors

D_MODEL, HIDDEN, LENGTHS = 5, 4, (6, 2, 4, 1, 6)


def run(gru: torch.nn.GRU, x: torch.Tensor, case: str) -> torch.Tensor:
    packed = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    output, last = gru(packed)
    states, _ = pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])
    return states if case == "states" else last[0]


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    source = Source(11)
    gru = torch.nn.GRU(D_MODEL, HIDDEN, batch_first=True)
    weights = {"input": gru.weight_ih_l0, "recurrent": gru.weight_hh_l0,
               "input_bias": gru.bias_ih_l0, "recurrent_bias": gru.bias_hh_l0}
    with torch.no_grad():
        for weight in weights.values():
            weight.copy_(source.normal(*weight.shape, deviation=0.5))
    x = source.normal(len(LENGTHS), max(LENGTHS), D_MODEL)
    tensors = {"x": x, "lengths": torch.tensor(LENGTHS)}
    tensors |= {name: weight.detach() for name, weight in weights.items()}
    for case in ("states", "last"):
        leaf = x.clone().requires_grad_()
        y = run(gru, leaf, case)
        dy = source.normal(*y.shape)
        if case == "states":  # padding has no gradient to give
            for sequence, length in enumerate(LENGTHS):
                dy[sequence, length:] = 0
        gradients = torch.autograd.grad(y, [leaf, *weights.values()], dy)
        tensors |= {f"{case}.y": y, f"{case}.dy": dy}
        tensors |= {f"{case}.d{name}": value for name, value in zip(["x", *weights], gradients)}
    write_safetensors(FOLDER / "gru.safetensors", tensors,
                      {"d_model": D_MODEL, "hidden": HIDDEN, "seq_len": max(LENGTHS)})


if __name__ == "__main__":
    main()
