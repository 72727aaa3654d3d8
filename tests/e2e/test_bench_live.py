"""`utter bench live` measures captions of a recording with known words, and refuses what is wrong."""
import json
import os
import wave
import xml.etree.ElementTree

import e2e
from e2e import CLIP, MODEL, check, check_fails, check_ok, utter

e2e.need("whisper-tiny.en-q8_0.gguf", "silero-vad-v6.gguf")
TWO_CITIES = os.path.join(e2e.CACHE, "samples", "two_cities.wav")
SAID = "it was the best of times it was the worst of times"
HEADER = "file\tlanguage\treference\tkind\tspeaker\n"
COMMON = ["--model", MODEL, "--offline-model", MODEL, "--beam", 1, "--threads", 2]


def write_silence(path, seconds):
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(bytes(2 * 16000 * seconds))


def write_manifest(folder):
    path = os.path.join(folder, "m.tsv")
    write_silence(os.path.join(folder, "nothing.wav"), 4)
    with open(path, "w") as f:
        f.write(HEADER)
        for _ in range(2):
            f.write(f"{os.path.abspath(CLIP)}\ten\t{SAID}\tclean\treader\n")
        f.write("nothing.wav\t-\t\tsilence\t\n")
        f.write("nothing.wav\ten\t\tcommand\t\n")  # nobody wrote down what is said: left out
        f.write(f"{os.path.abspath(CLIP)}\tde\t{SAID}\tclean\treader\n")
    return path


def words_are_timed_and_counted():
    with e2e.folder() as d:
        plot = os.path.join(d, "plot.svg")
        words = os.path.join(d, "words.tsv")
        out = check_ok(utter("bench", "live", *COMMON, "--json", "--plot", plot, "--words", words,
                             write_manifest(d)))
        f = json.loads(out)
        # two turns of twelve words in one stream, the German one left out, silence by itself
        check(f["n_streams"] == 2 and f["n_turns"] == 2, f)
        check(f["n_reference_words"] == f["n_timed_words"] == 24, f)
        check(f["wer"] <= 0.2 and f["wer_offline_f32"] <= 0.2, f)
        check(f["n_matched_words"] >= 20 and f["n_turns_lost"] == 0, f)
        check(f["nonspeech_words"] == 0, f)
        check(abs(f["nonspeech_minutes"] * 60 - 5.2) < 0.1, f)
        check(0 <= f["upwr"] <= 2 and f["normalized_erasure"] >= 0, f)
        # a word cannot be committed long before it is said, and not minutes after
        check(-0.5 < f["commit_p50_s"] < 30 and f["commit_p50_s"] <= f["commit_p95_s"], f)
        check(f["first_partial_p50_s"] <= f["commit_p50_s"], f)
        check(f["commit_unaware_p50_s"] <= f["commit_p50_s"], f)
        check(-0.5 < f["commit_unaware_p95_s"] < 6, f)
        check(f["ttfs_p50_s"] > 0 and f["rtf"] > 0 and f["peak_rss_kb"] > 10000, f)
        root = xml.etree.ElementTree.parse(plot).getroot()
        circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
        check(len(circles) == 2 * f["n_matched_words"], len(circles))
        rows = [line.split("\t") for line in open(words).read().splitlines()]
        check([r[1] for r in rows] == 2 * SAID.split(), rows)
        check(sum(r[5] != "" for r in rows) == f["n_matched_words"], rows)
        ends = [float(r[3]) for r in rows]
        check(ends == sorted(ends) and all(float(r[2]) < float(r[3]) for r in rows), rows)


def without_compute_time_runs_are_equal():
    with e2e.folder() as d:
        m = write_manifest(d)
        runs = [json.loads(check_ok(utter("bench", "live", *COMMON, "--offline-model", "none",
                                          "--clock", "none", "--json", m))) for _ in range(2)]
        for f in runs:
            check(f["wer_offline_f32"] is None, f)
            # up to what waits for voice activity's next piece of 32 ms
            check(0 <= f["commit_p95_s"] - f["commit_unaware_p95_s"] < 0.033, f)
            for key in ("rtf", "rtf_speech", "rtf_nonspeech", "rtf_wall", "peak_rss_kb"):
                del f[key]
        check(runs[0] == runs[1], runs)


def real_time_says_the_same_words():
    with e2e.folder() as d:
        p = utter("bench", "live", *COMMON, "--offline-model", "none", "--real-time", "--json",
                  "--limit", 1, "--each", write_manifest(d))
        f = json.loads(check_ok(p))
        check(f["clock"] == "real" and f["n_reference_words"] == 12, f)
        check(f["commit_p50_s"] > 0 and f["commit_unaware_p50_s"] is None, f)
        check("best of times" in p.stderr.decode().lower(), p.stderr)


def read_samples(path):
    with wave.open(path) as w:
        check((w.getnchannels(), w.getsampwidth(), w.getframerate()) == (1, 2, 16000), w.getparams())
        return w.readframes(w.getnframes())


