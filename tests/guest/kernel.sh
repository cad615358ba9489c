#!/bin/sh
# The claims of claims.sh and deck.sh on a mount of the kernel's own 9P client, and those about mounts:
#     sh kernel.sh ADDRESS DIALECT     as root, in a guest whose kernel has 9p; prints as claims.sh does
#     sh kernel.sh --list              the names, those of claims.sh among them
set -u
here=$(dirname "$0")

list='
the_tree_is_mounted
what_the_kernel_mounts_is_the_dialect
another_user_by_a_mount_of_his_own
each_user_of_one_mount_is_himself
any_user_makes_and_removes_sessions_of_his_own
a_leaf_is_mounted_by_itself
uem_mount_has_the_kernel_do_it
cat_shows_lines_with_an_msize_that_is_round
the_lines_of_the_deck_run_on_proc
it_is_unmounted_while_nothing_is_open
'

# Without cat: its buffer is larger than a leaf's largest message, so the rest of a read is not known for one.
at_leaf='
a_job_runs_on_the_descriptor_of_clone
a_shell_reads_lines_of_a_member_as_they_come
head_ends_after_its_lines_of_a_member
tail_follows_a_session
what_a_read_has_left_is_waited_for_at_a_member
what_a_read_has_left_is_waited_for_at_a_session
much_input_comes_back_byte_for_byte
rm_r_removes_a_session_that_has_ended
'

fail() {
    echo "$*"
    exit 1
}

# attach DIR OPTIONS [PORT [MSIZE]]: a mount. Carried at once are msize - 24 bytes, here a power of two: the
# block size that programs see in 9P2000 is the next one, and cat asks for a block at a time. If that is more
# than is carried, the rest of a read looks like a new one.
attach() {
    options=trans=tcp,port=${3:-564},version=$dialect,cache=none,msize=${4:-262168},$2
    case $dialect.$(uname -r) in
        # Taken from 6.4 on.
        9p2000.L.6.[0-3].* | 9p2000.6.* | 9p2000.7.*) ;;
        *) options=$options,noxattr ;;
    esac
    mount -t 9p -o "$options" "$address" "$1"
}

the_tree_is_mounted() {
    mkdir -p /mnt /other /users
    attach /mnt access=any,uname=root || fail "mount: $?"
    grep -q '^node.* up$' /mnt/summary || fail "summary: $(cat /mnt/summary)"
}

what_the_kernel_mounts_is_the_dialect() {
    told=$(grep ' /mnt 9p ' /proc/mounts)
    case $dialect in
        9p2000.L) echo "$told" | grep -qv noextend || fail "it fell back: $told" ;;
        *) echo "$told" | grep -q noextend || fail "$told" ;;
    esac
}

another_user_by_a_mount_of_his_own() {
    attach /other access=any,uname=nobody,dfltuid=65534,dfltgid=65534 || fail "mount: $?"
    mkdir /mnt/of-root || fail "mkdir of root"
    echo 'label secret' >/mnt/of-root/ctl
    for file in ctl stdout args error; do
        timeout -s KILL 5 cat "/other/of-root/$file" 2>/dev/null && fail "nobody reads $file"
    done
    echo kill 2>/dev/null >/other/of-root/ctl && fail "nobody commands root's"
    rmdir /other/of-root 2>/dev/null && fail "nobody removes root's"
    mkdir /other/of-nobody || fail "mkdir of nobody"
    echo res 1 >/other/of-nobody/ctl || fail "res: $(cat /other/of-nobody/error)"
    echo exec id -un >/other/of-nobody/ctl || fail "exec: $(cat /other/of-nobody/error)"
    got=$(timeout -s KILL 5 cat /other/of-nobody/stdout)
    [ "$got" = nobody ] || fail "nobody's member runs as $got"
    # Root may look.
    [ -n "$(cat /mnt/of-nobody/ctl)" ] || fail "root does not read nobody's ctl"
    rmdir /other/of-nobody /mnt/of-root || fail "rmdir"
    umount /other || fail "umount: $?"
}

nobody() { su -s /bin/sh nobody -c "$1"; }

