#!/usr/bin/env python3
"""LocalAgreement-2 over faster-whisper with a voice activity controller, as whisper_streaming does it.

    local_agreement.py MODEL OUT WAV... [--final-decode] [--clock wall|cpu|real]

Plays each 16 kHz WAV as a live stream and writes OUT/<name>.jsonl, a line each time something
changes: {"t": s, "commit": text that is final now, "tail": text that may still change}; and
OUT/usage.json: {"<name>": {"seconds", "cpu_s"}, "peak_rss": bytes}. Runs in the peers' environment.

SOURCE: Machacek, Dabre, Bojar 2023, "Turning Whisper into Real-Time Transcription System", sections
3.1 to 3.3, and the defaults of the authors' program of that name: beam 5, word times, segments
conditioned on the text before, a prompt of 200 characters, the buffer cut at the end of a segment
once it is longer than 15 s, Silero with 0.5 s of silence and 0.1 s of padding.
"""

import argparse
import json
import os
import resource
import sys
import time
import wave

import numpy as np

RATE = 16000
VAD_CHUNK = 512
VAD_CONTEXT = 64
VAD_FEED_S = 0.04      # the least audio that is taken at a time
VAD_ON, VAD_OFF = 0.5, 0.35
SILENCE_S, PAD_S = 0.5, 0.1
KEEP_S = 1.0           # of silence: speech may turn out to have begun in it
PROMPT_CHARACTERS = 200
TRIM_S = 15.0
OVERLAP_S, NEAR_S, MAX_NGRAM = 0.1, 1.0, 5
NO_SPEECH = 0.9


class Activity:
    """Where speech begins and ends, in samples of the stream."""

    def __init__(self, session):
        self.session = session
        self.reset()

    def reset(self):
        self.h = np.zeros((1, 1, 128), np.float32)
        self.c = np.zeros((1, 1, 128), np.float32)
        self.context = np.zeros(VAD_CONTEXT, np.float32)
        self.waiting = np.zeros(0, np.float32)
        self.at = 0
        self.speaking = False
        self.quiet_since = None

    def probability(self, chunk):
        audio = np.concatenate([self.context, chunk])[None].astype(np.float32)
        out, self.h, self.c = self.session.run(None, {"input": audio, "h": self.h, "c": self.c})
        self.context = chunk[-VAD_CONTEXT:]
        return float(np.ravel(out)[0])

    def push(self, pcm):
        """-> (start or None, end or None). A pause that is over within the same push is no pause."""
        self.waiting = np.concatenate([self.waiting, pcm])
        start = end = None
        while len(self.waiting) >= VAD_CHUNK:
            p = self.probability(self.waiting[:VAD_CHUNK])
            self.waiting = self.waiting[VAD_CHUNK:]
            self.at += VAD_CHUNK
            if p >= VAD_ON:
                self.quiet_since = None
                if not self.speaking:
                    self.speaking = True
                    if end is not None:
                        end = None
                    else:
                        start = self.at - int(PAD_S * RATE)
            elif p < VAD_OFF and self.speaking:
                if self.quiet_since is None:
                    self.quiet_since = self.at
                if self.at - self.quiet_since >= SILENCE_S * RATE:
                    end = self.quiet_since + int(PAD_S * RATE)
                    self.speaking, self.quiet_since = False, None
        return start, end


class Utterance:
    """The buffer of one stretch of speech, what was committed in it, and the last hypothesis."""

    def __init__(self, model, language, start_s):
        self.model, self.language = model, language
        self.pcm = np.zeros(0, np.float32)
        self.offset = start_s          # of the buffer
        self.committed = []            # (start, end, text), all of them
        self.in_buffer = []            # of these, the ones whose audio is still there
        self.hypothesis = []           # what followed them at the last step
        self.last_end = start_s        # of the last committed word

    def prompt(self):
        n = max(0, len(self.committed) - 1)
        while n > 0 and self.committed[n - 1][1] > self.offset:
            n -= 1
        chosen, length = [], 0
        for word in reversed(self.committed[:n]):
            if length >= PROMPT_CHARACTERS:
                break
            chosen.append(word[2])
            length += len(word[2]) + 1
        return "".join(reversed(chosen))

    def decode(self):
        """-> (words, ends of segments), both in seconds of the stream."""
        segments, _ = self.model.transcribe(self.pcm, language=self.language, initial_prompt=self.prompt(),
                                            beam_size=5, word_timestamps=True, condition_on_previous_text=True)
        segments = list(segments)
        words = [(w.start + self.offset, w.end + self.offset, w.word)
                 for s in segments if s.no_speech_prob <= NO_SPEECH for w in s.words]
        return words, [s.end + self.offset for s in segments]

    def beyond_committed(self, words):
        """The hypothesis without what is committed already: by time, then by the words themselves."""
        new = [w for w in words if w[0] > self.last_end - OVERLAP_S]
        if not new or not self.in_buffer or abs(new[0][0] - self.last_end) >= NEAR_S:
            return new
        for n in range(1, min(len(self.in_buffer), len(new), MAX_NGRAM) + 1):
            if [w[2] for w in self.in_buffer[-n:]] == [w[2] for w in new[:n]]:
                return new[n:]
        return new

    def step(self):
        """Decodes the buffer -> the words on which this hypothesis and the last one agree."""
        words, ends = self.decode()
        new = self.beyond_committed(words)
        n = 0
        while n < min(len(new), len(self.hypothesis)) and new[n][2] == self.hypothesis[n][2]:
            n += 1
        agreed, self.hypothesis = new[:n], new[n:]
        self.committed += agreed
        self.in_buffer += agreed
        if agreed:
            self.last_end = agreed[-1][1]
        if len(self.pcm) > TRIM_S * RATE:
            self.trim(ends)
        return agreed

    def trim(self, ends):
        """Cuts the buffer behind the last segment that is complete and committed."""
        ends = [e for e in ends[:-1] if self.committed and e <= self.committed[-1][1]]
        if not ends:
            return
        cut = ends[-1]
        self.pcm = self.pcm[int((cut - self.offset) * RATE):]
        self.offset = cut
        self.in_buffer = [w for w in self.in_buffer if w[1] > cut]


