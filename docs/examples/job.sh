#!/bin/sh
# Runs a command on 64 members of a cluster whose tree of files is mounted at DIR:
#
#     job.sh DIR [COMMAND]
#
# What they write is told sorted by member, then how many of them did what they should. Those that did not are
# named, and the exit code is 1. The tree needs cat and echo alone; sort is for those who read it.
set -u
tree=${1:?whose tree? job.sh DIR [COMMAND]}
command=${2-'echo on $node'}

# To open clone is to make a session, and what is open then is its ctl. It lives as long as this shell has it
# open: whatever happens here, nothing is left behind there.
exec 3<>"$tree/clone" || exit 1
job=$tree/$(cat <&3)

# A line to the ctl is a command. One that is refused fails the write, and the reason is in error.
say() {
    echo "$*" >&3 && return
    cat "$job/error" >&2
    exit 1
}
say res 64         # 64 members, spread evenly over the nodes that are up
say prefix member  # each line of output begins with its member's number
say exec "$command"  # answered when all of them have started
say close stdin    # they have nothing to read

# Both outputs end when all members have closed theirs. A member waits while nobody reads what it writes, so
# one output is read beside the other.
cat "$job/stderr" >&2 &
cat "$job/stdout" | LC_ALL=C sort -n -s
wait

# A line for each member: number, node, process, three times, and in quotes its outcome, empty if all is well.
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
