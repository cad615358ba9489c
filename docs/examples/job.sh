#!/bin/sh
# Runs a command on 64 members of a cluster whose tree of files is mounted at DIR:
#
#     job.sh DIR [COMMAND]
#
# Prints their output sorted by member, then how many of them succeeded. Members that failed are named, and the
# exit code is 1. The tree needs only cat and echo; sort is for the reader.
set -u
tree=${1:?want job.sh DIR [COMMAND]}
command=${2-'echo on $node'}

# Opening clone makes a session, and the open file is then the session's ctl. The session lives as long as this
# shell has it open: whatever happens here, nothing is left behind there.
exec 3<>"$tree/clone" || exit 1
job=$tree/$(cat <&3)

# A line to the ctl is a command. If it is refused, the write fails and the file error has the reason.
say() {
    echo "$*" >&3 && return
    cat "$job/error" >&2
    exit 1
}
say res 64         # 64 members, spread evenly over the nodes that are up
say prefix member  # each line of output begins with its member's number
say exec "$command"  # answered when all of them have started
say close stdin    # their input is empty

# An output ends when all members have closed theirs. A member waits while nobody reads its output, so both
# outputs are read at the same time.
cat "$job/stderr" >&2 &
cat "$job/stdout" | LC_ALL=C sort -n -s
wait

# One line for each member: number, node, process, three times, and its outcome in quotes, empty for success.
outcomes=$(cat "$job/wait" | LC_ALL=C sort -n)
[ -n "$outcomes" ] || exit 1
all=0 done=0
while read -r member node pid user system real outcome; do
    all=$((all + 1))
    if [ "$outcome" = "''" ]; then
        done=$((done + 1))
    else
        outcome=${outcome#\'}
        echo "member $member on $node: ${outcome%\'}" >&2
    fi
done <<END
$outcomes
END
echo "$all members, $done done"
[ "$done" -eq 64 ]
