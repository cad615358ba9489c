//! What a simulated partition takes of memory, and the memory files of its aggregators.

use crate::world::World;
use cnode::{Bounds, Cnode};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::text::Text;
use std::collections::BTreeMap;

/// Bytes that a simulated partition has taken, by what for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The cores of compute nodes.
    pub cores: usize,
    /// Their simulated machines.
    pub hosts: usize,
    /// Links, messages on their way, and what is to come.
    pub network: usize,
}

impl<B: Bounds> World<B> {
    /// What it takes now, its aggregators apart: those have tables that grow, and only an allocator knows.
    pub fn memory(&self) -> Memory {
        let leaf = size_of::<crate::node::Leaf<B>>();
        Memory {
            cores: self.leaves.len() * size_of::<Cnode<B>>(),
            hosts: self.leaves.capacity() * leaf
                + self.leaves.iter().map(|leaf| leaf.machine.memory()).sum::<usize>(),
            network: self.links.memory()
                + self.messages.memory()
                + self.queue.bytes()
                + self.fabric.as_ref().map_or(0, |fabric| fabric.memory()),
        }
    }

    /// Its aggregators give back what they have taken; nothing runs any more.
    pub fn end_aggregators(&mut self) {
        self.aggregators = Vec::new();
    }
}

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

impl ionode::host::Host for Params {
    fn append(&mut self, slot: u16, param: ionode::host::Param, data: &[u8]) -> Result<(), Ename> {
        let kept = self.kept.entry((slot, param as u8)).or_default();
        if self.room.is_some_and(|room| kept.len() + data.len() > room) {
            return Err(Ename::NoSpace);
        }
        kept.extend_from_slice(data);
        Ok(())
    }
    fn truncate(&mut self, slot: u16, param: ionode::host::Param) {
        self.kept.remove(&(slot, param as u8));
    }
    fn len(&mut self, slot: u16, param: ionode::host::Param) -> u32 {
        self.kept.get(&(slot, param as u8)).map_or(0, |bytes| bytes.len() as u32)
    }
    fn param(&mut self, slot: u16, param: ionode::host::Param, offset: u64, out: &mut [u8]) -> usize {
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
