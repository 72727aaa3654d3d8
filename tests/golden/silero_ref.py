"""Silero VAD v6 (16 kHz) in plain numpy, read from silero_vad_16k.safetensors.

Each chunk: 64 samples of context + 512 new ones -> speech probability. Checked by
make_golden.py against the package's own ONNX model.
"""

import json
import struct

import numpy as np

CHUNK, CONTEXT = 512, 64


def read_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    (n,) = struct.unpack("<Q", data[:8])
    out = {}
    for name, t in json.loads(data[8 : 8 + n]).items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(data[8 + n + a : 8 + n + b], "<f4").reshape(t["shape"])
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def conv(x, w, b, stride, pad):
    """x [c_in, t], w [c_out, c_in, k] -> [c_out, t']"""
    x = np.pad(x, ((0, 0), (pad, pad)))
    k = w.shape[2]
    cols = np.stack([x[:, i : i + k].ravel() for i in range(0, x.shape[1] - k + 1, stride)], axis=1)
    return w.reshape(len(w), -1) @ cols + b[:, None]


def chunk_probability(w, samples, h, c):
    """samples [576], h and c [128] -> (probability, h, c)"""
    x = np.pad(samples, (0, 64), mode="reflect")[None]
    x = conv(x, w["stft_conv.weight"], np.zeros(258, np.float32), 128, 0)
    x = np.sqrt(x[:129] ** 2 + x[129:] ** 2)
    for i, stride in ((1, 1), (2, 2), (3, 2), (4, 1)):
        x = np.maximum(conv(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"], stride, 1), 0)
    gates = w["lstm_cell.weight_ih"] @ x[:, 0] + w["lstm_cell.bias_ih"]
    gates = gates + w["lstm_cell.weight_hh"] @ h + w["lstm_cell.bias_hh"]
    i, f, g, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    y = w["final_conv.weight"][0, :, 0] @ np.maximum(h, 0) + w["final_conv.bias"][0]
    return float(sigmoid(y)), h, c


def probabilities(w, pcm):
    """w of read_safetensors(), pcm float32 [n] -> one probability a chunk; the last is filled with zeros."""
    n = -(-len(pcm) // CHUNK)
    pcm = np.pad(pcm, (CONTEXT, n * CHUNK - len(pcm))).astype(np.float32)
    h = c = np.zeros(128, np.float32)
    out = []
    for t in range(n):
        p, h, c = chunk_probability(w, pcm[t * CHUNK : t * CHUNK + CHUNK + CONTEXT], h, c)
        out.append(p)
    return np.array(out, np.float32)
