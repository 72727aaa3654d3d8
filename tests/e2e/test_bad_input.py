"""Bad input of every kind: one line that names it, a status of its own, what was said is kept."""
import json
import os
import resource
import signal
import struct
import subprocess
import time

import e2e
from e2e import CLIP, MODEL, UTTER, caption, check, check_fails, check_said, utter

WHISPER, SILERO = "whisper-tiny.en-q8_0.gguf", "silero-vad-v6.gguf"
e2e.need(WHISPER, SILERO)
USAGE, INPUT, BAD_MODEL, OUTPUT, DEVICE, INTERRUPTED = 2, 3, 4, 5, 6, 130


def model_path(name):
    return os.path.join(e2e.CACHE, "models", name)


def float_wav(samples):
    data = b"".join(struct.pack("<f", s) for s in samples)
    return (b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 3, 1, 16000, 64000, 4, 32) + b"data" +
            struct.pack("<I", len(data)) + data)


def audio_that_is_none():
    with e2e.folder() as d:
        for name, data in (("empty.wav", b""), ("text.wav", b"these are words, not sound\n" * 50),
                           ("half.wav", open(CLIP, "rb").read(30))):
            path = f"{d}/{name}"
            open(path, "wb").write(data)
            for extra in ((), ("--live", "--speed", "50")):
                check_fails(caption(*extra, path), INPUT, path)
        check_fails(caption(f"{d}/missing.wav"), INPUT, "missing.wav", "No such file")
        check_fails(caption(d), INPUT, d)


