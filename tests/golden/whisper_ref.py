"""Whisper in plain numpy, float32: the reference that the C engine is tested against.

Reads the CTranslate2 model.bin named in models/ and follows the original model and
decoding rules step by step; nothing is fused, cached across windows or approximated.
make_golden.py checks it against faster-whisper float32 before it writes anything.

Shapes: mel [n_mels, n_frames]; encoder output [1500, d]; logits [n_tokens, n_vocab].
"""

import json
import math
import os
import struct
import zlib

import numpy as np

SAMPLE_RATE, N_FFT, HOP, N_FRAMES = 16000, 400, 160, 3000
N_SAMPLES = N_FRAMES * HOP


# ---------------------------------------------------------------- model file


def read_ct2(path):
    """CTranslate2 binary version 6 -> {name: array}; floats become float32."""
    dtypes = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
    with open(path, "rb") as f:
        data = f.read()
    pos = 0

    def take(fmt):
        nonlocal pos
        value = struct.unpack_from("<" + fmt, data, pos)
        pos += struct.calcsize("<" + fmt)
        return value[0]

    def text():
        nonlocal pos
        n = take("H")
        value = data[pos : pos + n - 1].decode()
        pos += n
        return value

    version = take("I")
    spec, _revision = text(), take("I")
    if version != 6 or spec != "WhisperSpec":
        raise ValueError(f"{path}: version {version}, spec {spec!r}: not a Whisper model.bin")
    tensors = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        dtype, n_bytes = dtypes[take("B")], take("I")
        array = np.frombuffer(data, dtype, n_bytes // np.dtype(dtype).itemsize, pos)
        pos += n_bytes
        tensors[name] = array.reshape(shape) if dtype[1] != "f" else array.reshape(shape).astype(np.float32)
    for _ in range(take("I")):
        alias, target = text(), text()
        tensors[alias] = tensors[target]
    return tensors


# ------------------------------------------------------------------- log-mel


def mel_filters(n_mels):
    """Slaney-scale triangular filters with area normalisation, [n_mels, 201]."""

    def hz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    top = 15 + 27 * math.log(8000 / 1000) / math.log(6.4)
    edges = hz(np.linspace(0, top, n_mels + 2))
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return weights.astype(np.float32)


def log_mel(pcm, n_mels=80):
    """Whole-file log-mel behind 30 s of appended silence, [n_mels, n_samples // 160 + 3000]."""
    pcm = np.pad(pcm.astype(np.float64), (0, N_SAMPLES))
    pcm = np.pad(pcm, N_FFT // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    n = (len(pcm) - N_FFT) // HOP  # the last frame is dropped, as in the original
    frames = np.lib.stride_tricks.sliding_window_view(pcm, N_FFT)[: n * HOP : HOP]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    mel = np.log10(np.maximum(mel_filters(n_mels).astype(np.float64) @ power.T, 1e-10))
    mel = np.maximum(mel, mel.max() - 8)
    return ((mel + 4) / 4).astype(np.float32)


# --------------------------------------------------------------------- maths


def erf(x):
    from scipy.special import erf as f

    return f(x).astype(np.float32)


def gelu(x):
    return (x * 0.5 * (1 + erf(x * np.float32(math.sqrt(0.5))))).astype(np.float32)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x):
    x = x.astype(np.float64)
    m = x.max(axis=-1, keepdims=True)
    return x - m - np.log(np.exp(x - m).sum(axis=-1, keepdims=True))


def conv1d(x, w, b, stride):
    """x [c_in, t], w [c_out, c_in, 3], padding 1 -> [c_out, t / stride]"""
    x = np.pad(x, ((0, 0), (1, 1)))
    t = (x.shape[1] - 3) // stride + 1
    cols = np.concatenate([x[:, k : k + (t - 1) * stride + 1 : stride] for k in range(3)])
    return w.transpose(0, 2, 1).reshape(w.shape[0], -1) @ cols + b[:, None]


class Whisper:
    def __init__(self, folder):
        self.w = read_ct2(os.path.join(folder, "model.bin"))
        with open(os.path.join(folder, "config.json")) as f:
            self.config = json.load(f)
        self.n_vocab, self.d = self.w["decoder/embeddings/weight"].shape
        self.n_heads = self.d // 64
        self.n_mels = self.w["encoder/conv1/weight"].shape[1]
        self.n_layers = sum(n.startswith("decoder/") and n.endswith("/attention/linear_0/weight") for n in self.w)
        self.multilingual = self.n_vocab >= 51865
        n_langs = self.n_vocab - 51765 - self.multilingual
        self.eot = 50257 if self.multilingual else 50256
        self.sot = self.eot + 1
        self.translate = self.sot + 1 + n_langs
        self.transcribe = self.translate + 1
        self.no_speech = self.translate + 4
        self.no_timestamps = self.translate + 5
        self.timestamp_begin = self.translate + 6

    def linear(self, x, name):
        y = x @ self.w[name + "/weight"].T
        return y + self.w[name + "/bias"] if name + "/bias" in self.w else y

    def norm(self, x, name):
        m = x.mean(axis=-1, keepdims=True)
        v = ((x - m) ** 2).mean(axis=-1, keepdims=True)
        return (x - m) / np.sqrt(v + np.float32(1e-5)) * self.w[name + "/gamma"] + self.w[name + "/beta"]

    def heads(self, x):
        """[t, d] -> [h, t, 64]"""
        return x.reshape(len(x), self.n_heads, 64).transpose(1, 0, 2)

    def attend(self, q, k, v, mask=None):
        """q [t, d], k and v [s, d] -> ([t, d], scores before softmax [h, t, s])"""
        scores = self.heads(q) @ self.heads(k).transpose(0, 2, 1) / np.float32(8)
        p = softmax(scores if mask is None else scores + mask)
        return (p @ self.heads(v)).transpose(1, 0, 2).reshape(len(q), self.d), scores

    def ffn(self, x, name):
        h = self.norm(x, name + "/layer_norm")
        return x + self.linear(gelu(self.linear(h, name + "/linear_0")), name + "/linear_1")

    def encode(self, mel):
        """mel [n_mels, 3000] -> [1500, d]"""
        w = self.w
        x = gelu(conv1d(mel, w["encoder/conv1/weight"], w["encoder/conv1/bias"], 1))
        x = gelu(conv1d(x, w["encoder/conv2/weight"], w["encoder/conv2/bias"], 2)).T
        x = x + w["encoder/position_encodings/encodings"]
        for l in range(sum(f"encoder/layer_{i}/ffn/linear_0/weight" in w for i in range(64))):
            p = f"encoder/layer_{l}/self_attention"
            qkv = self.linear(self.norm(x, p + "/layer_norm"), p + "/linear_0")
            out, _ = self.attend(*np.split(qkv, 3, axis=1))
            x = self.ffn(x + self.linear(out, p + "/linear_1"), f"encoder/layer_{l}/ffn")
        return self.norm(x, "encoder/layer_norm")

    def start(self, encoded):
        """Decoder state for one window: cross K/V per layer and an empty self cache."""
        cross = []
        for l in range(self.n_layers):
            kv = self.linear(encoded, f"decoder/layer_{l}/attention/linear_1")
            cross.append(np.split(kv, 2, axis=1))
        return {"cross": cross, "self": [None] * self.n_layers, "n": 0, "scores": None}

    def decode(self, state, tokens):
        """Feeds tokens, returns logits [n_tokens, n_vocab]; cross scores stay in the state."""
        n, past = len(tokens), state["n"]
        x = self.w["decoder/embeddings/weight"][tokens]
        x = x + self.w["decoder/position_encodings/encodings"][past : past + n]
        mask = np.triu(np.full((n, past + n), -np.inf, np.float32), past + 1)
        state["scores"] = []
        for l in range(self.n_layers):
            p = f"decoder/layer_{l}/self_attention"
            q, k, v = np.split(self.linear(self.norm(x, p + "/layer_norm"), p + "/linear_0"), 3, axis=1)
            if past:
                k = np.concatenate([state["self"][l][0], k])
                v = np.concatenate([state["self"][l][1], v])
            state["self"][l] = (k, v)
            x = x + self.linear(self.attend(q, k, v, mask)[0], p + "/linear_1")
            p = f"decoder/layer_{l}/attention"
            q = self.linear(self.norm(x, p + "/layer_norm"), p + "/linear_0")
            out, scores = self.attend(q, *state["cross"][l])
            state["scores"].append(scores)
            x = self.ffn(x + self.linear(out, p + "/linear_2"), f"decoder/layer_{l}/ffn")
        state["n"] = past + n
        return self.norm(x, "decoder/layer_norm") @ self.w["decoder/embeddings/weight"].T

    # ------------------------------------------------------------ decoding

    def prompt(self, language="en", timestamps=True):
        ids = [self.sot]
        if self.multilingual:
            order = self.config["lang_ids"]
            ids += [order[0] if language == "en" else language, self.transcribe]
        return ids if timestamps else ids + [self.no_timestamps]

    def rules(self, logits, out, timestamps):
        """Sets what must not follow `out` to -inf; True where time and text still compete."""
        begin = self.timestamp_begin
        logits[self.config["suppress_ids"]] = -np.inf
        if not out:
            logits[self.config["suppress_ids_begin"]] = -np.inf
        if not timestamps:
            return False
        logits[self.no_timestamps] = -np.inf
        if not out:
            logits[:begin] = -np.inf
            logits[begin + 51 :] = -np.inf  # at most 1.0 s
            return False
        seen = [t for t in out if t >= begin]
        if out[-1] >= begin:
            if len(out) < 2 or out[-2] >= begin:
                logits[begin:] = -np.inf
                return False
            logits[: self.eot] = -np.inf
            logits[begin : out[-1]] = -np.inf
        elif seen:
            logits[begin : seen[-1] + 1] = -np.inf
        return True

    def gate(self, logits):
        """log p of all times together over log p of the likeliest text: above 0 a time must follow."""
        lp, begin = log_softmax(logits), self.timestamp_begin
        if not np.isfinite(lp[begin:]).any():
            return -np.inf
        return np.log(np.exp(lp[begin:]).sum()) - lp[:begin].max()

    def ban(self, logits, out, timestamps):
        """The original's logit filters, in its order."""
        if self.rules(logits, out, timestamps) and self.gate(logits) > 0:
            logits[: self.timestamp_begin] = -np.inf

    def greedy(self, encoded, language="en", timestamps=True, limit=224):
        """-> tokens without the end, log p per token with the end's last, raw first logits."""
        state, prompt = self.start(encoded), self.prompt(language, timestamps)
        all_logits = self.decode(state, prompt)
        no_speech = softmax(all_logits[prompt.index(self.sot)].astype(np.float64))[self.no_speech]
        logits, first = all_logits[-1].copy(), all_logits[-1].copy()
        out, logprobs = [], []
        while len(out) < limit:
            self.ban(logits, out, timestamps)
            token = int(logits.argmax())
            logprobs.append(float(log_softmax(logits)[token]))
            if token == self.eot:
                break
            out.append(token)
            logits = self.decode(state, [token])[-1].copy()
        return {"tokens": out, "logprobs": logprobs, "first_logits": first, "no_speech": float(no_speech)}

    def detect_language(self, encoded):
        """-> [(token id, probability)] by falling probability"""
        logits = self.decode(self.start(encoded), [self.sot])[0]
        ids = np.array(self.config["lang_ids"])
        p = softmax(logits[ids].astype(np.float64))
        return [(int(ids[i]), float(p[i])) for i in np.argsort(-p)]

    def align(self, encoded, text_tokens, n_frames, language="en"):
        """Forced alignment -> (first encoder position of each text token and of the end, p per token)."""
        sot = self.prompt(language)
        ids = sot + [self.no_timestamps] + list(text_tokens) + [self.eot]
        state = self.start(encoded)
        logits = self.decode(state, ids)
        p = softmax(logits[len(sot) : -2, : self.eot].astype(np.float64))
        p = p[np.arange(len(text_tokens)), text_tokens]
        heads = np.stack([state["scores"][l][h] for l, h in self.config["alignment_heads"]])
        a = softmax(heads[:, :, : n_frames // 2])
        a = (a - a.mean(axis=1, keepdims=True)) / a.std(axis=1, keepdims=True)
        padded = np.pad(a, ((0, 0), (0, 0), (3, 3)), mode="reflect")
        a = np.median(np.lib.stride_tricks.sliding_window_view(padded, 7, axis=2), axis=3)
        return dtw_starts(-a.mean(axis=0)[len(sot) : -1]), p


def dtw_starts(cost):
    """Monotonic path through cost [n_tokens, n_positions]; first position of each row."""
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf, np.float32)
    move = np.zeros((n + 1, m + 1), np.int8)
    total[0, 0] = 0
    for j in range(1, m + 1):
        for i in range(1, n + 1):
            diagonal, up, left = total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]
            if diagonal < up and diagonal < left:
                best, move[i, j] = diagonal, 0
            elif up < diagonal and up < left:
                best, move[i, j] = up, 1
            else:
                best, move[i, j] = left, 2
            total[i, j] = np.float32(cost[i - 1, j - 1]) + best
    move[0, :], move[:, 0] = 2, 1
    starts, i, j = [0] * n, n, m
    while i > 0 or j > 0:
        starts[i - 1] = j - 1
        step = move[i, j]
        i, j = i - (step != 2), j - (step != 1)
    return starts


def compression_ratio(text):
    data = text.strip().encode()
    return len(data) / len(zlib.compress(data))
