//! What a simulated partition takes of memory.

use crate::world::World;
use cnode::Bounds;

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
        Memory {
            cores: self.nodes.cores_memory(),
            hosts: self.nodes.hosts_memory(),
            network: self.wires.memory() + self.agenda.memory(),
        }
    }

    /// Its aggregators give back what they have taken; nothing runs any more.
    pub fn end_aggregators(&mut self) {
        self.nodes.aggregators = Vec::new();
    }
}
