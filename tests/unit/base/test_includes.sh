#!/bin/sh
# Includes point one way: clients -> {models, stream} -> {asr, diarize, llm} -> audio -> compute ->
# base, never sideways. Prints each breach; exit status 1 when there is one.
#
#   test_includes.sh SOURCE_ROOT
set -eu

cd "$1"
found=$(find base compute audio asr diarize llm stream models clients -name '*.[ch]' 2>/dev/null || true)
[ -n "$found" ] || { echo "no sources under $1" >&2; exit 1; }

awk '
BEGIN {
    rank["base"] = 0; rank["compute"] = 1; rank["audio"] = 2
    rank["asr"] = rank["diarize"] = rank["llm"] = 3
    rank["stream"] = rank["models"] = 4
    rank["clients"] = 5
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    split(FILENAME, from, "/")
    n = split(quoted[2], to, "/")
    includes++
    if (n < 2 || !(to[1] in rank)) {
        if (to[1] != "tests") print FILENAME ":" FNR ": \"" quoted[2] "\" does not begin at the root"
        else print FILENAME ":" FNR ": includes a test"
        bad++
    } else if (from[1] != to[1] && rank[to[1]] >= rank[from[1]]) {
        print FILENAME ":" FNR ": " from[1] " must not include " quoted[2]
        bad++
    }
}
END {
    print includes " includes, " bad + 0 " against the direction"
    exit bad > 0 || includes == 0
}' $found
