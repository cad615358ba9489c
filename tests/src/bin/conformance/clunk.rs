//! Fids that go: clunk(5) and remove(5).

use crate::subject::Subject;
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{NOFID, v};

pub(crate) fn frees(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    talk.open(1, Access::Read)?;
    talk.clunk(1)?;
    talk.is_gone(1, "clunk(5): the fid is gone")?;
    talk.walked(0, 1, &[])?;
    talk.open(1, Access::Read).map(|_| ())
}

pub(crate) fn unknown(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for fid in [77, NOFID] {
        talk.is_gone(fid, "clunk(5): nobody has that fid; Linux asks so after a walk that went half way")?;
    }
    talk.qid(0).map(|_| ())
}

pub(crate) fn leaves_others(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    talk.walked(1, 2, &[])?;
    talk.clunk(1)?;
    talk.clunk(0)?;
    talk.open(2, Access::Read)?;
    talk.list(2, 4000).map(|_| ())
}

pub(crate) fn while_a_read_waits(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.silent("a read that waits")?;
    talk.ask(8, "clunk", &[v(fid)]);
    talk.ask(9, "walk", &[v(0_u32), v(fid), v(&[][..] as &[&str])]);
    let want = "clunk(5): an Rclunk, at once, and a free fid; of the read one answer or none";
    let mut tags = Vec::new();
    while !(tags.contains(&8) && tags.contains(&9)) {
        let answer = talk.answer(want)?;
        let is_done = answer.tag == 7 || !answer.is_error();
        let is_first = (7..=9).contains(&answer.tag) && !tags.contains(&answer.tag);
        talk.check(is_done && is_first, format!("{answer} tag={}", answer.tag), want)?;
        tags.push(answer.tag);
    }
    Ok(())
}

pub(crate) fn removal_refused(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    talk.refused("remove", &[v(1_u32)], "remove(5): the root, which is not empty, stays")?;
    talk.is_gone(1, "remove(5): the fid is gone, even when the removal is refused")?;
    talk.qid(0).map(|_| ())
}

pub(crate) fn removal(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (from, again) = (talk.workplace()?, talk.fid());
    let name = subject.fresh_name();
    let fid = talk.mkdir(from, &name)?;
    talk.done("remove", &[v(fid)], "remove(5): what was made may be removed")?;
    talk.is_gone(fid, "remove(5): the fid is gone with the file")?;
    let gone = talk.walk(from, again, &[&name])?;
    talk.check(gone.is_error(), &gone, "remove(5): it is there no more")
}

pub(crate) fn removal_unknown(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.refused("remove", &[v(77_u32)], "remove(5): nobody has that fid").map(|_| ())
}
