#!/usr/bin/env python3
"""Plays recordings to WhisperLive's server in real time, by the protocol of its own client.

    whisper_live_client.py MODEL OUT WAV...

Starts the server, and for each 16 kHz WAV opens a connection, sends chunks of 4,096 samples (the
client's own) as float32 when a microphone would have them, and writes OUT/<name>.jsonl, a line each
time something changes: {"t": s, "commit": text of segments that are completed now, "tail": text of
the one that is not}; and OUT/usage.json: {"<name>": {"seconds", "cpu_s"}, "peak_rss": bytes}, both
of the server alone. Runs in the environment of whisper_live.txt.

Like the original, the client goes on listening behind the last sample while anything may still come,
at most 15 s without a change. A segment that is not completed even then counts as committed when it
last changed.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import uuid
import wave

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

HERE = os.path.dirname(os.path.abspath(__file__))
RATE, CHUNK = 16000, 4096
PATIENCE_S = 15.0       # its client's disconnect_if_no_response_for
QUIET_S = 4.0           # the same when all that was shown is completed
OPTIONS = {  # what its client sends unless told otherwise
    "task": "transcribe", "use_vad": True, "send_last_n_segments": 10, "no_speech_thresh": 0.45, "clip_audio": False,
    "same_output_threshold": 10, "enable_translation": False, "target_language": "fr", "hotwords": None,
    "initial_prompt": None, "vad_parameters": None, "word_timestamps": False,
}


def read_wav(path):
    with wave.open(path) as w:
        return np.frombuffer(w.readframes(w.getnframes()), np.int16).astype(np.float32) / 32768


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))


class Server:
    def __init__(self, model, threads, log):
        self.port = free_port()
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), HF_HUB_OFFLINE="1",
                   PYTHONPATH=os.path.join(HERE, "no_torch"))
        script = os.path.join(HERE, "whisper_live_server.py")
        self.process = subprocess.Popen([sys.executable, script, str(self.port), model], env=env,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def connect(self):
        for _ in range(1200):
            if self.process.poll() is not None:
                raise SystemExit(f"WhisperLive's server ended with status {self.process.returncode}")
            try:
                return connect(f"ws://127.0.0.1:{self.port}", max_size=None, compression=None, ping_interval=None)
            except OSError:
                time.sleep(0.1)
        raise SystemExit("WhisperLive's server does not answer")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Display:
    """What its client shows: completed segments once each, then the one that is not."""

    def __init__(self, out):
        self.out, self.seen, self.tail, self.changed = out, set(), "", 0.0

    def put(self, t, commit, tail):
        self.out.write(json.dumps({"t": round(t, 4), "commit": commit, "tail": tail}) + "\n")
        self.tail, self.changed = tail, t

    def take(self, t, segments):
        commit = ""
        for s in segments:
            key = (s["start"], s["end"], s["text"])
            if s.get("completed") and key not in self.seen:
                self.seen.add(key)
                commit += " " + s["text"].strip()
        last = segments[-1] if segments else {"completed": True}
        tail = "" if last.get("completed") else " " + last["text"].strip()
        if commit or tail != self.tail:
            self.put(t, commit, tail)

    def finish(self):
        if self.tail:
            self.put(self.changed, self.tail, "")


def wait_ready(ws, uid):
    while True:
        message = json.loads(ws.recv(timeout=120))
        if message.get("uid") == uid and message.get("message") == "SERVER_READY":
            return
        if "status" in message:
            raise SystemExit(f"WhisperLive: {message['status']}: {message.get('message')}")


def take_until(ws, display, begin, until):
    """Reads messages until that time; False when the server closed the connection."""
    while (left := until - time.perf_counter()) > 0:
        try:
            message = json.loads(ws.recv(timeout=left))
        except TimeoutError:
            return True
        except ConnectionClosed:
            return False
        if "segments" in message:
            display.take(time.perf_counter() - begin, message["segments"])
    return True


def play(server, model, language, pcm, display):
    """-> CPU seconds of the server from the first sample to the last."""
    with server.connect() as ws:
        uid = str(uuid.uuid4())
        ws.send(json.dumps({"uid": uid, "language": language, "model": model, **OPTIONS}))
        wait_ready(ws, uid)
        cpu, begin = cpu_of(server.process.pid), time.perf_counter()
        for at in range(0, len(pcm), CHUNK):
            chunk = pcm[at:at + CHUNK]
            if not take_until(ws, display, begin, begin + (at + len(chunk)) / RATE):
                raise SystemExit("WhisperLive's server closed the connection")
            ws.send(chunk.tobytes())
        cpu, end = cpu_of(server.process.pid) - cpu, time.perf_counter()
        while time.perf_counter() - max(end, begin + display.changed) < (PATIENCE_S if display.tail else QUIET_S):
            if not take_until(ws, display, begin, time.perf_counter() + 0.25):
                break
        display.finish()
        ws.send(b"END_OF_AUDIO")
    return cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("wav", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--language", default="en")
    args = parser.parse_args()

    os.makedirs(args.out, exist_ok=True)
    usage = {}
    with open(os.path.join(args.out, "server.log"), "w") as log:
        server = Server(args.model, args.threads, log)
        try:
            play(server, args.model, args.language, np.zeros(RATE // 2, np.float32), Display(open(os.devnull, "w")))
            for path in args.wav:
                name = os.path.splitext(os.path.basename(path))[0]
                print(name, file=sys.stderr, flush=True)
                pcm = read_wav(path)
                with open(os.path.join(args.out, name + ".jsonl"), "w") as out:
                    cpu = play(server, args.model, args.language, pcm, Display(out))
                usage[name] = {"seconds": len(pcm) / RATE, "cpu_s": cpu}
            usage["peak_rss"] = peak_rss_of(server.process.pid)
        finally:
            server.stop()
    with open(os.path.join(args.out, "usage.json"), "w") as f:
        json.dump(usage, f)


if __name__ == "__main__":
    main()
