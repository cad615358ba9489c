#!/bin/sh
# What the slides of "A Unified Execution Model for Cloud Computing" show, as shell lines on /proc:
#     sh deck.sh MOUNT...     runs MOUNT... /proc in a mount name space of its own, then the lines; as root
# It ends with 0 if all of them did what the slides say, and names what did not.
#
# Typed here is what they have of files of information and control at all levels of the hierarchy, `net/NAME`
# below /proc, of what a control file multiplexes and an information file aggregates, and at the leaf of
# clone, ctl, ns, env, args, wait, debug, stdin, stdout and stderr.
# Lines that wait for what is not there yet:
#     queries   % ls /proc/query/x86/gpus=1/mem=4G
#               % echo kill > /proc/query/user=ericvh/ctl
#               % echo cat /proc/query/os=linux/status
#     splices   % echo splice /proc/net/remote.com/102 1 0 > /proc/net/mybox.com/56/ctl
#               % echo splice /proc/net/mybox.com/56 1 0 > /proc/net/farther.com/256/ctl
#     pipes     % ls |< cat | sort -n -r | uniq >| sort -n -r | more
set -u

failed=0

# shows WHAT WANTED COMMAND...: the command's output, spaces for newlines, is that.
shows() {
    what=$1 wanted=$2
    shift 2
    got=$(timeout -s KILL 60 "$@" 2>&1 3>&- | tr '\n' ' ')
    # A pattern, not a text: uptimes and the like differ.
    case $got in
        $wanted) ;;
        *)
            echo "$what: '$got', not '$wanted'"
            failed=1
            ;;
    esac
}

# does WHAT COMMAND...: it succeeds.
does() {
    what=$1
    shift
    timeout -s KILL 60 "$@" 3>&- || {
        echo "$what: $?"
        failed=1
    }
}


if [ "${1:-}" != --inside ]; then
    [ $# -gt 0 ] || {
        echo "deck.sh: usage: deck.sh MOUNT...; that with /proc behind it mounts the tree" >&2
        exit 100
    }
    exec unshare -m sh "$0" --inside "$@"
fi
shift
"$@" /proc || exit 1

# The hierarchy: every level has the same files.
first=$(ls /proc/net | head -n 1)
last=$(ls /proc/net | tail -n 1)
shows 'a level' 'beat clone ctl error events info net status summary ' ls /proc
shows 'a leaf' 'beat clone ctl error events info status summary ' ls "/proc/net/$first"

# Information is aggregated: a level's status is that of all below.
shows 'status of a leaf' "$first up *" cat "/proc/net/$first/status"
shows 'status of a level' "$first up *$last up *" cat /proc/status
does 'a level has what its leaves have' sh -c 'cat /proc/net/*/status | cut -d " " -f 1 | sort >/tmp/leaves &&
    cut -d " " -f 1 /proc/status | sort | cmp - /tmp/leaves'

# Control is multiplexed: one line to a level is for all below.
echo tag deck=yes > /proc/ctl
shows 'a command to all' 'tag deck=yes ' grep tag "/proc/net/$last/info"
echo untag deck > /proc/ctl
shows 'its end' '' grep tag "/proc/net/$last/info"

# At the leaf: clone is used to establish a new instance; the other files are beside its ctl.
exec 3<>"/proc/net/$first/clone"
read -r id <&3
here=/proc/net/$first/$id
echo res 1 >&3
echo 'unshare' > "$here/ns"
echo 'DECK=shown' > "$here/env"
echo "sh -c 'cat; echo \$DECK; echo to stderr >&2; exit 3'" > "$here/args"
echo exec >&3
shows 'status of an instance' '0 * running *' cat "$here/status"
echo typed > "$here/stdin"
echo close stdin >&3
shows stdout 'typed shown ' cat "$here/stdout"
shows stderr 'to stderr ' cat "$here/stderr"
shows wait "0 * 'exit: 3' " cat "$here/wait"
exec 3>&-

# The same at a level: what is said to one control file goes to every leaf that has a part in it.
mkdir /proc/deck
echo res 2 > /proc/deck/ctl
echo exec sleep 60 > /proc/deck/ctl
shows 'status of all parts' '0 * running *1 * running *' cat /proc/deck/status
shows 'the debug directory' '*trace*' ls /proc/deck/debug
shows 'registers' '*rip=*' cat /proc/deck/0/debug/regs
echo kill > /proc/deck/ctl
shows 'wait of all parts' "0 * 'signal: 9' 1 * 'signal: 9' " sort /proc/deck/wait
rmdir /proc/deck

exit $failed
