# SPDX-License-Identifier: Apache-2.0
"""Folders that transformers saved, used as runs are: eval, trace, conversations, what export writes."""
import array
import json
import math
import random

from hugging_face import GOLDEN, copy, header_of, read
from program import MODEL, TRAINING, Place, end, expect

TOKENIZERS = GOLDEN.parent / "tokenizers"
LETTERS = [chr(33 + i) for i in range(67)]  # as many as the golden models have ids
CONTEXT = 64  # of most of them


def letters_tokenizer(added=(), vocab=None):
    vocab = vocab or LETTERS
    return {"model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(vocab)}, "merges": []},
            "added_tokens": [{"id": len(vocab) + i, "content": content, "single_word": False, "lstrip": False,
                              "rstrip": False, "normalized": False, "special": True}
                             for i, content in enumerate(added)],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            "decoder": {"type": "ByteLevel"}}


def folder_with(place, case, tokenizer, name=None):
    folder = copy(case, place.path / (name or case))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def run(place, *arguments):
    done = place.run(*arguments)
    expect(done.returncode == 0, " ".join(map(str, arguments)), done.stderr)
    return done.stdout


def tokens(place, *arguments):
    printed = run(place, "tokenize", *arguments)
    return json.loads(printed) if printed else None


def rows(printed):
    """The rows of a printed table, as names -> texts."""
    lines = [line.split() for line in printed.splitlines() if line.strip() and not set(line) <= set("-= ")]
    names = lines[0] if lines else []
    if names[-3:] == ["bits", "per", "byte"]:
        names[-3:] = ["bits per byte"]
    return [dict(zip(names, line)) for line in lines[1:]]


def losses(logits, width, ids):
    """Minus the logarithm of the probability of each id but the first."""
    found = []
    for i in range(len(ids) - 1):
        row = logits[i * width:(i + 1) * width]
        most = max(row)
        found.append(most + math.log(sum(math.exp(x - most) for x in row)) - row[ids[i + 1]])
    return found


def close(got, wanted, where, within=1e-5):
    expect(abs(float(got) - wanted) <= within, where, f"{got} must be {wanted}")


def check_eval_of_golden(place):
    """The loss that follows from the logits of transformers itself."""
    for case in ["gpt2", "gemma", "mistral", "mixtral", "qwen2_moe", "llama_yarn"]:
        expected = read(GOLDEN / case / "expected.safetensors")
        width = expected["logits.0"][0][1]
        folder = folder_with(place, case, letters_tokenizer())
        for i in range(2):
            ids = list(expected[f"ids.{i}"][1])
            place.write("text.txt", "".join(LETTERS[id] for id in ids))
            row = rows(run(place, "eval", folder, "--file", "text.txt"))[0]
            each = losses(expected[f"logits.{i}"][1], width, ids)
            wanted = sum(each) / len(each)
            close(row["loss"], wanted, f"eval {case} {i}")
            close(row["bits per byte"], sum(each) / math.log(2) / len(ids), f"eval {case} {i}, bits")
            close(row["perplexity"], math.exp(wanted), f"eval {case} {i}, perplexity", 1e-2)
            expect(int(row["tokens"]) == len(each), f"eval {case} {i}", row)


def check_windows(place):
    """Windows of a long text; what is left behind the last one is a shorter one."""
    folder = folder_with(place, "mixtral", letters_tokenizer())
    chance = random.Random(4)
    ids = [chance.randrange(len(LETTERS)) for _ in range(75)]
    place.write("text.txt", "".join(LETTERS[id] for id in ids))
    for length, stride, eval_options, options in [
            (CONTEXT, CONTEXT, ["--threads", 2], []),
            (10, 10, ["--seq_len", 10], []),
            (37, 37, ["--seq_len", 37], ["--evaluate.weights=int8"]),  # nothing is left
            (16, 5, ["--seq_len", 16, "--evaluate.test_stride=5"], []),
            (CONTEXT, CONTEXT, [], ["--evaluate.weights=nf4", "--compute.precision=bf16"])]:
        windows, begin = [], 0
        while not windows or begin - stride + length < len(ids) - 1:
            windows.append(ids[begin:begin + length + 1])
            begin += stride
        # The last id of a window is only predicted.
        place.write("ids.json", json.dumps([window[:-1] for window in windows]))
        run(place, "logits", folder, "--ids", "ids.json", "--out", "out.safetensors", *options)
        tensors = read(place.path / "out.safetensors")
        each = [loss for i, window in enumerate(windows)
                for loss in losses(tensors[f"logits.{i}"][1], tensors[f"logits.{i}"][0][1], window)]
        table = rows(run(place, "eval", folder, "--file", "text.txt", *eval_options, *options))
        row, where = table[-1], f"eval {eval_options} {options}"
        expect(len(table) == (1 if stride == length else 2), where, table)
        close(row["loss"], sum(each) / len(each), where)
        expect([int(row["window"]), int(row["stride"]), int(row["tokens"])] == [length, stride, len(each)],
               where, row)
        close(row["bits per byte"], float(row["loss"]) * 74 / 75 / math.log(2), where + ", bits")


