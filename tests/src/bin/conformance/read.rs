//! What is read, of files and of directories: read(5), and Treaddir of Linux.

use crate::subject::Subject;
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{NOFID, QTDIR, Stat, v};
use std::collections::BTreeSet;

/// A file that is open for reading.
fn open_text(talk: &mut Talk<'_>) -> Outcome<u32> {
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Read)?;
    Ok(fid)
}

/// The root, open for reading.
fn open_root(talk: &mut Talk<'_>) -> Outcome<u32> {
    let fid = talk.fid();
    talk.walked(0, fid, &[])?;
    talk.open(fid, Access::Read)?;
    Ok(fid)
}

pub(crate) fn in_pieces(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_text(&mut talk)?;
    let whole = talk.read_all(fid, 4000)?;
    let pieces = talk.read_all(fid, 97)?;
    talk.check(!whole.is_empty(), "nothing", "a file with something in it")?;
    talk.check(pieces == whole, format!("{} of {} bytes", pieces.len(), whole.len()), "the same, in pieces")
}

pub(crate) fn anywhere(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_text(&mut talk)?;
    let whole = talk.read_all(fid, 4000)?;
    for offset in [10, 3, whole.len() / 2, 3, 0] {
        let some = talk.read(fid, offset as u64, 5)?;
        let want = "read(5): the bytes at the offset";
        talk.check(whole[offset..].starts_with(&some) && !some.is_empty(), format!("{some:?}"), want)?;
    }
    Ok(())
}

pub(crate) fn at_the_end(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_text(&mut talk)?;
    let len = talk.read_all(fid, 4000)?.len() as u64;
    for offset in [len, len + 1, len + 1_000_000] {
        let some = talk.read(fid, offset, 100)?;
        talk.check(some.is_empty(), format!("{} bytes", some.len()), "read(5): at the end, a count of 0")?;
    }
    Ok(())
}

pub(crate) fn of_nothing(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_text(&mut talk)?;
    let some = talk.read(fid, 0, 0)?;
    talk.check(some.is_empty(), format!("{} bytes", some.len()), "a count of 0")
}

pub(crate) fn of_all(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_text(&mut talk)?;
    for count in [talk.msize, 1 << 31, u32::MAX - 24, u32::MAX] {
        // An answer that is larger than the msize is a fault by itself.
        let some = talk.read(fid, 0, count)?;
        talk.check(!some.is_empty(), "nothing", "read(5): as much as fits a message")?;
    }
    Ok(())
}

pub(crate) fn unopened(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    let want = "read(5): the fid is open for reading";
    talk.refused("read", &[v(fid), v(0_u64), v(10_u32)], want).map(|_| ())
}

pub(crate) fn of_write_only(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Write)?;
    let want = "read(5): the fid is open for reading";
    talk.refused("read", &[v(fid), v(0_u64), v(10_u32)], want).map(|_| ())
}

pub(crate) fn unknown_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for fid in [77, NOFID] {
        talk.refused("read", &[v(fid), v(0_u64), v(10_u32)], "read(5): nobody has that fid")?;
    }
    Ok(())
}

pub(crate) fn waits_alone(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.silent("a read that waits")?;
    talk.walked(0, 90, &[])?;
    let text = open_text(&mut talk)?;
    let some = talk.read(text, 0, 10)?;
    talk.check(!some.is_empty(), "nothing", "a read that waits holds up no other request")
}

/// The entries of one read of a directory.
fn stats(talk: &mut Talk<'_>, fid: u32, offset: u64, count: u32) -> Outcome<(usize, Vec<Stat>)> {
    let bytes = talk.read(fid, offset, count)?;
    let (mut rest, mut all) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let want = "read(5): whole entries, each a stat";
        let taken = Stat::take(rest).map_err(|why| talk.fault(why, want))?;
        all.push(taken.0);
        rest = taken.1;
    }
    Ok((bytes.len(), all))
}

pub(crate) fn whole_entries(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let (_, all) = stats(&mut talk, fid, 0, 1 << 20)?;
    talk.check(!all.is_empty(), "nothing", "a directory with something in it")?;
    for count in [200, 333] {
        let mut offset = 0;
        loop {
            let (len, _) = stats(&mut talk, fid, offset, count)?;
            offset += len as u64;
            if len == 0 {
                break;
            }
        }
    }
    Ok(())
}

pub(crate) fn too_small(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let answer = talk.call("read", &[v(fid), v(0_u64), v(20_u32)])?;
    let want = "read(5): no part of an entry: a refusal, or nothing";
    talk.check(answer.is_error() || answer.bytes("data").is_empty(), &answer, want)
}

