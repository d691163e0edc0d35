# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/tokenizers/: tiny tokenizers, texts, and what the library `tokenizers` makes of them.

usage: generate_tokenizers.py       (pip install tokenizers==0.23.3 jinja2)

NAME.json: {"tokenizer": a tokenizer.json, "cases": [{"text", "ids", "decoded", "holes"}]}. `ids` are with and
without special tokens, each with text that looks like a special token being one and being text;
`decoded` is each of the four without and with special tokens, `holes` every second id. parts.json is a list of such, for the
pieces that no shape has. prompts.json holds conversations, and what chat templates make of them.
"""
import copy
import json
import pathlib

import jinja2
from tokenizers import Tokenizer

from tokenizer_shapes import MARK, SHAPES, trained
from tokenizers import pre_tokenizers as pre

FOLDER = pathlib.Path(__file__).parent / "tokenizers"
WORDS = """Moenda é uma moenda de cana: mistura de especialistas, escrita para ser lida. Não há
coração sem razão; às vezes, a água do rio é só água. A casa, o café e a canção da manhã.
It's the mixture that doesn't wait: they're two of 64 experts, we'll route 1234567 tokens in 2026.
I've seen the river, you'd say. THE RIVER'S EDGE. The end of the river is the beginning of the sea.
def route(x, top_k=2):
    scores = x @ w_router.T
    for token in range(len(x)):
        if scores[token] > 0.5:
            yield token, scores[token]
    return None  # nothing to see here
