"""`utter caption --live`: what is committed never changes, files are paced, ctrl-C keeps all."""
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import time
import wave

import e2e
from e2e import CLIP, MODEL, UTTER, check, check_ok, check_said, check_subtitles, parse_events

e2e.need("whisper-tiny.en-q8_0.gguf", "silero-vad-v6.gguf")


def live(*args, **more):
    return e2e.utter("caption", "--live", "--model", MODEL, *args, **more)


def words(event):
    return [w["word"] for w in event["words"]]


def check_grammar(events):
    """unstable* (committed+ ... )* final: finals hold what was committed, and nothing else."""
    wall = audio = end = 0
    committed = []
    last = events.pop()
    check(last["type"] == "end", last)
    for e in events:
        check(e["type"] in ("unstable", "committed", "final"), e)
        check(e["wall"] >= wall and e["audio"] >= audio, f"time goes back: {e}")
        wall, audio = e["wall"], e["audio"]
        if e["type"] == "committed":
            check(e["words"], "nothing committed")
            for w in e["words"]:
                check(w["start"] >= end - 0.05 and w["end"] >= w["start"], f"{w} before {end}")
                end = w["start"]
            committed += words(e)
        elif e["type"] == "final":
            check(words(e) == committed, f"final {words(e)} is not the committed {committed}")
            check(" ".join(words(e)) == e["text"], e)
            committed = []
        else:
            check(" ".join(words(e)) == e["text"], e)
    check(not committed, f"committed and never final: {committed}")
    check(events[-1]["type"] == "final", events[-1])
    check(last["wall"] >= wall and last["audio"] >= audio, last)
    return last


def events_keep_their_grammar_and_say_the_words():
    events = parse_events(check_ok(live("--speed", 3, "--format", "jsonl", CLIP)))
    end = check_grammar(events)
    check(all(end[k] == 0 for k in end if k not in ("type", "wall", "audio", "missed_events")), end)
    check_said(" ".join(e["text"] for e in events if e["type"] == "final"))
    check(any(e["type"] == "unstable" for e in events), "no unstable words were shown")
    check(abs(events[-1]["audio"] - 5) < 0.2 and abs(end["audio"] - 5) < 0.001, end)


def file_is_paced():
    start = time.monotonic()
    check_ok(live("--speed", 2, "-f", "jsonl", CLIP))
    check(time.monotonic() - start >= 2.4, "five seconds at double speed took less than 2.4 s")


def text_and_subtitles_hold_the_finals():
    with e2e.folder() as d:
        out = check_ok(live("--speed", 5, CLIP, "-o", "-", "-o", f"{d}/a.srt", "-o", f"{d}/a.vtt",
                            "-o", f"{d}/a.jsonl", "-o", f"{d}/a.json"))
        finals = [e for e in parse_events(open(f"{d}/a.jsonl").read()) if e["type"] == "final"]
        check_said(out)
        check(out.splitlines() == [e["text"] for e in finals if e["text"]], out)
        said = " ".join(e["text"] for e in finals).split()
        check(check_subtitles(open(f"{d}/a.srt").read(), "srt") == said, "srt")
        check(check_subtitles(open(f"{d}/a.vtt").read(), "vtt") == said, "vtt")
        check(json.load(open(f"{d}/a.json"))["text"].split() == said, "json")