pub(crate) fn no_seeking(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let want = "read(5): to seek in a directory, other than to its begin, is illegal";
    talk.refused("read", &[v(fid), v(7_u64), v(1000_u32)], want)?;
    stats(&mut talk, fid, 0, 1000)?;
    Ok(())
}

/// What is listed, with a small count and a large one.
pub(crate) fn begins_again(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let (large, small) = (talk.list(fid, 4000)?, talk.list(fid, 200)?);
    let want = "read(5): the same entries, from offset 0 anew and in smaller pieces";
    talk.check(large == small, format!("{} and {} entries", large.len(), small.len()), want)
}

pub(crate) fn names_are_walked(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let all = talk.list(fid, 4000)?;
    for (name, qid) in &all {
        let at = talk.fid();
        let walked = talk.walked(0, at, &[name])?[0];
        let want = "each name leads to a file with the qid that is listed";
        talk.check(walked.path == qid.path && walked.kind == qid.kind, format!("{name}: {walked:?}"), want)?;
        talk.clunk(at)?;
    }
    let names: BTreeSet<&String> = all.iter().map(|(name, _)| name).collect();
    talk.check(names.len() == all.len(), format!("{all:?}"), "a name is listed once")?;
    let paths: BTreeSet<u64> = all.iter().map(|(_, qid)| qid.path).collect();
    talk.check(paths.len() == all.len(), format!("{all:?}"), "intro(5): two files have two paths")
}

pub(crate) fn no_dots(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let all = talk.list(fid, 4000)?;
    let bad =
        all.iter().find(|(name, _)| name.is_empty() || name == "." || name == ".." || name.contains('/'));
    talk.check(bad.is_none(), format!("{bad:?}"), "names of files, neither . nor ..")
}

pub(crate) fn cookies(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let some = talk.dirents(fid, offset, 4000)?;
        let Some(last) = some.last() else { break };
        offset = last.offset;
        all.extend(some);
    }
    talk.check(!all.is_empty(), "nothing", "a directory with something in it")?;
    let offsets: BTreeSet<u64> = all.iter().map(|entry| entry.offset).collect();
    let want = "each entry's offset is its own: one that does not advance loops ls for ever";
    talk.check(offsets.len() == all.len() && !offsets.contains(&0), format!("{offsets:?}"), want)?;
    for (index, entry) in all.iter().enumerate() {
        let rest = talk.dirents(fid, entry.offset, 4000)?;
        let names: Vec<&String> = rest.iter().map(|entry| &entry.name).collect();
        let want = "an entry's offset leads to the one behind it";
        talk.check(rest.first() == all.get(index + 1), format!("{names:?}"), want)?;
    }
    let again = talk.dirents(fid, 0, 4000)?;
    talk.check(all.starts_with(&again), format!("{} entries", again.len()), "offset 0 begins anew")
}

pub(crate) fn whole_dirents(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    for count in (0..100).chain([200, 301]) {
        // A part of an entry is a fault by itself; nothing or a refusal is right where none has room.
        let answer = talk.call("readdir", &[v(fid), v(0_u64), v(count as u32)])?;
        if !answer.is_error() {
            talk.dirents(fid, 0, count as u32)?;
        }
    }
    Ok(())
}

pub(crate) fn types_of_entries(subject: &Subject) -> Outcome {
    const DT_UNKNOWN: u8 = 0;
    const DT_DIR: u8 = 4;
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    for entry in talk.dirents(fid, 0, 4000)? {
        let is_dir = entry.qid.kind & QTDIR != 0;
        let fits = entry.kind == DT_UNKNOWN || (entry.kind == DT_DIR) == is_dir;
        let want = "getdents(2): the type of the file, or 0";
        talk.check(fits, format!("{}: type {}, qid {:?}", entry.name, entry.kind, entry.qid), want)?;
    }
    Ok(())
}

pub(crate) fn end_stays(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let (mut offset, mut ends) = (0, 0);
    while ends < 3 {
        match talk.dirents(fid, offset, 4000)?.last() {
            Some(last) => {
                talk.check(ends == 0, &last.name, "ls asks at the end again: nothing, again")?;
                offset = last.offset;
            }
            None => ends += 1,
        }
    }
    Ok(())
}

pub(crate) fn readdir_of_others(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_text(&mut talk)?;
    let want = "readdir(3): of an open directory";
    talk.refused("readdir", &[v(fid), v(0_u64), v(1000_u32)], want)?;
    talk.walked(0, 90, &[])?;
    talk.refused("readdir", &[v(90_u32), v(0_u64), v(1000_u32)], want).map(|_| ())
}

pub(crate) fn of_a_directory(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = open_root(&mut talk)?;
    let want = "read(2): EISDIR: directories are read by Treaddir";
    talk.refused("read", &[v(fid), v(0_u64), v(1000_u32)], want).map(|_| ())
}
