//! Requests as the kernel's headers lay them out, and every answer's known bytes.

extern crate std;
use super::*;
use crate::message::Rmsg;
use crate::qid::Qid;
use std::vec;
use std::vec::Vec;

/// A message from its type and the bytes behind the tag.
fn message(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = ((HEADER + body.len()) as u32).to_le_bytes().to_vec();
    bytes.extend([kind, 9, 0]);
    bytes.extend(body);
    bytes
}

fn word(v: u32) -> [u8; 4] {
    v.to_le_bytes()
}

fn long(v: u64) -> [u8; 8] {
    v.to_le_bytes()
}

fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u16).to_le_bytes()[..], s.as_bytes()].concat()
}

const FID: Fid = Fid(7);

/// Every request of the dialect with what it asks for.
fn requests() -> Vec<(Vec<u8>, Asked<'static>)> {
    let (fid, ctl) = (&word(7)[..], &text("ctl")[..]);
    let stat = Tmsg::Stat { fid: FID };
    let refused = |ename| Asked::Refused(FID, ename);
    let open = |mode| Asked::As(Tmsg::Open { fid: FID, mode }, Shape::Open);
    let wstat = |length| Tmsg::Wstat { fid: FID, stat: Stat { length, ..Stat::UNCHANGED } };
    let attach = Tmsg::Attach { fid: FID, afid: Fid::NONE, uname: "ctl", aname: "ctl" };
    let setattr = |valid, size| {
        let (ids, times) = ([word(0); 3].concat(), [long(0); 4].concat());
        message(26, &[fid, &word(valid), &ids, &long(size), &times])
    };
    vec![
        (message(8, &[fid]), Asked::As(stat, Shape::Statfs)),
        // What 6.1 sends for `>`: O_WRONLY, O_CREAT and O_LARGEFILE.
        (message(12, &[fid, &word(0o100_101)]), open(mode::WRITE)),
        (message(12, &[fid, &word(0o3002)]), open(mode::RDWR | mode::TRUNC)),
        (message(12, &[fid, &word(3)]), refused(Ename::Invalid)),
        (message(14, &[fid, ctl, &word(1), &word(0o644), &word(0)]), refused(Ename::Denied)),
        (message(16, &[fid, ctl, ctl, &word(0)]), refused(Ename::NotOwner)),
        (message(18, &[fid, ctl, &[0; 16]]), refused(Ename::NotOwner)),
        (message(20, &[fid, fid, ctl]), refused(Ename::NotOwner)),
        (message(22, &[fid]), refused(Ename::Invalid)),
        (message(24, &[fid, &long(0x7ff)]), Asked::As(stat, Shape::Getattr)),
        (setattr(0x68, 0), Asked::As(wstat(0), Shape::Setattr)),
        (setattr(0x41, 0), Asked::As(wstat(u64::MAX), Shape::Setattr)),
        (message(30, &[fid, &word(8), ctl]), refused(Ename::Unsupported)),
        (message(32, &[fid, ctl, &[0; 12]]), refused(Ename::Unsupported)),
        (
            message(40, &[fid, &long(99), &word(4096)]),
            Asked::As(Tmsg::Read { fid: FID, offset: 99, count: 4096 }, Shape::Readdir),
        ),
        (message(50, &[fid, &word(1)]), Asked::As(wstat(u64::MAX), Shape::Fsync)),
        (message(50, &[fid]), Asked::As(wstat(u64::MAX), Shape::Fsync)),
        (message(52, &[fid, &[0; 25], ctl]), Asked::As(stat, Shape::Lock)),
        (message(54, &[fid, &[0; 21], ctl]), Asked::As(stat, Shape::Getlock)),
        (message(70, &[fid, fid, ctl]), refused(Ename::NotOwner)),
        (message(72, &[fid, ctl, &word(0o755), &word(0)]), Asked::Mkdir(FID, "ctl")),
        (message(74, &[fid, ctl, fid, ctl]), refused(Ename::NotOwner)),
        (message(76, &[fid, ctl, &word(0x200)]), Asked::Unlink(FID, "ctl", true)),
        (message(76, &[fid, ctl, &word(0)]), Asked::Unlink(FID, "ctl", false)),
        (message(102, &[fid, ctl, ctl, &word(5)]), Asked::Auth),
        (message(104, &[fid, &word(!0), ctl, ctl, &word(5)]), Asked::Attach { msg: attach, uid: 5 }),
        (message(120, &[fid]), Asked::As(Tmsg::Clunk { fid: FID }, Shape::Same)),
    ]
}

#[test]
fn every_request_asks_for_what_9p2000_has() {
    for (bytes, asked) in requests() {
        assert_eq!(Asked::decode(&bytes), Ok((Tag(9), asked)), "type {}", bytes[4]);
    }
}

#[test]
fn what_is_no_request_of_the_dialect_botches_and_never_panics() {
    for kind in [0, 1, 6, 7, 9, 28, 60, 78, 99, 101, 112, 114, 124, 126, 128, 255] {
        assert_eq!(Asked::decode(&message(kind, &[&[0; 64]])), Err(Botch), "type {kind}");
    }
    for (bytes, _) in requests() {
        for len in 0..bytes.len() {
            assert_eq!(Asked::decode(&bytes[..len]), Err(Botch), "a part of type {}", bytes[4]);
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                // It decodes or it botches.
                let _ = Asked::decode(&changed);
            }
        }
    }
}

