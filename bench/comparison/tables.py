# SPDX-License-Identifier: Apache-2.0
"""Records to tables, in Markdown. Every number of a table is a median over the rounds."""
import statistics

UNSTEADY = 1.15  # the slowest round took this much longer than the quickest
PEAK_ROWS = {"fp32": "multiply-add float", "bf16": "products of bf16"}


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def number(value, digits=2):
    return "-" if value is None else f"{value:,.{digits}f}"


def percent(value):
    return "-" if value is None else f"{100 * value:.0f} %"


def ratio(above, below):
    return None if above is None or not below else above / below


class Records:
    """The records of one part."""

    def __init__(self, results, part):
        self.all = [record for record in results["records"] if record["part"] == part]
        self.roofline = results["machine"].get("roofline", {})

    def values(self, name):
        """The different values of a key, in order of appearance."""
        return list(dict.fromkeys(r[name] for r in self.all if name in r))

    def pick(self, **wanted):
        return [r for r in self.all if all(r.get(k) == v for k, v in wanted.items())]

    def median(self, key, **wanted):
        found = [r[key] for r in self.pick(**wanted) if r.get(key) is not None]
        return statistics.median(found) if found else None

    def mark(self, key, **wanted):
        """A star where the rounds disagree."""
        found = [r[key] for r in self.pick(**wanted)]
        return "*" if found and max(found) > UNSTEADY * min(found) else ""

    def peak(self, precision, threads):
        """FLOP per second in units of 1e9."""
        row = self.roofline.get(PEAK_ROWS[precision])
        return None if row is None else row[0] if threads == 1 else row[1]

    def best_variant(self, form, **wanted):
        """(seconds, variant) of the peer's quickest mixture."""
        found = [(self.median("seconds", peer="pytorch", form=form, variant=v, **wanted), v)
                 for v in self.values("variant") if v not in ("mixture", "dense")]
        return min(((s, v) for s, v in found if s is not None), default=(None, ""))

    def peer_forms(self):
        return [form for form in self.values("form") if form]


def step_table(results):
    records = Records(results, "step")
    rows = []
    for model in records.values("model"):
        for precision in records.values("precision"):
            case = {"model": model, "precision": precision}
            ours = {"peer": "moenda", **case}
            seconds, memory = (records.median(k, **ours)
                               for k in ("seconds_per_step", "peak_rss_bytes"))
            gflops = records.median("gflops", **ours)
            work = None if seconds is None else gflops * seconds
            for form in records.values("form"):
                one = {"form": form, **case}
                took = records.median("seconds_per_step", **one)
                if took is None:
                    continue
                held = records.median("peak_rss_bytes", **one)
                peak = records.peak(precision, records.median("threads", **one))
                rows.append([
                    model, precision, f"PyTorch {form}" if form else "Moenda",
                    number(took, 3) + records.mark("seconds_per_step", **one),
                    number(records.median("tokens_per_second", **one), 0),
                    number(ratio(took, seconds)) if form else "",
                    number(held / 1e9) + " GB", number(ratio(held, memory)) if form else "",
                    percent(ratio(ratio(work, took), peak))])
    return markdown(["model", "precision", "program", "s/step", "tokens/s", "time / Moenda's",
                     "peak memory", "memory / Moenda's", "share of peak"], rows)


def layer_rows(records, precision, case, label):
    """One row: the mixture, the dense network of equal FLOPs, and the peer's quickest variant."""
    common = {"precision": precision, "tokens": case["tokens"]}
    ours = {"peer": "moenda", "variant": "mixture", **common, **case}
    seconds = records.median("seconds", **ours)
    dense = records.median("seconds", peer="moenda", variant="dense", **common)
    routing = records.median("routing_seconds", **ours)
    peak = records.peak(precision, records.median("threads", **ours))
    row = [*label, precision, number(1e3 * seconds) + records.mark("seconds", **ours),
           percent(ratio(records.median("gflops", **ours), peak)), percent(ratio(routing, seconds)),
           number(ratio(seconds, dense))]
    for form in records.peer_forms():
        took, variant = records.best_variant(form, precision=precision, **case)
        row += ["-" if took is None else f"{number(1e3 * took)} ({variant})",
                number(ratio(took, seconds))]
    return row


def layer_header(records, label):
    header = [*label, "precision", "ms", "share of peak", "routing", "time / dense"]
    for form in records.peer_forms():
        header += [f"PyTorch {form} ms", "time / Moenda's"]
    return header


def layer_cases(records, precision, *keys):
    """Every combination of the keys' values that Moenda was measured with, in order."""
    return sorted({tuple(r[key] for key in keys) for r in
                   records.pick(peer="moenda", variant="mixture", precision=precision)})


