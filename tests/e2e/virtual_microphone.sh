#!/bin/sh
# A microphone made of software, for tests: a private PulseAudio server whose null sink plays a
# sound file and whose monitor is the default ALSA (so also PortAudio) input of a command.
#
#   virtual_microphone.sh FILE COMMAND [ARG...]
#
# Starts COMMAND, plays FILE (any format of libsndfile) to it once its input is being recorded,
# waits VM_TAIL_S (1) seconds more and ends it with SIGINT. With VM_PLUG=1 the server goes away
# instead, as when a microphone is unplugged. Exit status: COMMAND's; 77 where PulseAudio is missing.
set -u

if [ $# -lt 2 ]; then
    echo "usage: $0 FILE COMMAND [ARG...]" >&2
    exit 2
fi
for tool in pulseaudio paplay pactl; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "skipped: $tool is not installed" >&2
        exit 77
    fi
done

file=$1
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/utter-mic-XXXXXX") || exit 1
server= player= command=
finish() {
    for pid in $player $command $server; do
        kill "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Waits up to 10 s for a shell condition.
wait_until() {
    n=0
    until eval "$1"; do
        n=$((n + 1))
        if [ $n -gt 100 ]; then
            return 1
        fi
        sleep 0.1
    done
}

cat >"$dir/asound.conf" <<END
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.virtual_microphone { type pulse }
END
export HOME="$dir" XDG_RUNTIME_DIR="$dir" PULSE_RUNTIME_PATH="$dir/pulse"
export PULSE_SERVER="unix:$dir/socket" ALSA_CONFIG_PATH="$dir/asound.conf"
unset DISPLAY DBUS_SESSION_BUS_ADDRESS PULSE_SINK PULSE_SOURCE PULSE_COOKIE

pulseaudio --daemonize=no -n --exit-idle-time=-1 --disallow-exit --use-pid-file=no \
    --resample-method=speex-float-9 \
    --log-target="file:$dir/server.log" \
    --load="module-native-protocol-unix socket=$dir/socket auth-anonymous=1" \
    --load="module-null-sink sink_name=speaker rate=48000 channels=2" \
    >/dev/null 2>&1 &
server=$!
if ! wait_until 'pactl info >/dev/null 2>&1'; then
    echo "skipped: the PulseAudio server does not start: $(tail -n 1 "$dir/server.log")" >&2
    exit 77
fi
pactl set-default-sink speaker
pactl set-default-source speaker.monitor

"$@" &
command=$!
if wait_until 'pactl list short source-outputs 2>/dev/null | grep -q . ||
    ! kill -0 "$command" 2>/dev/null' && kill -0 "$command" 2>/dev/null; then
    sleep 0.5 # it is connected; now let it run
    paplay "$file" &
    player=$!
    wait "$player"
    player=
    sleep "${VM_TAIL_S:-1}"
    if [ "${VM_PLUG:-0}" = 1 ]; then
        kill -9 "$server"
    else
        kill -INT "$command" 2>/dev/null
    fi
fi
wait "$command"
status=$?
command=
exit $status
