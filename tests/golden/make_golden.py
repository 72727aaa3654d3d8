#!/usr/bin/env python3
"""Writes the reference outputs that the C tests compare with (data/*, data/index.json).

    python3 make_golden.py --models DIR --narration two_cities.wav [--out data]

DIR holds base/, tiny.en/ (CTranslate2 model.bin, config.json, tokenizer.json) and
silero/ (silero_vad_16k.safetensors and, for the check, silero_vad_16k_op15.onnx).
Needs the packages of requirements.txt. Every number comes from whisper_ref.py and
silero_ref.py, is compared with the peer's own code first, and the differences found
are kept in index.json. The clip is stored as 16-bit WAV, so no resampler is involved
when the tests run.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import sys
import wave

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import silero_ref  # noqa: E402
import whisper_ref  # noqa: E402
from tokenizer_strings import SPECIAL, STRINGS  # noqa: E402

ENCODER_POSITIONS = [0, 1, 10, 100, 249, 749, 1499]
SPREAD = 32  # ids in the first-logits sample that are spread over the vocabulary
PACKAGES = ["numpy", "scipy", "soxr", "soundfile", "faster-whisper", "ctranslate2", "tokenizers", "onnxruntime", "onnx"]


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


class Golden:
    """Collects arrays as raw little-endian files and describes them in the index."""

    def __init__(self, folder):
        self.folder, self.index = folder, {}
        os.makedirs(folder, exist_ok=True)

    def put(self, name, values, kind="f32", **notes):
        array = np.ascontiguousarray(values, "<f4" if kind == "f32" else "<i4")
        file = f"{name}.{kind}"
        array.tofile(os.path.join(self.folder, file))
        self.index[name] = {"file": file, "type": kind, "shape": list(array.shape), **notes}


def cut_clip(path, out, seconds):
    """The first seconds of the narration at 16 kHz, written as 16-bit WAV and read back."""
    import soundfile
    import soxr

    pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    pcm = soxr.resample(pcm.mean(axis=1), rate, 16000, quality="VHQ")[: int(seconds * 16000)]
    pcm = np.clip(np.round(pcm * 32768), -32768, 32767).astype("<i2")
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(16000)
        f.writeframes(pcm.tobytes())
    return pcm.astype(np.float32) / 32768


def sample_ids(logits):
    top = np.argsort(-logits)[:64 - SPREAD]
    rest = np.linspace(0, len(logits) - 1, SPREAD * 3).astype(int)
    return np.concatenate([top, [i for i in rest if i not in top][: SPREAD * 3 : 3][:SPREAD]])[:64]


def worst(a, b):
    return float(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max())


def word_times(fw, pcm):
    """Words as faster-whisper gives them, its window padded with silence as the original does."""
    from faster_whisper import transcribe as module

    stock_pad, stock_extract = module.pad_or_trim, fw.feature_extractor
    full = stock_extract(pcm, padding=whisper_ref.N_SAMPLES)
    fw.feature_extractor = type("Extractor", (), {})()
    fw.feature_extractor.__dict__.update(stock_extract.__dict__)
    extractor = type("E", (), {**fw.feature_extractor.__dict__, "__call__": lambda s, a, **k: full[:, : len(pcm) // 160 + 1]})
    fw.feature_extractor = extractor()
    module.pad_or_trim = lambda x: full[:, :3000]  # one window only
    try:
        segments, _ = fw.transcribe(pcm, language="en", beam_size=1, temperature=0, word_timestamps=True,
                                    condition_on_previous_text=False)
        return [{"word": w.word, "start": w.start, "end": w.end, "probability": w.probability}
                for s in segments for w in s.words]
    finally:
        module.pad_or_trim, fw.feature_extractor = stock_pad, stock_extract


def whisper_goldens(golden, name, folder, pcm):
    import faster_whisper

    model = whisper_ref.Whisper(folder)
    mel = whisper_ref.log_mel(pcm, model.n_mels)
    window = np.ascontiguousarray(mel[:, :3000])
    encoded = model.encode(window)
    checks = {}

    fw = faster_whisper.WhisperModel(folder, compute_type="float32", cpu_threads=2)
    peer_mel = fw.feature_extractor(pcm, padding=whisper_ref.N_SAMPLES)
    peer = fw.encode(window)
    checks["mel_max_difference"] = worst(mel, peer_mel)
    checks["encoder_max_difference"] = worst(encoded, np.array(peer)[0])
    checks["encoder_relative_l2"] = float(np.linalg.norm(encoded - np.array(peer)[0]) / np.linalg.norm(encoded))

    if name == "base":
        golden.put("mel", mel[:, :100], axes="[n_mels, frames 0..99]")
        golden.put("mel_tail", mel[:, 496:506], axes="[n_mels, frames 496..505], across the end of the audio")
    golden.put(f"{name}_encoder", encoded[ENCODER_POSITIONS], positions=ENCODER_POSITIONS)

    for timestamps in (True, False):
        got = model.greedy(encoded, timestamps=timestamps)
        prompt = model.prompt(timestamps=timestamps)
        ref = fw.model.generate(peer, [prompt], beam_size=1, max_length=448, return_scores=True, length_penalty=0,
                                return_no_speech_prob=True, suppress_tokens=model.config["suppress_ids"],
                                max_initial_timestamp_index=50)[0]
        tag = f"{name}_{'timestamps' if timestamps else 'plain'}"
        if got["tokens"] != ref.sequences_ids[0]:
            raise SystemExit(f"{tag}: the reference and faster-whisper disagree: {got['tokens']} {ref.sequences_ids[0]}")
        checks[f"{tag}_score_difference"] = worst(sum(got["logprobs"]), ref.scores[0])
        checks[f"{tag}_no_speech_difference"] = worst(got["no_speech"], ref.no_speech_prob)
        golden.put(f"{tag}_prompt", prompt, "i32")
        golden.put(f"{tag}_tokens", got["tokens"], "i32")
        golden.put(f"{tag}_logprobs", got["logprobs"], note="after bans and renormalisation; the end token's is last")
        ids = sample_ids(got["first_logits"])
        golden.put(f"{tag}_logit_ids", ids, "i32")
        golden.put(f"{tag}_logits", got["first_logits"][ids], note="raw, nothing banned, after the whole prompt")
        golden.put(f"{tag}_no_speech", [got["no_speech"]])
    text = [t for t in got["tokens"] if t < model.eot]
    starts, p = model.align(encoded, text, 2 * (len(pcm) // 320))
    ref = fw.model.align(peer, model.prompt(), [text], 2 * (len(pcm) // 320))[0]
    rows = [a[0] for a in ref.alignments]
    peer_starts = [a[1] for i, a in enumerate(ref.alignments) if i == 0 or rows[i] != rows[i - 1]]
    if [int(s) for s in starts] != peer_starts:
        raise SystemExit(f"{name}: the alignments differ")
    checks["token_probability_difference"] = worst(p, ref.text_token_probs)
    golden.put(f"{name}_align_tokens", text, "i32")
    golden.put(f"{name}_align_starts", starts, "i32", note="encoder position (20 ms) of each token's start; the end's is last")
    golden.put(f"{name}_align_probabilities", p)
    if model.multilingual:
        top = model.detect_language(encoded)[:5]
        ref = fw.model.detect_language(peer)[0][:5]
        checks["language_difference"] = worst([x[1] for x in top], [x[1] for x in ref])
        golden.put(f"{name}_language_ids", [x[0] for x in top], "i32")
        golden.put(f"{name}_language_probabilities", [x[1] for x in top])
    words = word_times(fw, pcm)
    golden.index[f"{name}_words"] = {"type": "json", "words": words}
    return checks


def tokenizer_goldens(folder, path):
    import tokenizers

    tables = {m: tokenizers.Tokenizer.from_file(os.path.join(folder, m, "tokenizer.json")) for m in ("base", "tiny.en")}

    def encode(model, text):
        return tables[model].encode(text, add_special_tokens=False).ids

    rows = [{"text": s, "multilingual": encode("base", s), "english": encode("tiny.en", s)} for s in STRINGS]
    special = [{"text": s, "multilingual": encode("base", s), "english": encode("tiny.en", s)} for s in SPECIAL]
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"strings": [\n' + ",\n".join(json.dumps(r) for r in rows) + '\n],\n"special": [\n')
        f.write(",\n".join(json.dumps(r) for r in special) + "\n]}\n")


def silero_onnx(path, pcm):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    n = -(-len(pcm) // 512)
    pcm = np.pad(pcm, (64, n * 512 - len(pcm))).astype(np.float32)
    state, out = np.zeros((2, 1, 128), np.float32), []
    for t in range(n):
        feed = {"input": pcm[None, t * 512 : t * 512 + 576], "state": state, "sr": np.array(16000, np.int64)}
        p, state = session.run(None, feed)
        out.append(p[0, 0])
    return np.array(out)


def silero_onnx_weights(path):
    """The ONNX model's weights under the safetensors file's names."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    found = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    found.update({n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"})
    names = {"stft_conv.weight": "stft.forward_basis_buffer"}
    for part in ("weight", "bias"):
        names[f"final_conv.{part}"] = f"decoder.decoder.2.{part}"
        for i in range(4):
            names[f"conv{i + 1}.{part}"] = f"encoder.{i}.reparam_conv.{part}"
        for gate in ("ih", "hh"):
            names[f"lstm_cell.{part}_{gate}"] = f"decoder.rnn.{part}_{gate}"
    return {ours: found["model." + theirs] for ours, theirs in names.items()}


