//! What is written, write(5), and what is given up, flush(5).

use crate::subject::Subject;
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{Dialect, NOFID, v};

pub(crate) fn is_read_back(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open_empty(fid, Access::Both)?;
    let text = "what was written, in a few words\n".repeat(30);
    talk.write(fid, text.as_bytes())?;
    let got = talk.read_all(fid, 4000)?;
    let shown = format!("{} of {} bytes", got.len(), text.len());
    talk.check(got == text.as_bytes(), shown, "write(5): what was written is there")
}

pub(crate) fn of_nothing(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open_empty(fid, Access::Both)?;
    let want = "write(5): a count of 0";
    let answer = talk.done("write", &[v(fid), v(0_u64), v(&b""[..])], want)?;
    talk.check(answer.int("count") == 0, &answer, want)
}

pub(crate) fn of_a_whole_message(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open_empty(fid, Access::Both)?;
    // size[4] Twrite tag[2] fid[4] offset[8] count[4]: 23 bytes.
    let data = vec![b'x'; talk.msize as usize - 23];
    let want = "version(5): a message may be as large as the msize";
    let answer = talk.done("write", &[v(fid), v(0_u64), v(&data[..])], want)?;
    let fits = (1..=data.len() as u64).contains(&answer.int("count"));
    talk.check(fits, &answer, "write(5): a count of at most what was sent")
}

pub(crate) fn unopened(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    let want = "write(5): the fid is open for writing";
    talk.refused("write", &[v(fid), v(0_u64), v(&b"x"[..])], want).map(|_| ())
}

pub(crate) fn of_read_only(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Read)?;
    let want = "write(5): the fid is open for writing";
    talk.refused("write", &[v(fid), v(0_u64), v(&b"x"[..])], want).map(|_| ())
}

pub(crate) fn of_a_directory(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    talk.open(1, Access::Read)?;
    let want = "write(5): a directory is not written";
    talk.refused("write", &[v(1_u32), v(0_u64), v(&b"x"[..])], want).map(|_| ())
}

pub(crate) fn unknown_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for fid in [77, NOFID] {
        talk.refused("write", &[v(fid), v(0_u64), v(&b"x"[..])], "write(5): nobody has that fid")?;
    }
    Ok(())
}

pub(crate) fn refused_leaves_the_file(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let (one, other) = (talk.reach(&place)?, talk.reach(&place)?);
    talk.open_empty(one, Access::Both)?;
    talk.write(one, b"kept")?;
    talk.open(other, Access::Read)?;
    talk.refused("write", &[v(other), v(0_u64), v(&b"lost"[..])], "write(5): open for reading alone")?;
    let got = talk.read(other, 0, 100)?;
    talk.check(got == b"kept", String::from_utf8_lossy(&got), "what was refused has changed nothing")
}

/// Flushes, and takes answers until that of the flush: how many others came before it.
fn flush(talk: &mut Talk<'_>, tag: u16, oldtag: u16) -> Outcome<usize> {
    talk.ask(tag, "flush", &[v(oldtag)]);
    let want = "flush(5): an Rflush, whatever became of the request";
    for before in 0..3 {
        let answer = talk.answer(want)?;
        if answer.tag == tag {
            talk.check(answer.name == "flush", &answer, want)?;
            return Ok(before);
        }
        talk.check(answer.tag == oldtag, format!("{answer} tag={}", answer.tag), want)?;
    }
    Err(talk.fault("several answers to one request", want))
}

pub(crate) fn of_nobody(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for oldtag in [9, 0xfffe, 0] {
        let before = flush(&mut talk, 5, oldtag)?;
        talk.check(before == 0, "an answer to nothing", "flush(5): an Rflush alone")?;
    }
    talk.qid(0).map(|_| ())
}

pub(crate) fn of_what_is_answered(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (stat, values) = match subject.dialect {
        Dialect::Plain => ("stat", vec![v(0_u32)]),
        Dialect::Linux => ("getattr", vec![v(0_u32), v(0x7ff_u64)]),
    };
    talk.ask(4, stat, &values);
    let before = flush(&mut talk, 5, 4)?;
    talk.check(before <= 1, "two answers", "flush(5): at most one answer, before the Rflush")?;
    talk.silent("flush(5): no answer to a request comes after its Rflush")
}

pub(crate) fn of_a_read(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.silent("a read that waits")?;
    let before = flush(&mut talk, 5, 7)?;
    talk.check(before <= 1, "two answers", "flush(5): at most one answer, before the Rflush")?;
    talk.silent("flush(5): no answer to a request comes after its Rflush")?;
    // The tag is free, and the fid as it was.
    talk.ask(7, "clunk", &[v(fid)]);
    let answer = talk.answer("flush(5): the tag may be used again")?;
    let fits = answer.tag == 7 && answer.name == "clunk";
    talk.check(fits, &answer, "flush(5): the tag may be used again")
}

pub(crate) fn twice(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.ask(8, "flush", &[v(7_u16)]);
    talk.ask(9, "flush", &[v(7_u16)]);
    let want = "flush(5): each Tflush of one request is answered, in their order";
    let mut tags = Vec::new();
    while tags.last() != Some(&9) {
        let answer = talk.answer(want)?;
        talk.check(answer.tag == 7 || answer.name == "flush", &answer, want)?;
        tags.push(answer.tag);
    }
    tags.retain(|tag| *tag != 7);
    talk.check(tags == [8, 9], format!("answers to {tags:?}"), want)?;
    talk.silent("flush(5): no answer to a request comes after its Rflush")
}

pub(crate) fn of_one_of_two(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.ask(8, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.silent("two reads that wait")?;
    flush(&mut talk, 5, 7)?;
    talk.silent("flush(5): the other read waits as before")?;
    flush(&mut talk, 5, 8).map(|_| ())
}
