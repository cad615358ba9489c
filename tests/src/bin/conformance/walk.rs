//! Steps from file to file: walk(5), and what Linux does beyond it.

use crate::subject::{Halt, Subject};
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{NOFID, QTDIR, v};

/// A name that no directory has.
const NOBODY: &str = "no-such-file-of-any-server";

pub(crate) fn copies(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    let (root, copy) = (talk.qid(0)?, talk.qid(1)?);
    talk.check(root == copy, format!("{copy:?}"), "walk(5): no names make a copy of the fid")
}

pub(crate) fn qids(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.fid();
    let qids = talk.walked(place.from, fid, &place.names())?;
    let (last, own) = (qids[qids.len() - 1], talk.qid(fid)?);
    talk.check(last == own, format!("{last:?}"), "walk(5): the last qid is that of the fid")?;
    let is_dir = last.kind & QTDIR != 0;
    talk.check(!is_dir, format!("type {:#x}", last.kind), "the type of a file that is no directory")
}

pub(crate) fn first_unknown(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "walk(5): the first name fails: a refusal";
    talk.refused("walk", &[v(0_u32), v(1_u32), v(&[NOBODY][..])], want)?;
    talk.refused("walk", &[v(0_u32), v(1_u32), v(&[NOBODY, "x"][..])], want)?;
    talk.is_gone(1, "walk(5): a walk that fails makes no fid")
}

pub(crate) fn later_unknown(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (from, fid) = (talk.workplace()?, talk.fid());
    let name = subject.fresh_name();
    talk.mkdir(from, &name).and_then(|fid| talk.clunk(fid))?;
    let answer = talk.walk(from, fid, &[&name, NOBODY]);
    remove(&mut talk, from, &name)?;
    let (answer, want) = (answer?, "walk(5): the qids up to the name that fails, and no fid");
    talk.check(!answer.is_error() && answer.qids().len() == 1, &answer, want)?;
    talk.is_gone(fid, want)
}

/// Removes a directory that a row has made.
pub(crate) fn remove(talk: &mut Talk<'_>, from: u32, name: &str) -> Outcome {
    let fid = talk.fid();
    talk.walked(from, fid, &[name])?;
    talk.done("remove", &[v(fid)], "remove(5): what was made may be removed").map(|_| ())
}

pub(crate) fn dotdot_of_the_root(subject: &Subject) -> Outcome {
    if !subject.below.is_empty() {
        return Err(Halt::Skip("the root itself: no --below"));
    }
    let mut talk = Talk::attached(subject)?;
    let qids = talk.walked(0, 1, &["..", ".."])?;
    let root = talk.qid(0)?;
    talk.check(qids == [root; 2], format!("{qids:?}"), "walk(5): .. of the root is the root")
}

pub(crate) fn dotdot(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (from, fid) = (talk.workplace()?, talk.fid());
    let name = subject.fresh_name();
    talk.mkdir(from, &name).and_then(|fid| talk.clunk(fid))?;
    let qids = talk.walked(from, fid, &[&name, "..", &name]);
    let up = talk.qid(from)?;
    remove(&mut talk, from, &name)?;
    let qids = qids?;
    let fits = qids[1].path == up.path && qids[0] == qids[2] && qids[0].path != up.path;
    talk.check(fits, format!("{qids:?}"), "walk(5): down, up and down again")
}

pub(crate) fn moves(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.fid();
    talk.walked(place.from, fid, &[])?;
    let before = talk.qid(fid)?;
    let want = "walk(5): a walk that fails leaves its fid where it was";
    talk.refused("walk", &[v(fid), v(fid), v(&[NOBODY][..])], want)?;
    let stayed = talk.qid(fid)?;
    talk.check(stayed == before, format!("{stayed:?}"), want)?;
    let qids = talk.walked(fid, fid, &place.names())?;
    let moved = talk.qid(fid)?;
    talk.check(Some(&moved) == qids.last(), format!("{moved:?}"), "walk(5): newfid may be fid, which moves")
}

pub(crate) fn newfid_in_use(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    let want = "walk(5): a newfid that is in use is refused";
    talk.refused("walk", &[v(0_u32), v(1_u32), v(&[][..] as &[&str])], want)?;
    talk.qid(1).map(|_| ())
}

pub(crate) fn unknown_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "walk(5): fid is in use by the session";
    talk.refused("walk", &[v(77_u32), v(78_u32), v(&[".."][..])], want)?;
    talk.is_gone(78, "walk(5): a walk that fails makes no fid")
}

pub(crate) fn nofid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "intro(5): NOFID stands for no fid, and names none";
    talk.refused("walk", &[v(0_u32), v(NOFID), v(&[][..] as &[&str])], want).map(|_| ())
}

pub(crate) fn sixteen(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[".."; 16]).map(|_| ())
}

pub(crate) fn seventeen(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.ask(1, "walk", &[v(0_u32), v(1_u32), v(&[".."; 17][..])]);
    let want = "walk(5): at most 16 names: a refusal, or the end of the link";
    match talk.next(want)? {
        None => Ok(()),
        Some(answer) => talk.check(answer.is_error(), &answer, want),
    }
}

pub(crate) fn from_open(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    talk.open(1, Access::Read)?;
    let want = "Linux walks from open directories since 5.10, beyond walk(5)";
    talk.done("walk", &[v(1_u32), v(2_u32), v(&[][..] as &[&str])], want)?;
    talk.open(2, Access::Read)?;
    talk.list(1, 4000).map(|_| ())
}

pub(crate) fn open_stays(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Read)?;
    let want = "walk(5): an open fid does not move";
    talk.refused("walk", &[v(fid), v(fid), v(&[".."][..])], want)?;
    talk.read(fid, 0, 1).map(|_| ())
}

pub(crate) fn through_a_file(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    let want = "walk(5): names lead down from directories alone";
    talk.refused("walk", &[v(fid), v(90_u32), v(&["x"][..])], want).map(|_| ())
}

pub(crate) fn bad_names(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let long = "x".repeat(1000);
    for name in ["", "/", "a/b", "../..", &long] {
        let want = "intro(5): a name is one element of a path, and this is none that is there";
        talk.refused("walk", &[v(0_u32), v(1_u32), v(&[name][..])], want)?;
    }
    Ok(())
}
