#!/bin/sh
# What users of a mounted tree may rely on, one function a claim, whatever has mounted it:
#     sh claims.sh DIR [NAME...]     prints `ok NAME` or `not ok NAME: why` for each
#     sh claims.sh --list            the names
# Plain sh with the usual small programs, busybox's too. It makes sessions and removes them again.
set -u

list='
a_listing_of_the_whole_tree_ends
every_file_has_an_inode_number_of_its_own
find_by_inode_number_finds_one_file
link_counts_tell_no_hard_links
every_file_that_is_one_message_is_read
small_and_large_buffers_read_the_same
df_tells_of_the_mount
grep_reads_the_status_of_every_node
ctl_takes_a_line_by_redirection
ctl_takes_a_line_appended
ctl_takes_a_line_from_tee
ctl_takes_lines_from_dd
args_and_env_take_pieces_of_odd_sizes
touch_chmod_and_truncate_leave_ctl_alone
a_refused_line_fails_and_error_says_why
a_write_to_what_is_fixed_is_refused
what_is_not_there_is_not_found
a_job_runs_in_a_directory_that_mkdir_made
a_job_runs_on_the_descriptor_of_clone
commands_go_to_all_members_and_to_one
cat_shows_lines_of_a_member_as_they_come
cat_shows_lines_of_a_session_as_they_come
head_ends_after_its_lines_of_a_member
head_ends_after_its_lines_of_a_session
a_shell_reads_lines_of_a_member_as_they_come
a_shell_reads_lines_of_a_session_as_they_come
tail_follows_a_member
tail_follows_a_session
busybox_cat_shows_lines_of_a_member_as_they_come
busybox_cat_shows_lines_of_a_session_as_they_come
what_a_read_has_left_is_waited_for_at_a_member
what_a_read_has_left_is_waited_for_at_a_session
an_interrupted_read_ends_at_once_and_another_goes_on
wait_ends_when_the_members_have
much_input_comes_back_byte_for_byte
input_in_odd_pieces_comes_back_byte_for_byte
rmdir_removes_a_session_before_exec
rm_r_removes_a_session_before_exec
rm_r_removes_a_session_that_has_ended
rm_r_ends_a_session_that_runs
grep_reads_a_session_that_has_ended
'

# Where the system's cat, tail and head are, if busybox has others of these names.
own=${OWN:-}

# What may block goes through this. What even that does not end, the guest's own bound does.
# Without the descriptor of clone: busybox's timeout leaves a process for a second that would keep it open.
soon() { timeout -s KILL 10 "$@" 3>&-; }

# begin FROM TO COMMAND...: in the background, until the claim ends.
begin() {
    from=$1 to=$2
    shift 2
    timeout -s KILL 30 "$@" <"$from" >"$to" 2>&1 3>&- &
    started=$!
}

fail() {
    echo "$*"
    exit 1
}

# within TENTHS COMMAND...: until it succeeds.
within() {
    tenths=$1
    shift
    until "$@"; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] || return 1
        sleep 0.1
    done
}

equal() { [ "$1" = "$2" ] || fail "$3: '$1', not '$2'"; }

has() { grep -qF -e "$2" "$1" 2>/dev/null; }

# Hundredths of a second.
now() { awk '{ printf "%d", $1 * 100 }' /proc/uptime; }

# A session of the claim's own in J.
session() {
    J=$D/$1
    mkdir "$J" || fail "mkdir $J"
}

say() { echo "$1" >"$J/ctl" || fail "ctl refuses '$1': $(head -n 1 "$J/error")"; }

# A session of $2 members that answer each line of their input.
answering() {
    session "$1"
    say "res $2"
    say "exec sh -c 'while read n; do echo line \$\$n; done'"
}

# Ends what a claim has left.
tidy() {
    [ -z "$started" ] || kill "$started" 2>/dev/null
    [ -z "$J" ] || ! [ -d "$J" ] || rmdir "$J"
}

nodes() { ls "$D/net"; }

a_listing_of_the_whole_tree_ends() {
    soon ls -lR "$D" >"$T/ls" || fail "ls -lR: $?"
    soon find "$D" >"$T/find" || fail "find: $?"
    count=$(nodes | wc -l)
    [ "$count" -gt 0 ] || fail "no nodes"
    equal "$(grep -c '/net/[^/]*/ctl$' "$T/find")" "$count" "ctl files found"
    equal "$(grep -c '/net/[^/]*:$' "$T/ls")" "$count" "nodes listed"
}

