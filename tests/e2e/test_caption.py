"""`utter caption` on a whole recording: every format, several files, standard input."""
import json
import os
import shutil

import e2e
from e2e import CLIP, caption, check, check_ok, check_said, check_subtitles

e2e.need("whisper-tiny.en-q8_0.gguf")


def text_has_the_words_and_no_escapes():
    out = check_ok(caption(CLIP))
    check_said(out)
    check("\033" not in out, "a pipe got colours")
    check(out.endswith("\n"), "no newline at the end")


def json_is_as_documented():
    doc = json.loads(check_ok(caption("--format", "json", CLIP)))
    check_said(doc["text"])
    check(doc["language"] == "en", doc["language"])
    last = 0
    for segment in doc["segments"]:
        check(last <= segment["start"] <= segment["end"] <= 6, segment)
        check(" ".join(w["word"] for w in segment["words"]) == segment["text"], segment)
        check("tokens" not in segment, "tokens were not asked for")
        for word in segment["words"]:
            check(segment["start"] - 0.5 <= word["start"] <= word["end"], word)
            check(0 <= word["confidence"] <= 1, word)
        last = segment["end"]
    check(doc["text"] == " ".join(s["text"] for s in doc["segments"]), "text is not the segments'")


def json_takes_tokens_and_leaves_words_out():
    doc = json.loads(check_ok(caption("-f", "json", "--tokens", "--no-word-times", CLIP)))
    for segment in doc["segments"]:
        check(len(segment["tokens"]) > 3, segment)
        check("words" not in segment, segment)


def subtitles_are_valid_and_whole():
    text = check_ok(caption(CLIP))
    for kind in ("srt", "vtt"):
        words = check_subtitles(check_ok(caption("--format", kind, CLIP)), kind)
        check(words == text.split(), f"{words} is not {text.split()}")


def narrow_subtitles_keep_to_their_columns():
    out = check_ok(caption("-f", "srt", "--max-line", 16, "--max-lines", 1, CLIP))
    for line in out.splitlines():
        check("-->" in line or len(line) <= 16, f"{line!r} is wider than 16")


def jsonl_is_an_event_a_segment():
    events = e2e.parse_events(check_ok(caption("-f", "jsonl", CLIP)))
    check(events and all(e["type"] == "final" for e in events), "types")
    check_said(" ".join(e["text"] for e in events))


def standard_input_is_read():
    with open(CLIP, "rb") as f:
        check_said(check_ok(caption("-", stdin=f.read())))


def bad_file_does_not_stop_the_others():
    p = caption(CLIP, "/nonexistent/x.wav", CLIP)
    check(p.returncode == 3, f"exit {p.returncode}")
    check(p.stderr.decode().count("\n") == 1, p.stderr.decode())
    check(p.stdout.decode().lower().count("best of times") == 2, p.stdout.decode())


def outputs_are_written_by_name_and_into_a_directory():
    with e2e.folder() as d:
        check_ok(caption(CLIP, "-o", f"{d}/a.srt", "-o", f"{d}/b.json", "-o", f"{d}/c"))
        check_subtitles(open(f"{d}/a.srt").read(), "srt")
        check_said(json.load(open(f"{d}/b.json"))["text"])
        check_said(open(f"{d}/c").read())
        os.mkdir(f"{d}/subtitles")
        shutil.copy(CLIP, f"{d}/other.wav")
        p = caption(CLIP, f"{d}/other.wav", "-f", "vtt", "-o", f"{d}/subtitles")
        check(check_ok(p) == "", "standard output was written too")
        check_subtitles(open(f"{d}/subtitles/clip.vtt").read(), "vtt")
        check_subtitles(open(f"{d}/subtitles/other.vtt").read(), "vtt")


def stats_are_one_json_line():
    p = caption("--stats", CLIP)
    check_ok(p)
    stats = json.loads(p.stderr)
    for key in ("load_ms", "mel_ms", "encode_ms", "decode_ms", "total_ms", "peak_rss_bytes"):
        check(stats[key] > 0, f"{key}: {stats}")
    check(abs(stats["audio_s"] - 5) < 0.1, stats)
    check(stats["total_ms"] >= stats["load_ms"] + stats["encode_ms"], stats)


def beam_prompt_and_temperature_are_taken():
    check_said(check_ok(caption("--beam", 3, "--prompt", "A Tale of Two Cities.",
                                "--temperature", 0, "--no-condition", CLIP)))


def help_tells_defaults_and_examples():
    for command in ("caption", "mic"):
        out = check_ok(e2e.utter(command, "--help"))
        check("Examples:" in out and "[base]" in out, out)
    for part in ("accuracy", "asr"):
        check("--json" in check_ok(e2e.utter("bench", part, "--help")), part)
    check("caption" in check_ok(e2e.utter("help")), "help")
    check(check_ok(e2e.utter("--version")).startswith("utter "), "version")


def accuracy_is_counted():
    with e2e.folder() as d:
        os.symlink(CLIP, f"{d}/clip.wav")
        with open(f"{d}/m.tsv", "w") as f:
            f.write("file\tlanguage\treference\tkind\n"
                    "clip.wav\ten\tit was the best of times it was the worst of times\tclean\n")
        p = e2e.utter("bench", "accuracy", f"{d}/m.tsv", "--json", "--model", e2e.MODEL,
                      "--beam", 1)
        result = json.loads(check_ok(p))
        check(result["n_words"] == 12, result)
        check(0 <= result["wer"] <= 0.75, result)
        check(result["by_kind"]["clean"]["n_files"] == 1, result)


e2e.run([text_has_the_words_and_no_escapes, json_is_as_documented,
         json_takes_tokens_and_leaves_words_out, subtitles_are_valid_and_whole,
         narrow_subtitles_keep_to_their_columns, jsonl_is_an_event_a_segment,
         standard_input_is_read, bad_file_does_not_stop_the_others,
         outputs_are_written_by_name_and_into_a_directory, stats_are_one_json_line,
         beam_prompt_and_temperature_are_taken, help_tells_defaults_and_examples,
         accuracy_is_counted])
