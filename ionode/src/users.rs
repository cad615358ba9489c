//! Who has attached, and what they may do. Each user has a number here and an attach on every child.

use crate::down::Down;
use crate::down::ask::Ask;
use crate::down::step::Send;
use crate::ground::bounds::USERS;
use protocol::limits::USER_NAME_MAX;
use protocol::message::Fid;
use protocol::server::UserId;
use protocol::set::{ChildSet, Rank};
use protocol::text::Text;

/// The users, by number.
#[derive(Debug)]
pub(crate) struct Users {
    names: [Text<USER_NAME_MAX>; USERS],
    /// The fid of each one's attach, the same on every child.
    attach: [Option<Fid>; USERS],
    /// Who may give an operator's commands, as root may: the user that the program runs as.
    operator: Text<USER_NAME_MAX>,
}

impl Users {
    /// Nobody has attached yet.
    pub(crate) fn new(operator: Text<USER_NAME_MAX>) -> Self {
        Self { names: [Text::EMPTY; USERS], attach: [None; USERS], operator }
    }

    /// The number of the user named `uname`; a new one takes a free place.
    pub(crate) fn number(&mut self, uname: &str, down: &mut Down) -> Option<UserId> {
        let name = Text::new(uname)?;
        let known = |text: &Text<USER_NAME_MAX>| *text == name && !name.is_empty();
        let names = &self.names;
        let index = names.iter().position(known).or_else(|| names.iter().position(Text::is_empty))?;
        if self.attach[index].is_none() {
            self.attach[index] = Some(down.fids.take()?);
        }
        self.names[index] = name;
        Some(UserId(index as u8))
    }

    /// A user's name.
    pub(crate) fn name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        self.names.get(user.0 as usize).copied().unwrap_or(Text::EMPTY)
    }

    /// The same, where it is.
    pub(crate) fn name_of(&self, user: UserId) -> &str {
        self.names.get(user.0 as usize).map_or("", |name| name.as_str())
    }

    /// Nobody new can come in.
    pub(crate) fn is_crowded(&self) -> bool {
        self.names.iter().all(|name| !name.is_empty())
    }

    /// Those who have attached.
    pub(crate) fn known(&self) -> impl Iterator<Item = UserId> + use<> {
        let names = self.names;
        (0..USERS).filter(move |index| !names[*index].is_empty()).map(|index| UserId(index as u8))
    }

    /// A user's place is free for another.
    pub(crate) fn forget(&mut self, user: UserId, down: &mut Down) {
        self.names[user.0 as usize] = Text::EMPTY;
        if let Some(fid) = self.attach[user.0 as usize].take() {
            down.clunk(fid);
        }
    }

    /// It is root: the user of nodes, who may do all that others may.
    pub(crate) fn is_root(&self, user: UserId) -> bool {
        self.name(user).as_str() == "root"
    }

    /// A user may say what concerns a whole node.
    pub(crate) fn is_operator(&self, user: UserId) -> bool {
        let name = self.name(user);
        self.is_root(user) || name == self.operator && !name.is_empty()
    }

    /// `user` may do what `owner` may.
    pub(crate) fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        user == owner || self.is_root(user)
    }

    /// The fid of a user's attach on every child.
    pub(crate) fn fid(&self, user: UserId) -> Fid {
        let fid = self.attach[user.0 as usize];
        assert!(fid.is_some(), "who has a number has attached");
        fid.unwrap_or_default()
    }

    /// Attaches a user where they are not yet.
    pub(crate) fn attach(&self, user: UserId, set: ChildSet, down: &mut Down) {
        let fid = self.fid(user);
        let need = set.less(down.fids.holds(fid));
        if need.is_empty() {
            return;
        }
        down.fids.establish(fid, need);
        down.ask(need, Ask::Attach(user), Send::Attach { fid, user });
    }

    /// A child has answered an attach.
    pub(crate) fn attached(&self, user: UserId, rank: Rank, is_done: bool, down: &mut Down) {
        if !is_done {
            down.fids.refused(self.fid(user), rank);
        }
    }
}