inodes() {
    I=$CLAIMS_DIR/inodes
    [ -s "$I" ] || soon find "$D" -exec stat -c '%i %h %F %n' {} + >"$I" || fail "find: $?"
}

every_file_has_an_inode_number_of_its_own() {
    inodes
    twice=$(cut -d ' ' -f 1 "$I" | sort | uniq -d)
    [ -z "$twice" ] || fail "$(echo "$twice" | wc -l) twice: $(grep "^$(echo "$twice" | head -n 1) " "$I")"
}

find_by_inode_number_finds_one_file() {
    for path in net "net/$(nodes | tail -n 1)/status"; do
        number=$(stat -c %i "$D/$path")
        equal "$(soon find "$D" -inum "$number")" "$D/$path" "find -inum $number"
    done
}

link_counts_tell_no_hard_links() {
    inodes
    # Of a directory it is whatever the kernel makes of it.
    odd=$(awk '$2 != 1 && ($2 < 1 || $3 != "directory")' "$I" | head -n 3)
    [ -z "$odd" ] || fail "$odd"
}

every_file_that_is_one_message_is_read() {
    for file in status info beat ctl; do
        soon wc -c "$D"/net/*/$file "$D/$file" >"$T/sizes" || fail "wc: $?"
        full=$(awk '$1 > 0 && $2 != "total"' "$T/sizes" | wc -l)
        equal "$full" $(($(nodes | wc -l) + 1)) "files $file that are not empty"
    done
    for node in $(nodes); do
        soon cat "$D/net/$node/status" "$D/net/$node/error" >>"$T/all" || fail "cat net/$node/status"
    done
    equal "$(cut -d ' ' -f 1 "$T/all")" "$(nodes)" "nodes that are told of"
    equal "$(soon cut -d ' ' -f 1 "$D/status")" "$(nodes)" "status"
    [ -n "$(soon cat "$D/summary" "$D/error" "$D/clone")" ] || fail "summary is empty"
}

small_and_large_buffers_read_the_same() {
    for file in "$D/ctl" "$D/net/$(nodes | head -n 1)/info"; do
        # What users of the node have open changes nothing of these.
        soon dd bs=1 if="$file" of="$T/one" 2>/dev/null || fail "dd bs=1 $file"
        soon dd bs=64k if="$file" of="$T/large" 2>/dev/null || fail "dd bs=64k $file"
        soon dd bs=13 if="$file" of="$T/odd" 2>/dev/null || fail "dd bs=13 $file"
        [ -s "$T/one" ] || fail "$file is empty"
        cmp "$T/one" "$T/large" && cmp "$T/odd" "$T/large" || fail "$file"
    done
}

df_tells_of_the_mount() {
    soon df "$D" >"$T/df" || fail "df: $?"
    has "$T/df" "$D" || fail "$(cat "$T/df")"
}

grep_reads_the_status_of_every_node() {
    soon grep -r ' up ' "$D"/net/*/status >"$T/found" || fail "grep: $?"
    equal "$(wc -l <"$T/found")" "$(nodes | wc -l)" "nodes that are up"
}

label_is() {
    has "$J/info" "label=$1" || fail "info has no label=$1: $(cat "$J/info")"
}

ctl_takes_a_line_by_redirection() {
    session redirected
    echo label one >"$J/ctl" || fail "echo >: $?"
    label_is one
    echo label two >"$J/ctl" || fail "a second echo >: $?"
    label_is two
    # Two lines, one write.
    printf 'label three\nres 2\n' >"$J/ctl" || fail "printf >: $?"
    label_is three
    equal "$(wc -l <"$J/status")" 2 "members"
}

ctl_takes_a_line_appended() {
    session appended
    echo label one >>"$J/ctl" || fail "echo >>: $?"
    echo label two >>"$J/ctl" || fail "a second echo >>: $?"
    label_is two
}

ctl_takes_a_line_from_tee() {
    session tee
    echo label one | tee "$J/ctl" >/dev/null || fail "tee: $?"
    label_is one
    echo label two | tee -a "$J/ctl" >/dev/null || fail "tee -a: $?"
    label_is two
}

ctl_takes_lines_from_dd() {
    session dd
    for bs in 64 333 4099 65536; do
        echo "label l$bs" | dd bs=$bs of="$J/ctl" 2>"$T/dd" || fail "dd bs=$bs: $(cat "$T/dd")"
        label_is "l$bs"
    done
    # Read in odd pieces, written as one.
    echo label pieces | dd ibs=3 obs=4096 conv=notrunc of="$J/ctl" 2>"$T/dd" || fail "$(cat "$T/dd")"
    label_is pieces
}

