"""What the end-to-end tests share: running utter, and counting checks.

A test is a script `test_NAME.py UTTER CLIP`: the program and a recording of five seconds, "It was
the best of times, it was the worst of times". It exits 77 when the model it needs is not there.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

UTTER, CLIP = sys.argv[1:3]
CACHE = os.environ.get("UTTER_CACHE") or os.path.expanduser("~/.cache/utter")
MODEL = "tiny.en"
TIMEOUT = 240


class Failed(Exception):
    pass


def need(*models):
    for name in models:
        if not os.path.exists(os.path.join(CACHE, "models", name)):
            print(f"skipped: {CACHE}/models/{name} is not there")
            sys.exit(77)


def utter(*args, stdin=None, env=None, **more):
    """The finished process of `utter ARGS`."""
    environment = dict(os.environ, **(env or {}))
    return subprocess.run([UTTER, *map(str, args)], input=stdin, capture_output=True,
                          env=environment, timeout=TIMEOUT, **more)


def caption(*args, **more):
    return utter("caption", "--model", MODEL, "--beam", 1, *args, **more)


def check(condition, text):
    if not condition:
        raise Failed(text)


def check_ok(p):
    check(p.returncode == 0, f"exit {p.returncode}: {p.stderr.decode(errors='replace')}")
    return p.stdout.decode()


def check_fails(p, status, *named):
    """Exit `status` and one line on standard error that names these."""
    err = p.stderr.decode(errors="replace")
    check(p.returncode == status, f"exit {p.returncode}, not {status}: {err}")
    check(err.count("\n") == 1 and err.startswith("utter: "), f"not one line: {err!r}")
    for name in named:
        check(str(name) in err, f"{err!r} does not name {name}")


def words_of(text):
    return re.sub(r"[^a-z' ]+", " ", text.lower()).split()


def check_said(text):
    """The clip's words, whatever the punctuation."""
    said = " ".join(words_of(text))
    check("best of times" in said and "worst of times" in said, f"heard {said!r}")


def cue_times(line, mark):
    m = re.fullmatch(rf"(\d\d):(\d\d):(\d\d){re.escape(mark)}(\d\d\d) --> "
                     rf"(\d\d):(\d\d):(\d\d){re.escape(mark)}(\d\d\d)", line)
    check(m, f"no cue times: {line!r}")
    n = [int(g) for g in m.groups()]
    return (n[0] * 3600 + n[1] * 60 + n[2] + n[3] / 1000,
            n[4] * 3600 + n[5] * 60 + n[6] + n[7] / 1000)


def check_subtitles(text, kind):
    """Valid SubRip or WebVTT of at most two lines of 42; returns all its words."""
    blocks = text.split("\n\n")
    check(blocks.pop() == "", "does not end in an empty line")
    if kind == "vtt":
        check(blocks.pop(0) == "WEBVTT", "no WEBVTT head")
    check(blocks, "no cues")
    last = 0
    words = []
    for i, block in enumerate(blocks):
        lines = block.split("\n")
        if kind == "srt":
            check(lines.pop(0) == str(i + 1), f"cue {i + 1} is not numbered so")
        start, end = cue_times(lines.pop(0), "," if kind == "srt" else ".")
        check(last <= start < end, f"cue {i + 1}: {last} {start} {end}")
        check(1 <= len(lines) <= 2 and all(0 < len(l) <= 42 for l in lines), f"lines {lines}")
        last = end
        words += " ".join(lines).split()
    return words


def folder():
    return tempfile.TemporaryDirectory(prefix="utter-e2e-")


def run(tests):
    """Runs functions; prints a line each; exit status 1 when one failed."""
    bad = 0
    for test in tests:
        try:
            test()
            print("ok    ", test.__name__)
        except Failed as e:
            bad += 1
            print("FAILED", test.__name__, "\n   ", e)
        except (subprocess.TimeoutExpired, OSError, ValueError, KeyError, IndexError):
            bad += 1
            print("FAILED", test.__name__)
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if bad else 0)


def parse_events(text):
    return [json.loads(line) for line in text.splitlines()]
