#!/usr/bin/env python3
"""How close two next tokens were: [{"wav", "seek", "language", "prefix", "tokens"}] -> log p of each.

    near_tie.py MODEL < list

The reference model (tests/golden/whisper_ref.py) encodes the window at mel frame `seek`, is fed
`prefix` and gives, under the rules but before the gate between time and text, the log probability of
each id of `tokens`; the gate (above 0 a time must follow; null where only one side is allowed); the
token that the reference would take.
"""

import json
import os
import sys

import numpy as np
import soundfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/golden"))
import whisper_ref  # noqa: E402


def look(model, item):
    pcm, _ = soundfile.read(item["wav"], dtype="float32")
    mel = whisper_ref.log_mel(pcm, model.n_mels)
    encoded = model.encode(mel[:, item["seek"] : item["seek"] + 3000])
    prompt = model.prompt(model.config["lang_ids"][item["language"]] if model.multilingual else "en")
    logits = model.decode(model.start(encoded), prompt + item["prefix"])[-1].copy()
    gate = float(model.gate(logits)) if model.rules(logits, item["prefix"], True) else None
    lp = whisper_ref.log_softmax(logits)
    model.ban(logits, item["prefix"], True)
    return {"logprobs": [float(lp[t]) if np.isfinite(lp[t]) else None for t in item["tokens"]],
            "best": int(logits.argmax()), "gate": gate}


if __name__ == "__main__":
    reference = whisper_ref.Whisper(sys.argv[1])
    json.dump([look(reference, item) for item in json.load(sys.stdin)], sys.stdout)
