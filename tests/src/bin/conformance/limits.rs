//! Refusals, bounds, and bytes that are no message: error(5), intro(5).

use crate::subject::{Halt, Subject};
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{self, Answer, Dialect, NOFID, NOTAG, message, number, v};
use std::collections::BTreeSet;

/// How Linux names ENOENT and EBADF in 9P2000, of the strings that its client knows.
const NOT_FOUND: [&str; 5] = [
    "No such file or directory",
    "file not found",
    "file does not exist",
    "directory entry not found",
    "entry not found",
];
const BAD_FID: [&str; 5] = [
    "fid unknown or out of range",
    "bad use of fid",
    "unknown fid",
    "fid already in use",
    "Bad file descriptor",
];

/// The text or number of a refusal is one of these.
fn check_refusal(talk: &Talk<'_>, answer: &Answer, texts: &[&str], errno: u64, want: &str) -> Outcome {
    let fits = match talk.subject.dialect {
        Dialect::Plain => texts.contains(&answer.text("ename")),
        Dialect::Linux => answer.int("ecode") == errno,
    };
    talk.check(fits, answer, want)
}

pub(crate) fn not_found(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "ENOENT, or one of the texts that Linux knows for it: others become errno 526";
    let answer = talk.refused("walk", &[v(0_u32), v(1_u32), v(&["no-such-file"][..])], want)?;
    check_refusal(&talk, &answer, &NOT_FOUND, 2, want)
}

pub(crate) fn bad_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "EBADF, or one of the texts that Linux knows for it: others become errno 526";
    let answer = talk.refused("clunk", &[v(77_u32)], want)?;
    check_refusal(&talk, &answer, &BAD_FID, 9, want)
}

pub(crate) fn fit_linux(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    let (open, values) = talk.opening(1, Access::Write);
    let long = "x".repeat(3000);
    let refusals = [
        talk.refused(open, &values, "a refusal")?,
        talk.refused("walk", &[v(0_u32), v(2_u32), v(&[long.as_str()][..])], "a refusal")?,
        talk.refused("read", &[v(1_u32), v(0_u64), v(1_u32)], "a refusal")?,
        talk.refused("write", &[v(1_u32), v(0_u64), v(&b"x"[..])], "a refusal")?,
        talk.refused("clunk", &[v(NOFID)], "a refusal")?,
    ];
    for answer in refusals {
        let fits = match subject.dialect {
            Dialect::Plain => (1..=126).contains(&answer.text("ename").len()),
            Dialect::Linux => (1..=4095).contains(&answer.int("ecode")),
        };
        talk.check(fits, &answer, "Linux takes a text of 1 to 126 bytes, or an errno from 1 to 4095")?;
    }
    Ok(())
}

pub(crate) fn many_fids(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for fid in 1..=200 {
        let answer = talk.walk(0, fid, &[])?;
        if answer.is_error() {
            talk.check(fid > 32, &answer, "at least 32 fids at once")?;
            break;
        }
    }
    talk.qid(1)?;
    talk.clunk(1)?;
    talk.walked(0, 1, &[]).map(|_| ())
}

pub(crate) fn ends_of_numbers(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.ask(0xfffe, "walk", &[v(0_u32), v(0xffff_fffe_u32), v(&[][..] as &[&str])]);
    let want = "intro(5): tags and fids are any numbers but NOTAG and NOFID";
    let answer = talk.answer(want)?;
    talk.check(answer.tag == 0xfffe && !answer.is_error(), &answer, want)?;
    talk.qid(0xffff_fffe)?;
    talk.clunk(0xffff_fffe)
}

pub(crate) fn many_tags(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "intro(5): each request is answered once, in any order";
    for tag in 0..32 {
        talk.ask(tag, "walk", &[v(0_u32), v(100 + u32::from(tag)), v(&[][..] as &[&str])]);
    }
    let mut tags = BTreeSet::new();
    for _ in 0..32 {
        let answer = talk.answer(want)?;
        let is_new = tags.insert(answer.tag) && answer.tag < 32 && !answer.is_error();
        talk.check(is_new, format!("{answer} tag={}", answer.tag), want)?;
    }
    Ok(())
}

pub(crate) fn in_pieces(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let values = [v(0_u32), v(1_u32), v(&[".."][..])];
    let (bytes, told) = wire::request(subject.dialect, 1, "walk", &values);
    for byte in bytes.chunks(1) {
        talk.send(byte, &format!("{told}, byte by byte"));
    }
    let answer = talk.answer("a message may come in pieces")?;
    talk.check(!answer.is_error(), &answer, "a message may come in pieces")
}

pub(crate) fn back_to_back(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let walk = |tag: u16| {
        let values = [v(0_u32), v(u32::from(tag)), v(&[][..] as &[&str])];
        wire::request(subject.dialect, tag, "walk", &values).0
    };
    let all = (1..=20).map(walk).collect::<Vec<_>>().concat();
    talk.send(&all, "20 walks in one piece");
    for _ in 1..=20 {
        let answer = talk.answer("messages may come together")?;
        talk.check(!answer.is_error(), &answer, "messages may come together")?;
    }
    Ok(())
}

