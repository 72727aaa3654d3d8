"""The ruler that live captions are compared by, and the peers' drivers, on cases worked out by hand.

Needs the peers' Python packages, which scripts/compare-live installs; without them it is skipped.
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("UTTER_CACHE") or os.path.join(os.path.expanduser("~"), ".cache", "utter")
PYTHON = os.path.join(CACHE, "peers", "venv", "bin", "python")
sys.path.insert(0, os.path.join(ROOT, "scripts", "peers"))


def near(a, b):
    assert abs(a - b) < 1e-6, (a, b)


def write_streams(folder):
    with open(os.path.join(folder, "manifest.tsv"), "w") as f:
        f.write("file\tlanguage\treference\tkind\tspeaker\n")
        f.write("a.wav\ten\tthe colour isn't red so go on\tclean\tx\nb.wav\t-\t\tnoise\ty\n")
    rows = [(1, "the", 1.0), (1, "colour", 1.5), (1, "isn't", 2.0), (1, "red", 2.5), (2, "so", 4.0), (2, "go", None),
            (2, "on", 5.0)]
    with open(os.path.join(folder, "words.tsv"), "w") as f:
        f.write("file\tturn\tturn_start\tturn_end\tword\tstart\tend\n")
        for turn, word, end in rows:
            f.write(f"a.wav\t{turn}\t0\t9\t{word}\t{'' if end is None else end - 0.3}\t{'' if end is None else end}\n")


def write_run(folder, a, b):
    os.makedirs(folder)
    for name, events in (("a", a), ("b", b)):
        with open(os.path.join(folder, name + ".jsonl"), "w") as f:
            for t, commit, tail in events:
                f.write(json.dumps({"t": t, "commit": commit, "tail": tail}) + "\n")
    usage = {"a": {"seconds": 60, "cpu_s": 6}, "b": {"seconds": 30, "cpu_s": 3}, "peak_rss": 5_000_000}
    with open(os.path.join(folder, "usage.json"), "w") as f:
        json.dump(usage, f)


def measure(a, b=()):
    from live_score import measure as m, read_streams

    with tempfile.TemporaryDirectory() as d:
        write_streams(d)
        write_run(os.path.join(d, "run"), a, b)
        return m(read_streams(d), os.path.join(d, "run"))


def every_figure_is_as_worked_out_by_hand():
    out = measure([
        (1.2, "", " The"),
        (1.8, "", " The color, is"),
        (2.4, "", " the color isn't bread"),
        (3.0, " The color isn't", None),      # "bread" stands
        (3.5, " red.", " so"),                # "bread" goes
        (4.5, "", " so go"),
        (6.0, " So go in", ""),
    ], [(1.0, "", " Hm. Thank"), (2.0, " Thanks", ""), (3.0, "", " you")])
    # the: shown 1.2, final 3.0; color 1.8, 3.0; is 1.8, not 2.4 (from isn't), both 3.0; red 3.5; so 3.5, 6.0
    assert out["n_reference"] == 8 and out["n_timed"] == 7 and out["n_matched"] == 6, out
    near(out["first_shown_p50_s"], 0.25)      # of 0.2 0.3 -0.2 0.4 1.0 -0.5
    near(out["commit_p50_s"], 1.25)           # of 2.0 1.5 1.0 1.0 1.0 2.0
    near(out["ttfs_p50_s"], 1.0)              # red 1.0, and "in" for "on" 1.0
    assert out["n_turns"] == 2 and out["n_turns_cut"] == 0, out
    assert out["n_changed"] == 1 and out["n_final"] == 8, out
    near(out["upwr"], 12.5)
    near(out["wer"], 100 / 8)
    assert out["n_nonspeech_words"] == 1 and out["n_nonspeech_withdrawn"] == 3, out
    near(out["cpu_per_audio"], 0.1)
    near(out["nonspeech_minutes"], 0.5)


def lost_ends_are_counted_apart():
    out = measure([(2.0, " The colour isn't red", ""), (6.0, " so go", "")])
    assert out["n_turns_cut"] == 1 and out["n_matched"] == 6, out
    near(out["ttfs_p50_s"], -0.5)
    out = measure([])
    assert out["n_turns_cut"] == 2 and out["commit_p95_s"] is None and out["upwr"] is None, out
    near(out["wer"], 100)


class Model:
    """Gives one hypothesis after the other: segments of (start, end, text) words."""

    def __init__(self, hypotheses):
        self.hypotheses, self.prompts = list(hypotheses), []

    def transcribe(self, pcm, initial_prompt, **_):
        class Part:
            def __init__(self, **fields):
                self.__dict__.update(fields)

        self.prompts.append(initial_prompt)
        return [Part(end=s[-1][1], no_speech_prob=0, words=[Part(start=a, end=b, word=w) for a, b, w in s])
                for s in self.hypotheses.pop(0)], None


def two_hypotheses_must_agree():
    import numpy as np
    from local_agreement import RATE, Utterance, spell

    model = Model([
        [[(0.1, 0.4, " one"), (0.5, 0.8, " too")]],
        [[(0.1, 0.4, " one"), (0.5, 0.8, " two"), (0.9, 1.2, " three")]],
        [[(0.1, 0.4, " one"), (0.5, 0.8, " two"), (0.9, 1.2, " three"), (1.3, 1.6, " four")]],
    ])
    u = Utterance(model, "en", 10.0)
    u.pcm = np.zeros(2 * RATE, np.float32)
    assert [spell(u.step()) for _ in range(3)] == ["", " one", " two three"]
    assert spell(u.hypothesis) == " four" and model.prompts == ["", "", ""]
    near(u.last_end, 11.2)


def a_long_buffer_is_cut_behind_a_committed_segment():
    import numpy as np
    from local_agreement import RATE, Utterance

    first, second = [(0.1, 4.0, " one"), (4.1, 8.0, " two")], [(8.1, 12.0, " three"), (12.1, 16.0, " four")]
    model = Model([[first, second], [first, second], []])
    u = Utterance(model, "en", 100.0)
    u.pcm = np.zeros(16 * RATE, np.float32)
    u.step()
    near(u.offset, 100)                       # nothing is committed yet
    u.step()
    near(u.offset, 108)
    assert len(u.pcm) == 8 * RATE and [w[2] for w in u.in_buffer] == [" three", " four"]
    u.step()
    assert model.prompts[-1] == " one two", model.prompts


def voice_activity_waits_half_a_second():
    import numpy as np
    from local_agreement import Activity

    class Session:
        def __init__(self, chunks):
            self.chunks = iter(chunks)

        def run(self, _, inputs):
            return np.array([[next(self.chunks)]]), inputs["h"], inputs["c"]

    speech, quiet = 10 * [0.9], 17 * [0.1]
    activity = Activity(Session(3 * [0.1] + speech + 5 * [0.1] + speech + quiet + speech))
    found = [activity.push(np.zeros(512, np.float32)) for _ in range(3 + 10 + 5 + 10 + 17 + 1)]
    events = [(i, f) for i, f in enumerate(found) if f != (None, None)]
    # it began in chunk 3, ended with chunk 27, which is known 16 chunks behind the first quiet one
    assert events == [(3, (4 * 512 - 1600, None)), (44, (None, 29 * 512 + 1600)), (45, (46 * 512 - 1600, None))], events


def main():
    if not os.access(PYTHON, os.X_OK):
        print(f"{PYTHON} is not there: skipped")
        return 77
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(PYTHON))):
        return subprocess.run([PYTHON, os.path.abspath(__file__)]).returncode
    for test in (every_figure_is_as_worked_out_by_hand, lost_ends_are_counted_apart, two_hypotheses_must_agree,
                 a_long_buffer_is_cut_behind_a_committed_segment, voice_activity_waits_half_a_second):
        test()
        print("ok", test.__name__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
