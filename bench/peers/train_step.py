# SPDX-License-Identifier: Apache-2.0
"""Times a whole PyTorch training step (forward, backward, AdamW, no clipping) of document 1.

Prints one line of JSON. Token ids are random: the work does not depend on what they say, except
for how evenly the router of an untrained MoeGqa spreads them, which is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time

import torch

import precision
import pytorch_models as models


def peak_rss_bytes() -> int:
    """Most memory this process ever held (Linux), counted by the kernel."""
    with open("/proc/self/status", encoding="ascii") as status:
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=sorted(models.MODELS), required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--precision", choices=precision.NAMES, default="fp32",
                        help="bf16 is autocast; precision.py tells about the others")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--compile", action="store_true", help="torch.compile the model")
    form.add_argument("--eager", action="store_true", help="the default")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    longest = models.Config().context_length
    if not 1 <= arguments.seq <= longest:
        parser.error(f"--seq must be in 1..{longest}, got {arguments.seq}")
    for name in ("threads", "batch", "steps"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(arguments, name)}")
    return arguments


def busiest_expert_share(model: torch.nn.Module) -> float | None:
    """Largest tokens_per_expert / mean over all layers: 1 is a perfect balance."""
    shares = []
    for router in (m for m in model.modules() if isinstance(m, models.Router)):
        indices = router.logits.topk(router.top_k, dim=-1).indices
        tokens_per_expert = indices.flatten().bincount(minlength=router.logits.shape[1]).float()
        shares.append((tokens_per_expert.max() / tokens_per_expert.mean()).item())
    return round(max(shares), 3) if shares else None


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    rss_before = peak_rss_bytes()

    model = models.MODELS[arguments.model](models.Config())
    total = models.num_parameters(model)
    assert total == models.DOCUMENT_PARAMETERS[arguments.model], total
    models.initialize(model, arguments.seed)
    model, _ = precision.prepare(arguments.precision, model)
    # The fused AdamW is PyTorch's quickest on a CPU: one pass over each tensor.
    optimizer = torch.optim.AdamW(models.weight_decay_groups(model, 0.1), lr=5e-4,
                                  betas=(0.9, 0.95), fused=True)
    forward = torch.compile(model) if arguments.compile else model
    generator = torch.Generator().manual_seed(arguments.seed)
    seconds, losses = [], []
    for _ in range(arguments.warmup + arguments.steps):
        ids = torch.randint(0, models.Config().vocab_size, (arguments.batch, arguments.seq + 1),
                            generator=generator)
        start = time.perf_counter()
        with precision.context(arguments.precision):
            loss = models.next_token_loss(forward(ids[:, :-1]), ids[:, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)

    timed = seconds[arguments.warmup:]
    median = statistics.median(timed)
    print(json.dumps({
        "peer": "pytorch", "model": arguments.model, "parameters": total,
        "precision": arguments.precision, "form": "compile" if arguments.compile else "eager",
        "threads": arguments.threads, "batch": arguments.batch, "seq": arguments.seq,
        "steps": arguments.steps, "seconds_per_step": round(median, 4),
        "seconds_smallest": round(min(timed), 4), "seconds_largest": round(max(timed), 4),
        "tokens_per_second": round(arguments.batch * arguments.seq / median, 1),
        "peak_rss_bytes": peak_rss_bytes(), "rss_before_model_bytes": rss_before,
        "busiest_expert_share": busiest_expert_share(model),
        "first_loss": round(losses[0], 4), "last_loss": round(losses[-1], 4),
        "load_average": round(os.getloadavg()[0], 2), "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