fn stat(name: &str, kind: u8) -> Stat<'_> {
    let mode = if kind & QTDIR != 0 { DMDIR | 0o555 } else { 0o644 };
    let qid = Qid { kind, vers: 0, path: 0x0102_0304_0506_0708 };
    Stat { qid, mode, name, uid: "ann", gid: "staff", muid: "ann", mtime: 5, ..Stat::default() }
}

/// The bytes that an answer is rewritten into, behind the size.
fn rewritten(shape: Shape, offset: u64, msg: &Rmsg<'_>) -> Vec<u8> {
    let mut out = [0xee; 4096];
    let len = msg.encode(Tag(9), &mut out).expect("it fits");
    let ids = |user: &str| if user == "ann" { (1000, 100) } else { (50, 60) };
    let len = rewrite(shape, offset, len, &mut out, ids);
    assert_eq!(out[..4], word(len as u32), "the size is the message's");
    assert_eq!(out[5..7], [9, 0], "the tag stays");
    [&out[4..5], &out[7..len]].concat()
}

#[test]
fn answers_are_those_that_the_kernel_waits_for() {
    let qid = Qid { kind: 0x80, vers: 0, path: 3 };
    let qid_bytes = [&[0x80][..], &word(0), &long(3)].concat();
    let is = |shape, msg: &Rmsg<'_>, kind: u8, body: &[&[u8]]| {
        assert_eq!(rewritten(shape, 0, msg), [&[kind][..], &body.concat()].concat(), "{shape:?}");
    };
    is(Shape::Same, &Rmsg::Write { count: 5 }, 119, &[&word(5)]);
    is(Shape::Open, &Rmsg::Open { qid, iounit: 0 }, 13, &[&qid_bytes, &word(0)]);
    is(Shape::Mkdir, &Rmsg::Create { qid, iounit: 0 }, 73, &[&qid_bytes]);
    is(Shape::Setattr, &Rmsg::Wstat, 27, &[]);
    is(Shape::Fsync, &Rmsg::Wstat, 51, &[]);
    is(Shape::Unlink, &Rmsg::Remove, 77, &[]);
    let there = Rmsg::Stat { stat: stat("ctl", 0) };
    is(Shape::Lock, &there, 53, &[&[0]]);
    is(Shape::Getlock, &there, 55, &[&[2], &[0; 22]]);
    is(Shape::Statfs, &there, 9, &[&word(0x0102_1997), &word(4096), &[0; 48], &word(64)]);
    let attr = [
        &long(0x7ff)[..],
        &[0],
        &word(0),
        &long(0x0102_0304_0506_0708),
        &word(0o100_644),
        &word(1000),
        &word(60),
        &long(1),
        &long(0),
        &long(0),
        &long(4096),
        &long(0),
        &[long(0), long(0), long(5), long(0), long(5), long(0), long(0), long(0)].concat(),
        &[0; 16],
    ];
    is(Shape::Getattr, &there, 25, &attr);
    for shape in [Shape::Same, Shape::Open, Shape::Getattr, Shape::Readdir, Shape::Find(true)] {
        is(shape, &Rmsg::Error { ename: "Permission denied" }, 7, &[&word(13)]);
        is(shape, &Rmsg::Error { ename: "no such words" }, 7, &[&word(5)]);
    }
}

#[test]
fn a_directory_is_told_as_entries_each_with_the_offset_behind_it() {
    let mut data = [0; 512];
    let first = stat("a", 0x80).encode(&mut data).expect("it fits");
    let second = stat("a-longer-name", 0).encode(&mut data[first..]).expect("it fits");
    let told = rewritten(Shape::Readdir, 1000, &Rmsg::Read { data: &data[..first + second] });
    let entry = |kind: u8, end: usize, dt: u8, name: &str| {
        let qid = [&[kind][..], &word(0), &long(0x0102_0304_0506_0708)].concat();
        [&qid[..], &long(1000 + end as u64), &[dt], &text(name)].concat()
    };
    let entries = [entry(0x80, first, 4, "a"), entry(0, first + second, 8, "a-longer-name")].concat();
    assert_eq!(told, [&[41][..], &word(entries.len() as u32), &entries].concat());
    assert_eq!(rewritten(Shape::Readdir, 0, &Rmsg::Read { data: &[] }), [&[41][..], &word(0)].concat());
    // Of another node, which may lie.
    for cut in 1..first {
        let told = rewritten(Shape::Readdir, 0, &Rmsg::Read { data: &data[..cut] });
        assert_eq!(told, [&[7][..], &word(5)].concat(), "a part is an input/output error");
    }
}

#[test]
fn a_large_msize_is_lowered_to_what_programs_buffers_fill() {
    let table = [(0, 0), (4096, 4096), (131_072, 131_072), (131_095, 131_095), (131_096, 131_096)];
    let lowered = [(262_144, 131_096), (262_167, 131_096), (262_168, 262_168), (1 << 20, 524_312)];
    for (offered, given) in table.into_iter().chain(lowered) {
        assert_eq!(fitted(offered), given, "{offered}");
    }
}
