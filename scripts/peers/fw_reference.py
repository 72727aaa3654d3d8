#!/usr/bin/env python3
"""faster-whisper over the files of a list -> one JSON file of texts, tokens and windows.

    fw_reference.py MODEL LIST OUT --beam N --type float32|int8 [--stock] [--fallback]

LIST is JSON: [{"file", "wav", "language"}, ...]. Every window's last part is filled with silence,
as Whisper was released (see silence_padding); --stock keeps faster-whisper's own filling.
"""

import argparse
import json
import sys
import time


def silence_padding(model):
    """Makes a faster-whisper model see 30 s of silence behind the recording.

    Its own code fills the normalised mel with zeros, which is louder than silence. The whole
    mel of recording + silence is kept, and each window cut from it by its address.
    """
    from faster_whisper import transcribe

    stock = model.feature_extractor
    kept = {}

    class Extractor:
        def __getattr__(self, name):
            return getattr(stock, name)

        def __call__(self, audio, chunk_length=None):
            kept["mel"] = stock(audio, padding=30 * stock.sampling_rate)
            return kept["mel"][:, : len(audio) // stock.hop_length + 1]

    def window(part, length=3000):
        mel = kept["mel"]
        offset = part.__array_interface__["data"][0] - mel.__array_interface__["data"][0]
        start = offset // mel.itemsize
        assert 0 <= start < mel.shape[1] and (mel[:, start] == part[:, 0]).all()
        return mel[:, start : start + length]

    model.feature_extractor = Extractor()
    transcribe.pad_or_trim = window


def one(model, entry, args):
    language = entry["language"] if entry["language"] not in ("", "-") else "en"
    start = time.perf_counter()
    segments, info = model.transcribe(
        entry["wav"], language=language, beam_size=args.beam, condition_on_previous_text=args.condition,
        temperature=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0] if args.fallback else 0.0)
    keys = ("seek", "start", "end", "text", "tokens", "avg_logprob", "compression_ratio", "no_speech_prob", "temperature")
    out = [{k: getattr(s, k) for k in keys} for s in segments]
    return {"file": entry["file"], "language": language, "duration": info.duration,
            "seconds": time.perf_counter() - start, "text": "".join(s["text"] for s in out), "segments": out}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("list")
    parser.add_argument("out")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--type", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--fallback", action="store_true")
    parser.add_argument("--condition", action="store_true")
    args = parser.parse_args()
    import ctranslate2
    import faster_whisper

    ctranslate2.set_random_seed(0)
    model = faster_whisper.WhisperModel(args.model, compute_type=args.type, cpu_threads=args.threads)
    if not args.stock:
        silence_padding(model)
    results = []
    with open(args.list) as f:
        entries = json.load(f)
    for entry in entries:
        if sys.stderr.isatty():
            print(f"\r{len(results) + 1}/{len(entries)} ", end="", file=sys.stderr, flush=True)
        results.append(one(model, entry, args))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    settings = {k: v for k, v in vars(args).items() if k not in ("list", "out", "model", "threads")}
    versions = {"faster-whisper": faster_whisper.__version__, "ctranslate2": ctranslate2.__version__}
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump({"settings": settings, "versions": versions, "files": results}, f, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    main()
