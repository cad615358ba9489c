//! An aggregator without any child, fed with 9P2000.L as a client of it sends it.

use ionode::host::{Host, Param, Peer, SessionSlot};
use ionode::{Facts, Ionode, Target};
use protocol::ename::Ename;
use protocol::limits::{MSIZE_MAX, USER_NAME_MAX, USERS_MAX};
use protocol::server::LinkId;
use protocol::text::Text;
use protocol::time::Time;

const LINK: LinkId = LinkId(1);
const EPERM: u32 = 1;
const ENOENT: u32 = 2;
const EBADF: u32 = 9;
const EAGAIN: u32 = 11;
const ENOTDIR: u32 = 20;
const EISDIR: u32 = 21;
const EINVAL: u32 = 22;

/// A machine with two users, which keeps nothing.
struct Bare;

impl Host for Bare {
    fn append(&mut self, _: SessionSlot, _: Param, _: &[u8]) -> Result<(), Ename> {
        Ok(())
    }
    fn truncate(&mut self, _: SessionSlot, _: Param) {}
    fn len(&mut self, _: SessionSlot, _: Param) -> u32 {
        0
    }
    fn param(&mut self, _: SessionSlot, _: Param, _: u64, _: &mut [u8]) -> usize {
        0
    }
    fn release_session(&mut self, _: SessionSlot) {}
    fn user_name(&mut self, uid: u32) -> Option<Text<USER_NAME_MAX>> {
        [(0, "root"), (1000, "ann")].iter().find(|user| user.0 == uid).and_then(|user| Text::new(user.1))
    }
    fn ids(&mut self, name: &str) -> Option<(u32, u32)> {
        [("root", 0), ("ann", 1000)].iter().find(|user| user.0 == name).map(|user| (user.1, user.1))
    }
}

/// The node and what came of the last request: type and body of each answer.
struct Client {
    node: Ionode,
    out: Vec<u8>,
}

impl Client {
    /// Connected as a user, with a version agreed on.
    fn new(uid: Option<u32>) -> Self {
        let (name, operator) = (Text::cut("io"), Text::cut("root"));
        let facts = Facts { name, boot: 7, os: "linux", arch: "x86_64", operator, has_parent: false };
        let mut node = Ionode::new(facts, Time(0));
        node.connect(LINK, Peer { is_local: uid.is_some(), uid });
        let mut client = Self { node, out: vec![0; MSIZE_MAX as usize + 4096] };
        let answer = client.ask(100, &[&word(8192), &text("9P2000.L")]);
        assert_eq!(answer, (101, [&word(8192)[..], &text("9P2000.L")].concat()));
        client
    }

    /// All that comes of one message.
    fn give(&mut self, kind: u8, tag: u16, body: &[&[u8]]) -> Vec<(u8, u16, Vec<u8>)> {
        let body = body.concat();
        let mut message = (7 + body.len() as u32).to_le_bytes().to_vec();
        message.push(kind);
        message.extend(tag.to_le_bytes());
        message.extend(body);
        let now = Time(1_700_000_000_000_000);
        let taken = self.node.handle_bytes(now, LINK, &message, &mut Bare);
        assert_eq!(taken, Ok(message.len()), "type {kind}");
        let mut answers = Vec::new();
        while let Some((target, len)) = self.node.poll_transmit(now, &mut Bare, &mut self.out) {
            assert_eq!(target, Target::Link(LINK));
            let answer = &self.out[..len];
            answers.push((answer[4], u16::from_le_bytes([answer[5], answer[6]]), answer[7..].to_vec()));
        }
        answers
    }

    /// The answer to a request that has one at once.
    fn ask(&mut self, kind: u8, body: &[&[u8]]) -> (u8, Vec<u8>) {
        let tag = if kind == 100 { !0 } else { 3 };
        let mut answers = self.give(kind, tag, body);
        assert_eq!(answers.len(), 1, "type {kind} has one answer: {answers:?}");
        let (kind, its, body) = answers.remove(0);
        assert_eq!(its, tag);
        (kind, body)
    }

    fn attach(&mut self, fid: u32, uname: &str, uid: u32) -> (u8, Vec<u8>) {
        self.ask(104, &[&word(fid), &word(!0), &text(uname), &text(""), &word(uid)])
    }

    fn walk(&mut self, fid: u32, newfid: u32, names: &[&str]) -> (u8, Vec<u8>) {
        let names_bytes: Vec<u8> = names.iter().flat_map(|name| text(name)).collect();
        self.ask(110, &[&word(fid), &word(newfid), &(names.len() as u16).to_le_bytes(), &names_bytes])
    }

