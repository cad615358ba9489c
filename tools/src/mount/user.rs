//! Who asks, and whose what is asked for is, as this machine numbers users and groups.

use std::collections::HashMap;

/// Whom what belongs to that has no number here: `nobody`.
const NOBODY: u32 = 65534;

/// Users, and the numbers of groups that were asked for.
pub(crate) struct Users {
    /// Root may ask as anybody; others ask as themselves.
    is_root: bool,
    own: String,
    known: protocol_host::Users,
    groups: HashMap<String, u32>,
}

/// The number of a group in a text like group(5), or one that it is called by.
fn group(text: &str, name: &str) -> u32 {
    let named = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let number = (fields.next() == Some(name)).then(|| fields.nth(1))??;
        number.parse().ok()
    });
    named.or_else(|| name.parse().ok()).unwrap_or(NOBODY)
}

impl Users {
    pub(crate) fn new() -> Self {
        // SAFETY: geteuid cannot fail and takes no pointer.
        let is_root = unsafe { libc::geteuid() } == 0;
        let known = protocol_host::Users::default();
        Self { is_root, own: protocol_host::user_name(), known, groups: HashMap::new() }
    }

    /// The name that requests of this user are made with.
    pub(crate) fn uname(&mut self, uid: u32) -> String {
        if self.is_root { self.known.called(uid) } else { self.own.clone() }
    }

    /// The number of a file's owner.
    pub(crate) fn uid(&mut self, name: &str) -> u32 {
        let known = self.known.ids(name).map(|(uid, _)| uid);
        known.or_else(|| name.parse().ok()).unwrap_or(NOBODY)
    }

    /// The number of a file's group.
    pub(crate) fn gid(&mut self, name: &str) -> u32 {
        if let Some(known) = self.groups.get(name) {
            return *known;
        }
        let number = group(&std::fs::read_to_string("/etc/group").unwrap_or_default(), name);
        self.groups.insert(name.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_its_name_or_is_its_own_number() {
        let text = "root:x:0:\nstaff:x:50:ann\nbroken\n";
        assert_eq!((group(text, "staff"), group(text, "root")), (50, 0));
        assert_eq!(
            (group(text, "1234"), group(text, "broken"), group(text, "whoever")),
            (1234, NOBODY, NOBODY)
        );
    }
}