args_and_env_take_pieces_of_odd_sizes() {
    session pieces
    say 'res 1'
    # What the reader of a pipe gets may be short, so the pieces are of that size or less.
    echo "sh -c 'echo \$\$WHAT; exit 0'" | dd bs=5 of="$J/args" 2>"$T/dd" || fail "dd to args: $(cat "$T/dd")"
    echo 'WHAT=comes-in-pieces' | dd bs=3 of="$J/env" 2>"$T/dd" || fail "dd to env: $(cat "$T/dd")"
    say exec
    equal "$(soon cat "$J/stdout")" comes-in-pieces "stdout"
}

touch_chmod_and_truncate_leave_ctl_alone() {
    session touched
    say 'label kept'
    before=$(cat "$J/ctl")
    touch "$J/ctl" || fail "touch"
    chmod 600 "$J/ctl" || fail "chmod"
    truncate -s 0 "$J/ctl" || fail "truncate"
    : >"$J/ctl" || fail ": >"
    label_is kept
    equal "$(cat "$J/ctl")" "$before" "ctl"
    say 'label again'
    label_is again
}

# refused TEXT COMMAND...: it fails with that errno, or, where the kernel loses a write's, with an error.
refused() {
    text=$1
    shift
    ! soon "$@" >/dev/null 2>"$T/refused" || fail "'$*' is not refused"
    has "$T/refused" "$text" && return
    case $(uname -r) in
        6.1[0-9].* | 6.[5-9].*) has "$T/refused" 'nput/output error' && return ;;
    esac
    fail "'$*': $(cat "$T/refused"), not $text"
}

# The write's own error is said by a program of its own: shells word it each in their way.
write() { printf '%s\n' "$2" >"$T/line" && dd if="$T/line" of="$1"; }

a_refused_line_fails_and_error_says_why() {
    session refused
    echo nonsense >"$T/line"
    refused 'Invalid argument' dd conv=notrunc if="$T/line" of="$J/ctl"
    has "$J/error" nonsense || fail "error: $(cat "$J/error")"
    echo 'res 2000000' >"$T/line"
    refused '' dd conv=notrunc if="$T/line" of="$J/ctl"
    has "$J/error" res || fail "error: $(cat "$J/error")"
    echo nonsense >"$T/line"
    refused 'Invalid argument' dd conv=notrunc if="$T/line" of="$D/ctl"
    has "$D/error" nonsense || fail "error of the root: $(cat "$D/error")"
    # What was refused has spoilt nothing.
    say 'label good'
    label_is good
}

a_write_to_what_is_fixed_is_refused() {
    session fixed
    say 'res 1'
    say 'exec true'
    soon cat "$J/wait" >/dev/null
    echo true >"$T/line"
    refused 'Device or resource busy' dd conv=notrunc if="$T/line" of="$J/args"
    refused 'Permission denied' dd if="$T/line" of="$J/status"
}

what_is_not_there_is_not_found() {
    for path in nowhere net/nowhere net/nowhere/ctl; do
        cat "$D/$path" 2>"$T/refused" && fail "$path is there"
        has "$T/refused" 'No such file or directory' || fail "$path: $(cat "$T/refused")"
    done
    session there
    mkdir "$J" 2>"$T/refused" && fail "a second mkdir succeeds"
    has "$T/refused" 'File exists' || fail "a second mkdir: $(cat "$T/refused")"
}

a_job_runs_in_a_directory_that_mkdir_made() {
    session made
    say 'res 4'
    say "exec sh -c 'echo \$m of \$n; echo oops >&2; exit \$m'"
    equal "$(soon sort "$J/stdout" | tr '\n' ' ')" '0 of 4 1 of 4 2 of 4 3 of 4 ' stdout
    equal "$(soon cat "$J/stderr" | sort | uniq -c | awk '{ print $1, $2 }')" '4 oops' stderr
    soon cat "$J/wait" >"$T/wait" || fail "cat wait: $?"
    equal "$(sort -n "$T/wait" | awk '{ print $1, $7, $8 }' | tr '\n' ' ')" \
        "0 ''  1 'exit: 1' 2 'exit: 2' 3 'exit: 3' " wait
    equal "$(cut -d ' ' -f 3 "$J/status" | sort -u)" done status
}

