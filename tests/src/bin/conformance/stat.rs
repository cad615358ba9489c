//! Attributes: stat(5) and wstat(5), Tgetattr, Tsetattr and what else Linux asks of a file.

use crate::subject::Subject;
use crate::talk::{Access, Outcome, Talk, setting};
use crate::walk::remove;
use crate::wire::{DMDIR, QTDIR, Stat, v};

/// Errors by which Linux takes an operation for one that there is not: EPERM, EACCES, EROFS, EOPNOTSUPP.
const NOT_HAD: [u64; 4] = [1, 13, 30, 95];

pub(crate) fn of_a_file(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.fid();
    let qids = talk.walked(place.from, fid, &place.names())?;
    let stat = talk.stat(fid)?;
    let fits = Some(&stat.name) == place.names.last() && Some(&stat.qid) == qids.last();
    talk.check(fits, format!("{stat:?}"), "stat(5): the last name of the path, and the qid of the walk")?;
    talk.check(stat.mode & DMDIR == 0, format!("mode {:#o}", stat.mode), "stat(5): no directory's mode")
}

pub(crate) fn of_the_root(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let stat = talk.stat(0)?;
    let is_dir = stat.mode & DMDIR != 0 && stat.qid.kind == (stat.mode >> 24) as u8;
    let shown = format!("mode {:#o}, qid type {:#x}", stat.mode, stat.qid.kind);
    talk.check(is_dir, shown, "stat(5): a directory, its qid's type the high bits of its mode")?;
    talk.check(stat.length == 0, format!("length {}", stat.length), "stat(5): directories have a length of 0")
}

pub(crate) fn of_an_entry(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.walked(0, 1, &[])?;
    talk.open(1, Access::Read)?;
    let bytes = talk.read_all(1, 4000)?;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (entry, more) = Stat::take(rest).map_err(|why| talk.fault(why, "read(5): whole stats"))?;
        rest = more;
        talk.walked(0, 2, &[&entry.name])?;
        let own = talk.stat(2)?;
        let is_same = (own.mode, own.qid, &own.name) == (entry.mode, entry.qid, &entry.name);
        talk.check(is_same, format!("{own:?}"), "read(5): an entry is what stat says of the file")?;
        talk.clunk(2)?;
    }
    Ok(())
}

pub(crate) fn unknown_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.refused("stat", &[v(77_u32)], "stat(5): nobody has that fid")?;
    let change = Stat::change("", None);
    talk.refused("wstat", &[v(77_u32), v(&change[..])], "stat(5): nobody has that fid").map(|_| ())
}

pub(crate) fn wstat_of_nothing(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    let before = talk.stat(fid)?;
    let change = Stat::change("", None);
    talk.done("wstat", &[v(fid), v(&change[..])], "stat(5): no change is asked for: an fsync")?;
    let after = talk.stat(fid)?;
    talk.check(before == after, format!("{after:?}"), "stat(5): ones and empty strings change nothing")
}

pub(crate) fn wstat_truncates(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Both)?;
    talk.write(fid, b"something")?;
    let change = Stat::change("", Some(0));
    let want = "Linux truncates by a length of 0: refused, every `>` of a shell fails";
    talk.done("wstat", &[v(fid), v(&change[..])], want)?;
    let left = talk.read_all(fid, 4000)?;
    talk.check(left.is_empty(), format!("{} bytes", left.len()), "stat(5): nothing is left")
}

pub(crate) fn wstat_bad_name(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    for name in ["a/b", "..", "/"] {
        let change = Stat::change(name, None);
        let want = "stat(5): a new name is one element of a path";
        talk.refused("wstat", &[v(fid), v(&change[..])], want)?;
    }
    Ok(())
}

pub(crate) fn wstat_broken(subject: &Subject) -> Outcome {
    for len in [0, 1, 48] {
        let mut talk = Talk::attached(subject)?;
        let change = Stat::change("", None);
        talk.ask(1, "wstat", &[v(0_u32), v(&change[..len])]);
        let want = "stat(5): a whole stat: a refusal, or the end of the link";
        if let Some(answer) = talk.next(want)? {
            talk.check(answer.is_error(), &answer, want)?;
        }
    }
    Ok(())
}