日本語の文章と中文的句子。Съешь ещё этих мягких французских булок. 안녕하세요 세계. Καλημέρα κόσμε.
<b>markup</b> & "quotes" 'single' (brackets) [1, 2, 3] {"key": "value"} a/b\\c ~ ^ | 100% #tag @name
"""
TEXTS = [
    "", " ", "  ", "   a", "a   ", "\n", "\n\n \n", "\r\n\r\n x", " \t\v\f\u00a0\u3000x\u1680\u180e y",
    "a casa é do café", "It's THEY'RE we'LL I\u2019d 'S 'ſ 'S'T'Re'vE'M'lL'D", "x'sy 'll'", "'", "''s",
    "12345678 1,234.5 ½ ⅷ ٣٤٥ 𝟙𝟚 १२३", "def f(x):\n\treturn x[1:-1]  # ok\n\n\n    y = 2\r\n",
    "e\u0301te\u0301 été e\u0323\u0301 e\u0301\u0323 \u1100\u1161\u11a8 각 \u212b \u2126 \u0958 ﬁ",
    "q\u0307\u0323 d\u0323\u0307 a\u1ab0\u0301 a\u0301\u1dfa\u0323 x\u08d3\u0301\u0323 \u0f71\u0f72\u0f74",
    "\u0301a \u0300\u0301", "\U000113C2\U000113C2 \U00011935\U00011930 \U000105D2\u0307",
    "日本語の文章。中文，句子！한국어 文 ไทย हिन्दी العربية עברית", "\U00031350\U00031351 \U0002EBF0 𠀀",
    "👩‍👩‍👧‍👦 🇧🇷 👍🏽 ☕️ \U0001FAE9 \U0001F979", "a\u200bb\u200c\u200d\ufeffc\u00adx\u2028\u2029y\u0085z",
    "\x00\x01\x1f\x7f\u0080\u009f", "Ａ１　ｶﾞ Å ß ẞ SS ſt ﬆ İi ıI", "ⅣⅤⅵ ①②③ ⓐⓑ ² ³ ¹ ¼",
    "\ufffd\ufffe\uffff\U0010ffff\ue000", "▁ ▁▁ a▁b ▁a▁▁ b", "<0x41> <0x0A><unk>", "<unk><s></s> <s> a</s>b",
    "<s>a</s>", " <|endoftext|> x<|endoftext|>y", "<|im_start|>user\nolá<|im_end|>\n<|im_start|>",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>", "<|begin_of_te",
    "[INST] ola [/INST] x </s>[INST][/INST]", "<bos><start_of_turn>user\noi<end_of_turn>\n",
    "a<end_of_turn>b turn>", "<table><pad>[toxicity=0] [toxicity=1]", "<｜begin▁of▁sentence｜>a<｜fim▁hole｜>b<|EOT|>",
    "a  <mask>  b <mask><mask>", "a  <r>  b <r>   <r>  <mask> \n<r>\n x", "a<r> <mask> b", "casa casas acasa casa. (casa)_casa 1casa casaé",
    " café cafés  café  x café", "casa\u200d casa\u2460 \u00b2casa \u0301casa casa\u0301", "     six      seven       x",
    "a" * 40 + " " + "b" * 100, "ab" * 60, " " * 70 + "x" + " " * 33, "\n" * 50, "é" * 45 + "界" * 45, "the river " * 20,
    "=-=-=-=-=-=--==//\\\\##", "🙂" * 20, "word" + "\u0301" * 40, ". . . ...", "https://exemplo.com/a?b=c&d=%20#e",
    "“quotes” ‘single’ «guillemets» – — … ¿qué? ¡sí!", "(?i:s) \\p{L}+ $1 {n,m}",
]


def cases(tokenizer, texts, brief=False):
    """What the library makes of the texts; decoded texts of all four ways. `brief`: the first alone."""
    literal = Tokenizer.from_str(tokenizer.to_str())
    literal.encode_special_tokens = True
    found = []
    for text in texts:
        ids = [one.encode(text, add_special_tokens=special).ids
               for special in (True, False) for one in (tokenizer, literal)][:1 if brief else 4]
        decoded = [tokenizer.decode(list_, skip_special_tokens=skip)
                   for list_ in ids for skip in (True, False)][:1 if brief else 8]
        holes = tokenizer.decode(ids[0][::2], skip_special_tokens=True)  # characters that are torn
        found.append({"text": text, "ids": ids, "decoded": decoded, "holes": holes})
    return found


def golden(tokenizer, texts):
    return {"tokenizer": json.loads(tokenizer.to_str()), "cases": cases(tokenizer, texts)}


def with_parts():
    """Tokenizers whose merges cross every boundary, with each piece that the shapes leave out."""
    vocab, merges = trained(WORDS.split("\n") * 3, 420, pre.Split("\n", "removed"), ["<unk>"], unk_token="<unk>")
    small = [(a, b) for a, b in merges][:260]
    known = {token for pair in small for token in (*pair, "".join(pair))} | {c for c in vocab if len(c) == 1}
    small = [("a", MARK), (MARK, "d"), ("o", MARK), ("b", "\U00031350"), ("\U00031350", "\U00031351")] + small
    known |= {token for pair in small[:5] for token in (*pair, "".join(pair))}
    known = sorted(known - set("Zz~^")) + ["<unk>", "<0x7E>", "<0xC3>"]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(known))}
    small = [pair for pair in small if all(t in vocab for t in (*pair, "".join(pair)))]
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Fuse"},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                      "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False,
                      "ignore_merges": False, "vocab": vocab, "merges": [" ".join(pair) for pair in small
                                                                        if " " not in "".join(pair)]}}
    split = {"type": "Split", "pattern": {"Regex": r"\s+|[.,;]"}, "behavior": "Isolated", "invert": False}
    changes = [{"pre_tokenizer": {**split, "behavior": behavior, "invert": invert}}
               for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
               for invert in [False, True]]
    changes += [{"pre_tokenizer": {**split, "pattern": {"String": "a."}}},
                {"pre_tokenizer": {**split, "pattern": {"String": "a"}, "behavior": "Removed"}},
                {"pre_tokenizer": {**split, "pattern": {"Regex": r"x*"}}},
                {"pre_tokenizer": {**split, "pattern": {"Regex": r"\w+|[^\w\s]{2}+|\d{,2}[\p{Lu}\S]"}}},
                {"pre_tokenizer": {**split, "pattern": {"Regex": r"^.|.$|\p{Han}+|(?<=o) |\P{L}\x{e9}"}}},
                {"pre_tokenizer": {**split, "pattern": {"Regex": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"}}},
                {"pre_tokenizer": {"type": "Digits", "individual_digits": False}},
                {"pre_tokenizer": {"type": "Digits", "individual_digits": True}}]
    changes += [{"pre_tokenizer": {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": cut},
                 "decoder": {"type": "Metaspace", "replacement": MARK, "prepend_scheme": scheme, "split": cut}}
                for scheme in ["always", "first", "never"] for cut in [False, True]]
    changes += [{"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "add_prefix_space": True, "str_rep": "_"}},
                {"normalizer": {"type": "Replace", "pattern": {"Regex": r"\s+|e?"}, "content": "o_"}},
                {"normalizer": {"type": "Sequence", "normalizers": [
                    {"type": "Replace", "pattern": {"String": "ri"}, "content": ""}, {"type": "NFC"},
                    {"type": "Prepend", "prepend": "de"}]}, "decoder": None},
                {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
                 "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
                {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                    {"type": "Digits", "individual_digits": True},
                    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}]}},
                {"decoder": {"type": "Strip", "content": "e", "start": 2, "stop": 0}},
                {"decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, {
                    "type": "Replace", "pattern": {"Regex": "[aeiou]"}, "content": "<>"}]}}]
    models = [{}, {"unk_token": None}, {"fuse_unk": True}, {"byte_fallback": True}, {"ignore_merges": True}]
    found = []
    for i, change in enumerate(changes):
        document = copy.deepcopy(base)
        document.update(change)
        document["model"].update(models[i % len(models)])
        texts = [text for j, text in enumerate(TEXTS) if (i + j) % 6 == 0] + [WORDS[:300], "b\U00031350\U00031351 b"]
        found.append({"change": {**change, "model": models[i % len(models)]},
                      "cases": cases(Tokenizer.from_str(json.dumps(document)), texts, True)})
    return {"tokenizer": base, "parts": found}


# As the models' own tokenizer_config.json have them.
TEMPLATES = {
    "gemma": ("<bos>", "<eos>", """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""),
    "openchat": ("<s>", "<|end_of_turn|>", """{{ bos_token }}{% for message in messages %}{{ 'GPT4 Correct ' + message['role'].title() + ': ' + message['content'] + '<|end_of_turn|>'}}{% endfor %}{% if add_generation_prompt %}{{ 'GPT4 Correct Assistant:' }}{% endif %}"""),
    "mistral": ("<s>", "</s>", """{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"""),
    "chatml": ("", "<|im_end|>", """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""),
    "llama3": ("<|begin_of_text|>", "<|eot_id|>", """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""),
}
CONVERSATIONS = [[("user", "Quem és?")], [("user", "  spaces \n\n"), ("assistant", " Olá. "), ("user", "e?\tsim")],
                 [("system", " Be brief. "), ("user", "hi")], [("user", "")], [("user", "a"), ("user", "b")],
                 [("assistant", "x")], [("system", "s"), ("user", "u"), ("assistant", "a"), ("user", "\u00a0v\u3000")]]


def prompts():
    def refuse(sentence):
        raise ValueError(sentence)

    found = []
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.globals["raise_exception"] = refuse
    for name, (begin, end, template) in TEMPLATES.items():
        for conversation in CONVERSATIONS:
            messages = [{"role": role, "content": content} for role, content in conversation]
            try:
                text = environment.from_string(template).render(
                    messages=messages, bos_token=begin, eos_token=end, add_generation_prompt=True)
            except ValueError:
                text = None
            found.append({"format": name, "messages": messages, "text": text})
    return found


def write(name, value):
    (FOLDER / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def main():
    FOLDER.mkdir(exist_ok=True)
    texts = [WORDS] + WORDS.split("\n") * 2
    for name, shape in SHAPES.items():
        write(f"{name}.json", golden(shape(texts, 640 if name in ("llama", "mistral", "gemma") else 480), TEXTS))
    write("parts.json", with_parts())
    write("prompts.json", prompts())


if __name__ == "__main__":
    main()
