#!/usr/bin/env python3
"""Word times by PocketSphinx beside those of `utter bench live --export`.

    ps_align.py STREAMS           prints {"words": [...], "turns_failed": [...]}

Each turn of STREAMS/words.tsv is cut from its stream and aligned by an HMM of phones with the en-us
model that the package brings; silence between words is optional there. A word with a hyphen is
several to it, a word that the dictionary lacks gets a pronunciation letter by letter, so that its
neighbours find their place; such words are marked and not for comparing. A third opinion, free of any
model, where a pause or the turn's end follows: the last 10 ms that are louder than the threshold
between the turn's quiet and its speech. Times are seconds of the stream. Runs in the peers' environment.
"""

import csv
import json
import os
import re
import sys
import wave

import numpy as np
from pocketsphinx import Decoder

RATE, FRAME_S = 16000, 0.01
PAUSE_S = 0.25   # of silence behind a word, for its sound to have an end
QUIET_DB, LOUD_DB = 10, 35  # the threshold: above the turn's quiet, and below its loud frames
LETTERS = {"a": "AH", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH",
           "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T",
           "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z"}
DIGITS = "zero one two three four five six seven eight nine".split()


def pieces(word):
    """The spoken parts of a word as the reference has it; [] when nothing of it is a word."""
    word = re.sub(r"\d", lambda d: f" {DIGITS[int(d[0])]} ", word.lower().replace("\u2019", "'"))
    return [p for p in (w.strip("'") if w.strip("'") else "" for w in re.findall(r"[a-z']+", word)) if p]


def known(decoder, word):
    if decoder.lookup_word(word) is not None:
        return True
    phones = " ".join(LETTERS[c] for c in word if c in LETTERS)
    decoder.add_word(word, phones or "AH", True)
    return False


def align(decoder, pcm, texts):
    """[(start, end, silence behind)] of the words, in seconds; None when they find no place."""
    decoder.set_align_text(" ".join(texts))
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    out = []
    for s in decoder.seg() or []:
        start, end = s.start_frame * FRAME_S, (s.end_frame + 1) * FRAME_S
        if s.word[0] in "<[+":
            if out:
                out[-1][2] += end - start
        else:
            out.append([start, end, 0.0])
    return out if len(out) == len(texts) else None


def loudness(pcm):
    """dB of each 10 ms."""
    n = len(pcm) // 160
    frames = pcm[: n * 160].reshape(n, 160).astype(np.float64)
    frames -= frames.mean(axis=1, keepdims=True)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1)


def end_of_sound(level, at_s):
    """Going back from a place in the pause to the last loud frame."""
    threshold = max(np.percentile(level, 10) + QUIET_DB, np.percentile(level, 95) - LOUD_DB)
    at = min(len(level) - 1, int(at_s / FRAME_S))
    while at > 0 and level[at] < threshold:
        at -= 1
    return (at + 1) * FRAME_S


def align_turn(decoder, pcm, lines):
    """The lines, each with what PocketSphinx says; None when it says nothing."""
    parts = [pieces(line["word"]) for line in lines]
    known_words = [all([known(decoder, p) for p in ps]) and bool(ps) for ps in parts]
    times = align(decoder, pcm, [p for ps in parts for p in ps]) if any(parts) else None
    if times is None:
        return None
    origin, level, out, at = float(lines[0]["turn_start"]), loudness(pcm), [], 0
    for i, (line, ps) in enumerate(zip(lines, parts)):
        last = i + 1 == len(lines)
        word = {"file": line["file"], "turn": int(line["turn"]), "word": line["word"], "known": known_words[i],
                "next_known": last or known_words[i + 1], "last": last,
                "start": float(line["start"]) if line["start"] else None,
                "end": float(line["end"]) if line["end"] else None}
        if ps:
            start, (_, end, pause) = times[at][0], times[at + len(ps) - 1]
            at += len(ps)
            word.update(other_start=round(origin + start, 3), other_end=round(origin + end, 3), pause=round(pause, 3))
            if last or pause >= PAUSE_S:
                at_s = len(level) * FRAME_S if last else end + pause / 2
                word["sound_end"] = round(origin + end_of_sound(level, at_s), 3)
        out.append(word)
    return out


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "words.tsv"), encoding="utf-8", newline="") as f:
        turns = {}
        for line in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            turns.setdefault((line["file"], line["turn"]), []).append(line)
    decoder = Decoder(lm=None, samprate=float(RATE), loglevel="FATAL")
    words, failed = [], []
    for (file, turn), lines in turns.items():
        with wave.open(os.path.join(folder, file)) as w:
            start, end = (int(float(lines[0][k]) * RATE) for k in ("turn_start", "turn_end"))
            w.setpos(start)
            pcm = np.frombuffer(w.readframes(end - start), np.int16)
        found = align_turn(decoder, pcm, lines)
        if found is None:
            failed.append(f"{file} turn {turn}")
        words += found or []
    json.dump({"words": words, "turns_failed": failed}, sys.stdout)


if __name__ == "__main__":
    main()