const BASIC: u64 = 0x7ff;

pub(crate) fn attributes(subject: &Subject) -> Outcome {
    const S_IFMT: u64 = 0o170_000;
    const S_IFDIR: u64 = 0o040_000;
    const S_IFREG: u64 = 0o100_000;
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    // What the kernels 6.1 to 7.2 ask for.
    for mask in [BASIC, 0x17ff, 0x3fff] {
        for (fid, kind) in [(0, S_IFDIR), (fid, S_IFREG)] {
            let want = "Tgetattr: all of the basic attributes, 0x7ff, are valid";
            let answer = talk.done("getattr", &[v(fid), v(mask)], want)?;
            let valid = answer.int("valid");
            talk.check(valid & BASIC == BASIC, format!("valid {valid:#x}"), want)?;
            let mode = answer.int("mode");
            let fits = mode & S_IFMT == kind && (answer.qid().kind & QTDIR != 0) == (kind == S_IFDIR);
            let shown = format!("mode {mode:#o}, qid type {:#x}", answer.qid().kind);
            talk.check(fits, shown, "Tgetattr: the file's type, in its mode as in its qid")?;
            let links = answer.int("nlink");
            talk.check(links > 0, format!("nlink {links}"), "stat(2): a file that is there has a link")?;
        }
    }
    Ok(())
}

pub(crate) fn size_is_there(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    let size = talk.done("getattr", &[v(fid), v(BASIC)], "attributes")?.int("size");
    talk.open(fid, Access::Read)?;
    let len = talk.read_all(fid, 4000)?.len();
    let want = "no more than can be read: from a larger size Linux 6.12 reads for ever";
    talk.check(size <= len as u64, format!("size {size}, and {len} bytes to read"), want)
}

pub(crate) fn attributes_unknown_fid(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    talk.refused("getattr", &[v(77_u32), v(BASIC)], "nobody has that fid")?;
    let values = setting(77, 8, 0);
    talk.refused("setattr", &values, "nobody has that fid")?;
    talk.refused("statfs", &[v(77_u32)], "nobody has that fid").map(|_| ())
}

pub(crate) fn empties(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Both)?;
    talk.write(fid, b"something")?;
    talk.set_size(fid, 0)?;
    let left = talk.read_all(fid, 4000)?;
    talk.check(left.is_empty(), format!("{} bytes", left.len()), "truncate(2): nothing is left")
}

pub(crate) fn touched(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    // ATIME, MTIME and CTIME by the server's clock: what touch(1) comes to.
    let values = setting(fid, 0x70, 0);
    talk.done("setattr", &values, "utimes(2): the times of a file that may be written").map(|_| ())
}

pub(crate) fn file_system(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let want = "statfs(2): a block has a size, a name a greatest length";
    let answer = talk.done("statfs", &[v(0_u32)], want)?;
    let fits =
        answer.int("bsize") > 0 && answer.int("namelen") > 0 && answer.int("bfree") <= answer.int("blocks");
    talk.check(fits, &answer, want)
}

pub(crate) fn synced(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Both)?;
    for datasync in [0_u32, 1] {
        talk.done("fsync", &[v(fid), v(datasync)], "fsync(2) of a file that is open for writing")?;
    }
    Ok(())
}

pub(crate) fn no_extended(subject: &Subject) -> Outcome {
    const ENODATA: u64 = 61;
    const EOPNOTSUPP: u64 = 95;
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    let answer = talk.call("xattrwalk", &[v(fid), v(80_u32), v("security.capability")])?;
    let want = "Linux asks before each write: EOPNOTSUPP, or ENODATA from who has such attributes";
    let is_none = answer.is_error() && matches!(answer.int("ecode"), ENODATA | EOPNOTSUPP);
    talk.check(is_none, &answer, want)?;
    talk.is_gone(80, "a refused Txattrwalk makes no fid")
}