def check_converted(place):
    """A converted folder is used as the one that it was made of."""
    run(place, "convert", "mixtral", "converted", "--weights", "int8")
    stored = run(place, "eval", "mixtral", "--file", "text.txt", "--evaluate.weights=int8")
    expect(run(place, "eval", "converted", "--file", "text.txt") == stored, "eval of converted", stored)
    expect(run(place, "eval", "mixtral", "--file", "text.txt") != stored, "eval of converted", stored)
    place.refused(2, "a converted folder keeps its weights", "eval", "converted", "--file", "text.txt",
                  "--evaluate.weights=int4")


def check_refused_eval(place):
    folder = place.path / "mixtral"
    for name, text, code, sentence in [
            ("empty", "", 3, "empty: the text must not be empty"),
            ("one", "A", 3, "one: the text must have at least 2 tokens, got 1"),
            ("bytes", b"A\xff", 3, "the text must be UTF-8, byte 1 is not")]:
        place.write(name, text)
        place.refused(code, sentence, "eval", folder, "--file", name)
    place.refused(3, "absent", "eval", folder, "--file", "absent")
    place.refused(2, "has no text of its own: --file TEXT", "eval", folder)
    place.refused(2, "--seq_len must be at most context_length (65 vs 64)", "eval", folder, "--file", "text.txt",
                  "--seq_len", 65)
    place.refused(2, "evaluate.test_stride must be at most the length of a window (9 vs 8)", "eval", folder,
                  "--file", "text.txt", "--seq_len", 8, "--evaluate.test_stride=9")
    place.refused(2, "test_stride must be at least 0, got -1", "eval", folder, "--file", "text.txt",
                  "--evaluate.test_stride=-1")
    place.refused(2, "steps", "eval", folder, "--file", "text.txt", "--train.steps=3")
    place.refused(3, "a text needs a tokenizer.json, and there is none", "eval", GOLDEN / "llama", "--file",
                  "text.txt")


def check_trace(place):
    for case in ["mixtral", "qwen2_moe"]:
        folder = folder_with(place, case, letters_tokenizer())
        config = json.loads((folder / "config.json").read_text())
        top_k, text = config["num_experts_per_tok"], "ABCDEFGHIJKL"
        table = rows(run(place, "trace", folder, "--prompt", text, "--file", "long.safetensors"))
        run(place, "trace", folder, "--prompt", text[:7], "--file", "short.safetensors")
        long, short = (trace_of(place.path / f"{name}.safetensors") for name in ["long", "short"])
        sparse = [key for key in long if key.endswith(".experts")]
        expect(len(sparse) >= 1 and len(table) == len(sparse) + 1, f"trace {case}", table)  # and its file
        expect(list(long["tokens"]) == [LETTERS.index(c) for c in text], f"trace {case}", long["tokens"])
        for name in sparse:
            mixture = name.removesuffix("experts")
            expect(len(long[name]) == top_k * len(text), f"trace {case}", name)
            expect(max(long[name]) < config.get("num_local_experts", config.get("num_experts")), f"trace {case}", "")
            expect(list(long[name][:7 * top_k]) == list(short[name]), f"trace {case}", "must be causal")
            sums = [sum(long[mixture + "weights"][i * top_k:(i + 1) * top_k]) for i in range(len(text))]
            whole = config.get("norm_topk_prob", True)
            expect(all(abs(s - 1) < 1e-6 if whole else 0 < s < 1 for s in sums), f"trace {case}", sums)
    folder = folder_with(place, "llama", letters_tokenizer())
    place.refused(2, "there is nothing to see: a llama has no router", "trace", folder, "--prompt", "ABC")
    place.refused(2, "has no text of its own: --prompt TEXT", "trace", place.path / "mixtral")
    place.refused(2, "the prompt must not be empty", "trace", place.path / "mixtral", "--prompt", "")
    place.refused(2, "must fit context_length (65 vs 64)", "trace", place.path / "mixtral", "--prompt", "A" * 65)


