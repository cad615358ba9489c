//! Time, and what happens at nodes as it passes: dials, and members that start and end.

use super::{Leaf, Net, Todo, Who};
use cnode::host::MemberSlot;
use ionode::host::Peer;
use protocol::server::LinkId;
use sim::host::{self, Went};

impl Net {
    /// When something happens next by itself.
    fn next_at(&self) -> u64 {
        let leaves = self.leaves.iter().map(|leaf| {
            let todo = leaf.todo.keys().next().map_or(u64::MAX, |key| key.0);
            todo.min(leaf.core.poll_timeout().0)
        });
        leaves.min().unwrap_or(u64::MAX).min(self.io.poll_timeout().0)
    }

    /// Lets time pass, with everything delivered at once.
    pub fn advance(&mut self, us: u64) {
        let end = self.now + us;
        self.settle();
        while self.next_at() <= end {
            self.now = self.now.max(self.next_at());
            self.tick();
            self.settle();
        }
        self.now = end;
    }

    fn tick(&mut self) {
        let now = self.now();
        if self.io.poll_timeout() <= now {
            self.io.handle_timeout(now, &mut self.kept);
            self.drain_io();
        }
        for index in 0..self.leaves.len() {
            let leaf = &mut self.leaves[index];
            if leaf.core.poll_timeout() <= now {
                leaf.core.handle_timeout(now, &mut leaf.machine);
            }
            while let Some(first) = self.leaves[index].todo.first_entry()
                && first.key().0 <= self.now
            {
                let what = first.remove();
                self.happen(index, what);
            }
            self.drain_leaf(index);
        }
    }

    fn happen(&mut self, index: usize, what: Todo) {
        let now = self.now();
        match what {
            Todo::Dial if self.leaves[index].link.is_none() => {
                let link = self.free_link(Who::Node(index));
                self.io.connect(LinkId(link), Peer { is_local: true, uid: None });
                let leaf = &mut self.leaves[index];
                leaf.link = Some(link);
                leaf.core.connect(cnode::bounds::PARENT, false);
            }
            Todo::Dial => {}
            Todo::Leave => self.cut(index),
            Todo::Started(member, pid) => {
                let Leaf { core, machine, .. } = &mut self.leaves[index];
                let went = host::started(core, machine, now, (member, pid), false);
                self.went(index, (member, pid), went);
            }
            Todo::Step(member, pid) => {
                let Leaf { core, machine, .. } = &mut self.leaves[index];
                let went = host::goes_on(core, machine, now, (member, pid));
                self.went(index, (member, pid), went);
            }
        }
        self.drain_leaf(index);
    }

    fn went(&mut self, index: usize, (member, pid): (MemberSlot, u32), went: Option<Went>) {
        if let Some(Went::Waits(us)) = went {
            self.later(index, us, Todo::Step(member, pid));
        }
    }
}