def exported_streams_are_what_is_played():
    with e2e.folder() as d:
        to, events = os.path.join(d, "streams"), os.path.join(d, "events.jsonl")
        check_ok(utter("bench", "live", *COMMON, "--export", to, write_manifest(d)))
        rows = [l.split("\t") for l in open(os.path.join(to, "manifest.tsv")).read().splitlines()]
        check([r[:3] for r in rows[1:]] == [["stream-001.wav", "en", f"{SAID} {SAID}"],
                                            ["stream-002.wav", "-", ""]], rows)
        words = [l.split("\t") for l in open(os.path.join(to, "words.tsv")).read().splitlines()][1:]
        check([(w[0], w[1], w[4]) for w in words]
              == [("stream-001.wav", str(t), w) for t in (1, 2) for w in SAID.split()], words)
        check(all(float(w[2]) <= float(w[5]) < float(w[6]) <= float(w[3]) for w in words), words)
        # a pause, the recording, a pause, the recording, a pause
        pause, clip = 2 * 9600, read_samples(CLIP)
        got = read_samples(os.path.join(to, "stream-001.wav"))
        check(len(got) == 3 * pause + 2 * len(clip), len(got))
        check(got[pause : pause + len(clip)] == got[2 * pause + len(clip) : -pause] == clip, "other samples")
        f = json.loads(check_ok(utter("bench", "live", *COMMON, "--offline-model", "none", "--clock", "cpu", "--json",
                                      "--gap", 0, "--events", events, os.path.join(to, "manifest.tsv"))))
        check(f["n_reference_words"] == 24 and f["nonspeech_words"] == 0, f)
        lines = [json.loads(l) for l in open(events)]
        check({l["stream"] for l in lines} == {"reader"}, lines)
        check([l["wall"] for l in lines] == sorted(l["wall"] for l in lines), lines)
        said = "".join(l["text"] for l in lines if l["type"] == "committed")
        check(said == "".join(l["text"] for l in lines if l["type"] == "final"), lines)
        check(len(said.split()) == f["n_final_words"], said)


def long_recordings_are_cut_to_be_timed():
    if not os.path.exists(TWO_CITIES):
        print(f"{TWO_CITIES} is not there: not tried")
        return
    said = check_ok(e2e.caption("-f", "json", TWO_CITIES))
    text = " ".join(s["text"] for s in json.loads(said)["segments"])
    text = text.replace("\t", " ").strip()
    n = len(text.split())
    with e2e.folder() as d:
        path = os.path.join(d, "m.tsv")
        with open(path, "w") as f:
            f.write(f"{HEADER}{TWO_CITIES}\ten\t{text}\tlong\treader\n")
        f = json.loads(check_ok(utter("bench", "live", *COMMON, "--clock", "cpu", "--json", path)))
        check(f["n_reference_words"] >= n, f)
        check(f["n_timed_words"] >= 0.95 * f["n_reference_words"], f)
        # the reference is what the model says of the whole file
        check(f["wer_offline_f32"] < 0.1, f)
        check(f["n_matched_words"] > 0.6 * n, f)
        check(-0.3 < f["commit_unaware_p50_s"] < 3, f)


def bad_input_is_named():
    with e2e.folder() as d:
        m = os.path.join(d, "m.tsv")
        check_fails(utter("bench", "live"), 2, "manifests")
        check_fails(utter("bench", "live", "--clock", "sun", m), 2, "sun")
        check_fails(utter("bench", "live", "--language", "klingon", m), 2, "klingon")
        check_fails(utter("bench", "live", *COMMON, m), 3, m)
        with open(m, "w") as f:
            f.write(f"{HEADER}gone.wav\ten\ta b\tclean\tx\n")
        check_fails(utter("bench", "live", *COMMON, m), 3, "gone.wav")
        check_fails(utter("bench", "live", *COMMON, "--kind", "loud", m), 3, "no recording")
        m, nowhere = write_manifest(d), os.path.join(d, "no", "folder")
        check_fails(utter("bench", "live", *COMMON, "--events", nowhere, m), 5, nowhere)
        check_fails(utter("bench", "live", *COMMON, "--export", nowhere, m), 5, nowhere)
        p = utter("bench", "live", "--help")
        check(p.returncode == 0 and b"--real-time" in p.stdout, p)


def idle_streams_hear_nothing_and_cost_little():
    for level in (-70, -200):
        out = json.loads(check_ok(utter("bench", "idle", "--model", MODEL, "--sessions", 20, "--seconds", 1,
                                        "--level", level, "--json")))
        check(out["n_words"] == 0 and out["n_steps"] == 0 and out["n_refused_chunks"] == 0, out)
        check(0 < out["core_percent"] < 25, out)
    check_fails(utter("bench", "idle", "--sessions", 100000), 2, "--sessions")


def stream_that_loops_is_told_by_tenths():
    with e2e.folder() as d:
        out = json.loads(check_ok(utter("bench", "live", write_manifest(d), "--loop", 0.01, "--clock", "none",
                                        "--model", MODEL, "--json")))
        check(len(out["tenths"]) == 10 and all(t["n_words"] >= 20 for t in out["tenths"]), out)
        first = out["tenths"][0]
        check(all(abs(t["commit_p95_s"] - first["commit_p95_s"]) < 0.5 for t in out["tenths"]), out)
        check(abs(out["minutes"] * 6 - out["recordings_s"]) < 0.1, out)  # a round a tenth
        check(not out["times_went_back"] and out["lost_samples"] == 0, out)
        check_fails(utter("bench", "live", write_manifest(d), "--loop", 1, "--real-time"), 2, "--loop")


e2e.run([stream_that_loops_is_told_by_tenths, idle_streams_hear_nothing_and_cost_little, words_are_timed_and_counted, without_compute_time_runs_are_equal,
         real_time_says_the_same_words, exported_streams_are_what_is_played,
         long_recordings_are_cut_to_be_timed, bad_input_is_named])