each_user_of_one_mount_is_himself() {
    attach /users access=user,uname=root || fail "mount: $?"
    mkdir /users/of-root || fail "mkdir of root"
    nobody 'cat /users/summary' >/dev/null || fail "nobody does not read summary"
    nobody 'timeout -s KILL 5 cat /users/of-root/args' 2>/dev/null && fail "nobody reads root's args"
    if [ "$dialect" = 9p2000.L ]; then
        nobody 'exec 3<>/users/clone && read -r id <&3 && echo res 1 >&3 && echo exec id -un >&3 &&
            timeout -s KILL 5 cat /users/$id/stdout 3>&-; exec 3>&-' >/tmp/got 2>&1
        [ "$(cat /tmp/got)" = nobody ] || fail "nobody's member runs as $(cat /tmp/got)"
    fi
    rmdir /users/of-root || fail "rmdir"
    umount /users || fail "umount: $?"
}

any_user_makes_and_removes_sessions_of_his_own() {
    attach /users access=user,uname=root || fail "mount: $?"
    # In 9P2000 all users of a mount are the one who mounted it.
    if [ "$dialect" = 9p2000.L ]; then
        nobody 'mkdir /users/of-nobody && echo label mine >/users/of-nobody/ctl &&
            rmdir /users/of-nobody' >/tmp/got 2>&1 || fail "$(cat /tmp/got)"
    fi
    umount /users || fail "umount: $?"
}

a_leaf_is_mounted_by_itself() {
    attach /other access=any,uname=root 2001 || fail "mount: $?"
    sh "$here/claims.sh" /other $at_leaf >/tmp/got || fail "$(grep -v '^ok' /tmp/got)"
    umount /other || fail "umount: $?"
}

uem_mount_has_the_kernel_do_it() {
    uem mount --at "tcp!$address!564" /other || fail "uem mount: $?"
    grep -q ' /other 9p ' /proc/mounts || fail "$(grep ' /other ' /proc/mounts)"
    grep -q '^node.* up$' /other/summary || fail "summary: $(cat /other/summary)"
    cd /other && uem umount /other 2>/tmp/got && fail "it is unmounted while it is used"
    cd / && grep -q '/other: in use by process' /tmp/got || fail "$(cat /tmp/got)"
    uem umount /other || fail "uem umount: $?"
    ! grep -q ' /other ' /proc/mounts || fail "it is still there"
}

cat_shows_lines_with_an_msize_that_is_round() {
    attach /other access=any,uname=root 564 262144 || fail "mount: $?"
    sh "$here/claims.sh" /other cat_shows_lines_of_a_session_as_they_come >/tmp/got || fail "$(cat /tmp/got)"
    umount /other || fail "umount: $?"
}

the_lines_of_the_deck_run_on_proc() {
    export address dialect
    sh "$here/deck.sh" sh "$here/kernel.sh" --attach || fail "$?"
}

it_is_unmounted_while_nothing_is_open() {
    umount /mnt || fail "umount: $?"
    ! grep -q ' 9p ' /proc/mounts || fail "$(grep ' 9p ' /proc/mounts)"
    # The kernel closes its connections a moment later. The server is to see that, not the guest's end.
    tenths=50
    while grep -q ':0234 01 ' /proc/net/tcp; do
        tenths=$((tenths - 1))
        [ $tenths -gt 0 ] || fail "a connection stays: $(cat /proc/net/tcp)"
        sleep 0.1
    done
}

claim() {
    if why=$("$1" 2>&1 </dev/null); then
        echo "ok $1"
    else
        echo "not ok $1: $(echo "$why" | tail -n 3 | tr '\n' ' ')"
        # What it has left is not to spoil the next.
        rmdir /mnt/of-* /users/of-* /mnt/deck 2>/dev/null
        umount /other /users 2>/dev/null
    fi
}

case ${1:-} in
    --list)
        printf '%s\n' $list
        sh "$here/claims.sh" --list
        exit 0
        ;;
    --attach)
        attach "$2" access=any,uname=root
        exit $?
        ;;
esac
address=$1
dialect=$2
for name in $list; do
    case $name in
        it_is_unmounted*) sh "$here/claims.sh" /mnt $(echo "${claims:-}" | tr , ' ') ;;
    esac
    claim "$name"
done
