//! What happens at compute nodes: bytes, starts, ends, and what their cores want.

use super::{Event, LATENCY_US, Place, START_US, World};
use crate::leaf::Next;
use cnode::host::{Completion, Effect, MemberSlot};
use protocol::ename::Ename;
use protocol::record::End;
use protocol::time::Time;

impl World {
    pub(super) fn leaf_event(&mut self, event: Event) {
        let index = match &event {
            Event::Bytes { to: Place::Leaf(leaf), .. }
            | Event::Tick(Place::Leaf(leaf))
            | Event::Hangup { to: Place::Leaf(leaf), .. } => *leaf,
            Event::Dial { leaf, .. } | Event::Started { leaf, .. } | Event::Ended { leaf, .. } => *leaf,
            _ => return,
        };
        let now = Time(self.now);
        let leaf = &mut self.leaves[index];
        if leaf.dead {
            return;
        }
        if leaf.stopped {
            leaf.later.push(event);
            return;
        }
        let (core, machine) = (&mut leaf.core, &mut leaf.machine);
        match event {
            Event::Bytes { epoch, bytes, .. } if epoch == leaf.epoch && leaf.linked => {
                self.leaf_bytes(index, &bytes);
            }
            Event::Tick(_) => {
                leaf.ticking = None;
                core.handle_timeout(now, machine);
            }
            Event::Hangup { .. } => {
                leaf.inbox.clear();
                core.handle_hangup(now, cnode::join::PARENT, machine);
            }
            Event::Dial { epoch, .. } if epoch == leaf.epoch => {
                leaf.linked = true;
                core.connect(cnode::join::PARENT, false);
                self.io.connect(self.link_of(Place::Leaf(index)), false);
            }
            Event::Started { member, pid, next, .. } => self.started(index, member, pid, next),
            Event::Ended { member, pid, end, .. } => self.ended(index, member, pid, end),
            _ => {}
        }
        self.drain_leaf(index);
    }

    fn leaf_bytes(&mut self, index: usize, bytes: &[u8]) {
        self.leaves[index].inbox.extend_from_slice(bytes);
        loop {
            let now = Time(self.now);
            let leaf = &mut self.leaves[index];
            let handled = leaf.core.handle_bytes(now, cnode::join::PARENT, &leaf.inbox, &mut leaf.machine);
            match handled {
                Ok(0) => return,
                Ok(len) => {
                    leaf.inbox.drain(..len);
                    self.drain_leaf(index);
                }
                Err(_) => {
                    leaf.linked = false;
                    leaf.inbox.clear();
                    leaf.core.handle_hangup(now, cnode::join::PARENT, &mut leaf.machine);
                    let from = Place::Leaf(index);
                    self.tell(from, "hangs up");
                    self.schedule(self.now + LATENCY_US, Event::Hangup { to: Place::Io, from });
                    return;
                }
            }
        }
    }

    fn started(&mut self, index: usize, member: MemberSlot, pid: u32, next: Result<Next, Ename>) {
        let now = Time(self.now);
        let leaf = &mut self.leaves[index];
        let done = match next {
            Ok(_) => Completion::Started { member, pid },
            Err(ename) => Completion::Failed { member, ename },
        };
        leaf.core.handle_completion(now, done, &mut leaf.machine);
        if let Ok(Next::Exit(after, end)) = next {
            self.schedule(self.now + after, Event::Ended { leaf: index, member, pid, end });
        }
    }

    fn ended(&mut self, index: usize, member: MemberSlot, pid: u32, end: End) {
        let now = Time(self.now);
        let leaf = &mut self.leaves[index];
        let known = leaf.core.member_pid(member);
        let Some(program) = leaf.machine.programs.get_mut(&member) else { return };
        // It may have ended otherwise, and its place may be another's.
        if program.ended || known != pid {
            return;
        }
        program.ended = true;
        let done = Completion::Exited { member, end, user: 0, sys: 0 };
        leaf.core.handle_completion(now, done, &mut leaf.machine);
        for stream in [cnode::host::Stream::Stdout, cnode::host::Stream::Stderr] {
            let done = Completion::Readable { member, stream };
            leaf.core.handle_completion(now, done, &mut leaf.machine);
        }
    }

    fn drain_leaf(&mut self, index: usize) {
        while let Some(effect) = self.leaves[index].core.poll_effect() {
            match effect {
                Effect::Dial => {
                    self.leaves[index].epoch += 1;
                    let epoch = self.leaves[index].epoch;
                    self.schedule(self.now + LATENCY_US, Event::Dial { leaf: index, epoch });
                }
                Effect::Start { member, session, number, .. } => {
                    let next = self.leaves[index].machine.start(member, session, number);
                    self.next_pid += 1;
                    let pid = self.next_pid;
                    let at = self.now + START_US + self.random.below(START_US);
                    self.tell(Place::Leaf(index), &format!("starts member {number}"));
                    self.schedule(at, Event::Started { leaf: index, member, pid, next });
                }
                Effect::Debug { helper: member, .. } => {
                    // Scripted programs have nothing to look into.
                    let leaf = &mut self.leaves[index];
                    let done = Completion::Failed { member, ename: protocol::ename::Ename::Unsupported };
                    leaf.core.handle_completion(Time(self.now), done, &mut leaf.machine);
                }
                Effect::Exit => self.leaves[index].dead = true,
            }
        }
        let mut out = std::mem::take(&mut self.out);
        let now = Time(self.now);
        loop {
            let leaf = &mut self.leaves[index];
            let Some((_, len)) = leaf.core.poll_transmit(now, &mut leaf.machine, &mut out) else { break };
            if leaf.linked {
                self.send(Place::Leaf(index), Place::Io, &out[..len].into());
            }
        }
        self.out = out;
        for (member, end) in std::mem::take(&mut self.leaves[index].machine.ending) {
            let pid = self.leaves[index].core.member_pid(member);
            self.schedule(self.now + 1, Event::Ended { leaf: index, member, pid, end });
        }
        let leaf = &mut self.leaves[index];
        let due = leaf.core.poll_timeout().0;
        if due != u64::MAX && leaf.ticking.is_none_or(|at| due < at) {
            leaf.ticking = Some(due);
            self.schedule(due, Event::Tick(Place::Leaf(index)));
        }
    }
}