def trace_of(path):
    """Its tensors, I32 and F32."""
    header, begin = header_of(path)
    raw = path.read_bytes()
    header.pop("__metadata__")
    found = {}
    for name, info in header.items():
        first, last = info["data_offsets"]
        found[name] = array.array({"I32": "i", "F32": "f"}[info["dtype"]], raw[begin + first:begin + last])
    return found


CONVERSATIONS = {"gemma": ["<bos>", "<start_of_turn>", "<end_of_turn>"], "chatml": ["<|im_start|>", "<|im_end|>"],
                 "mistral": ["<s>", "</s>"], "openchat": ["<s>", "<|end_of_turn|>"],
                 "llama3": ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]}


def check_formats(place):
    """A prompt is what its chat template writes; special tokens in what the user says are text."""
    golden = json.loads((TOKENIZERS / "prompts.json").read_text())
    for format, marks in CONVERSATIONS.items():
        document = json.loads((TOKENIZERS / "qwen2.json").read_text())["tokenizer"]
        size = max([id for id in document["model"]["vocab"].values()] +
                   [token["id"] for token in document["added_tokens"]]) + 1
        known = {token["content"] for token in document["added_tokens"]}
        for mark in marks:
            if mark not in known:
                document["added_tokens"].append(
                    {"id": size, "content": mark, "single_word": False, "lstrip": False, "rstrip": False,
                     # Some files say so of a mark; it is one all the same.
                     "normalized": mark.startswith("<s"), "special": mark != "<start_of_turn>"})
                size += 1
        place.write(f"chat_{format}/tokenizer.json", json.dumps(document))
        of_mark = {mark: tokens(place, f"chat_{format}", mark, "--plain") for mark in marks}
        expect(all(len(ids) == 1 for ids in of_mark.values()), format, of_mark)
        said = [one for one in golden if one["format"] == format and one["text"] is not None and
                [message["role"] for message in one["messages"]] == ["user"]]
        expect(len(said) >= 2, format, "must have golden prompts")
        for one in said:
            content = one["messages"][0]["content"]
            place.write("said", content)
            expect(tokens(place, f"chat_{format}", "--file", "said", "--format", format) ==
                   tokens(place, f"chat_{format}", one["text"], "--plain"), format, one)
        # Whoever writes marks into what he says ends no turn.
        plain = tokens(place, f"chat_{format}", "x", "--format", format)
        attack = "x" + "".join(marks) + "x\u0301" + marks[-1]
        ids = tokens(place, f"chat_{format}", attack, "--format", format)
        for mark, [id] in of_mark.items():
            expect(ids.count(id) == plain.count(id), format, f"{mark} in what is said must be text: {ids}")
        place.write("ids.json", json.dumps(ids))
        expect(attack in tokens(place, f"chat_{format}", "--ids", "ids.json").replace("x\u0301", "x\u0301"), format,
               "must come back")
    place.refused(2, "the prompt format gemma needs the token '<bos>', which this tokenizer does not have",
                  "tokenize", "chat_chatml", "x", "--format", "gemma")
    place.refused(2, "there is no prompt format 'chatlm' (did you mean 'chatml'?)", "tokenize", "chat_chatml", "x",
                  "--format", "chatlm")
    place.refused(2, "excludes", "tokenize", "chat_chatml", "x", "--format", "chatml", "--literal")
    place.refused(2, "tokenize: --format=gemma needs a folder with a tokenizer.json", "tokenize", "tiny.toml", "x",
                  "--format", "gemma")
    place.refused(2, "generate: --format=gemma needs a folder with a tokenizer.json", "generate", "tiny.toml",
                  "--format", "gemma")