def interrupt_brings_out_what_was_said():
    with e2e.folder() as d:
        p = subprocess.Popen([UTTER, "caption", "--live", "--model", MODEL, "-f", "jsonl",
                              "-o", "-", "-o", f"{d}/a.srt", "-o", f"{d}/a.json", CLIP],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first = b""
        while b'"words":[{' not in first:
            first = p.stdout.readline()
            check(first, "ended before a word was shown")
        p.send_signal(signal.SIGINT)
        rest, err = p.communicate(timeout=e2e.TIMEOUT)
        check(p.returncode == 130, f"exit {p.returncode}: {err.decode()}")
        check(err == b"", err.decode())
        events = parse_events((first + rest).decode())
        check(events.pop()["type"] == "end", events)
        check(events[-1]["type"] == "final" and events[-1]["words"], events[-1])
        check_subtitles(open(f"{d}/a.srt").read(), "srt")
        check(json.load(open(f"{d}/a.json"))["segments"], "no segments kept")


def damage_is_reported_and_costs_no_words():
    with e2e.folder() as d:
        with wave.open(CLIP) as w:
            clip = list(struct.unpack(f"<{w.getnframes()}h", w.readframes(w.getnframes())))
        pause = [0] * 16000
        cases = {
            # full scale is where 16 bits end
            "loud": ([max(-32768, min(32767, 60 * s)) for s in clip], "clipped_samples", "clipped"),
            "muted": (clip + pause * 6, "frozen_samples", "digital silence"),
            "offset": (pause + [s + 6000 for s in clip], "offset", "an offset of 0.1"),
        }
        for name, (samples, key, said) in cases.items():
            path = f"{d}/{name}.wav"
            with wave.open(path, "wb") as w:
                w.setparams((1, 2, 16000, 0, "NONE", ""))
                w.writeframes(struct.pack(f"<{len(samples)}h", *samples))
            p = live("--speed", 10, "-f", "jsonl", "-o", "-", "-o", f"{d}/{name}.json", path)
            events = parse_events(check_ok(p))
            end = events[-1]
            check_grammar(events)
            check(end[key] > 0, end)
            check(json.load(open(f"{d}/{name}.json"))["stream"][key] == end[key], name)
            err = p.stderr.decode().splitlines()
            check(sum(said in line for line in err) == 1, (name, end, err))
            if name != "loud":
                check_said(" ".join(e["text"] for e in events if e["type"] == "final"))
                check(len(err) == 1, err)


def stopped_process_goes_on_with_all_words():
    """SIGSTOP for three seconds: what was due then comes as a burst."""
    p = subprocess.Popen([UTTER, "caption", "--live", "--model", MODEL, "-f", "jsonl", CLIP],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = p.stdout.readline()
    p.send_signal(signal.SIGSTOP)
    time.sleep(3)
    p.send_signal(signal.SIGCONT)
    rest, err = p.communicate(timeout=e2e.TIMEOUT)
    check(p.returncode == 0 and err == b"", err.decode())
    events = parse_events((first + rest).decode())
    end = check_grammar(events)
    check(abs(end["audio"] - 5) < 0.001, end)
    check_said(" ".join(e["text"] for e in events if e["type"] == "final"))


def terminal_gets_dimmed_tail_and_no_garbage():
    try:
        primary, secondary = pty.openpty()
    except OSError as e:
        print("not tried: no pseudo terminal:", e)
        return
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    p = subprocess.Popen([UTTER, "caption", "--live", "--speed", "3", "--model", MODEL, CLIP],
                         stdout=secondary, stderr=subprocess.PIPE, env=dict(env, TERM="xterm"))
    os.close(secondary)
    seen = b""
    while True:
        ready, _, _ = select.select([primary], [], [], e2e.TIMEOUT)
        check(ready, "the terminal got nothing")
        try:
            data = os.read(primary, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        seen += data
    os.close(primary)
    check(p.wait(e2e.TIMEOUT) == 0, p.stderr.read().decode())
    p.stderr.close()
    check(b"\033[2m" in seen, "nothing was dimmed")
    # what stays when each redraw has erased the one before
    text = seen.decode()
    final = re.sub(r"\033\[2m|\033\[0m", "", text.split("\033[J")[-1])
    lines = [l for l in re.split(r"\r?\n", re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text)) if l]
    check_said(" ".join(lines))
    check("\033" not in final, final)


e2e.run([events_keep_their_grammar_and_say_the_words, file_is_paced,
         text_and_subtitles_hold_the_finals, interrupt_brings_out_what_was_said,
         damage_is_reported_and_costs_no_words, stopped_process_goes_on_with_all_words,
         terminal_gets_dimmed_tail_and_no_garbage])