    /// Owner of the session `name`, by its number.
    fn owner(&mut self, name: &str) -> u32 {
        assert_eq!(self.walk(0, 90, &[name]).0, 111);
        let (kind, attr) = self.ask(24, &[&word(90), &0x7ff_u64.to_le_bytes()]);
        assert_eq!(kind, 25);
        assert_eq!(self.ask(120, &[&word(90)]).0, 121);
        u32::from_le_bytes([attr[25], attr[26], attr[27], attr[28]])
    }

    fn mkdir(&mut self, fid: u32, name: &str) -> (u8, Vec<u8>) {
        self.ask(72, &[&word(fid), &text(name), &word(0o755), &word(0)])
    }

    fn unlink(&mut self, fid: u32, name: &str, flags: u32) -> (u8, Vec<u8>) {
        self.ask(76, &[&word(fid), &text(name), &word(flags)])
    }
}

fn word(v: u32) -> [u8; 4] {
    v.to_le_bytes()
}

fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u16).to_le_bytes()[..], s.as_bytes()].concat()
}

fn refused(errno: u32) -> (u8, Vec<u8>) {
    (7, word(errno).to_vec())
}

#[test]
fn only_root_says_that_somebody_else_attaches() {
    let none = u32::MAX;
    // Who is at the other end, the name and number given, and whose session it is: or a refusal.
    let table = [
        (Some(0), "", 1000, Ok(1000)),
        (Some(0), "ann", 0, Ok(0)),
        (Some(0), "ann", none, Ok(1000)),
        (Some(0), "", 4242, Ok(4242)),
        (Some(1000), "", 1000, Ok(1000)),
        (Some(1000), "root", none, Ok(1000)),
        (Some(1000), "ann", 0, Err(EPERM)),
        (Some(4242), "", none, Ok(4242)),
        // Over TCP nobody knows, and what is said is believed.
        (None, "", 1000, Ok(1000)),
        (None, "ann", none, Ok(1000)),
        (None, "", none, Ok(65534)),
    ];
    for (peer, uname, uid, expected) in table {
        let mut client = Client::new(peer);
        let attached = client.attach(0, uname, uid);
        match expected {
            Ok(owner) => {
                assert_eq!(attached.0, 105, "{peer:?} {uname} {uid}");
                assert_eq!(client.mkdir(0, "job").0, 73);
                assert_eq!(client.owner("job"), owner, "{peer:?} {uname} {uid}");
            }
            Err(errno) => assert_eq!(attached, refused(errno), "{peer:?} {uname} {uid}"),
        }
    }
}

#[test]
fn a_directory_is_made_and_removed_by_name_and_leaves_no_fid() {
    let mut client = Client::new(None);
    assert_eq!(client.attach(0, "root", 0).0, 105);
    assert_eq!(client.mkdir(0, "job").0, 73);
    assert_eq!(client.mkdir(0, "job"), refused(17), "it is there");
    assert_eq!(client.mkdir(0, "7up"), refused(EINVAL), "a number's digit begins it");
    assert_eq!(client.mkdir(9, "other"), refused(EBADF));
    assert_eq!(client.unlink(0, "job", 0), refused(EISDIR));
    assert_eq!(client.unlink(0, "ctl", 0x200), refused(ENOTDIR));
    assert_eq!(client.unlink(0, "ctl", 0), refused(EPERM));
    assert_eq!(client.unlink(0, "..", 0x200), refused(EINVAL));
    assert_eq!(client.unlink(0, "nobody", 0), refused(ENOENT));
    assert_eq!(client.unlink(0, "job", 0x200), (77, Vec::new()));
    assert_eq!(client.unlink(0, "job", 0x200), refused(ENOENT));
    assert_eq!(client.node.fid_count(LINK), 1, "that of the attach");
}

#[test]
fn the_fids_of_steps_are_no_clients() {
    let mut client = Client::new(None);
    assert_eq!(client.attach(0, "root", 0).0, 105);
    for fid in [0xfffe_0000, 0xfffe_0003, 0xffff_fffe] {
        assert_eq!(client.walk(0, fid, &["ctl"]), refused(EBADF));
        assert_eq!(client.attach(fid, "root", 0), refused(EBADF));
        assert_eq!(client.ask(120, &[&word(fid)]), refused(EBADF));
    }
}

