//! The user that a member runs as, and which changes of user are allowed. Names come from two local files
//! only, because a name service may hang.

use std::fs::File;
use std::io::Read;

use super::Unready;
use protocol::failure::{Failure, Fault, Step};

/// The user with all rights, by name and by number.
const ROOT: (&str, u32) = ("root", 0);

/// A user to become.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Further groups.
    pub(super) groups: Vec<u32>,
    /// The user's name and directory, if known.
    pub(super) name: Vec<u8>,
    pub(super) home: Vec<u8>,
}

/// The files of names, in reused memory.
#[derive(Default)]
pub(super) struct Users {
    passwd: Vec<u8>,
    group: Vec<u8>,
    asked: Who,
    owner: Who,
    choice: Option<Choice>,
}

/// The user to find.
#[derive(Clone, Copy)]
enum Choice {
    Asked,
    Owner,
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b':')
}

fn number(field: &[u8]) -> Option<u32> {
    // A number has no sign; to the kernel the highest number means no user.
    let digits = field.iter().all(u8::is_ascii_digit).then_some(field)?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|id| *id != u32::MAX)
}

impl Who {
    fn clear(&mut self) {
        (self.uid, self.gid) = (0, 0);
        self.groups.clear();
        self.name.clear();
        self.home.clear();
    }

    /// Takes the first matching entry; false if there is none.
    fn find(&mut self, users: (&[u8], &[u8]), is_asked: impl Fn(&[u8], u32) -> bool) -> bool {
        self.clear();
        let lines = |text| <[u8]>::split(text, |byte| *byte == b'\n');
        let entry = lines(users.0).find_map(|line| {
            let mut fields = fields(line);
            let (name, _) = (fields.next()?, fields.next()?);
            let (uid, gid) = (number(fields.next()?)?, number(fields.next()?)?);
            let home = fields.nth(1)?;
            (!name.is_empty() && is_asked(name, uid)).then_some((name, uid, gid, home))
        });
        let Some((name, uid, gid, home)) = entry else { return false };
        (self.uid, self.gid) = (uid, gid);
        self.name.extend_from_slice(name);
        self.home.extend_from_slice(home);
        self.groups.push(gid);
        for line in lines(users.1) {
            let mut fields = fields(line).skip(2);
            let (Some(gid), Some(members)) = (fields.next().and_then(number), fields.next()) else {
                continue;
            };
            if gid != self.gid && members.split(|byte| *byte == b',').any(|member| member == name) {
                self.groups.push(gid);
            }
        }
        true
    }

    /// `NAME` or `UID[:GID]`.
    fn parse(&mut self, users: (&[u8], &[u8]), asked: &[u8]) -> Option<()> {
        let mark = asked.iter().position(|byte| *byte == b':');
        let (user, group) = asked.split_at(mark.unwrap_or(asked.len()));
        let group = group.get(1..).map(number);
        let Some(uid) = number(user) else {
            return (group.is_none() && self.find(users, |name, _| name == user)).then_some(());
        };
        let is_known = self.find(users, |_, id| id == uid);
        match group {
            Some(gid) => (self.uid, self.gid) = (uid, gid?),
            None if is_known => {}
            // Its group is unknown.
            None => return None,
        }
        Some(())
    }
}

impl Users {
    /// The user of the members; `None` is the stub's own user.
    pub(super) fn who(&self) -> Option<&Who> {
        self.choice.map(|choice| match choice {
            Choice::Asked => &self.asked,
            Choice::Owner => &self.owner,
        })
    }

    /// Decides the user of a session's members. `owner` owns the session, `asked` is its `user` line, and
    /// `own` are the stub's user and group.
    pub(super) fn resolve(
        &mut self,
        owner: &str,
        asked: Option<&[u8]>,
        own: (u32, u32),
    ) -> Result<(), Unready> {
        self.choice = None;
        let is_roots = owner == ROOT.0;
        let stays = own.0 != ROOT.1 || is_roots;
        if asked.is_none() && stays {
            return Ok(());
        }
        read("/etc/passwd", &mut self.passwd)?;
        read("/etc/group", &mut self.group)?;
        let choice = self.choose((owner, is_roots), asked, own);
        self.choice = choice.map_err(|fault| Failure::bad(Step::User, 0, fault))?;
        Ok(())
    }