def truncated_audio_is_captioned_as_far_as_it_goes():
    with e2e.folder() as d:
        path = f"{d}/cut.wav"
        whole = open(CLIP, "rb").read()
        open(path, "wb").write(whole[: len(whole) * 9 // 10])
        p = caption(path)
        check_fails(p, INPUT, path, "truncated")
        check("best of times" in p.stdout.decode().lower(), p.stdout.decode())


def audio_of_nan_is_named():
    with e2e.folder() as d:
        path = f"{d}/nan.wav"
        open(path, "wb").write(float_wav([float("nan")] * 16000))
        check_fails(caption(path), INPUT, path, "16000 samples")
        check_fails(caption("--live", "--speed", 20, path), INPUT, path, "16000 samples")


def old_output_survives_a_bad_input():
    with e2e.folder() as d:
        open(f"{d}/old.srt", "w").write("precious")
        check_fails(caption("-o", f"{d}/old.srt", f"{d}/missing.wav"), INPUT)
        check(open(f"{d}/old.srt").read() == "precious", "it was emptied")


def recording_is_no_output():
    with e2e.folder() as d:
        clip = open(CLIP, "rb").read()
        open(f"{d}/a.wav", "wb").write(clip)
        os.link(f"{d}/a.wav", f"{d}/b.srt")
        for extra in ((), ("--live", "--speed", "50")):
            for out in ("a.wav", "b.srt"):
                check_fails(caption(*extra, "-o", f"{d}/{out}", f"{d}/a.wav"), OUTPUT, out)
        check(open(f"{d}/a.wav", "rb").read() == clip, "the recording was overwritten")


def models_that_are_none():
    with e2e.folder() as d:
        head = open(model_path(WHISPER), "rb").read(65536)
        bad = {"empty": b"", "text": b"no model" * 100, "short": head[:11], "cut": head}
        # every field of the header: magic, version, tensors, keys, then the first key
        for name, at, size in (("magic", 0, 4), ("version", 4, 4), ("tensors", 8, 8),
                               ("keys", 16, 8), ("key_size", 24, 8)):
            for fill in (0xff, 0x00, 0x7f):
                bad[f"{name}-{fill:x}"] = head[:at] + bytes([fill]) * size + head[at + size:]
        for name, data in bad.items():
            path = f"{d}/{name}.gguf"
            open(path, "wb").write(data)
            check_fails(utter("caption", "--model", path, CLIP), BAD_MODEL, path)
        check_fails(utter("caption", "--live", "--model", f"{d}/cut.gguf", CLIP), BAD_MODEL,
                    f"{d}/cut.gguf")


def model_of_another_kind():
    check_fails(utter("caption", "--model", model_path(SILERO), CLIP), BAD_MODEL, SILERO)
    check_fails(utter("caption", "--live", "--model", MODEL, "--vad", model_path(WHISPER), CLIP),
                BAD_MODEL, WHISPER)
    p = utter("caption", "--model", "nosuch", CLIP)
    check_fails(p, BAD_MODEL, "nosuch", "base, tiny.en, silero")
    check(b"fetch" not in p.stderr, p.stderr)
    with e2e.folder() as d:
        check_fails(utter("caption", "--model", "base-f16", CLIP, env={"UTTER_CACHE": d}), BAD_MODEL,
                    "utter models fetch base --type f16")


def wrong_usage():
    check_fails(caption("--language", "klingon", CLIP), USAGE, "klingon")
    check_fails(caption("--language", "de", CLIP), USAGE, "de")
    check_fails(caption("--translate", CLIP), USAGE, "translate")
    check_fails(caption("--live", "--language", "de", CLIP), USAGE, "de")
    check_fails(caption("--format", "docx", CLIP), USAGE, "docx")
    check_fails(caption("--speed", "fast", CLIP), USAGE, "fast")
    check_fails(caption("--frobnicate", CLIP), USAGE, "--frobnicate")
    check_fails(caption(), USAGE, "FILE")
    check_fails(utter("sing"), USAGE, "sing")
    check_fails(utter("bench", "luck"), USAGE, "luck")
    check_fails(caption("-f", "srt", CLIP, CLIP), USAGE, "srt")
    for extra in ((), ("--live",)):
        check_fails(caption(*extra, "--prompt", os.fsdecode(b"caf\xe9"), CLIP), USAGE, "byte 3", "UTF-8")
        check_fails(caption(*extra, "--prompt", "a\1b", CLIP), USAGE, "byte 1", "control")


def recordings_of_one_name_do_not_overwrite_each_other():
    with e2e.folder() as d:
        os.makedirs(f"{d}/b")
        open(f"{d}/a.srt", "w").write("precious")
        for second in ("b/a.wav", "a.flac"):
            open(f"{d}/{second}", "wb").write(open(CLIP, "rb").read())
            check_fails(caption("-f", "srt", "-o", f"{d}/", f"{d}/a.wav", f"{d}/{second}"), USAGE,
                        f"{d}/a.wav", f"{d}/{second}", f"{d}/a.srt")
        check_fails(caption("-o", f"{d}/c.txt", "-o", f"{d}/c.txt", CLIP), USAGE, f"{d}/c.txt")
        check(open(f"{d}/a.srt").read() == "precious", "it was emptied")


def prompt_that_is_too_long_keeps_its_end():
    names = " ".join(["name"] * 300)
    for extra, n, fit in ((("--live", "--speed", 20), 200, 100), ((), 77, 223)):
        p = caption(*extra, "--prompt", names, CLIP)
        e2e.check_ok(p)
        err = p.stderr.decode()
        check(err.count("\n") == 1 and f"first {n} tokens" in err and f"{fit} fit" in err, err)


def disk_that_is_full():
    check_fails(caption(CLIP, "-o", "/dev/full"), OUTPUT, "/dev/full", "No space left")
    with open("/dev/full", "wb") as full:
        for extra in ((), ("--live", "--speed", "20")):
            p = subprocess.run([UTTER, "caption", "--model", MODEL, "--beam", "1", *extra, CLIP],
                               stdout=full, stderr=subprocess.PIPE, timeout=e2e.TIMEOUT)
            check(p.returncode == OUTPUT, f"exit {p.returncode}")
            check(p.stderr.count(b"\n") == 1 and b"standard output" in p.stderr, p.stderr)
    check_fails(caption(CLIP, "-o", "/nonexistent/a.srt"), OUTPUT, "/nonexistent/a.srt")


def limit_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))


def disk_that_becomes_full_keeps_whole_records():
    with e2e.folder() as d:
        path = f"{d}/a.jsonl"
        p = subprocess.run([UTTER, "caption", "--live", "--speed", "4", "--model", MODEL, "-o", path,
                            CLIP], preexec_fn=limit_size, capture_output=True, timeout=e2e.TIMEOUT)
        check_fails(p, OUTPUT, path, "File too large")
        check(os.path.getsize(path) > 0, "nothing was kept")
        text = open(path).read()
        check(text.endswith("\n") or text == "", text[-80:])
        for line in text.splitlines():
            json.loads(line)


