//! Names and numbers of this machine's users from `/etc/passwd` only: a name service may hang, and no caller
//! may wait.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the file is not checked again.
const FRESH: Duration = Duration::from_secs(1);
/// Largest file that is read.
const PASSWD_MAX: u64 = 16 << 20;

/// The users in the present version of the file.
pub struct Users {
    path: PathBuf,
    /// When it was checked, and which version it was: inode, size and time.
    looked: Option<Instant>,
    stamp: Option<(u64, u64, i64, i64)>,
    names: HashMap<u32, String>,
    ids: HashMap<String, (u32, u32)>,
}

impl Default for Users {
    /// The users of this machine.
    fn default() -> Self {
        Self::new("/etc/passwd".into())
    }
}

impl Users {
    /// The users in a file like passwd(5).
    pub fn new(path: PathBuf) -> Self {
        Self { path, looked: None, stamp: None, names: HashMap::new(), ids: HashMap::new() }
    }

    /// A user's name.
    pub fn name(&mut self, uid: u32) -> Option<&str> {
        self.renew();
        self.names.get(&uid).map(String::as_str)
    }

    /// A user's name, or the number as text if the file does not have it.
    pub fn called(&mut self, uid: u32) -> String {
        let unnamed = || if uid == 0 { "root".to_owned() } else { uid.to_string() };
        self.name(uid).map_or_else(unnamed, str::to_owned)
    }

    /// A user's number and the number of the user's group.
    pub fn ids(&mut self, name: &str) -> Option<(u32, u32)> {
        self.renew();
        self.ids.get(name).copied()
    }

    /// Reads the file again if it has changed; a file that cannot be read has no users.
    fn renew(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        self.looked = Some(Instant::now());
        let stamp = std::fs::metadata(&self.path).ok().map(|meta| stamp_of(&meta));
        if stamp != self.stamp || stamp.is_none() {
            self.stamp = stamp;
            self.names.clear();
            self.ids.clear();
            let text = self.read().unwrap_or_default();
            String::from_utf8_lossy(&text).lines().for_each(|line| self.add(line));
        }
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(&self.path)?.take(PASSWD_MAX).read_to_end(&mut text)?;
        Ok(text)
    }

    /// The first of two lines for one name or number counts, as in getpwnam(3).
    fn add(&mut self, line: &str) {
        let fields: Vec<&str> = line.splitn(5, ':').collect();
        let [name, _, uid, gid, ..] = fields[..] else { return };
        let (Ok(uid), Ok(gid), false) = (uid.parse(), gid.parse(), name.is_empty()) else { return };
        self.names.entry(uid).or_insert_with(|| name.to_owned());
        self.ids.entry(name.to_owned()).or_insert((uid, gid));
    }
}

fn stamp_of(meta: &Metadata) -> (u64, u64, i64, i64) {
    (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec())
}

/// The name of this process's user in the password file; empty for root.
pub fn user_name() -> String {
    // SAFETY: getuid cannot fail and takes no pointer.
    let uid = unsafe { libc::getuid() };
    Users::default().called(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_who_the_file_says_at_the_time() {
        let path = std::env::temp_dir().join(format!("uem-users-{}", std::process::id()));
        let mut users = Users::new(path.clone());
        let aged = |users: &mut Users| users.looked = None;
        assert_eq!(users.name(0), None, "no file has no users");
        let known = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100::/ann:\nalias:x:1000:7::/:\n";
        let lines = format!("{known}\nbad:x\n:x:y:z\n");
        std::fs::write(&path, lines).expect("a file is written");
        assert_eq!(users.name(0), None, "for a second they are who they were");
        aged(&mut users);
        assert_eq!(users.name(1000), Some("ann"));
        assert_eq!((users.ids("ann"), users.ids("alias")), (Some((1000, 100)), Some((1000, 7))));
        assert_eq!((users.ids("bad"), users.name(7)), (None, None));
        std::fs::write(&path, "eve:x:1000:1000::/:\n").expect("a file is written");
        aged(&mut users);
        assert_eq!((users.ids("ann"), users.name(1000)), (None, Some("eve")));
        std::fs::remove_file(&path).expect("it is there");
        aged(&mut users);
        assert_eq!(users.name(1000), None);
    }
}
