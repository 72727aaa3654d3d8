#!/usr/bin/env python3
"""CTranslate2 Whisper folder -> whisper.cpp ggml file with the same f16 weights.

    python3 ct2_to_ggml.py FOLDER OUT.bin

FOLDER holds model.bin, config.json and tokenizer.json. Needs numpy. The matrices keep their
f16 values; vectors and position tables are f32, as whisper.cpp wants them.
"""

import json
import os
import struct
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/golden"))
from whisper_ref import mel_filters, read_ct2  # noqa: E402

MAGIC, F32, F16 = 0x67676D6C, 0, 1


def byte_of_letter():
    """The byte-level BPE alphabet: letter -> byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(rest)}


def vocabulary(folder):
    """Token bytes in id order, special tokens left out."""
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as f:
        vocab = json.load(f)["model"]["vocab"]
    table = byte_of_letter()
    words = {i: w for w, i in vocab.items() if not w.startswith("<|")}
    return [bytes(table[c] for c in words.get(i, "")) for i in range(max(words) + 1)]


def split_attention(w, theirs, ours, cross):
    """One attention block's fused matrices as separate query, key, value and out."""
    if cross:
        q, qb = w[f"{theirs}/linear_0/weight"], w[f"{theirs}/linear_0/bias"]
        k, v = np.split(w[f"{theirs}/linear_1/weight"], 2)
        vb = np.split(w[f"{theirs}/linear_1/bias"], 2)[1]
    else:
        q, k, v = np.split(w[f"{theirs}/linear_0/weight"], 3)
        qb, _, vb = np.split(w[f"{theirs}/linear_0/bias"], 3)
    out = f"{theirs}/linear_{2 if cross else 1}"
    return {f"{ours}_ln.weight": w[f"{theirs}/layer_norm/gamma"], f"{ours}_ln.bias": w[f"{theirs}/layer_norm/beta"],
            f"{ours}.query.weight": q, f"{ours}.query.bias": qb, f"{ours}.key.weight": k,
            f"{ours}.value.weight": v, f"{ours}.value.bias": vb,
            f"{ours}.out.weight": w[f"{out}/weight"], f"{ours}.out.bias": w[f"{out}/bias"]}


def tensors(w):
    out = {"encoder.positional_embedding": w["encoder/position_encodings/encodings"],
           "decoder.positional_embedding": w["decoder/position_encodings/encodings"],
           "decoder.token_embedding.weight": w["decoder/embeddings/weight"]}
    for conv in ("conv1", "conv2"):
        out[f"encoder.{conv}.weight"] = w[f"encoder/{conv}/weight"]
        out[f"encoder.{conv}.bias"] = w[f"encoder/{conv}/bias"][:, None]
    for side, norm in (("encoder", "ln_post"), ("decoder", "ln")):
        out[f"{side}.{norm}.weight"] = w[f"{side}/layer_norm/gamma"]
        out[f"{side}.{norm}.bias"] = w[f"{side}/layer_norm/beta"]
        l = 0
        while f"{side}/layer_{l}/ffn/linear_0/weight" in w:
            theirs, ours = f"{side}/layer_{l}", f"{side}.blocks.{l}"
            out |= split_attention(w, f"{theirs}/self_attention", f"{ours}.attn", False)
            if side == "decoder":
                out |= split_attention(w, f"{theirs}/attention", f"{ours}.cross_attn", True)
            out[f"{ours}.mlp_ln.weight"] = w[f"{theirs}/ffn/layer_norm/gamma"]
            out[f"{ours}.mlp_ln.bias"] = w[f"{theirs}/ffn/layer_norm/beta"]
            for i, part in ((0, "0"), (1, "2")):
                out[f"{ours}.mlp.{part}.weight"] = w[f"{theirs}/ffn/linear_{i}/weight"]
                out[f"{ours}.mlp.{part}.bias"] = w[f"{theirs}/ffn/linear_{i}/bias"]
            l += 1
    return out


def write(folder, path):
    w = read_ct2(os.path.join(folder, "model.bin"))
    named = tensors(w)
    n_vocab, d = w["decoder/embeddings/weight"].shape
    n_mels = w["encoder/conv1/weight"].shape[1]
    n_layers = [sum(n.startswith(f"{s}.blocks.") and n.endswith("mlp.0.bias") for n in named) for s in ("encoder", "decoder")]
    n_audio = len(w["encoder/position_encodings/encodings"])
    n_text = len(w["decoder/position_encodings/encodings"])
    filters, words = mel_filters(n_mels), vocabulary(folder)
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<12i", MAGIC, n_vocab, n_audio, d, d // 64, n_layers[0], n_text, d, d // 64,
                            n_layers[1], n_mels, F16))
        f.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
        f.write(struct.pack("<i", len(words)) + b"".join(struct.pack("<i", len(t)) + t for t in words))
        for name, array in named.items():
            small = array.ndim < 2 or array.shape[1] == 1 or name.endswith("positional_embedding")
            array = np.ascontiguousarray(array, "<f4" if small else "<f2")
            f.write(struct.pack("<3i", array.ndim, len(name), F32 if small else F16))
            f.write(struct.pack(f"<{array.ndim}i", *array.shape[::-1]) + name.encode() + array.tobytes())
    os.replace(path + ".part", path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2])
