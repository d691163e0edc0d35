# SPDX-License-Identifier: Apache-2.0
"""Tokenizers in the shapes of published ones, trained on given texts with the library `tokenizers`.

SHAPES: name -> function(texts, vocab_size) -> tokenizers.Tokenizer. Used by generate_tokenizers.py, with
little text, and by bench/peers/tokenizer_ids.py, with much.
"""
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers import processors, trainers

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
MARK = "\u2581"


def trained(texts, vocab_size, pre_tokenizer, special, normalizer=None, **options):
    """(vocab, merges) of a byte-pair encoding."""
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=special, show_progress=False, limit_alphabet=1000,
        initial_alphabet=pre.ByteLevel.alphabet() if "unk_token" not in options else []))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def byte_level(texts, vocab_size, cuts, special, normalizer=None, prefix=False):
    """Bytes spelled as characters, behind `cuts`; ByteLevel's own pattern where there are none."""
    last = pre.ByteLevel(add_prefix_space=prefix, use_regex=not cuts)
    steps = pre.Sequence([*cuts, last]) if cuts else last
    vocab, merges = trained(texts, vocab_size, steps, special, normalizer)
    return vocab, merges, steps


def assembled(model, normalizer=None, steps=None, decoder=None, post=None, added=()):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if steps is not None:
        tokenizer.pre_tokenizer = steps
    if decoder is not None:
        tokenizer.decoder = decoder
    if post is not None:
        tokenizer.post_processor = post
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return tokenizer


def special_token(content, **how):
    return AddedToken(content, special=True, normalized=False, **how)


def begin_with(token, vocab):
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token} $B",
                                         special_tokens=[(token, vocab[token])])


def gpt2(texts, vocab_size):
    vocab, merges, steps = byte_level(texts, vocab_size, [], ["<|endoftext|>"])
    return assembled(models.BPE(vocab, merges), steps=steps, decoder=decoders.ByteLevel(),
                     post=processors.ByteLevel(trim_offsets=False),
                     added=[special_token("<|endoftext|>")])


def all_splits(vocab, first):
    """Merges as llama's converter makes them: every pair of tokens that is a token, by its id."""
    merges = []
    for token, _ in sorted(vocab.items(), key=lambda item: item[1])[first:]:
        pairs = [(token[:i], token[i:]) for i in range(1, len(token))
                 if token[:i] in vocab and token[i:] in vocab]
        merges += sorted(pairs, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    return merges


def marked(texts, vocab_size, special, spaces):
    """(vocab, merges) with bytes <0x00>.. and blanks written as U+2581."""
    first = special + [f"<0x{byte:02X}>" for byte in range(256)]
    vocab, _ = trained(texts, vocab_size, pre.Metaspace(), first, unk_token="<unk>")
    for count in spaces:
        vocab.setdefault(MARK * count, len(vocab))
    if "\n\n" not in vocab and "\n" in vocab:
        vocab["\n\n"] = len(vocab)
    return vocab, all_splits(vocab, len(first))


def llama(texts, vocab_size):
    vocab, merges = marked(texts, vocab_size, ["<unk>", "<s>", "</s>"], [2, 4, 8])
    model = models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(),
                                 decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return assembled(model, normalizer, None, decoder, begin_with("<s>", vocab),
                     [special_token("<unk>"), special_token("<s>"),
                      AddedToken("</s>", special=True, normalized=True)])


def llama3(texts, vocab_size):
    cuts = [pre.Split(Regex(LLAMA3), "isolated", invert=False)]
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
             "<|eot_id|>"]
    vocab, merges, steps = byte_level(texts, vocab_size, cuts, [])
    merges = [merge for i, merge in enumerate(merges) if i % 17 != 16]  # tokens that no merge makes
    tokenizer = assembled(models.BPE(vocab, merges, ignore_merges=True), steps=steps,
                          decoder=decoders.ByteLevel(), added=[special_token(name) for name in names])
    ids = {name: tokenizer.token_to_id(name) for name in names}
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), begin_with(names[0], ids)])
    return tokenizer


def mistral(texts, vocab_size):
    vocab, merges = marked(texts, vocab_size, ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"], [2, 3])
    model = models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(),
                                 decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return assembled(model, None, pre.Metaspace(MARK, "first", split=False), decoder,
                     begin_with("<s>", vocab),
                     [special_token(name) for name in ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]])


def gemma(texts, vocab_size):
    names = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    vocab, merges = marked(texts, vocab_size, names, [2, 3, 4])
    model = models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()])
    return assembled(model, normalizers.Replace(" ", MARK), pre.Split(" ", "merged_with_previous", False),
                     decoder, begin_with("<bos>", vocab),
                     [*map(special_token, names), AddedToken("[toxicity=0]", normalized=False),
                      AddedToken("<table>", normalized=False), AddedToken("turn>", normalized=False)])


def qwen2(texts, vocab_size):
    cuts = [pre.Split(Regex(QWEN2), "isolated", invert=False)]
    vocab, merges, steps = byte_level(texts, vocab_size, cuts, [], normalizers.NFC())
    return assembled(models.BPE(vocab, merges), normalizers.NFC(), steps, decoders.ByteLevel(),
                     processors.ByteLevel(trim_offsets=False),
                     [special_token(name) for name in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]])


def deepseek_coder(texts, vocab_size):
    cuts = [pre.Split(Regex("[\r\n]"), "isolated", invert=False),
            pre.Split(Regex(r"\s?\p{L}+"), "isolated", invert=False),
            pre.Split(Regex(r"\s?\p{P}+"), "isolated", invert=False),
            pre.Split(Regex("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"), "isolated", invert=False),
            pre.Digits(individual_digits=True)]
    begin = "<\uff5cbegin\u2581of\u2581sentence\uff5c>"
    vocab, merges, steps = byte_level(texts, vocab_size, cuts, [])
    tokenizer = assembled(models.BPE(vocab, merges), steps=steps, decoder=decoders.ByteLevel(),
                          added=[special_token(begin), special_token("<|EOT|>"),
                                 AddedToken("<\uff5cfim\u2581hole\uff5c>", normalized=True)])
    tokenizer.post_processor = begin_with(begin, {begin: tokenizer.token_to_id(begin)})
    return tokenizer


def olmo(texts, vocab_size):
    vocab, merges, steps = byte_level(texts, vocab_size, [], ["<|padding|>", "<|endoftext|>"],
                                      normalizers.NFC())
    end = processors.TemplateProcessing(single="$A <|endoftext|>", pair="$A <|endoftext|> $B",
                                        special_tokens=[("<|endoftext|>", vocab["<|endoftext|>"])])
    added = [special_token("<|padding|>"), special_token("<|endoftext|>"),
             *(AddedToken(" " * count, normalized=True) for count in range(12, 1, -1)),
             special_token("<mask>", lstrip=True), special_token("<r>", rstrip=True),
             AddedToken("casa", single_word=True, normalized=True),
             AddedToken("caf\u00e9", single_word=True, lstrip=True, rstrip=True, normalized=False),
             AddedToken("e\u0301te", normalized=True)]
    return assembled(models.BPE(vocab, merges), normalizers.NFC(), steps, decoders.ByteLevel(), end, added)


SHAPES = {"gpt2": gpt2, "llama": llama, "llama3": llama3, "mistral": mistral, "gemma": gemma,
          "qwen2": qwen2, "deepseek_coder": deepseek_coder, "olmo": olmo}