#[test]
fn the_rest_of_a_read_of_a_stream_ends_it_once() {
    let mut client = Client::new(None);
    assert_eq!(client.attach(0, "root", 0).0, 105);
    assert_eq!(client.walk(0, 1, &["events"]).0, 111);
    assert_eq!(client.ask(12, &[&word(1), &word(0)]).0, 13);
    let read = |client: &mut Client, tag, offset: usize, count: u32| {
        client.give(116, tag, &[&word(1), &(offset as u64).to_le_bytes(), &word(count)])
    };
    assert_eq!(read(&mut client, 1, 0, 4096), [], "it waits for something to happen");
    let answers = client.give(72, 2, &[&word(0), &text("job"), &word(0o755), &word(0)]);
    let (_, _, line) = answers.iter().find(|answer| answer.1 == 1).expect("the read is answered");
    let given = line.len() - 4;
    assert!(line.ends_with(b"open\n"), "a session was made: {line:?}");
    // What is left of the kernel's read(2), then the next one, which waits.
    let end = [(117, 3, word(0).to_vec())];
    assert_eq!(read(&mut client, 3, given, 4096 - given as u32), end);
    assert_eq!(read(&mut client, 3, given, 4096), []);
    // One that goes on elsewhere, or asks for another count, waits too.
    assert_eq!(client.give(108, 4, &[&3_u16.to_le_bytes()]), [(109, 4, Vec::new())]);
    assert_eq!(read(&mut client, 3, given, 4096 - given as u32), []);
    assert_eq!(client.give(108, 4, &[&3_u16.to_le_bytes()]), [(109, 4, Vec::new())]);
}

#[test]
fn a_directory_is_read_on_from_any_entry() {
    let mut client = Client::new(None);
    assert_eq!(client.attach(0, "root", 0).0, 105);
    assert_eq!(client.walk(0, 1, &[]).0, 111);
    assert_eq!(client.ask(12, &[&word(1), &word(0)]).0, 13);
    let read = |client: &mut Client, offset: u64, count: u32| {
        let (kind, body) = client.ask(40, &[&word(1), &offset.to_le_bytes(), &word(count)]);
        assert_eq!(kind, 41);
        let (mut entries, mut rest) = (Vec::new(), &body[4..]);
        while !rest.is_empty() {
            let offset = u64::from_le_bytes(rest[13..21].try_into().expect("eight bytes"));
            let len = rest[22] as usize;
            entries.push((offset, String::from_utf8_lossy(&rest[24..24 + len]).into_owned()));
            rest = &rest[24 + len..];
        }
        entries
    };
    let all = read(&mut client, 0, 8000);
    let names: Vec<&str> = all.iter().map(|entry| entry.1.as_str()).collect();
    assert_eq!(names, ["clone", "ctl", "error", "status", "summary", "info", "beat", "events", "net"]);
    for (index, (offset, _)) in all.iter().enumerate() {
        assert_eq!(read(&mut client, *offset, 8000), all[index + 1..]);
    }
    assert_eq!(read(&mut client, 0, 200), all[..3], "whole entries, as many as surely fit");
    let (kind, body) = client.ask(40, &[&word(1), &7_u64.to_le_bytes(), &word(8000)]);
    assert_eq!((kind, body), refused(EINVAL));
}

#[test]
fn a_user_who_has_left_leaves_their_place() {
    let mut client = Client::new(None);
    assert_eq!(client.attach(0, "root", 0).0, 105);
    for uid in 1..200 {
        assert_eq!(client.attach(1, "", uid).0, 105, "user {uid}");
        assert_eq!(client.ask(120, &[&word(1)]).0, 121);
    }
    // Each of these has one, the first a session in place of a fid.
    assert_eq!(client.attach(1, "", 1000).0, 105);
    assert_eq!(client.mkdir(1, "hers").0, 73);
    assert_eq!(client.ask(120, &[&word(1)]).0, 121);
    let most = USERS_MAX as u32 - 2;
    for uid in 0..most {
        assert_eq!(client.attach(10 + uid, "", 2000 + uid).0, 105, "user {uid}");
    }
    assert_eq!(client.attach(1, "", 5000), refused(EAGAIN), "all places are somebody's");
    assert_eq!(client.owner("hers"), 1000);
    assert_eq!(client.unlink(0, "hers", 0x200).0, 77);
    assert_eq!(client.attach(1, "", 5000).0, 105);
}
