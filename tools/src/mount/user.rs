//! Users and groups by name and number, as this machine's files have them.

use std::collections::HashMap;

/// Whom what belongs to that has no number here: `nobody`.
const NOBODY: u32 = 65534;

/// Names and numbers that were asked for.
pub(crate) struct Users {
    /// Root may ask as anybody; others ask as themselves.
    is_root: bool,
    own: String,
    names: HashMap<u32, String>,
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
}

/// A field of each line of a file like passwd(5), by another one.
fn look_up(text: &str, by: (usize, &str), field: usize) -> Option<String> {
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(by.0) == Some(&by.1)).then(|| fields.get(field).map(|text| (*text).to_owned()))?
    })
}

fn number(file: &str, name: &str) -> u32 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let named = look_up(&text, (0, name), 2).and_then(|number| number.parse().ok());
    named.or_else(|| name.parse().ok()).unwrap_or(NOBODY)
}

impl Users {
    pub(crate) fn new() -> Self {
        // SAFETY: geteuid cannot fail and takes no pointer.
        let is_root = unsafe { libc::geteuid() } == 0;
        let (names, users, groups) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { is_root, own: protocol_host::user_name(), names, users, groups }
    }

    /// The name that requests of this user are made with.
    pub(crate) fn uname(&mut self, uid: u32) -> String {
        if !self.is_root {
            return self.own.clone();
        }
        let named = |uid: &u32| {
            let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            let unnamed = || if *uid == 0 { "root".to_owned() } else { uid.to_string() };
            look_up(&text, (2, &uid.to_string()), 0).unwrap_or_else(unnamed)
        };
        self.names.entry(uid).or_insert_with_key(named).clone()
    }

    /// The number of a file's owner.
    pub(crate) fn uid(&mut self, name: &str) -> u32 {
        *self.users.entry(name.to_owned()).or_insert_with_key(|name| number("/etc/passwd", name))
    }

    /// The number of a file's group.
    pub(crate) fn gid(&mut self, name: &str) -> u32 {
        *self.groups.entry(name.to_owned()).or_insert_with_key(|name| number("/etc/group", name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found_both_ways() {
        let text = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/a:/bin/sh\nbroken\n";
        assert_eq!(look_up(text, (0, "ann"), 2).as_deref(), Some("1000"));
        assert_eq!(look_up(text, (2, "1000"), 0).as_deref(), Some("ann"));
        assert_eq!(look_up(text, (0, "broken"), 2), None);
        assert_eq!(number("/nonexistent", "1234"), 1234);
        assert_eq!(number("/nonexistent", "whoever"), NOBODY);
    }
}
