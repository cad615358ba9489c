//! Malformed bytes by class, against an ionode and a cnode, over unix and TCP.

use crate::talk::{End, Talk, burst};
use protocol::message::{Fid, Tag, Tmsg, VERSION};
use protocol::stat::Stat;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use tests::link::{Kind, header, message, request, walk};
use tests::{Cluster, Link};

/// What a case costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// The link.
    Hangup,
    /// So many of its requests are refused.
    Refusals(usize),
}
use Cost::{Hangup, Refusals};

type Case = (String, Vec<u8>, Cost);

fn case(name: &str, bytes: Vec<u8>, cost: Cost) -> Case {
    (name.to_owned(), bytes, cost)
}

fn clunk(fid: u32) -> Tmsg<'static> {
    Tmsg::Clunk { fid: Fid(fid) }
}

fn open(fid: u32, mode: u8) -> Tmsg<'static> {
    Tmsg::Open { fid: Fid(fid), mode }
}

fn read(fid: u32, offset: u64, count: u32) -> Tmsg<'static> {
    Tmsg::Read { fid: Fid(fid), offset, count }
}

fn write(fid: u32, data: &[u8]) -> Tmsg<'_> {
    Tmsg::Write { fid: Fid(fid), offset: 0, data }
}

fn stat(fid: u32) -> Tmsg<'static> {
    Tmsg::Stat { fid: Fid(fid) }
}

fn flush(tag: u16) -> Tmsg<'static> {
    Tmsg::Flush { oldtag: Tag(tag) }
}

fn attach(fid: u32) -> Tmsg<'static> {
    Tmsg::Attach { fid: Fid(fid), afid: Fid::NONE, uname: "root", aname: "" }
}

/// A conversation that any node understands.
fn valid() -> Vec<Tmsg<'static>> {
    vec![
        walk(0, 1, &["clone"]),
        open(1, 2),
        write(1, b"label x\n"),
        read(1, 0, 100),
        walk(1, 2, &["..", "args"]),
        open(2, 1),
        write(2, b"true"),
        clunk(2),
        stat(1),
        walk(0, 3, &["status"]),
        open(3, 0),
        read(3, 0, 8192),
        clunk(1),
    ]
}

/// 1: sizes, and where messages begin and end.
fn framing() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in [0, 1, 6, 8217, 65_536, 1 << 20, (1 << 20) + 1, u32::MAX] {
        cases.push(case(&format!("size {size}"), header(size, 120, 1), Hangup));
    }
    let mut trailing = message(120, 1, &[9, 0, 0, 0, 7]);
    cases.push(case("trailing bytes", trailing.clone(), Hangup));
    trailing[0] = 10;
    cases.push(case("a size below its body", trailing[..10].to_vec(), Hangup));
    cases.push(case("coalesced", burst(&valid()), Refusals(0)));
    for msg in valid() {
        let bytes = request(Tag(1), &msg);
        for len in 1..bytes.len() {
            cases.push(case(&format!("{len} bytes of {msg:?}, then the end"), bytes[..len].to_vec(), Hangup));
        }
    }
    cases
}

/// 2: types that are no request of 9P2000.
fn types() -> Vec<Case> {
    let known = [100, 102, 104, 108, 110, 112, 114, 116, 118, 120, 122, 124, 126];
    let unknown = (0..=255_u8).filter(|kind| !known.contains(kind));
    let mut cases: Vec<Case> =
        unknown.map(|kind| case(&format!("type {kind}"), message(kind, 1, &[0; 4]), Hangup)).collect();
    cases.extend(
        known.map(|kind| case(&format!("type {kind} without a body"), message(kind, 1, &[]), Hangup)),
    );
    cases
}