    fn choose(
        &mut self,
        (owner, is_roots): (&str, bool),
        asked: Option<&[u8]>,
        own: (u32, u32),
    ) -> Result<Option<Choice>, Fault> {
        let users = (&self.passwd[..], &self.group[..]);
        if let Some(asked) = asked {
            self.asked.parse(users, asked).ok_or(Fault::NoUser)?;
        }
        if own.0 != ROOT.1 {
            let stays = (self.asked.uid, self.asked.gid) == own;
            return if stays { Ok(None) } else { Err(Fault::OneUser) };
        }
        if is_roots {
            return Ok(Some(Choice::Asked));
        }
        // Only a name: a user called `0` is not root.
        if !self.owner.find(users, |name, _| name == owner.as_bytes()) {
            return Err(Fault::NoUser);
        }
        if asked.is_none() {
            return Ok(Some(Choice::Owner));
        }
        let (asked, owner) = (&self.asked, &self.owner);
        if asked.uid != owner.uid || !owner.groups.contains(&asked.gid) {
            return Err(Fault::NotRoot);
        }
        Ok(Some(Choice::Asked))
    }
}

fn read(path: &str, into: &mut Vec<u8>) -> Result<(), Failure> {
    into.clear();
    let read = File::open(path).and_then(|mut file| file.read_to_end(into));
    read.map(|_| ()).map_err(|e| Failure::of(Step::User, 0, e.raw_os_error().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1001:100::/h/ann:/bin/sh\n+\nbad:x:y:1::/:\n\
                          0:x:1002:100::/h/zero:/bin/sh\nbob:x:1003:100::/h/bob:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:ann\nlab:x:200:bob,ann\nops:x:300:bob\n";

    /// User, group and further groups, or the fault.
    fn chosen(owner: &str, asked: Option<&str>, own: (u32, u32)) -> String {
        let mut users = Users { passwd: PASSWD.into(), group: GROUP.into(), ..Users::default() };
        match users.choose((owner, owner == "root"), asked.map(str::as_bytes), own) {
            Ok(choice) => users.choice = choice,
            Err(fault) => return Failure::bad(Step::User, 0, fault).to_string(),
        }
        match users.who() {
            None => "as it is".into(),
            Some(who) => format!("{} {} {:?}", who.uid, who.gid, who.groups),
        }
    }

    #[test]
    fn a_session_of_another_user_runs_as_him() {
        assert_eq!(chosen("ann", None, (0, 0)), "1001 100 [100, 200]");
        for owner in ["eve", "", "1001", "ann:x", "bad", "+"] {
            assert_eq!(chosen(owner, None, (0, 0)), "user: no such user on this node", "{owner}");
        }
        // A user's name, not root's number.
        assert_eq!(chosen("0", None, (0, 0)), "1002 100 [100]");
    }

    #[test]
    fn root_may_ask_for_anybody() {
        for (asked, want) in [
            ("ann", "1001 100 [100, 200]"),
            ("1003", "1003 100 [100, 200, 300]"),
            ("1003:200", "1003 200 [100, 200, 300]"),
            ("4711:4712", "4711 4712 []"),
            ("0:0", "0 0 [0]"),
        ] {
            assert_eq!(chosen("root", Some(asked), (0, 0)), want, "{asked}");
        }
        for asked in ["eve", "4711", "ann:100", "4711:", ":5", "", "-1:-1", "4294967295:0", "1001:x"] {
            assert_eq!(chosen("root", Some(asked), (0, 0)), "user: no such user on this node", "{asked}");
        }
    }

    #[test]
    fn who_is_not_root_may_ask_for_himself_alone() {
        assert_eq!(chosen("ann", Some("ann"), (0, 0)), "1001 100 [100, 200]");
        assert_eq!(chosen("ann", Some("1001:200"), (0, 0)), "1001 200 [100, 200]");
        for asked in ["root", "0:0", "bob", "1003", "1001:300", "1001:0"] {
            assert_eq!(
                chosen("ann", Some(asked), (0, 0)),
                "user: only root may ask for another user",
                "{asked}"
            );
        }
    }

    #[test]
    fn a_stub_that_is_not_roots_stays_who_it_is() {
        assert_eq!(chosen("ann", Some("1003:100"), (1003, 100)), "as it is");
        for asked in ["root", "ann", "1003:200"] {
            let want = "user: the stub of this node is not root's and cannot change users";
            assert_eq!(chosen("root", Some(asked), (1003, 100)), want, "{asked}");
        }
        let mut users = Users::default();
        for (owner, own) in [("eve", (1003, 100)), ("root", (0, 0))] {
            users.resolve(owner, None, own).expect("nothing is read");
            assert_eq!(users.who(), None);
        }
    }
}
