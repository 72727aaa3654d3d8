"""Each allocation and each thread of the program fails once: no crash, no leak, one clear line.

    test_faults.py FAULTY_UTTER CLIP

FAULTY_UTTER is utter with tests/fault/faults.c linked in. Allocations are taken in rising steps, so
that the first ones are all tried and the whole run is covered.
"""
import os
import subprocess
import sys
import tempfile
import wave

PROGRAM, CLIP = sys.argv[1:3]
CACHE = os.environ.get("UTTER_CACHE") or os.path.expanduser("~/.cache/utter")
for name in ("whisper-tiny.en-q8_0.gguf", "silero-vad-v6.gguf"):
    if not os.path.exists(os.path.join(CACHE, "models", name)):
        print(f"skipped: {CACHE}/models/{name} is not there")
        sys.exit(77)



def join_speech(path):
    """The speech of the clip twice, without the pause between: long enough for the live cache."""
    with wave.open(CLIP) as clip, wave.open(path, "w") as out:
        out.setparams(clip.getparams())
        clip.setpos(clip.getframerate() * 8 // 10)
        out.writeframes(clip.readframes(clip.getframerate() * 36 // 10) * 2)


folder = tempfile.TemporaryDirectory()
LONG = os.path.join(folder.name, "long.wav")
join_speech(LONG)
COMMON = ["--model", "tiny.en", "--threads", "2"]
RUNS = {
    "whole": ["caption", *COMMON, "--beam", "2", "-f", "json", CLIP],
    "live": ["caption", *COMMON, "--live", "--speed", "50", "-f", "srt", LONG],
}
bad = tried = 0


def run(args, **faults):
    env = dict(os.environ, **faults)
    return subprocess.run([PROGRAM, *args], env=env, capture_output=True, timeout=240)


def counts(args):
    with tempfile.NamedTemporaryFile() as f:
        p = run(args, UT_COUNT_FAULTS=f.name)
        if p.returncode:
            sys.exit(f"without faults: exit {p.returncode}: {p.stderr.decode()}")
        return [int(n) for n in open(f.name).read().split()]


def attempt(label, args, **faults):
    """A failure must be told by one line and a status of its own; it may also be survived."""
    global bad, tried
    tried += 1
    p = run(args, **faults)
    err = p.stderr.decode(errors="replace")
    lines = err.count("\n")
    fine = p.returncode == 0 or (p.returncode in (1, 2, 3, 4, 5) and lines == 1 and
                                 err.startswith("utter: "))
    if not fine:
        bad += 1
        print(f"FAILED {label} {faults}: exit {p.returncode}: {err[-2000:]}")


def steps(n):
    """All of the first 24, then wider and wider to n."""
    k = 1
    while k <= n:
        yield k
        k += 1 if k < 24 else max(1, k // 4)


for label, args in RUNS.items():
    n_allocations, n_threads = counts(args)
    print(f"{label}: {n_allocations} allocations, {n_threads} threads")
    if n_allocations < 50 or n_threads < 1:
        print(f"FAILED {label}: the faults are not linked in")
        bad += 1
    for k in steps(n_allocations):
        attempt(label, args, UT_FAIL_ALLOC=str(k))
    for k in (1, 10, 100):
        attempt(label, args, UT_FAIL_ALLOC=f"{k}+")
    for k in range(1, n_threads + 1):
        attempt(label, args, UT_FAIL_THREAD=str(k))
print(f"{tried} faults, {bad} not handled")
sys.exit(1 if bad else 0)