/// 3: strings, in each message that has one.
fn strings() -> Vec<Case> {
    let mut cases = Vec::new();
    let long = "x".repeat(256);
    let longer = "y".repeat(8000);
    for name in ["", ".", "/", "a/b", "/status", "status/", "\u{202e}", " ", "\n", &long, &longer] {
        let shown: String = name.chars().take(8).collect();
        cases.push(case(&format!("walk to {shown:?}"), burst(&[walk(0, 1, &[name])]), Refusals(1)));
        let create = Tmsg::Create { fid: Fid(0), name, perm: 1 << 31, mode: 0 };
        cases.push(case(&format!("mkdir {shown:?}"), burst(&[create]), Refusals(1)));
    }
    let dots = burst(&[walk(0, 1, &["..", "..", "..", "status"]), stat(1)]);
    cases.push(case("above the root is the root", dots, Refusals(0)));
    for (name, text) in [
        ("NUL", &b"\x04\0st\0t"[..]),
        ("invalid UTF-8", b"\x02\0\xc3\x28"),
        ("a surrogate", b"\x03\0\xed\xa0\x80"),
        ("an overlong slash", b"\x02\0\xc0\xaf"),
        ("a length past the end", b"\x05\0abcd"),
        ("the largest length", b"\xff\xffabcd"),
        ("half a length", b"\x01"),
    ] {
        let fids = [0_u32.to_le_bytes(), 1_u32.to_le_bytes()].concat();
        let walk = [&fids[..], &[1, 0], text].concat();
        cases.push(case(&format!("walk to {name}"), message(110, 1, &walk), Hangup));
        let attach = [&1_u32.to_le_bytes()[..], &[0xff; 4], text, &[0, 0]].concat();
        cases.push(case(&format!("attach as {name}"), message(104, 1, &attach), Hangup));
        let version = [&8216_u32.to_le_bytes()[..], text].concat();
        cases.push(case(&format!("version {name}"), message(100, u16::MAX, &version), Hangup));
        let create = [&0_u32.to_le_bytes()[..], text, &[0, 0, 0, 0x80, 0]].concat();
        cases.push(case(&format!("mkdir {name}"), message(114, 1, &create), Hangup));
    }
    let user = Tmsg::Attach { fid: Fid(1), afid: Fid::NONE, uname: &long, aname: "" };
    cases.push(case("a user's name of 256 bytes", burst(&[user]), Refusals(1)));
    cases
}