a_job_runs_on_the_descriptor_of_clone() {
    exec 3<>"$D/clone" || fail "clone cannot be opened"
    read -r id <&3 || fail "clone says nothing"
    [ -d "$D/$id" ] || fail "there is no $id"
    echo res 3 >&3 || fail "res"
    echo 'exec echo $m' >&3 || fail "exec"
    equal "$(soon sort "$D/$id/stdout" | tr '\n' ' ')" '0 1 2 ' stdout
    equal "$(soon cat "$D/$id/wait" | wc -l)" 3 outcomes
    exec 3>&-
    within 50 [ ! -d "$D/$id" ] || fail "$id stays"
}

commands_go_to_all_members_and_to_one() {
    session commanded
    say 'res 3'
    say 'exec sleep 60'
    equal "$(cut -d ' ' -f 3 "$J/status" | sort -u)" running status
    echo kill >"$J/1/ctl" || fail "kill of one member"
    within 50 eval '[ "$(grep -c " done " "$J/status")" = 1 ]' || fail "$(cat "$J/status")"
    echo kill >"$J/ctl" || fail "kill of all"
    equal "$(soon cat "$J/wait" | grep -c 'signal: 9')" 3 "members that were killed"
}

# told FILE N LINES: the Nth line is said, seen, and only then is the next one.
follows() {
    count=1
    while [ $count -le 3 ]; do
        echo $count >"$J/stdin" || fail "stdin"
        within 50 eval "[ \$(grep -c 'line $count' $T/seen) = $1 ]" ||
            fail "line $count is not seen before the next is written: $(cat "$T/seen")"
        count=$((count + 1))
    done
}

# shows WHERE READER...: a reader of that file shows every line when it is there.
shows() {
    where=$1
    members=$2
    shift 2
    : >"$T/seen"
    answering streamed "$members"
    begin "$J/$where" "$T/seen" "$@"
    follows "$members"
    say 'close stdin'
}

cat_shows_lines_of_a_member_as_they_come() { shows 0/stdout 1 "$own"cat; }
cat_shows_lines_of_a_session_as_they_come() { shows stdout 2 "$own"cat; }

busybox_cat_shows_lines_of_a_member_as_they_come() { shows 0/stdout 1 busybox cat; }
busybox_cat_shows_lines_of_a_session_as_they_come() { shows stdout 2 busybox cat; }

reading='while read -r line; do echo "$line"; done'
a_shell_reads_lines_of_a_member_as_they_come() { shows 0/stdout 1 sh -c "$reading"; }
a_shell_reads_lines_of_a_session_as_they_come() { shows stdout 2 sh -c "$reading"; }

follow() {
    : >"$T/seen"
    answering streamed "$2"
    # As on a terminal: into a file, tail keeps its lines back by itself.
    begin /dev/null "$T/seen" "$own"stdbuf -oL "$own"tail -n +1 -f "$J/$1"
    follows "$2"
}

tail_follows_a_member() { follow 0/stdout 1; }
tail_follows_a_session() { follow stdout 2; }

# Who wants so many bytes asks, after a short read, for those that are left: that is not the stream's end.
fills() {
    answering filled "$2"
    begin "$J/$1" "$T/seen" dd bs=14 count=1 iflag=fullblock
    echo 1 >"$J/stdin"
    [ "$2" = 2 ] || {
        # So that it is a read of its own.
        sleep 0.5
        echo 2 >"$J/stdin"
    }
    within 50 eval "! kill -0 $started 2>/dev/null" || fail "dd waits for more than its bytes"
    equal "$(grep -c '^line' "$T/seen")" 2 "lines"
}

what_a_read_has_left_is_waited_for_at_a_member() { fills 0/stdout 1; }
what_a_read_has_left_is_waited_for_at_a_session() { fills stdout 2; }

# ends WHERE MEMBERS: head has its lines and goes while the stream stays open.
ends() {
    answering streamed "$2"
    begin "$J/$1" "$T/seen" "$own"head -n 2
    echo 1 >"$J/stdin"
    [ "$2" = 2 ] || echo 2 >"$J/stdin"
    within 50 eval "! kill -0 $started 2>/dev/null" || fail "head waits for more than its lines"
    equal "$(wc -l <"$T/seen")" 2 "lines"
}

head_ends_after_its_lines_of_a_member() { ends 0/stdout 1; }
head_ends_after_its_lines_of_a_session() { ends stdout 2; }

