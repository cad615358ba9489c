//! A simulated compute node: its core, the machine that it asks, and its run.

use super::feed::{Fed, Feed, Stage, Start, Wish};
use super::run::Run;
use crate::host::{self, SimHost, Whose};
use bluegene::time::Ps;
use cnode::bounds::PARENT;
use cnode::host::{Completion, Effect};
use cnode::{Bounds, Cnode, Facts};
use protocol::ename::Ename;

/// A compute node.
pub(crate) struct Leaf<B: Bounds> {
    /// In memory of its own: a daemon's tables are large.
    pub(crate) core: Box<Cnode<B>>,
    pub(crate) host: SimHost,
    pub(crate) run: Run,
}

impl<B: Bounds> Leaf<B> {
    /// A run of a node that has just begun.
    pub(super) fn new(now: Ps, facts: Facts, run: Run) -> Self {
        let core = Box::new(Cnode::new(facts, run.clock.read(now)));
        Self { core, host: SimHost::default(), run }
    }

    /// It is fed.
    pub(super) fn feed(&mut self, now: Ps, feed: Feed<'_>) -> Fed {
        let time = self.run.clock.read(now);
        let Self { core, host, run } = self;
        match feed {
            Feed::Due => {
                run.woken();
                core.handle_timeout(time, host);
            }
            Feed::Connected => core.connect(PARENT, false),
            Feed::Undialed => core.handle_completion(time, Completion::Undialed, host),
            Feed::Hangup(_) => core.handle_hangup(time, PARENT, host),
            Feed::Bytes(_, message) => match core.handle_bytes(time, PARENT, message, host) {
                Ok(len) => debug_assert_eq!(len, message.len(), "messages are whole"),
                Err(_) => {
                    core.handle_hangup(time, PARENT, host);
                    return Fed::Botched;
                }
            },
            Feed::Started { member, pid, waits } => {
                let went = host::started(core, host, time, (member, pid), waits);
                return went.map_or(Fed::Taken, Fed::Went);
            }
            Feed::Step { member, pid } => {
                let went = host::goes_on(core, host, time, (member, pid));
                return went.map_or(Fed::Taken, Fed::Went);
            }
        }
        Fed::Taken
    }

    /// The next that it wants; a message is at the start of `out`.
    pub(super) fn poll(&mut self, now: Ps, stage: &mut Stage, out: &mut [u8]) -> Option<Wish> {
        let time = self.run.clock.read(now);
        let Self { core, host, run } = self;
        while *stage == Stage::Effects {
            match core.poll_effect() {
                Some(Effect::Dial) => return Some(Wish::Dial),
                Some(Effect::Start { member, session, number, size, gang }) => {
                    return Some(Wish::Start(Start { member, session, number, size, waits: gang }));
                }
                // Scripted programs have nothing to look into.
                Some(Effect::Debug { helper: member, .. }) => {
                    let done = Completion::Failed { member, failure: Ename::Unsupported.into() };
                    core.handle_completion(time, done, host);
                }
                Some(Effect::Leave) => return Some(Wish::HangUp(PARENT)),
                Some(Effect::Exit) => run.dead = true,
                None => *stage = Stage::Messages,
            }
        }
        if *stage == Stage::Messages {
            if let Some((id, len)) = core.poll_transmit(time, host, out) {
                return Some(Wish::Send(id, len));
            }
            *stage = Stage::Programs;
        }
        if *stage == Stage::Programs {
            if let Some((member, pid, after)) = host.going() {
                return Some(Wish::Go { member, pid, after });
            }
            if let Some((member, pid)) = host.ending(|member| core.member_pid(member)) {
                return Some(Wish::Step { member, pid });
            }
            *stage = Stage::Over;
            return run.wakes(core.poll_timeout()).map(Wish::Wake);
        }
        None
    }

    /// Starts the program of a member, as that process: how many microseconds more than usual that takes.
    pub(super) fn start(&mut self, start: &Start, pid: u32, node: &str, date_us: u64) -> u64 {
        let &Start { member, session, number, size, .. } = start;
        let (name, _) = self.core.session_name(session);
        self.host.start(member, session, pid, &Whose { node, session: name, number, size, date_us })
    }
}
