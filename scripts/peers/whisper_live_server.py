#!/usr/bin/env python3
"""whisper_live_server.py PORT MODEL: WhisperLive's own server on this machine, its defaults, one shared model."""

import sys

from whisper_live.server import TranscriptionServer

if __name__ == "__main__":
    TranscriptionServer().run("127.0.0.1", port=int(sys.argv[1]), backend="faster_whisper",
                              faster_whisper_custom_model_path=sys.argv[2], single_model=True,
                              max_connection_time=1 << 20)
