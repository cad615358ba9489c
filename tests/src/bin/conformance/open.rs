//! Files that are opened and made: open(5), and Tlopen, Tmkdir and Tlcreate of Linux.

use crate::subject::Subject;
use crate::talk::{Access, Outcome, Talk};
use crate::walk::remove;
use crate::wire::{Dialect, QTDIR, v};

pub(crate) fn qid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    let (walked, opened) = (talk.qid(fid)?, talk.open(fid, Access::Read)?);
    let want = "open(5): the qid of the file";
    talk.check(opened.qid().path == walked.path, &opened, want)?;
    let iounit = opened.int("iounit");
    let want = "open(5): an iounit of 0, or one that fits a message";
    talk.check(iounit <= u64::from(talk.msize) - 24, format!("iounit {iounit}"), want)
}

pub(crate) fn twice(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Read)?;
    let (name, values) = talk.opening(fid, Access::Read);
    talk.refused(name, &values, "open(5): an open fid cannot be opened")?;
    talk.read(fid, 0, 1).map(|_| ())
}

pub(crate) fn two_fids(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let (one, other) = (talk.reach(&place)?, talk.reach(&place)?);
    talk.open(one, Access::Read)?;
    talk.open(other, Access::Read)?;
    let whole = talk.read_all(one, 4000)?;
    talk.clunk(one)?;
    let same = talk.read_all(other, 4000)?;
    talk.check(whole == same, format!("{} bytes", same.len()), "the same file by another fid, after a clunk")
}

pub(crate) fn directory_for_writing(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for access in [Access::Write, Access::Both] {
        talk.walked(0, 1, &[])?;
        let (name, values) = talk.opening(1, access);
        talk.refused(name, &values, "open(5): a directory is not written")?;
        talk.clunk(1)?;
    }
    Ok(())
}

pub(crate) fn unknown_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (name, values) = talk.opening(77, Access::Read);
    talk.refused(name, &values, "open(5): nobody has that fid").map(|_| ())
}

pub(crate) fn truncates(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    for text in [&b"first text"[..], b"second"] {
        let fid = talk.reach(&place)?;
        talk.open_empty(fid, Access::Both)?;
        talk.write(fid, text)?;
        let got = talk.read_all(fid, 4000)?;
        let shown = String::from_utf8_lossy(&got);
        talk.check(got == text, shown, "open(5): what was there before is gone, what was written is there")?;
        talk.clunk(fid)?;
    }
    Ok(())
}

pub(crate) fn makes_a_directory(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (from, made, again) = (talk.workplace()?, talk.fid(), talk.fid());
    let name = subject.fresh_name();
    let (request, values) = talk.making(from, &name, made)?;
    let qid = talk.done(request, &values, "open(5): a directory is made")?.qid();
    if subject.dialect == Dialect::Plain {
        talk.list(made, 4000)?;
        talk.clunk(made)?;
    }
    let want = "open(5): a directory of that name, with that qid";
    let walked = talk.walked(from, again, &[&name])?[0];
    let is_it = qid.kind & QTDIR != 0 && walked.path == qid.path && walked.kind == qid.kind;
    talk.check(is_it, format!("{walked:?} after {qid:?}"), want)?;
    talk.done("remove", &[v(again)], "remove(5): what was made may be removed")?;
    let gone = talk.walk(from, again, &[&name])?;
    talk.check(gone.is_error(), &gone, "remove(5): it is there no more")
}

pub(crate) fn name_in_use(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (from, copy) = (talk.workplace()?, talk.fid());
    let name = subject.fresh_name();
    talk.mkdir(from, &name).and_then(|fid| talk.clunk(fid))?;
    let (request, values) = talk.making(from, &name, copy)?;
    let answer = talk.call(request, &values)?;
    remove(&mut talk, from, &name)?;
    talk.check(answer.is_error(), &answer, "open(5): a directory whose name is there is not made again")
}

pub(crate) fn bad_names(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let from = talk.workplace()?;
    for name in [".", "..", "", "a/b", "/"] {
        let copy = talk.fid();
        let (request, values) = talk.making(from, name, copy)?;
        let answer = talk.call(request, &values)?;
        let fault = talk.fault(&answer, "open(5): . and .. are not made, and a name has no slash");
        if !answer.is_error() {
            // As far as it can be removed: what is called so is not walked to.
            talk.call("remove", &[v(copy)])?;
            return Err(fault);
        }
    }
    Ok(())
}

pub(crate) fn in_a_file(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let (fid, copy) = (talk.reach(&place)?, talk.fid());
    let (request, values) = talk.making(fid, "x", copy)?;
    talk.refused(request, &values, "open(5): files are made in directories").map(|_| ())
}

/// The request that makes a file in the directory `at`, where the fid then is.
fn making_a_file(subject: &Subject, at: u32, name: &str) -> (&'static str, Vec<crate::wire::Value>) {
    match subject.dialect {
        Dialect::Plain => ("create", vec![v(at), v(name), v(0o644_u32), v(Access::Both as u8)]),
        Dialect::Linux => ("lcreate", vec![v(at), v(name), v(0o302_u32), v(0o100_644_u32), v(0_u32)]),
    }
}

pub(crate) fn makes_a_file_or_not(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (from, copy, again) = (talk.workplace()?, talk.fid(), talk.fid());
    let name = subject.fresh_name();
    talk.walked(from, copy, &[])?;
    let (request, values) = making_a_file(subject, copy, &name);
    let answer = talk.call(request, &values)?;
    let walked = talk.walk(from, again, &[&name])?;
    if answer.is_error() {
        talk.check(walked.is_error(), &walked, "open(5): a file whose making was refused is not there")?;
        return talk.open(copy, Access::Read).map(|_| ());
    }
    talk.check(!walked.is_error(), &walked, "open(5): a file that was made is there")?;
    talk.write(copy, b"new")?;
    let got = talk.read(copy, 0, 100)?;
    talk.done("remove", &[v(again)], "remove(5): what was made may be removed")?;
    talk.check(got == b"new", format!("{got:?}"), "open(5): a file that was made is open")
}

pub(crate) fn with_creation(subject: &Subject) -> Outcome {
    const O_WRONLY_CREAT_LARGEFILE: u32 = 0o100_101;
    const O_APPEND: u32 = 0o2000;
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    for flags in [0o101_u32, O_WRONLY_CREAT_LARGEFILE, O_WRONLY_CREAT_LARGEFILE | O_APPEND] {
        let fid = talk.reach(&place)?;
        let want = "Linux opens for `>` with O_CREAT, also what is there, and for `>>` with O_APPEND";
        talk.done("lopen", &[v(fid), v(flags)], want)?;
        talk.write(fid, b"x")?;
        talk.clunk(fid)?;
    }
    Ok(())
}

pub(crate) fn unknown_flags(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    for flags in [0o304_000_u32, 0o4000, 0o2_304_000] {
        talk.walked(0, 1, &[])?;
        let want = "Linux opens directories with O_NONBLOCK, O_DIRECTORY, O_LARGEFILE, O_CLOEXEC";
        talk.done("lopen", &[v(1_u32), v(flags)], want)?;
        talk.clunk(1)?;
    }
    Ok(())
}
