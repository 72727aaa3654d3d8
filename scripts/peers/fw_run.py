#!/usr/bin/env python3
"""One faster-whisper process: does what argv says once and prints one JSON line.

    fw_run.py transcribe MODEL AUDIO --beam N [--type int8]   text, load_ms, run_ms
    fw_run.py encode MODEL AUDIO --frames N --repeat N        encode_ms of each pass, load_ms
    fw_run.py step MODEL AUDIO                                ms of one greedy decoder step
"""

import argparse
import json
import sys
import time

START = time.perf_counter()


def ms_since(t):
    return (time.perf_counter() - t) * 1000


def transcribe(model, args):
    t = time.perf_counter()
    segments, _ = model.transcribe(args.audio, language="en", beam_size=args.beam, temperature=0,
                                   condition_on_previous_text=False)
    text = "".join(s.text for s in segments)
    return {"run_ms": ms_since(t), "text": text}


def encode(model, args):
    import faster_whisper
    import numpy as np

    mel = model.feature_extractor(faster_whisper.decode_audio(args.audio))
    mel = np.pad(mel, ((0, 0), (0, max(0, args.frames - mel.shape[1]))))[:, : args.frames]
    times = []
    for _ in range(args.repeat + 1):
        t = time.perf_counter()
        model.encode(np.ascontiguousarray(mel))
        times.append(ms_since(t))
    return {"encode_ms": times[1:]}  # the first pass warms up


def step(model, args):
    """Two runs of different length over one encoder output; no end allowed; the slope is one step."""
    import faster_whisper

    mel = model.feature_extractor(faster_whisper.decode_audio(args.audio))[:, :3000]
    encoded = model.encode(mel)
    prompt, times = [50258, 50259, 50359, 50363], {}

    def timed(n):
        t = time.perf_counter()
        model.model.generate(encoded, [prompt], beam_size=1, max_length=2 * n, suppress_tokens=[50257])
        return ms_since(t)

    timed(8)
    for n in (8, 136):
        times[n] = min(timed(n) for _ in range(3))
    return {"step_ms": (times[136] - times[8]) / 128}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["transcribe", "encode", "step"])
    parser.add_argument("model")
    parser.add_argument("audio")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--type", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    from faster_whisper import WhisperModel

    imported = ms_since(START)
    t = time.perf_counter()
    model = WhisperModel(args.model, compute_type=args.type, cpu_threads=args.threads)
    out = {"import_ms": imported, "load_ms": ms_since(t)}
    out.update({"transcribe": transcribe, "encode": encode, "step": step}[args.what](model, args))
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