/// Bytes that are no message cost a refusal or the link, and nobody else anything.
fn spoiled(subject: &Subject, bytes: &[u8], told: &str) -> Outcome {
    let mut other = Talk::attached(subject)?;
    let mut talk = Talk::attached(subject)?;
    talk.send(bytes, told);
    let want = "a refusal, or the end of the link";
    if let Some(answer) = talk.next(want)? {
        talk.check(answer.is_error(), &answer, want)?;
    }
    let alive = other.qid(0).and_then(|_| Talk::attached(subject).map(|_| ()));
    alive.map_err(|halt| match halt {
        Halt::Fault { came, .. } => talk.fault(format!("on another link: {came}"), "others go on as before"),
        skip => skip,
    })
}

pub(crate) fn sizes(subject: &Subject) -> Outcome {
    for size in [0_u32, 1, 6] {
        let bytes = [&size.to_le_bytes()[..], &[120, 1, 0, 0, 0, 0, 0]].concat();
        spoiled(subject, &bytes, &format!("a size of {size}"))?;
    }
    Ok(())
}

pub(crate) fn too_large(subject: &Subject) -> Outcome {
    for size in [subject.msize + 1, u32::MAX] {
        let mut bytes = [&size.to_le_bytes()[..], &[118, 1, 0]].concat();
        // All of it, where it is not far too large: a server that reads first is not stuck.
        bytes.resize((size as usize).min(subject.msize as usize + 1), 0);
        spoiled(subject, &bytes, &format!("a size of {size}, msize {}", subject.msize))?;
    }
    Ok(())
}

pub(crate) fn types(subject: &Subject) -> Outcome {
    for kind in [0_u8, 3, 99, 106, 200, 255] {
        spoiled(subject, &message(kind, 1, &[0; 4]), &format!("type {kind}"))?;
    }
    Ok(())
}

pub(crate) fn answers(subject: &Subject) -> Outcome {
    for name in ["version", "clunk", "read"] {
        let kind = number(subject.dialect, name) + 1;
        spoiled(subject, &message(kind, 1, &[0; 4]), &format!("an R{name}"))?;
    }
    Ok(())
}

pub(crate) fn short(subject: &Subject) -> Outcome {
    for name in ["attach", "walk", "read", "write", "clunk"] {
        spoiled(subject, &message(number(subject.dialect, name), 1, &[0; 3]), &format!("half a T{name}"))?;
    }
    Ok(())
}

pub(crate) fn trailing(subject: &Subject) -> Outcome {
    let bytes = message(number(subject.dialect, "clunk"), 1, &[0; 5]);
    spoiled(subject, &bytes, "a Tclunk with a byte too many")
}

/// A walk from fid 0 to fid 1 with `nwname` as said and these bytes as names.
fn walk_of(subject: &Subject, nwname: u16, names: &[u8]) -> Vec<u8> {
    let fids = [0, 0, 0, 0, 1, 0, 0, 0];
    message(number(subject.dialect, "walk"), 1, &[&fids[..], &nwname.to_le_bytes(), names].concat())
}

pub(crate) fn strings(subject: &Subject) -> Outcome {
    spoiled(subject, &walk_of(subject, 1, b"\x05\0abc"), "a string that ends behind its message")?;
    spoiled(subject, &walk_of(subject, 2, b"\x02\0.."), "two names of which one is there")?;
    spoiled(subject, &walk_of(subject, 0xffff, b"\x02\0.."), "65,535 names of which one is there")?;
    spoiled(subject, &walk_of(subject, 1, b"\x02\0.\0"), "a name with NUL")?;
    spoiled(subject, &walk_of(subject, 1, b"\x02\0\xc3\x28"), "a name that is no UTF-8")
}

pub(crate) fn write_count(subject: &Subject) -> Outcome {
    for count in [4_u32, u32::MAX, u32::MAX - 24] {
        let body = [&[0; 12][..], &count.to_le_bytes(), b"abc"].concat();
        let bytes = message(number(subject.dialect, "write"), 1, &body);
        spoiled(subject, &bytes, &format!("a Twrite of {count} bytes with 3"))?;
    }
    Ok(())
}

pub(crate) fn no_tag(subject: &Subject) -> Outcome {
    let bytes = message(number(subject.dialect, "clunk"), NOTAG, &[0; 4]);
    spoiled(subject, &bytes, "a Tclunk with NOTAG")
}

pub(crate) fn before_version(subject: &Subject) -> Outcome {
    let mut talk = Talk::dial(subject)?;
    let attach = talk.attaching(0);
    talk.ask(1, "attach", &attach);
    let want = "version(5): a Tversion is the first message: a refusal, or the end of the link";
    match talk.next(want)? {
        None => Ok(()),
        Some(answer) => talk.check(answer.is_error(), &answer, want),
    }
}

pub(crate) fn tag_in_use(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.silent("a read that waits")?;
    talk.ask(7, "walk", &[v(0_u32), v(70_u32), v(&[][..] as &[&str])]);
    let want = "intro(5): a tag is not in use: a refusal, or the end of the link";
    if let Some(answer) = talk.next(want)? {
        talk.check(answer.is_error(), &answer, want)?;
    }
    Talk::attached(subject).map(|_| ())
}

pub(crate) fn half_and_gone(subject: &Subject) -> Outcome {
    let mut other = Talk::attached(subject)?;
    let values = [v(0_u32), v(1_u32), v(&[".."][..])];
    let (bytes, _) = wire::request(subject.dialect, 1, "walk", &values);
    for len in [1, 4, 7, bytes.len() - 1] {
        let mut talk = Talk::attached(subject)?;
        talk.send(&bytes[..len], &format!("{len} bytes of a Twalk, then the end"));
    }
    other.qid(0).map(|_| ())
}
