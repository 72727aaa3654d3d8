#!/bin/sh
# `utter mic` hears a recording through a virtual microphone and ends cleanly on ctrl-C.
#
#   test_mic.sh VIRTUAL_MICROPHONE UTTER CLIP
set -u

for model in whisper-tiny.en-q8_0.gguf silero-vad-v6.gguf; do
    if [ ! -f "${UTTER_CACHE:-$HOME/.cache/utter}/models/$model" ]; then
        echo "skipped: $model is not in the cache"
        exit 77
    fi
done
# the virtual microphone has a home of its own
export UTTER_CACHE="${UTTER_CACHE:-$HOME/.cache/utter}"
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

VM_TAIL_S=2 "$1" "$3" "$2" mic --model tiny.en -f jsonl -o "$out/a.jsonl" -o "$out/a.txt" 2>"$out/err"
status=$?
[ $status = 77 ] && { cat "$out/err"; exit 77; }
if [ $status != 130 ]; then
    echo "exit $status, not 130: $(cat "$out/err")"
    exit 1
fi
if ! tr -d '[:punct:]' <"$out/a.txt" | tr 'A-Z\n' 'a-z ' | grep -q 'best of times'; then
    echo "heard: $(cat "$out/a.txt")"
    exit 1
fi
tail -n 2 "$out/a.jsonl" | head -n 1 | grep -q '"type":"final"' &&
    tail -n 1 "$out/a.jsonl" | grep -q '"type":"end"' || {
    echo "does not end with final and end: $(tail -n 2 "$out/a.jsonl")"
    exit 1
}
echo "heard: $(cat "$out/a.txt")"