def interrupt_of_a_whole_file_keeps_its_captions():
    with e2e.folder() as d:
        clip = open(CLIP, "rb").read()
        at = clip.index(b"data") + 8
        long = clip[at:] * 40
        path = f"{d}/long.wav"
        open(path, "wb").write(clip[: at - 4] + struct.pack("<I", len(long)) + long)
        p = subprocess.Popen([UTTER, "caption", "--model", MODEL, "--beam", "1", "-f", "json",
                              "-o", f"{d}/a.json", "-o", f"{d}/a.vtt", path],
                             stderr=subprocess.PIPE)
        deadline = time.monotonic() + e2e.TIMEOUT
        while not (os.path.exists(f"{d}/a.json") and '"text"' in open(f"{d}/a.json").read()):
            check(p.poll() is None and time.monotonic() < deadline, "nothing was captioned")
            time.sleep(0.02)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=e2e.TIMEOUT)
        check(p.returncode == INTERRUPTED, f"exit {p.returncode}: {err.decode()}")
        doc = json.load(open(f"{d}/a.json"))
        check(doc["segments"] and "times" in doc["text"], doc)
        e2e.check_subtitles(open(f"{d}/a.vtt").read(), "vtt")


def heed_signals():
    """Under nohup or in the background of a shell signals are ignored, and utter leaves them so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def interrupt_of_a_stream_that_outruns_the_engine_keeps_its_captions():
    with e2e.folder() as d:
        clip = open(CLIP, "rb").read()
        at = clip.index(b"data") + 8
        long = clip[at:] * 120 # far more than is captioned before the signal comes
        path = f"{d}/long.wav"
        open(path, "wb").write(clip[: at - 4] + struct.pack("<I", len(long)) + long)
        for sig, status in ((signal.SIGINT, INTERRUPTED), (signal.SIGHUP, 128 + signal.SIGHUP)):
            p = subprocess.Popen([UTTER, "caption", "--model", MODEL, "--live", "--speed", "1000",
                                  "-f", "jsonl", path], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, preexec_fn=heed_signals)
            first = p.stdout.readline()
            p.send_signal(sig)
            out, err = p.communicate(timeout=e2e.TIMEOUT)
            check(p.returncode == status and not err, f"exit {p.returncode}: {err.decode()}")
            last = [json.loads(line) for line in (first + out).splitlines()][-1]
            check(last["type"] == "end", last)


def microphone_that_is_not_there():
    with e2e.folder() as d:
        open(f"{d}/none.conf", "w").write("pcm.nowhere { type hw card 77 }\n")
        env = {"ALSA_CONFIG_PATH": f"{d}/none.conf", "PULSE_SERVER": f"unix:{d}/no",
               "JACK_NO_START_SERVER": "1"}
        check_fails(utter("mic", "--model", MODEL, env=env), DEVICE)
        check_fails(utter("mic", "--list-devices", env=env), DEVICE)
        check_fails(utter("mic", "--device", "no such thing", env=env), DEVICE)
        missing = f"{d}/missing.conf"  # an assertion of PortAudio's, were it asked
        for more in ((), ("--list-devices",)):
            p = utter("mic", "--model", MODEL, *more, env={**env, "ALSA_CONFIG_PATH": missing})
            check_fails(p, DEVICE, missing)


e2e.run([audio_that_is_none, truncated_audio_is_captioned_as_far_as_it_goes, audio_of_nan_is_named,
         old_output_survives_a_bad_input,
         recordings_of_one_name_do_not_overwrite_each_other, prompt_that_is_too_long_keeps_its_end,
         recording_is_no_output, models_that_are_none,
         model_of_another_kind, wrong_usage, disk_that_is_full,
         disk_that_becomes_full_keeps_whole_records, interrupt_of_a_whole_file_keeps_its_captions,
         interrupt_of_a_stream_that_outruns_the_engine_keeps_its_captions,
         microphone_that_is_not_there])