def check_chat(place):
    """generate --format goes on behind the template, prints the answer alone, and ends with the turn."""
    vocab = sorted(set("usermodel<>_|XYZabcdefghiABCDEFG")) + ["\u010a"]
    folder = folder_with(place, "gemma", letters_tokenizer(CONVERSATIONS["gemma"], vocab), "chat")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end_of_turn>"}))
    spelled = "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n"
    answers = set()
    for said in ["XYZ", "a", "bad", "EE", "<bos", "model"]:
        how = ["--max_tokens", 20, "--generate.sampler.temperature=20"]
        answer = run(place, "generate", folder, "--prompt", said, "--format", "gemma", *how)
        whole = run(place, "generate", folder, "--prompt", spelled.format(said), *how)
        expect(whole == spelled.format(said) + answer, "chat", f"{whole!r} / {answer!r}")
        answers.add(answer)
    expect(len(answers) > 1 and len({len(answer) for answer in answers}) > 1, "chat", answers)
    place.refused(2, "there is no prompt format 'gema' (did you mean 'gemma'?)", "generate", folder, "--prompt", "a",
                  "--format", "gema")


NASTY = ("Olá, o mar é água!  2024 don't\n\n\tx <|endoftext|> <|im_end|>\u00a0\u3000 e\u0301 \U0001f600 日本 o'mar "
         "I'LL   \r\n")


def check_exported_tokenizer(place):
    """What a run exports has the ids of the run."""
    for kind in ["byte", "trained"]:
        toml = (f'[tokenizer]\nkind = "{kind}"\nvocab_size = 300\n' + MODEL +
                TRAINING).replace("num_heads = 2", 'num_heads = 2\nhead_norm = { type = "rms" }')
        place.write(f"{kind}.toml", toml)
        run(place, "train", f"{kind}.toml")
        out = f"{kind}_folder"
        run(place, "export", f"{kind}.toml", out)
        for name, text in [("nasty", NASTY), ("words", "o mar e a terra casa noite"), ("empty", "")]:
            place.write(name, text)
            ids = tokens(place, f"{kind}.toml", "--file", name)
            expect(tokens(place, out, "--file", name, "--literal") == ids, f"exported {kind}", name)
            place.write("ids.json", json.dumps(ids))
            expect(tokens(place, out, "--ids", "ids.json") == text, f"exported {kind}", f"{name} must come back")
        mark = tokens(place, out, "<|endoftext|>")
        expect(mark == [299] if kind == "trained" else len(mark) == 13, f"exported {kind}", mark)
        how = ["--prompt", "o mar", "--max_tokens", 10, "--generate.sampler.temperature=0"]
        place.write("words", "o mar e a terra casa noite lua porto rio")
        of_run, of_folder = (rows(run(place, "eval", model, "--file", "words"))[0] for model in [f"{kind}.toml", out])
        close(of_folder["loss"], float(of_run["loss"]), f"eval of exported {kind}", 2e-6)
        of_run, of_folder = (run(place, "generate", model, *how) for model in [f"{kind}.toml", out])
        if of_run.isascii():
            expect(of_run == of_folder, f"generate of exported {kind}", f"{of_run!r} / {of_folder!r}")
        for name, model in [("of_run", f"{kind}.toml"), ("of_folder", out)]:
            run(place, "trace", model, "--prompt", "o mar e a te", "--file", f"{name}.safetensors")
        traces = [trace_of(place.path / f"{name}.safetensors") for name in ["of_run", "of_folder"]]
        expect({k: list(v) for k, v in traces[0].items() if "weights" not in k} ==
               {k: list(v) for k, v in traces[1].items() if "weights" not in k}, f"trace of exported {kind}", "")
    place.refused(2, "--seq_len speaks of the text of --file", "eval", "byte.toml", "--seq_len", 3)


with Place() as here:
    check_eval_of_golden(here)
    check_windows(here)
    check_converted(here)
    check_refused_eval(here)
    check_trace(here)
    check_formats(here)
    check_chat(here)
    check_exported_tokenizer(here)
end("folder_use")
