//! What is mounted where, as the kernel lists it, and who uses it.

use super::device::TYPE;
use crate::exit::Told;
use std::ffi::{CString, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the sources of our mounts begin with; a dial string follows.
pub(crate) const SOURCE: &str = "uem:";

/// The kernel's 9P, as statfs(2) has it.
const V9FS_MAGIC: libc::c_long = 0x0102_1997;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// The type of its file system.
    pub(crate) kind: String,
    pub(crate) source: String,
}

impl Mounted {
    /// It was made by `uem mount`, in either way.
    pub(crate) fn is_ours(&self) -> bool {
        self.kind == TYPE || (self.kind == "9p" && self.source.starts_with(SOURCE))
    }
}

/// A field of mountinfo as it was before what has a meaning there was written in octal.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *byte == b'\\') {
            Some(meant) => {
                out.push(meant);
                rest = &after[3..];
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

/// The last mount at a directory in a text like /proc/self/mountinfo: the one that is seen.
fn find_in(text: &[u8], dir: &Path) -> Option<Mounted> {
    let mut found = None;
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ');
        if fields.nth(4).map(unescape).as_deref() != Some(dir.as_os_str().as_bytes()) {
            continue;
        }
        let mut behind = fields.skip_while(|field| *field != b"-").skip(1);
        let mut text = || behind.next().map(|field| String::from_utf8_lossy(&unescape(field)).into_owned());
        if let (Some(kind), Some(source)) = (text(), text()) {
            found = Some(Mounted { kind, source });
        }
    }
    found
}

/// What is mounted at a directory, if it is a mount point.
pub(crate) fn find(dir: &Path) -> Result<Option<Mounted>, Told> {
    match fs::read("/proc/self/mountinfo") {
        Ok(text) => Ok(find_in(&text, dir)),
        // The tree may hide the list itself, and is known by its files then.
        Err(_) if Path::new("/proc").starts_with(dir) && dir.join("clone").exists() && is_like_ours(dir) => {
            Ok(Some(Mounted { kind: TYPE.to_owned(), source: SOURCE.to_owned() }))
        }
        Err(e) => Err(format!("/proc/self/mountinfo: {}", super::device::plain(&e))),
    }
}

/// A file system at a directory is of one of the two types that ours are of.
fn is_like_ours(dir: &Path) -> bool {
    let Ok(dir) = CString::new(dir.as_os_str().as_bytes()) else { return false };
    // SAFETY: the path ends with NUL; an all-zero statfs is a valid value, which the call fills.
    let (done, told) = unsafe {
        let mut told: libc::statfs = std::mem::zeroed();
        (libc::statfs(dir.as_ptr(), &raw mut told), told)
    };
    done == 0 && [libc::FUSE_SUPER_MAGIC, V9FS_MAGIC].contains(&told.f_type)
}

/// A path from the root without links, of which the last name is not looked at: what is mounted there may be
/// dead.
pub(crate) fn absolute(dir: &Path) -> Result<PathBuf, Told> {
    let told = |e: std::io::Error| format!("{}: {}", dir.display(), super::device::plain(&e));
    if let Ok(whole) = dir.canonicalize() {
        return Ok(whole);
    }
    let whole = std::path::absolute(dir).map_err(told)?;
    let (Some(above), Some(name)) = (whole.parent(), whole.file_name()) else { return Ok(whole) };
    Ok(above.canonicalize().map_err(told)?.join(name))
}

/// Up to four processes but this one that have something open at or below a directory, as far as this user
/// may see it.
pub(crate) fn users(dir: &Path) -> Vec<String> {
    let (own, mut found) = (std::process::id().to_string(), Vec::new());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name();
        let is_own = pid.to_str() == Some(own.as_str());
        if is_own || !pid.as_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let open = fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        let links = ["cwd", "root"].map(|name| entry.path().join(name)).into_iter();
        let mut links = links.chain(open.map(|entry| entry.path()));
        if links.any(|link| fs::read_link(link).is_ok_and(|to| to.starts_with(dir))) {
            let name = fs::read(entry.path().join("comm")).unwrap_or_default();
            let name = OsString::from_vec(name.trim_ascii_end().to_vec());
            found.push(format!("{} ({})", pid.display(), name.display()));
        }
        if found.len() == 4 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_at_a_directory_is_the_one_that_is_seen() {
        let text = b"21 1 0:20 / /mnt/a\\040b rw,nosuid shared:7 - tmpfs tmpfs rw\n\
                     22 1 0:21 / /mnt/a\\040b rw - fuse.uem uem:unix!/run/io rw,user_id=0\n\
                     23 1 0:22 / /proc rw - proc proc rw\n\
                     24 1 0:23 / /mnt/k rw - 9p uem:tcp!h!564 rw\n\
                     25 1 0:23 / /mnt/o rw - 9p hostshare rw\n";
        let at = |dir: &str| find_in(text, Path::new(dir));
        let ours = Mounted { kind: TYPE.to_owned(), source: "uem:unix!/run/io".to_owned() };
        assert_eq!(at("/mnt/a b"), Some(ours));
        assert_eq!(at("/mnt"), None);
        let is_ours = |dir: &str| at(dir).map(|mounted| mounted.is_ours());
        assert_eq!(is_ours("/proc"), Some(false));
        assert_eq!(is_ours("/mnt/a b"), Some(true));
        assert_eq!(is_ours("/mnt/k"), Some(true));
        assert_eq!(is_ours("/mnt/o"), Some(false));
    }
}
