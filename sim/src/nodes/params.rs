//! The memory files of a simulated aggregator: parameters of sessions, and users by number.

use ionode::host::{Host, Param};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::text::Text;
use std::collections::BTreeMap;

/// The parameters of all sessions, and whom an aggregator knows.
#[derive(Debug, Default)]
pub(crate) struct Params {
    kept: BTreeMap<(u16, u8), Vec<u8>>,
    users: Vec<User>,
    /// Bytes that each may have, if there is a bound.
    pub(crate) room: Option<usize>,
}

/// A user by name, with his number and that of his group.
type User = (Text<USER_NAME_MAX>, (u32, u32));

impl Params {
    /// There is a user.
    pub(crate) fn know(&mut self, user: User) {
        if !self.users.contains(&user) {
            self.users.push(user);
        }
    }

    /// Those of an aggregator that starts again where another was: it knows whom that knew.
    pub(crate) fn anew(&self) -> Self {
        Self { kept: BTreeMap::new(), users: self.users.clone(), room: self.room }
    }
}

impl Host for Params {
    fn append(&mut self, slot: u16, param: Param, data: &[u8]) -> Result<(), Ename> {
        let kept = self.kept.entry((slot, param as u8)).or_default();
        if self.room.is_some_and(|room| kept.len() + data.len() > room) {
            return Err(Ename::NoSpace);
        }
        kept.extend_from_slice(data);
        Ok(())
    }
    fn truncate(&mut self, slot: u16, param: Param) {
        self.kept.remove(&(slot, param as u8));
    }
    fn len(&mut self, slot: u16, param: Param) -> u32 {
        self.kept.get(&(slot, param as u8)).map_or(0, |bytes| bytes.len() as u32)
    }
    fn param(&mut self, slot: u16, param: Param, offset: u64, out: &mut [u8]) -> usize {
        let left = self.kept.get(&(slot, param as u8)).and_then(|b| b.get(offset as usize..)).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        len
    }
    fn user_name(&mut self, uid: u32) -> Option<Text<USER_NAME_MAX>> {
        self.users.iter().find(|(_, (own, _))| *own == uid).map(|(name, _)| *name)
    }
    fn ids(&mut self, name: &str) -> Option<(u32, u32)> {
        self.users.iter().find(|(own, _)| own.as_str() == name).map(|(_, ids)| *ids)
    }
    fn release_session(&mut self, slot: u16) {
        self.kept.retain(|(own, _), _| *own != slot);
    }
}
