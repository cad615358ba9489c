//! Time, and what happens at nodes as it passes: dials, and members that start and end.

use super::{Net, Todo, Who};
use cnode::host::{Completion, MemberSlot, Stream};
use ionode::host::Peer;
use protocol::record::End;
use protocol::server::LinkId;
use sim::leaf::Next;

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
                leaf.core.connect(cnode::join::PARENT, false);
            }
            Todo::Dial => {}
            Todo::Leave => self.cut(index),
            Todo::Started(member, pid) => {
                let leaf = &mut self.leaves[index];
                let known = leaf.machine.starting.get(&member).filter(|(own, _)| *own == pid);
                let Some((_, next)) = known.copied() else { return };
                leaf.machine.starting.remove(&member);
                let done = match next {
                    Ok(_) => Completion::Started { member, pid },
                    Err(ename) => Completion::Failed { member, failure: ename.into() },
                };
                leaf.core.handle_completion(now, done, &mut leaf.machine);
                if let Ok(Next::Exit(after, end)) = next {
                    self.later(index, after, Todo::Ended(member, pid, end));
                }
            }
            Todo::Ended(member, pid, end) => self.ended(index, member, pid, end),
        }
        self.drain_leaf(index);
    }

    fn ended(&mut self, index: usize, member: MemberSlot, pid: u32, end: End) {
        let now = self.now();
        let leaf = &mut self.leaves[index];
        let starting = leaf.machine.starting.get(&member).map(|(pid, _)| *pid);
        let known = starting.unwrap_or(leaf.core.member_pid(member));
        let Some(program) = leaf.machine.programs.get_mut(&member) else { return };
        if program.ended || known != pid {
            return;
        }
        program.ended = true;
        if starting.is_some() {
            leaf.machine.starting.remove(&member);
            leaf.core.handle_completion(now, Completion::Started { member, pid }, &mut leaf.machine);
        }
        let done = Completion::Exited { member, end, user: 0, sys: 0 };
        leaf.core.handle_completion(now, done, &mut leaf.machine);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let done = Completion::Readable { member, stream };
            leaf.core.handle_completion(now, done, &mut leaf.machine);
        }
    }
}