class Stream:
    def __init__(self, model, activity, args):
        self.model, self.activity, self.args = model, activity, args
        activity.reset()
        self.utterance = None
        self.held = np.zeros(0, np.float32)  # audio not yet given to an utterance
        self.held_from = 0
        self.waiting = 0                     # samples since the last step
        self.over = False

    def give(self, pcm):
        self.utterance.pcm = np.concatenate([self.utterance.pcm, pcm])
        self.waiting += len(pcm)

    def drop_held(self, n):
        self.held = self.held[n:]
        self.held_from += n

    def insert(self, pcm):
        start, end = self.activity.push(pcm)
        self.held = np.concatenate([self.held, pcm])
        if start is not None:
            self.drop_held(max(0, start - self.held_from))
            self.utterance = Utterance(self.model, self.args.language, self.held_from / RATE)
        if end is not None:
            n = max(0, end - self.held_from)
            self.give(self.held[:n])
            self.drop_held(len(self.held))
            self.over = True
        elif self.utterance and not self.over:
            self.give(self.held)
            self.drop_held(len(self.held))
        else:
            self.drop_held(max(0, len(self.held) - int(KEEP_S * RATE)))

    def process(self, last=False):
        """-> the words that are final now, or None when nothing was looked at."""
        if self.utterance and (self.over or last):
            agreed = self.utterance.step() if self.args.final_decode and len(self.utterance.pcm) else []
            agreed = agreed + self.utterance.hypothesis
            self.utterance, self.over, self.waiting = None, False, 0
            return agreed
        if self.utterance and self.waiting > self.args.step * RATE:
            self.waiting = 0
            return self.utterance.step()
        return None

    def tail(self):
        return self.utterance.hypothesis if self.utterance else []


def spell(words):
    return "".join(w[2] for w in words)


def play(stream, pcm, out, args):
    """Feeds what has arrived, then computes: the clock stands still for nobody."""
    charged = (lambda: time.process_time() / args.threads) if args.clock == "cpu" else time.perf_counter
    real_time = args.clock == "real"
    begin, now, fed, shown = time.perf_counter(), 0.0, 0, ("", "")
    while True:
        last = fed == len(pcm)
        if not last and now < fed / RATE + VAD_FEED_S:
            if real_time:
                time.sleep(fed / RATE + VAD_FEED_S - now)
                now = time.perf_counter() - begin
            else:
                now = fed / RATE + VAD_FEED_S
        started = charged()
        upto = min(len(pcm), int(now * RATE))
        if upto > fed:
            stream.insert(pcm[fed:upto])
        fed = max(fed, upto)
        final = stream.process(last)
        now = time.perf_counter() - begin if real_time else now + charged() - started
        change = (spell(final or []), spell(stream.tail()))
        if final is not None and (change[0] or change[1] != shown[1]):
            out.write(json.dumps({"t": round(now, 4), "commit": change[0], "tail": change[1]}) + "\n")
            shown = change
        if last:
            return


def read_wav(path):
    with wave.open(path) as w:
        return np.frombuffer(w.readframes(w.getnframes()), np.int16).astype(np.float32) / 32768


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("wav", nargs="+")
    parser.add_argument("--type", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--language", default="en")
    parser.add_argument("--step", type=float, default=1.0, help="seconds of speech between two steps (default 1.0)")
    parser.add_argument("--final-decode", action="store_true",
                        help="decode once more when speech ends; the original commits the last hypothesis as it is")
    parser.add_argument("--clock", choices=["wall", "cpu", "real"], default="wall",
                        help="a simulated one charged with the time of computing, or with its CPU time over the "
                             "threads; or real time (default wall)")
    args = parser.parse_args()
    from faster_whisper import WhisperModel
    from faster_whisper.vad import get_vad_model

    model = WhisperModel(args.model, compute_type=args.type, cpu_threads=args.threads)
    activity = Activity(get_vad_model().session)
    segments, _ = model.transcribe(read_wav(args.wav[0])[:RATE], language=args.language)
    list(segments)  # the first pass is slow, and the original warms up too
    os.makedirs(args.out, exist_ok=True)
    usage = {}
    for path in args.wav:
        name = os.path.splitext(os.path.basename(path))[0]
        print(name, file=sys.stderr, flush=True)
        pcm, cpu = read_wav(path), time.process_time()
        with open(os.path.join(args.out, name + ".jsonl"), "w") as out:
            play(Stream(model, activity, args), pcm, out, args)
        usage[name] = {"seconds": len(pcm) / RATE, "cpu_s": time.process_time() - cpu}
    usage["peak_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open(os.path.join(args.out, "usage.json"), "w") as f:
        json.dump(usage, f)


if __name__ == "__main__":
    main()