/// 4: counts and offsets.
fn counts() -> Vec<Case> {
    let mut cases = Vec::new();
    for count in [17_u16, 0xffff, 2] {
        let body = [&[0; 4][..], &[1, 0, 0, 0], &count.to_le_bytes(), b"\x02\0.."].concat();
        cases.push(case(&format!("a walk of {count} names with one"), message(110, 1, &body), Hangup));
    }
    let body = [&[0; 4][..], &[1, 0, 0, 0], &17_u16.to_le_bytes(), &b"\x02\0..".repeat(17)].concat();
    cases.push(case("a walk of 17 names", message(110, 1, &body), Hangup));
    for count in [2_u32, 4, u32::MAX, u32::MAX - 23, u32::MAX - 24, 0] {
        let body = [&[1, 0, 0, 0][..], &[0; 8], &count.to_le_bytes(), b"abc"].concat();
        cases.push(case(&format!("a write of {count} bytes with three"), message(118, 1, &body), Hangup));
    }
    let offsets = [0, 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
    for path in ["status", "info", "ctl", "beat", "error", "summary"] {
        let mut msgs = vec![walk(0, 1, &[path]), open(1, 0)];
        // An ionode's status is read in order: `clients` has its offsets.
        for offset in &offsets[..if path == "status" { 1 } else { offsets.len() }] {
            let offset = *offset;
            msgs.extend([0, 1, 11, u32::MAX - 24, u32::MAX].map(|count| read(1, offset, count)));
        }
        cases.push(case(&format!("reads of {path} at the ends of the numbers"), burst(&msgs), Refusals(0)));
    }
    let list = |offset, count| burst(&[open(0, 0), read(0, offset, count)]);
    cases.push(case("a directory from its begin", list(0, u32::MAX), Refusals(0)));
    for offset in [1, 7, 1 << 31, 1 << 32, 1 << 63, u64::MAX] {
        cases.push(case(&format!("a directory from {offset}"), list(offset, 100), Refusals(1)));
    }
    for count in [0, 1, 20] {
        cases.push(case(&format!("{count} bytes of a directory"), list(0, count), Refusals(1)));
    }
    let late = |offset| Tmsg::Write { fid: Fid(1), offset, data: b"label y\n" };
    let mut msgs = vec![walk(0, 1, &["clone"]), open(1, 2)];
    msgs.extend([1, 1 << 63, u64::MAX].map(late));
    msgs.push(write(1, b""));
    cases.push(case("writes at any offset", burst(&msgs), Refusals(0)));
    cases
}

/// 5: fids.
fn fids() -> Vec<Case> {
    let mut cases = Vec::new();
    for fid in [1, 0xfeed_f00d, u32::MAX] {
        let msgs =
            [walk(fid, 2, &[]), open(fid, 0), read(fid, 0, 1), write(fid, b"x"), stat(fid), clunk(fid)];
        cases.push(case(&format!("fid {fid} that nobody has"), burst(&msgs), Refusals(6)));
        let remove = Tmsg::Remove { fid: Fid(fid) };
        let create = Tmsg::Create { fid: Fid(fid), name: "d", perm: 1 << 31, mode: 0 };
        let wstat = Tmsg::Wstat { fid: Fid(fid), stat: Stat::default() };
        cases.push(case(&format!("fid {fid} in the others"), burst(&[remove, create, wstat]), Refusals(3)));
    }
    for (name, msgs, refusals) in [
        ("NOFID as a new fid", vec![walk(0, u32::MAX, &[]), attach(u32::MAX)], 2),
        ("a new fid that is in use", vec![walk(0, 1, &[]), walk(0, 1, &["status"]), attach(1)], 2),
        ("attach twice", vec![attach(0), attach(1), attach(1)], 2),
        ("a walk of itself", vec![walk(0, 1, &[]), walk(1, 1, &["status"]), walk(1, 1, &["x"])], 1),
        ("from an open fid", vec![walk(0, 1, &["clone"]), open(1, 2), walk(1, 2, &[".."]), stat(2)], 0),
        ("an open fid moves", vec![walk(0, 1, &["status"]), open(1, 0), walk(1, 1, &[".."])], 1),
        ("from a file", vec![walk(0, 1, &["status", "x"]), walk(0, 2, &["status"]), walk(2, 3, &["x"])], 1),
        ("a walk that goes half way", vec![walk(0, 1, &["clone", "x"]), stat(1)], 1),
        ("clunk twice", vec![walk(0, 1, &[]), clunk(1), clunk(1)], 1),
        ("remove, then clunk", vec![walk(0, 1, &[]), Tmsg::Remove { fid: Fid(1) }, clunk(1)], 2),
        ("the root goes", vec![clunk(0), walk(0, 1, &[]), attach(0)], 1),
        (
            "a session goes under its fids",
            vec![
                walk(0, 1, &["clone"]),
                open(1, 2),
                walk(1, 2, &["..", "info"]),
                open(2, 0),
                clunk(1),
                read(2, 0, 9),
            ],
            1,
        ),
        (
            "a clunk while a read waits",
            vec![walk(0, 1, &["events"]), open(1, 0), read(1, 0, 100), clunk(1), read(1, 0, 100)],
            2,
        ),
        (
            "a removal while a read waits",
            vec![walk(0, 1, &["events"]), open(1, 0), read(1, 0, 9), Tmsg::Remove { fid: Fid(1) }, stat(1)],
            3,
        ),
        ("authentication", vec![Tmsg::Auth { afid: Fid(1), uname: "a", aname: "" }, walk(1, 2, &[])], 2),
    ] {
        cases.push(case(name, burst(&msgs), Refusals(refusals)));
    }
    cases
}

/// 6: tags.
fn tags() -> Vec<Case> {
    let waits = [walk(0, 1, &["events"]), open(1, 0), read(1, 0, 100)];
    let with = |more: &[(u16, Tmsg<'_>)]| {
        let tail = more.iter().flat_map(|(tag, msg)| request(Tag(*tag), msg));
        burst(&waits).into_iter().chain(tail).collect::<Vec<u8>>()
    };
    let mut cases = vec![
        case("NOTAG on a clunk", request(Tag::NONE, &clunk(1)), Hangup),
        case("NOTAG on a flush", request(Tag::NONE, &flush(1)), Hangup),
        case("a flush of NOTAG", burst(&[flush(u16::MAX)]), Refusals(0)),
        case("a flush of nothing", burst(&[flush(77), flush(2), flush(0)]), Refusals(0)),
        case("a flush of what is answered", burst(&[clunk(9), flush(1)]), Refusals(1)),
        case("a flush of a read", with(&[(4, flush(3))]), Refusals(0)),
        case("two flushes of a read", with(&[(4, flush(3)), (5, flush(3))]), Refusals(0)),
        case("a flush of a flush", with(&[(4, flush(3)), (5, flush(4)), (6, flush(6))]), Refusals(0)),
        case("a flush under the tag of its read", with(&[(3, flush(3))]), Hangup),
        case("a tag in use", with(&[(3, stat(0))]), Hangup),
        case("a tag in use by a read too", with(&[(3, read(1, 0, 1))]), Hangup),
        case("a tag again after its flush", with(&[(4, flush(3)), (3, stat(0))]), Refusals(0)),
        case("a tag for all", [1_u8; 9].map(|_| request(Tag(5), &stat(0))).concat(), Refusals(0)),
    ];
    let all: Vec<u8> = (0..65_000).flat_map(|tag| request(Tag(tag), &flush(tag))).collect();
    cases.push(case("a flush under each tag of itself", all, Refusals(0)));
    let storm: Vec<(u16, Tmsg<'_>)> = (4..20_000).map(|tag| (tag, flush(3))).collect();
    cases.push(case("a storm of flushes", with(&storm), Refusals(0)));
    cases
}

/// 7: versions.
fn versions() -> Vec<Case> {
    let version = |msize, version| request(Tag::NONE, &Tmsg::Version { msize, version });
    let waits = burst(&[walk(0, 1, &["events"]), open(1, 0), read(1, 0, 100)]);
    let mut cases = Vec::new();
    for msize in [0, 7, 23, 4095] {
        let told = [version(msize, VERSION), burst(&[attach(1)])].concat();
        cases.push(case(&format!("msize {msize}, then an attach"), told, Hangup));
    }
    for msize in [4096, 8216, 1 << 20, u32::MAX] {
        let told = [version(msize, VERSION), burst(&[attach(1)])].concat();
        cases.push(case(&format!("msize {msize}, then an attach"), told, Refusals(0)));
    }
    let long = "9".repeat(300);
    for text in ["", "9P", "9p2000", "9P1999", "unknown", "\u{9}P2000", &long] {
        let shown: String = text.chars().take(8).collect();
        let told = [version(8216, text), burst(&[attach(1)])].concat();
        cases.push(case(&format!("version {shown:?}, then an attach"), told, Hangup));
        let told = [version(8216, text), version(8216, VERSION), burst(&[attach(1)])].concat();
        cases.push(case(&format!("version {shown:?}, then a known one"), told, Refusals(0)));
    }
    for text in ["9P2000.u", "9P2000.Lx", "9P2000.xyz"] {
        let told = [version(8216, text), burst(&[attach(1)])].concat();
        cases.push(case(&format!("version {text} is less"), told, Refusals(0)));
    }
    let again = [waits.clone(), version(8216, VERSION), burst(&[attach(0), stat(1)])].concat();
    cases.push(case("a version while a read waits", again, Refusals(1)));
    let tagged = request(Tag(3), &Tmsg::Version { msize: 8216, version: VERSION });
    cases.push(case("a version under the tag of the read", [waits, tagged].concat(), Refusals(0)));
    let many = version(8216, VERSION).repeat(1000);
    cases.push(case("a thousand versions", [many, burst(&[attach(0)])].concat(), Refusals(0)));
    let small = [version(4096, VERSION), header(4097, 120, 1)].concat();
    cases.push(case("a size above a smaller msize", small, Hangup));
    cases
}

/// 8: what a fid is open for.
fn modes() -> Vec<Case> {
    let status = walk(0, 1, &["status"]);
    let clone = walk(0, 1, &["clone"]);
    let rows = [
        ("a read before an open", vec![status, read(1, 0, 9)], 1),
        ("a write before an open", vec![clone, write(1, b"x")], 1),
        (
            "a write to what is open for reading",
            vec![walk(0, 1, &["ctl"]), open(1, 0), write(1, b"kill\n")],
            1,
        ),
        ("a read of what is open for writing", vec![walk(0, 1, &["ctl"]), open(1, 1), read(1, 0, 9)], 1),
        ("status for writing", vec![status, open(1, 1), open(1, 2)], 2),
        ("open twice", vec![status, open(1, 0), open(1, 0)], 1),
        (
            "the root for writing",
            vec![open(0, 1), open(0, 2), open(0, 0x10), open(0, 0x40), write(0, b"x")],
            5,
        ),
        ("a file in the root", vec![Tmsg::Create { fid: Fid(0), name: "f", perm: 0o644, mode: 1 }], 1),
        (
            "a directory in a file",
            vec![status, Tmsg::Create { fid: Fid(1), name: "f", perm: 1 << 31, mode: 0 }],
            1,
        ),
        ("a file's name", vec![Tmsg::Create { fid: Fid(0), name: "ctl", perm: 1 << 31, mode: 0 }], 1),
        ("every bit", vec![status, open(1, 0xff)], 1),
        ("every bit but that which truncates", vec![status, open(1, 0xef)], 0),
        ("remove on clunk", vec![status, open(1, 0x40), clunk(1), walk(0, 1, &["status"])], 0),
        ("the root is removed", vec![Tmsg::Remove { fid: Fid(0) }, attach(0)], 1),
    ];
    rows.into_iter().map(|(name, msgs, refusals)| case(name, burst(&msgs), Refusals(refusals))).collect()
}

/// 9: stats.
fn stats() -> Vec<Case> {
    let same = Stat { kind: !0, dev: !0, mode: !0, atime: !0, mtime: !0, length: !0, ..Stat::default() };
    let wstat = |stat: Stat<'_>| request(Tag(1), &Tmsg::Wstat { fid: Fid(0), stat });
    let mut cases = vec![
        case("a wstat of nothing", wstat(same), Refusals(0)),
        case("a length", wstat(Stat { length: 7, ..same }), Refusals(0)),
        case("the largest length", wstat(Stat { length: u64::MAX - 1, ..same }), Refusals(0)),
        case("a mode and times", wstat(Stat { mode: 0, atime: 0, mtime: 0, ..same }), Refusals(0)),
        case("an owner", wstat(Stat { uid: "eve", gid: "eve", ..same }), Refusals(0)),
    ];
    let long = "n".repeat(300);
    for name in ["x", "a/b", "..", ".", &long] {
        let shown: String = name.chars().take(8).collect();
        cases.push(case(&format!("a rename to {shown}"), wstat(Stat { name, ..same }), Refusals(1)));
    }
    let whole = wstat(same);
    for at in [11, 13] {
        for lie in [0_u16, 1, 2, 48, 50, 0xffff] {
            let mut bytes = whole.clone();
            if bytes[at..at + 2] == lie.to_le_bytes() {
                continue;
            }
            bytes[at..at + 2].copy_from_slice(&lie.to_le_bytes());
            cases.push(case(&format!("a stat whose size at {at} is {lie}"), bytes, Hangup));
        }
    }
    let mut name = whole;
    let at = name.len() - 8;
    name[at..at + 2].copy_from_slice(&[9, 0]);
    cases.push(case("a stat whose name passes its end", name, Hangup));
    cases.push(case("a wstat of ones", message(126, 1, &[0xff; 60]), Hangup));
    cases
}

/// What a ctl cannot understand, and what it must not be broken by.
fn ctls() -> Vec<Case> {
    let long = [b"label ".to_vec(), vec![b'x'; 2000], b"\n".to_vec()].concat();
    let texts: &[&[u8]] = &[
        b"res 1\nres 4294967295\n",
        b"res 4294967295\n",
        b"res 18446744073709551616\n",
        b"res -1\nres 0\n",
        b"exec true\nnonsense\n",
        b"exec\n",
        b"exec 'open\n",
        b"shares 00000001\n",
        b"signal 65\n",
        b"\xff\xfe\n",
        b"label \0\xff\n",
        b"res + node[0-99999999]\n",
        b"res + [\n",
        b"limit nofile 99999999999999999999999\n",
        b"umask 9\n",
        b"layout cyclic\nlayout square\n",
        &long,
    ];
    let mut cases = Vec::new();
    for text in texts {
        let msgs = [walk(0, 1, &["clone"]), open(1, 2), write(1, text), stat(1)];
        let shown = String::from_utf8_lossy(&text[..text.len().min(30)]).into_owned();
        cases.push(case(&format!("ctl: {shown:?}"), burst(&msgs), Refusals(1)));
        let msgs = [walk(0, 1, &["ctl"]), open(1, 2), write(1, text), stat(1)];
        cases.push(case(&format!("the node's ctl: {shown:?}"), burst(&msgs), Refusals(1)));
    }
    cases
}

fn corpus() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("framing", framing()),
        ("types", types()),
        ("strings", strings()),
        ("counts", counts()),
        ("fids", fids()),
        ("tags", tags()),
        ("versions", versions()),
        ("modes", modes()),
        ("stats", stats()),
        ("ctls", ctls()),
    ]
}

/// A job that gives back each line it is given.
struct Job {
    child: std::process::Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Job {
    fn start(site: &Cluster, node: &str) -> Self {
        let mut command = site.uem_at(node, &["run", "-n", "1", "cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("uem starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, output }
    }

    fn check(&mut self, after: &str) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        input.write_all(format!("{after}\n").as_bytes()).expect("the job reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the job writes");
        assert_eq!(line.trim_end(), after, "the job goes on");
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("it ends").success(), "the job is well");
    }
}

/// Every case on a link of its own; a witness and a job beside them notice nothing.
fn run(site: &mut Cluster, node: &str, at: &str) {
    let mut witness = Link::attached(&site.at(node));
    let mut job = Job::start(site, node);
    job.check("begun");
    let mut wrong = Vec::new();
    for (class, cases) in corpus() {
        for (name, bytes, cost) in cases {
            let name = format!("{node} at {at}: {class}: {name}");
            let mut raw = Link::attached(at);
            let (end, refused) = Talk::check(&name, &mut raw, &bytes);
            let found = if end == End::HungUp { Hangup } else { Refusals(refused) };
            if found != cost {
                wrong.push(format!("{name}: {found:?}, not {cost:?}"));
            }
            assert_eq!(witness.try_call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other), "{name}: others go on");
            site.check_alive(&name);
        }
        job.check(class);
    }
    job.end();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn whatever_a_client_sends_an_ionode_costs_at_most_its_own_link() {
    let mut site = Cluster::hosts(2);
    let (unix, tcp) = (site.at("io"), site.tcp().to_owned());
    run(&mut site, "io", &tcp);
    // What is there once, such as buffers and tables, is there now.
    let before = site.kib("io", "VmRSS:");
    run(&mut site, "io", &unix);
    run(&mut site, "io", &unix);
    let after = site.kib("io", "VmRSS:");
    assert!(after < before + 8192, "{before} KiB, then {after} KiB");
    let told = site.run(&["run", "-a", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\nwell\n"), "{}", told.err);
    site.until("no session is left", |site| {
        let status = site.run(&["status"]).out;
        status.matches(" sessions=0 members=0 ").count() == 2 && site.run(&["ps"]).out.lines().count() <= 1
    });
}

#[test]
fn whatever_a_client_sends_a_cnode_costs_at_most_its_own_link() {
    let mut site = Cluster::empty();
    site.cnode_with("node01", &[]);
    let at = site.at("node01");
    run(&mut site, "node01", &at);
    let before = site.kib("node01", "VmRSS:");
    (0..2).for_each(|_| run(&mut site, "node01", &at));
    let after = site.kib("node01", "VmRSS:");
    assert!(after < before + 1024, "{before} KiB, then {after} KiB");
    site.until("no session is left", |site| {
        let mut raw = Link::attached(&site.at("node01"));
        raw.open_path(1, &["status"], 0);
        String::from_utf8_lossy(&raw.data(1, 0, 4096)).contains(" sessions=0 members=0 ")
    });
}

#[test]
fn a_conversation_is_the_same_however_its_bytes_are_cut() {
    let mut site = Cluster::hosts(1);
    let bytes = burst(&valid());
    for at in [site.at("io"), site.tcp().to_owned(), site.at("node01")] {
        for cut in 1..bytes.len() {
            let name = format!("{at}: cut at {cut}");
            let mut raw = Link::attached(&at);
            raw.send_bytes(&bytes[..cut]);
            // So that the parts come apart: an answer to the first message says that it was read.
            std::thread::yield_now();
            raw.send_bytes(&bytes[cut..]);
            assert_eq!(Talk::settle(&name, &mut raw, &bytes), (End::GoesOn, 0), "{name}");
        }
        let mut raw = Link::attached(&at);
        bytes.iter().for_each(|byte| raw.send_bytes(&[*byte]));
        assert_eq!(Talk::settle("byte by byte", &mut raw, &bytes), (End::GoesOn, 0));
    }
    site.check_alive("cut");
}
