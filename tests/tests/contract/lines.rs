//! Lines of every verb, taken and refused, in each state that a session can be in: rows that are the same
//! at a compute node, at an ionode and at a root, or say where they differ.

const INVALID: &str = "Invalid argument";
const FEW: &str = "Resource temporarily unavailable";
const DENIED: &str = "Operation not permitted";

/// What a session is when a line is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    New,
    /// It has an args, an env and an ns.
    Written,
    /// It has members.
    Reserved,
    /// Each of them reads its input, and ends with it.
    Runs,
    Done,
    /// It runs, and the line is one member's.
    Member,
}
pub(crate) use State::{Done, Member, New, Reserved, Runs, Written};

/// What comes of a line.
#[derive(Clone, Copy)]
pub(crate) enum Told {
    /// It is taken, and a file has this text in it; for an empty one it is empty, for none it is gone.
    Takes(&'static str, &'static str),
    /// The text of the Rerror and the reason, at each height; what comes behind a `…` is not looked at.
    Refuses([(&'static str, &'static str); 3]),
}

pub(crate) type Row = (State, &'static str, Told);

const fn takes(state: State, line: &'static str, file: &'static str, text: &'static str) -> Row {
    (state, line, Told::Takes(file, text))
}

/// Refused with the same words everywhere.
const fn slip(state: State, line: &'static str, reason: &'static str) -> Row {
    (state, line, Told::Refuses([(INVALID, reason); 3]))
}

/// Lines to a session; `NODE` is the name of the first node.
pub(crate) const SESSION: &[Row] = &[
    takes(New, "res 2", "info", "\nsize=2\n"),
    takes(New, "res 1 * *", "info", "\nsize=1\n"),
    takes(New, "res + NODE", "info", "\nsize=1\n"),
    takes(New, "res + NODE\nres + NODE\nexec cat", "0/summary", "0 running\n"),
    takes(New, "layout cyclic\nres 2", "info", "\nsize=2\n"),
    takes(New, "layout block", "info", "\nstate=open\n"),
    takes(New, "excl", "info", "\nexcl=on\n"),
    takes(New, "excl on\nexcl off", "info", "\nstate=open\n"),
    takes(New, "enum\nshare\nbcast", "info", "\nstate=open\n"),
    takes(New, "prefix member\nexec echo here", "stdout", "0: here\n"),
    takes(New, "prefix on\nexec echo here", "stdout", "NODE: here\n"),
    takes(New, "prefix on\nprefix off\nexec echo here", "stdout", "here\n"),
    takes(New, "gang on\nexec echo here", "stdout", "here\n"),
    takes(New, "gang on\ngang off", "info", "\nstate=open\n"),
    takes(New, "redir stdin /dev/null\nexec cat", "wait", " ''\n"),
    takes(New, "dir /usr\nexec pwd", "stdout", "/usr\n"),
    takes(New, "umask 027\nexec sh -c umask", "stdout", "027\n"),
    takes(New, "limit nofile 64\nexec sh -c 'ulimit -Sn'", "stdout", "64\n"),
    takes(New, "limit core unlimited\ncpus 0\nuser 0:0", "info", "\nstate=open\n"),
    takes(
        New,
        "cpus 0-1\ncpus 1\nexec grep Cpus_allowed_list /proc/self/status",
        "stdout",
        "Cpus_allowed_list:\t",
    ),
    takes(New, "type persistent", "info", "\ntype=persistent\n"),
    takes(New, "type persistent\ntype normal", "info", "\ntype=normal\n"),
    takes(New, "killonclose", "info", "\nkillonclose=on\n"),
    takes(New, "label 'two words'", "info", "\nlabel='two words'\n"),
    takes(New, "tag a=b\ntag c\nuntag a", "info", "\ntag c\n"),
    takes(New, "failfast on\nfailfast off", "info", "\nstate=open\n"),
    takes(New, "winsize 25 81\nexec stty size", "stdout", "25 81\r\n"),
    takes(Runs, "winsize 25 81", "info", "\nstate=running\n"),
    takes(New, "nice 7\nexec nice", "stdout", "7\n"),
    takes(New, "exec sh -c 'until [ $(nice) = 9 ]; do :; done; echo nicer'\nnice 9", "stdout", "nicer\n"),
    takes(New, "close stdin\nexec cat", "wait", " ''\n"),
    takes(New, "wipe", "", ""),
    takes(New, "\n  \nlabel x\n", "info", "\nlabel=x\n"),
    takes(Written, "exec", "stdout", "written\n"),
    takes(Written, "clear", "args", ""),
    takes(Written, "clear", "env", ""),
    takes(Written, "clear", "ns", ""),
    takes(Reserved, "clear", "info", "\nstate=reserved\n"),
    takes(Reserved, "exec true", "wait", " ''\n"),
    takes(Runs, "signal TERM", "wait", " 'signal: 15'\n"),
    takes(Runs, "signal sigint", "wait", " 'signal: 2'\n"),
    takes(Runs, "signal 10", "wait", " 'signal: 10'\n"),
    takes(Runs, "kill", "wait", " 'signal: 9'\n"),
    takes(Runs, "stop", "status", " stopped "),
    takes(Runs, "stop\nstart", "status", " running "),
    takes(Runs, "close stdin", "wait", " ''\n"),
    takes(Runs, "failfast on\nlabel x\ntag a\ntype persistent\nkillonclose on", "info", "\nlabel=x\n"),
    takes(Runs, "wipe", "", ""),
    takes(Done, "kill\nstop\nstart\nsignal HUP\nclose stdin", "info", "\nstate=done\n"),
    takes(Done, "label x", "info", "\nlabel=x\n"),
    takes(Member, "kill", "0/wait", " 'signal: 9'\n"),
    takes(Member, "signal TERM", "0/wait", " 'signal: 15'\n"),
    takes(Member, "stop", "0/status", " stopped "),
    takes(Member, "stop\nstart", "0/summary", "0 running\n"),
];

/// Lines that a session refuses.
pub(crate) const REFUSED: &[Row] = &[
    slip(New, "dain", "dain: unknown verb; there are …"),
    slip(New, " \tdain", "dain: unknown verb; there are …"),
    slip(New, "res", "res: usage: res N [OS|* [ARCH|*]] | res + NODESET"),
    slip(New, "res 0", "res: usage: …"),
    slip(New, "res +2", "res: usage: …"),
    slip(New, "res +", "res: usage: …"),
    slip(New, "res 1 linux x86_64 3", "res: usage: …"),
    slip(New, "res + n[1-", "res: not a node set; like node[001-064,100] or n[0-63/2]"),
    (New, "res + x9", Told::Refuses([(FEW, "res: 0 of 1"); 3])),
    (New, "res 3 plan9", Told::Refuses([(FEW, "res: 0 of 3"); 3])),
    // A compute node knows how many it takes; above, that is asked at exec.
    (
        New,
        "res 1048577",
        Told::Refuses([
            (FEW, "res: res: more members than the node takes at once: members= in its info"),
            (INVALID, "res: too many members: at most 1048576 in a session"),
            (INVALID, "res: too many members: at most 1048576 in a session"),
        ]),
    ),
    slip(New, "exec", "exec: no program: exec PROG ARGS..., or write args first"),
    slip(New, "exec echo 'here", "exec: a quote is not closed"),
    slip(New, "signal TERM", "signal: nothing runs yet"),
    slip(New, "kill", "kill: nothing runs yet"),
    slip(Reserved, "stop", "stop: nothing runs yet"),
    slip(Reserved, "start", "start: nothing runs yet"),
    slip(New, "signal NOSUCH", "signal: usage: signal NAME|NUMBER"),
    slip(New, "signal 65", "signal: usage: …"),
    slip(New, "close stdout", "close: usage: close stdin"),
    slip(New, "layout round", "layout: usage: layout block|cyclic"),
    slip(New, "prefix", "prefix: usage: prefix on|member|off"),
    slip(New, "failfast", "failfast: usage: failfast on|off"),
    slip(New, "gang maybe", "gang: usage: gang on|off"),
    slip(New, "excl maybe", "excl: usage: excl [on|off]"),
    slip(New, "killonclose maybe", "killonclose: usage: killonclose [on|off]"),
    slip(New, "type session", "type: usage: type normal|persistent"),
    slip(New, "nice 20", "nice: usage: nice 0-19"),
    slip(New, "winsize 0 80", "winsize: usage: winsize ROWS COLS"),
    slip(New, "tag 1a", "tag: usage: tag KEY[=VALUE]"),
    slip(New, "untag a=b", "untag: usage: untag KEY"),
    slip(New, "label a b", "label: usage: label TEXT"),
    slip(New, "label 123456789012345678901234567890123", "label: a label has at most 32 bytes"),
    slip(Reserved, "layout block", "layout: layout comes before res"),
    slip(Reserved, "layout cyclic", "layout: layout comes before res"),
    slip(Reserved, "excl", "excl: excl comes before res"),
    slip(New, "label x\nexcl maybe", "line 2: excl: usage: excl [on|off]"),
    slip(New, "\n\nres 1\nnosuchverb_that_is_long", "line 4: nosuchverb_that_: unknown verb; …"),
    slip(New, "go on", "go: only a parent's session takes that"),
    slip(New, "go off", "go: only a parent's session takes that"),
    slip(New, "kind linux x86_64", "kind: only a parent's session takes that"),
    slip(New, "nodes NODE", "nodes: only a parent's session takes that"),
    slip(New, "from 0 x", "from: only a parent's session takes that"),
    slip(Runs, "exec true", "exec: already run: a member runs once"),
    slip(Done, "exec true", "exec: already run: a member runs once"),
    slip(Member, "res 1", "res: a member takes signal, kill, stop and start; the rest is its session's"),
    slip(Member, "wipe", "wipe: a member takes signal, kill, stop and start; the rest is its session's"),
    slip(Member, "start\ndain", "line 2: dain: unknown verb; …"),
];

/// Lines that come too late once a session has run.
pub(crate) const BEFORE_EXEC: &[&str] = &[
    "res 1",
    "excl",
    "layout block",
    "enum",
    "bcast",
    "share",
    "prefix off",
    "gang off",
    "redir stdin /dev/null",
    "dir /",
    "user root",
    "umask 0",
    "limit core 0",
    "cpus 1",
    "clear",
];

/// Lines to a node.
pub(crate) const NODE: &[Row] = &[
    takes(New, "drain fans are loud", "status", " draining uptime="),
    takes(New, "resume", "summary", " up\n"),
    takes(New, "on NODE drain", "summary", "NODE draining\n"),
    takes(New, "on NODE resume", "summary", " up\n"),
    takes(New, "tag rack=R00", "info", "\ntag rack=R00\n"),
    takes(New, "untag rack", "info", "\ndebug=0\n"),
    takes(New, "bound linger 11", "info", "\nlinger=11\n"),
    takes(New, "bound orphan 604800\nbound members 256", "info", "\norphan=604800\n"),
    takes(New, "debug 0", "info", "\ndebug=0\n"),
    takes(New, "signal CONT\nstop\nstart\nkill", "info", "\nname=io\n"),
    takes(New, "parent none", "info", "\nrank=\n"),
];

pub(crate) const NODE_REFUSED: &[Row] = &[
    slip(New, "dain", "dain: unknown verb; there are …"),
    slip(New, "drain 'two\u{1}'", "drain: usage: [on NODESET] drain [WHY]"),
    slip(New, "resume now", "resume: usage: [on NODESET] resume"),
    slip(New, "tag a=/", "tag: usage: [on NODESET] tag KEY[=VALUE]"),
    slip(New, "untag", "untag: usage: [on NODESET] untag KEY"),
    slip(
        New,
        "bound linger 3601",
        "bound: usage: [on NODESET] bound linger|orphan SECONDS | bound members COUNT",
    ),
    slip(New, "bound orphan 0", "bound: usage: …"),
    slip(New, "debug 3", "debug: usage: [on NODESET] debug 0|1|2"),
    slip(New, "signal 0", "signal: usage: signal NAME|NUMBER"),
    slip(New, "exit now", "exit: usage: exit"),
    slip(New, "on", "on: not a node set; like on node[001-064,100] drain"),
    slip(New, "on NODE", "on: unknown verb; there are …"),
    slip(New, "on NODE exit", "on: on NODESET is for drain, resume, tag, untag, bound and debug"),
    slip(New, "drain 'fans", "drain: a quote is not closed"),
    slip(New, "\nuntag a\nuntag", "line 3: untag: usage: [on NODESET] untag KEY"),
    slip(New, "parent far", "parent: usage: parent DIAL|none"),
    slip(New, "mount far", "mount: usage: mount [-c] DIAL NAME"),
    (
        New,
        "mount unix!/nonexistent/socket far",
        Told::Refuses([
            (INVALID, "mount: a compute node passes nothing on; mount at an ionode"),
            ("No such file or directory", "mount: No such file or directory"),
            ("No such file or directory", "mount: No such file or directory"),
        ]),
    ),
    (
        New,
        "unmount far",
        Told::Refuses([
            (INVALID, "unmount: a compute node passes nothing on; mount at an ionode"),
            ("No such file or directory", "unmount: No such file or directory"),
            ("No such file or directory", "unmount: No such file or directory"),
        ]),
    ),
    (New, "on NODE,x9 resume", Told::Refuses([(FEW, "on: 1 of 2"); 3])),
    (New, "fence", Told::Refuses([(DENIED, "fence: Operation not permitted"); 3])),
];
