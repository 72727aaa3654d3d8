#!/usr/bin/env python3
"""[[reference, hypothesis], ...] on stdin -> {"wer", "n_words", "errors"} on stdout.

Whisper's English normaliser (whisper-normalizer) and jiwer; runs in the peers' environment.
"""

import json
import sys

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer


def score(pairs):
    """Word errors over all pairs together; an empty reference counts its hypothesis as insertions."""
    normal = EnglishTextNormalizer()
    errors = words = 0
    for reference, hypothesis in pairs:
        reference, hypothesis = normal(reference), normal(hypothesis)
        if not reference:
            errors += len(hypothesis.split())
            continue
        r = jiwer.process_words(reference, hypothesis)
        errors += r.substitutions + r.deletions + r.insertions
        words += len(reference.split())
    return {"wer": 100 * errors / words if words else None, "n_words": words, "errors": errors}


if __name__ == "__main__":
    json.dump(score(json.load(sys.stdin)), sys.stdout)