pub(crate) fn locked(subject: &Subject) -> Outcome {
    const WRITE: u8 = 1;
    const UNLOCK: u8 = 2;
    let mut talk = Talk::attached(subject)?;
    let place = talk.writable()?;
    let fid = talk.reach(&place)?;
    talk.open(fid, Access::Both)?;
    for kind in [WRITE, UNLOCK] {
        let values = [v(fid), v(kind), v(0_u32), v(0_u64), v(0_u64), v(1_u32), v("conformance")];
        let want = "fcntl(2): a lock that nobody else has: status 0";
        let answer = talk.done("lock", &values, want)?;
        talk.check(answer.int("status") == 0, &answer, want)?;
    }
    let values = [v(fid), v(WRITE), v(0_u64), v(0_u64), v(1_u32), v("conformance")];
    let want = "fcntl(2): F_GETLK of what is not locked: type 2";
    let answer = talk.done("getlock", &values, want)?;
    talk.check(answer.int("type") == u64::from(UNLOCK), &answer, want)
}

pub(crate) fn links_or_not(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let (dir, place) = (talk.workplace()?, talk.writable()?);
    let file = talk.reach(&place)?;
    let want = "made, or refused with EPERM, EACCES, EROFS or EOPNOTSUPP";
    for request in ["symlink", "mknod", "link"] {
        const S_IFIFO_644: u32 = 0o010_644;
        let name = subject.fresh_name();
        let values = match request {
            "symlink" => vec![v(dir), v(name.as_str()), v("nowhere"), v(0_u32)],
            "mknod" => vec![v(dir), v(name.as_str()), v(S_IFIFO_644), v(0_u32), v(0_u32), v(0_u32)],
            _ => vec![v(dir), v(file), v(name.as_str())],
        };
        let answer = talk.call(request, &values)?;
        if answer.is_error() {
            talk.check(NOT_HAD.contains(&answer.int("ecode")), &answer, want)?;
            continue;
        }
        unlink(&mut talk, dir, &name, 0)?;
    }
    Ok(())
}

pub(crate) fn renamed_or_not(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let dir = talk.workplace()?;
    let (old, new) = (subject.fresh_name(), subject.fresh_name());
    talk.mkdir(dir, &old)?;
    let answer = talk.call("renameat", &[v(dir), v(old.as_str()), v(dir), v(new.as_str())])?;
    let name = if answer.is_error() { &old } else { &new };
    unlink(&mut talk, dir, name, AT_REMOVEDIR)?;
    let want = "rename(2): done, or refused with EPERM, EACCES, EROFS or EOPNOTSUPP";
    talk.check(!answer.is_error() || NOT_HAD.contains(&answer.int("ecode")), &answer, want)
}

const AT_REMOVEDIR: u32 = 0x200;

/// Removes a name as Linux does: by Tunlinkat, and by Tremove where there is no such request.
fn unlink(talk: &mut Talk<'_>, dir: u32, name: &str, flags: u32) -> Outcome {
    const EOPNOTSUPP: u64 = 95;
    let answer = talk.call("unlinkat", &[v(dir), v(name), v(flags)])?;
    if answer.is_error() && answer.int("ecode") == EOPNOTSUPP {
        return remove(talk, dir, name);
    }
    talk.check(!answer.is_error(), &answer, "unlink(2), rmdir(2): what was made goes")
}

pub(crate) fn unlinked(subject: &Subject) -> Outcome {
    const ENOENT: u64 = 2;
    let mut talk = Talk::attached(subject)?;
    let (dir, again) = (talk.workplace()?, talk.fid());
    let name = subject.fresh_name();
    talk.mkdir(dir, &name).and_then(|fid| talk.clunk(fid))?;
    unlink(&mut talk, dir, &name, AT_REMOVEDIR)?;
    let gone = talk.walk(dir, again, &[&name])?;
    talk.check(gone.is_error(), &gone, "rmdir(2): it is there no more")?;
    let want = "unlink(2): ENOENT, or EOPNOTSUPP where Tremove is what there is";
    let answer = talk.refused("unlinkat", &[v(dir), v(name.as_str()), v(0_u32)], want)?;
    talk.check(matches!(answer.int("ecode"), ENOENT | 95), &answer, want)
}

pub(crate) fn no_link(subject: &Subject) -> Outcome {
    let mut talk = Talk::attached(subject)?;
    let place = talk.readable()?;
    let fid = talk.reach(&place)?;
    talk.refused("readlink", &[v(fid)], "readlink(2): of a symbolic link").map(|_| ())
}
