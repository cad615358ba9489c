//! How a conversation begins: version(5), attach(5), and the Linux client's own attach.

use crate::subject::{Halt, Subject};
use crate::talk::{Access, Outcome, Talk};
use crate::wire::{NOFID, NOTAG, QTDIR, v};

/// Asks for a version and takes what comes.
fn ask_version(talk: &mut Talk<'_>, msize: u32, version: &str, want: &str) -> Outcome<(u64, String)> {
    talk.ask(NOTAG, "version", &[v(msize), v(version)]);
    let answer = talk.answer(want)?;
    talk.check(answer.name == "version" && answer.tag == NOTAG, &answer, want)?;
    Ok((answer.int("msize"), answer.text("version").to_owned()))
}

pub(crate) fn version_agreed(subject: &Subject) -> Outcome {
    Talk::greeted(subject).map(|_| ())
}

pub(crate) fn version_small(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached_with(subject, 4096)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Read)?;
    // What is larger than was agreed on is a fault by itself.
    let data = talk.read(fid, 0, talk.msize - 24)?;
    talk.check(!data.is_empty(), "nothing", "version(5): a server lives with a small msize")
}

pub(crate) fn version_large(subject: &Subject) -> Outcome {
    let mut talk = Talk::dial(subject)?;
    let want = "version(5): the server's own msize, which Linux takes from 4096 on";
    let (msize, version) = ask_version(&mut talk, u32::MAX, subject.dialect.name(), want)?;
    let fits = (4096..u64::from(u32::MAX)).contains(&msize) && version == subject.dialect.name();
    talk.check(fits, format!("msize {msize} version {version}"), want)
}

pub(crate) fn version_unknown(subject: &Subject) -> Outcome {
    let mut talk = Talk::dial(subject)?;
    let want = "version(5): an Rversion that says 'unknown', no Rerror";
    let (_, version) = ask_version(&mut talk, subject.msize, "8P1999", want)?;
    talk.check(version == "unknown", version, want)
}

pub(crate) fn version_suffix(subject: &Subject) -> Outcome {
    let mut talk = Talk::dial(subject)?;
    let want = "version(5): what follows a period may be cut off, or the whole is 'unknown'";
    let (_, version) = ask_version(&mut talk, subject.msize, "9P2000.conformance", want)?;
    talk.check(version == "9P2000" || version == "unknown", version, want)
}

pub(crate) fn version_again_clunks(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.greet(subject.msize)?;
    talk.is_gone(0, "version(5): a Tversion ends the session, all its fids are gone")
}

pub(crate) fn version_again_aborts(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let fid = talk.waiting()?;
    talk.ask(7, "read", &[v(fid), v(0_u64), v(100_u32)]);
    talk.silent("a read that waits")?;
    talk.greet(subject.msize)?;
    talk.silent("version(5): what waited before a Tversion is aborted, and not answered")?;
    let attach = talk.attaching(0);
    talk.done("attach", &attach, "a session that begins anew").map(|_| ())
}

pub(crate) fn attach_root(subject: &Subject) -> Outcome {
    let mut talk = Talk::greeted(subject)?;
    let attach = talk.attaching(0);
    let want = "attach(5): the qid of a directory";
    let answer = talk.done("attach", &attach, want)?;
    talk.check(answer.qid().kind & QTDIR != 0, format!("qid type {:#x}", answer.qid().kind), want)?;
    let qid = talk.qid(0)?;
    talk.check(qid == answer.qid(), format!("{qid:?}"), "the same qid as the attach had")
}

pub(crate) fn attach_twice(subject: &Subject) -> Outcome {
    if !subject.below.is_empty() {
        return Err(Halt::Skip("the root itself: no --below"));
    }
    let mut talk = Talk::attached(subject)?;
    let attach = talk.attaching(1);
    let qid = talk.done("attach", &attach, "attach(5): a further fid for the root")?.qid();
    let first = talk.qid(0)?;
    talk.check(first.path == qid.path, format!("{qid:?}"), "the root's qid, again")?;
    talk.clunk(0)?;
    talk.qid(1).map(|_| ())
}

pub(crate) fn attach_fid_in_use(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let attach = talk.attaching(0);
    talk.refused("attach", &attach, "attach(5): a fid that is in use is refused")?;
    talk.qid(0).map(|_| ())
}

pub(crate) fn attach_number(subject: &Subject) -> Outcome {
    let mut talk = Talk::greeted(subject)?;
    // SAFETY: getuid cannot fail and takes no pointer.
    let uid = unsafe { libc::getuid() };
    let values = [v(0_u32), v(NOFID), v(""), v(subject.aname.as_str()), v(uid)];
    let want = "Linux attaches each user by number alone, with an empty name";
    talk.done("attach", &values, want)?;
    talk.qid(0).map(|_| ())
}

pub(crate) fn auth_answered(subject: &Subject) -> Outcome {
    let mut talk = Talk::greeted(subject)?;
    let mut values = talk.attaching(1);
    values.remove(1);
    let answer = talk.call("auth", &values)?;
    let want = "attach(5): a refusal where none is needed, or the qid of an authentication file";
    talk.check(answer.is_error() || answer.qid().kind & 0x08 != 0, &answer, want)?;
    if answer.is_error() {
        let attach = talk.attaching(1);
        talk.done("attach", &attach, "a refused afid is free")?;
    }
    Ok(())
}