def silero_goldens(golden, folder, pcm):
    # Speech, then digital silence, then faint noise: the state must survive all three.
    noise = (np.random.default_rng(1).standard_normal(8192) * 30).round() / 32768
    signal = np.concatenate([pcm, np.zeros(8192), noise]).astype(np.float32)
    weights = silero_ref.read_safetensors(os.path.join(folder, "silero_vad_16k.safetensors"))
    onnx = os.path.join(folder, "silero_vad_16k_op15.onnx")
    p = silero_ref.probabilities(weights, signal)
    peer = silero_onnx(onnx, signal)
    same_weights = silero_ref.probabilities(silero_onnx_weights(onnx), signal)
    golden.put("silero", p, note="one a chunk of 512: clip.wav, 8192 zeros, silero_noise / 32768; the last chunk zero-filled")
    golden.put("silero_noise", np.round(noise * 32768), "i32")
    return {"architecture_max_difference": worst(same_weights, peer),
            "safetensors_against_onnx_weights": worst(p, peer),
            "note": "the package's safetensors holds other weights than its ONNX files; the first figure "
                    "runs the ONNX weights through silero_ref.py and proves the mathematics"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True)
    parser.add_argument("--narration", required=True, help="two_cities.wav of the moonshine-voice package")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))
    args = parser.parse_args()

    golden = Golden(args.out)
    pcm = cut_clip(args.narration, os.path.join(args.out, "clip.wav"), 5)
    checks, inputs = {}, {"two_cities.wav": sha256(args.narration)}
    for name, key in (("base", "base"), ("tiny.en", "tiny_en")):
        folder = os.path.join(args.models, name)
        checks[key] = whisper_goldens(golden, key, folder, pcm)
        for file in ("model.bin", "config.json", "tokenizer.json"):
            inputs[f"{name}/{file}"] = sha256(os.path.join(folder, file))
    tokenizer_goldens(args.models, os.path.join(args.out, "tokenizer.json"))

    weights = os.path.join(args.models, "silero", "silero_vad_16k.safetensors")
    inputs["silero_vad_16k.safetensors"] = sha256(weights)
    checks["silero"] = silero_goldens(golden, os.path.join(args.models, "silero"), pcm)

    versions = {p: importlib.metadata.version(p) for p in PACKAGES}
    outputs = {f: sha256(os.path.join(args.out, f)) for f in sorted(os.listdir(args.out)) if f != "index.json"}
    with open(os.path.join(args.out, "index.json"), "w", encoding="utf-8") as f:
        json.dump({"arrays": golden.index, "checks": checks, "inputs_sha256": inputs, "outputs_sha256": outputs,
                   "versions": {"python": sys.version.split()[0], **versions}}, f, indent=1)
        f.write("\n")
    print(json.dumps(checks, indent=1))


if __name__ == "__main__":
    main()
