#!/usr/bin/env python3
"""The one ruler for live captions: what was shown and when, against what was said and when.

    live_score.py STREAMS RUN...        prints one JSON object, a list entry a run

STREAMS is what `utter bench live --export` writes: manifest.tsv (file, reference, ...) and words.tsv
(each reference word with its start and end). RUN is a folder with <stream>.jsonl for each stream, a
line each time something changes, and usage.json:

    {"t": s, "commit": text, "tail": text or null}
    {"<stream>": {"seconds": s, "cpu_s": s}, "peak_rss": bytes}

`commit` is text that is final from then on, added to what was final before as it is spelled; `tail`
is all the text behind it that is shown and may still change; null says that the old tail stands but
for what was committed of it. Nothing else is known of a system, so all are measured alike:

    words        split at white space and normalised one by one, so that a comma or a capital that
                 comes or goes is no change
    first shown  from a word's end to the first time it was shown and then stayed
    commit       from a word's end to when it was final
    ttfs         from the end of a turn's last word to when that word was final, whatever was written
                 for it; turns whose last word never came are counted apart
    upwr         words that were shown and then changed or taken back / final words
    wer          all final text of a stream against its reference; Whisper's English normaliser, jiwer

First shown and commit are of reference words that were committed as they are. Runs in the peers'
environment.
"""

import csv
import functools
import json
import os
import sys

import numpy as np
from rapidfuzz.distance import Levenshtein
from score import score
from whisper_normalizer.english import EnglishTextNormalizer

NORMAL = EnglishTextNormalizer()
PERCENTS = (50, 90, 95, 99)


@functools.lru_cache(maxsize=1 << 16)
def normalized(word):
    return tuple(NORMAL(word).split())


def words_of(text):
    return [n for w in text.split() for n in normalized(w)]


def equal_pairs(a, b):
    """[(i, j)] with a[i] == b[j], on a way of the fewest edits."""
    return [(i + k, j + k) for i, j, n in Levenshtein.opcodes(a, b).as_matching_blocks() for k in range(n)]


def n_consumed(words, tail):
    """How many words of the tail were committed as `words`: the start of it that takes the fewest edits."""
    row = list(range(len(tail) + 1))
    for w in words:
        left, row = row, [row[0] + 1]
        for j, t in enumerate(tail):
            row.append(min(left[j] + (w != t), left[j + 1] + 1, row[j] + 1))
    return max(j for j, cost in enumerate(row) if cost == min(row))


class Display:
    """What a reader has seen."""

    def __init__(self, events):
        self.final, self.tail = [], []  # of (word, shown, committed) and (word, shown)
        self.text, self.n_changed = "", 0
        for e in events:
            self.take(e["t"], e["commit"], e["tail"])
        self.n_changed += len(self.tail)  # never committed

    def take(self, t, commit, tail):
        self.text += commit
        commit, old = words_of(commit), [w for w, _ in self.tail]
        if tail is None:
            n = n_consumed(commit, old)
            new, kept, old = commit, self.tail[n:], old[:n]
        else:
            new, kept = commit + words_of(tail), []
        shown = [t] * len(new)
        pairs = equal_pairs(old, new)
        for i, j in pairs:
            shown[j] = self.tail[i][1]
        self.n_changed += len(old) - len(pairs)
        n = len(commit)
        self.final += [(w, s, t) for w, s in zip(new[:n], shown)]
        self.tail = list(zip(new[n:], shown[n:])) + kept


class Reference:
    """One stream: its words as normalised, each with the end and the turn of the one it comes from."""

    def __init__(self, row, lines):
        self.name = os.path.splitext(row["file"])[0]
        self.text, self.kind = row["reference"], row["kind"]
        self.words, self.ends, self.turns = [], [], []
        for line in lines:
            for w in normalized(line["word"]):
                self.words.append(w)
                self.ends.append(float(line["end"]) if line["end"] else None)
                self.turns.append(int(line["turn"]))


def read_table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def read_streams(folder):
    lines = {}
    for line in read_table(os.path.join(folder, "words.tsv")):
        lines.setdefault(line["file"], []).append(line)
    return [Reference(row, lines.get(row["file"], [])) for row in read_table(os.path.join(folder, "manifest.tsv"))]


def turn_times(reference, final):
    """Of each turn whose last word was written, however wrong: when that became final, after its end."""
    when = {}
    for op in Levenshtein.opcodes(reference.words, [w for w, _, _ in final]):
        if op.tag in ("equal", "replace"):
            for k in range(op.src_end - op.src_start):
                when[op.src_start + k] = final[op.dest_start + k][2]
    last = {turn: i for i, turn in enumerate(reference.turns)}
    times = [when[i] - reference.ends[i] for i in last.values() if i in when and reference.ends[i] is not None]
    return times, sum(i not in when for i in last.values()), len(last)


def percentiles(values, percents=PERCENTS):
    return {f"p{p}": round(float(np.percentile(values, p)), 3) if values else None for p in percents}


def measure(streams, folder):
    shown, commit, ttfs, pairs = [], [], [], []
    n = dict.fromkeys(["reference", "timed", "matched", "final", "changed", "turns", "turns_cut", "nonspeech_words",
                       "nonspeech_withdrawn"], 0)
    with open(os.path.join(folder, "usage.json")) as f:
        usage = json.load(f)
    seconds = cpu_s = nonspeech_s = 0
    for r in streams:
        with open(os.path.join(folder, r.name + ".jsonl"), encoding="utf-8") as f:
            d = Display(map(json.loads, f))
        seconds, cpu_s = seconds + usage[r.name]["seconds"], cpu_s + usage[r.name]["cpu_s"]
        if not r.text:
            nonspeech_s += usage[r.name]["seconds"]
            n["nonspeech_words"] += len(d.final)
            n["nonspeech_withdrawn"] += d.n_changed
            continue
        matched = [(i, j) for i, j in equal_pairs(r.words, [w for w, _, _ in d.final]) if r.ends[i] is not None]
        shown += [d.final[j][1] - r.ends[i] for i, j in matched]
        commit += [d.final[j][2] - r.ends[i] for i, j in matched]
        times, n_cut, n_turns = turn_times(r, d.final)
        ttfs += times
        pairs.append((r.text, d.text))
        for key, value in (("reference", len(r.words)), ("timed", sum(e is not None for e in r.ends)),
                           ("matched", len(matched)), ("final", len(d.final)), ("changed", d.n_changed),
                           ("turns", n_turns), ("turns_cut", n_cut)):
            n[key] += value
    out = {}
    for name, values in (("first_shown", shown), ("commit", commit), ("ttfs", ttfs)):
        out.update({f"{name}_{k}_s": v for k, v in percentiles(values).items()})
    out["wer"] = score(pairs)["wer"] if pairs else None
    out["upwr"] = round(100 * n["changed"] / n["final"], 2) if n["final"] else None
    out["cpu_per_audio"] = round(cpu_s / seconds, 4) if seconds else None
    out["peak_rss_mb"] = round(usage["peak_rss"] / 1e6, 1)
    out["nonspeech_minutes"] = round(nonspeech_s / 60, 3)
    out["speech_minutes"] = round((seconds - nonspeech_s) / 60, 3)
    return {**out, **{"n_" + k: v for k, v in n.items()}}


if __name__ == "__main__":
    all_streams = read_streams(sys.argv[1])
    json.dump([measure(all_streams, run) for run in sys.argv[2:]], sys.stdout)
