# bash completion for utter: commands, the options that `utter COMMAND --help` lists, their values.

_utter_options() {
    "$1" "${@:2}" --help 2>/dev/null | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_utter() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} choices=
    local cache=${UTTER_CACHE:-$HOME/.cache/utter}

    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        choices="caption mic models bench help version"
    elif [ "$COMP_CWORD" = 2 ] && [ "$command" = bench ]; then
        choices="accuracy asr live idle kernels"
    elif [ "$COMP_CWORD" = 2 ] && [ "$command" = models ]; then
        choices="list fetch import quantize show"
    elif [ "$COMP_CWORD" = 2 ] && [ "$command" = help ]; then
        choices="caption mic models bench"
    else
        case $before in
        --format | -f) choices="text srt vtt json jsonl" ;;
        --color) choices="auto always never" ;;
        --language) choices="auto en zh de es ru ko fr ja pt tr pl nl ar sv it hi" ;;
        --model | -m)
            choices=$(cd "$cache/models" 2>/dev/null && ls whisper-*-q8_0.gguf 2>/dev/null |
                sed 's/^whisper-//; s/-q8_0.gguf$//')
            ;;
        *)
            if [[ $word == -* ]]; then
                local part=
                case $command in bench | models) part=${COMP_WORDS[2]} ;; esac
                choices=$(_utter_options "${COMP_WORDS[0]}" "$command" $part)
            fi
            ;;
        esac
    fi
    [ -z "$choices" ] || mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _utter utter