an_interrupted_read_ends_at_once_and_another_goes_on() {
    : >"$T/seen"
    answering streamed 2
    begin "$J/stdout" "$T/seen" sh -c "$reading"
    # A signal that a program in the background of a shell ignores: timeout's own child does not.
    before=$(now)
    timeout -s INT 1 cat "$J/wait"
    took=$(($(now) - before))
    [ $took -lt 150 ] || fail "an interrupted reader of wait took $took hundredths of a second"
    before=$(now)
    timeout -s INT 1 cat "$J/1/stderr"
    took=$(($(now) - before))
    [ $took -lt 150 ] || fail "an interrupted reader of stderr took $took hundredths of a second"
    has "$D/summary" up || fail "the mount does not work any more"
    follows 2
}

wait_ends_when_the_members_have() {
    answering waited 2
    begin "$J/wait" "$T/wait" cat
    sleep 0.2
    kill -0 $started 2>/dev/null || fail "wait ends before the members: $(cat "$T/wait")"
    say 'close stdin'
    within 50 eval "! kill -0 $started 2>/dev/null" || fail "wait goes on"
    equal "$(wc -l <"$T/wait")" 2 outcomes
}

# copied BS: 300 KiB by writes of that size through two members' cat, each has all.
copied() {
    session copied
    say 'res 1'
    say 'exec cat'
    dd if=/dev/urandom of="$T/sent" bs=1024 count=300 2>/dev/null
    begin "$J/stdout" "$T/came" cat
    soon dd bs="$1" if="$T/sent" of="$J/stdin" 2>"$T/dd" || fail "dd: $(cat "$T/dd")"
    say 'close stdin'
    wait $started || fail "cat: $?"
    equal "$(md5sum <"$T/came")" "$(md5sum <"$T/sent")" "$(wc -c <"$T/came") bytes came back"
}

much_input_comes_back_byte_for_byte() { copied 64k; }
input_in_odd_pieces_comes_back_byte_for_byte() { copied 4099; }

gone() {
    [ ! -d "$J" ] || fail "$J stays"
    ls "$D" >"$T/ls"
    ! has "$T/ls" "${J##*/}" || fail "$J is listed"
}

rmdir_removes_a_session_before_exec() {
    session removed
    rmdir "$J" || fail "rmdir"
    gone
    # The name is free again.
    session removed
    say 'res 2'
    rmdir "$J" || fail "rmdir of one with members"
    gone
}

rm_r_removes_a_session_before_exec() {
    session removed
    say 'res 2'
    soon rm -r "$J" || fail "rm -r: $?"
    gone
}

rm_r_removes_a_session_that_has_ended() {
    session removed
    say 'res 3'
    say 'exec echo said'
    soon cat "$J/wait" >/dev/null || fail "cat wait"
    [ -d "$J/2" ] || fail "no directory of member 2"
    soon rm -r "$J" || fail "rm -r: $?"
    gone
}

rm_r_ends_a_session_that_runs() {
    session removed
    say 'res 2'
    say 'exec sleep 60'
    soon rm -r "$J" || fail "rm -r: $?"
    gone
}

grep_reads_a_session_that_has_ended() {
    session searched
    say 'res 2'
    say 'exec echo needle in member $m'
    soon cat "$J/wait" >/dev/null || fail "cat wait"
    # What cannot be read, stdin for one, makes the exit code 2.
    soon grep -r needle "$J" >"$T/found" 2>"$T/refused"
    [ $? -ne 137 ] || fail "grep does not end"
    has "$T/found" 'needle in member 1' || fail "$(cat "$T/found" "$T/refused")"
}

one() {
    started= J=
    T=$CLAIMS_DIR/$1
    mkdir "$T"
    trap tidy EXIT
    "$1"
}

run() {
    failed=0
    for name in "$@"; do
        # Its own process, so that a claim is bounded as its programs are.
        if timeout -s KILL 40 sh "$0" --one "$D" "$name" >"$T/why" 2>&1 </dev/null; then
            echo "ok $name"
        else
            failed=$((failed + 1))
            echo "not ok $name: $(tail -n 3 "$T/why" | tr '\n' ' ')"
        fi
    done
    [ $failed = 0 ]
}


case ${1:-} in
    --list)
        printf '%s\n' $list
        exit 0
        ;;
    --one)
        D=$2
        one "$3"
        exit $?
        ;;
    '' | -*)
        echo "claims.sh: usage: claims.sh DIR [NAME...], or --list" >&2
        exit 100
        ;;
esac
D=$1
shift
T=$(mktemp -d)
export CLAIMS_DIR=$T
trap 'rm -rf "$T"' EXIT
[ $# -gt 0 ] || set -- $list
run "$@"
