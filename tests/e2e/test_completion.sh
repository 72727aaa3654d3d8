#!/bin/bash
# The shell completion offers commands, options and values.
#
#   test_completion.sh COMPLETION UTTER
set -eu
source "$1"
utter=$2

# offers EXPECTED WORD...: the completions of the last word hold EXPECTED.
offers() {
    local expected=$1
    shift
    COMP_WORDS=("$utter" "$@")
    COMP_CWORD=$#
    _utter
    for found in "${COMPREPLY[@]}"; do
        [ "$found" = "$expected" ] && return 0
    done
    echo "'$*' does not offer $expected: ${COMPREPLY[*]}"
    exit 1
}

offers caption ca
offers --language caption --lang
offers --list-devices mic --li
offers --json bench accuracy --js
offers jsonl caption -f js
offers accuracy bench acc
offers never mic --color n
echo "all offered"