def layer_table(results):
    records = Records(results, "layer")
    rows = []
    for precision in records.values("precision"):
        for experts, top_k, load in layer_cases(records, precision, "experts", "top_k", "load"):
            case = {"tokens": 2048, "experts": experts, "top_k": top_k, "load": load}
            rows.append(layer_rows(records, precision, case, [experts, top_k, load]))
    return markdown(layer_header(records, ["experts", "top_k", "load"]), rows)


def tokens_table(results):
    records = Records(results, "tokens")
    rows = []
    for precision in records.values("precision"):
        for (tokens,) in layer_cases(records, precision, "tokens"):
            rows.append(layer_rows(records, precision, {"tokens": tokens, "top_k": 2}, [tokens]))
    return markdown(layer_header(records, ["tokens"]), rows)


def threads_table(results):
    records = Records(results, "threads")
    most = max(records.values("threads"))
    rows = []
    subjects = [(model, "seconds_per_step", {"model": model}) for model in records.values("model")]
    subjects.append(("MoE layer", "seconds", {"variant": "mixture"}))
    for name, key, wanted in subjects:
        for precision in records.values("precision"):
            for form in records.values("form"):
                some = {"precision": precision, "form": form, **wanted}
                if form and name == "MoE layer":
                    some["variant"] = "grouped"
                one, many = (records.median(key, threads=t, **some) for t in (1, most))
                if one is not None:
                    rows.append([name, precision, f"PyTorch {form}" if form else "Moenda",
                                 number(one, 3), number(many, 3), number(ratio(one, many))])
    return markdown(["what", "precision", "program", "s, 1 thread", f"s, {most} threads",
                     "speed-up"], rows)


def decode_table(results):
    """Ours at each precision, and the peers, which have one."""
    records = Records(results, "decode")
    rows = []
    cases = list(dict.fromkeys((r["like"], r["layers"], r["weights"]) for r in records.all))
    for like, layers, weights in cases:
        of = {"like": like, "layers": layers, "weights": weights}
        mine = {}
        who = list(dict.fromkeys((r["peer"], r.get("precision", ""), r.get("experts", ""))
                                 for r in records.pick(**of)))
        for peer, precision, experts in who:
            one = {**of, "peer": peer, **({"precision": precision} if precision else {}),
                   **({"experts": experts} if experts else {})}
            token = records.median("seconds_per_token", **one)
            whole = records.median("whole_layers", **one)  # less than all: llama_cpp.py says why
            prompt = records.median("prompt_seconds", **one)
            prompt = ratio(prompt, layers if whole is None else whole)
            if peer == "moenda":
                best = min(mine.get("token", token), token), min(mine.get("prompt", prompt), prompt)
                mine = dict(zip(("token", "prompt"), best))
            ours = peer == "moenda"
            name = " ".join(filter(None, (peer, precision, experts)))
            rows.append([like, layers, weights, name, number(1 / token) +
                         records.mark("seconds_per_token", **one),
                         "" if ours else number(ratio(token, mine.get("token"))),
                         percent(records.median("share_of_reading", **one)) if ours else "",
                         number(prompt), "" if ours else number(ratio(prompt, mine.get("prompt")))])
    return markdown(["model", "layers", "weights", "program", "tokens/s", "time / Moenda's best",
                     "share of reading", "prompt of 512, s a layer", "time / Moenda's best"], rows)


def different_loads(results):
    """Cases where the programs did not serve the same tokens per expert: there must be none."""
    seen = {}
    for record in results["records"]:
        if record.get("tokens_per_expert"):
            case = tuple(record[k] for k in ("tokens", "experts", "top_k", "load"))
            seen.setdefault(case, set()).add(tuple(record["tokens_per_expert"]))
    return [case for case, loads in seen.items() if len(loads) > 1]


def page(results):
    """The whole Markdown page."""
    machine = results["machine"]
    text = ["# Comparison", ""]
    text += [f"- {name}: {value}" for name, value in machine.items() if name != "roofline"]
    text += [f"- settings: {results['settings']}", "", "## The machine's limits", "",
             markdown(["", "1 thread", f"{machine.get('processors', 'all')} threads"],
                      [[name, *values] for name, values in machine["roofline"].items()])]
    parts = (("step", "A whole training step", step_table),
             ("layer", "One mixture layer, 2048 tokens", layer_table),
             ("tokens", "One mixture layer, 8 experts, top_k 2", tokens_table),
             ("threads", "Threads", threads_table),
             ("decode", "Decoding at batch 1", decode_table))
    for part, title, table in parts:
        if any(record["part"] == part for record in results["records"]):
            text += ["", f"## {title}", "", table(results)]
    text += ["", f"\\* the slowest round took over {UNSTEADY} times as long as the quickest."]
    for case in different_loads(results):
        text += [f"WARNING: the programs served different loads in the case {case}."]
    return "\n".join(text)
