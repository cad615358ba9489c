//! A simulated aggregator: its core, what that asks of its machine, and its run.

use super::feed::{Fed, Feed, Stage, Wish};
use super::params::Params;
use super::run::Run;
use bluegene::time::Ps;
use ionode::bounds::PARENT;
use ionode::host::{Effect, Peer};
use ionode::{Facts, Ionode, Target};
use protocol::ename::Ename;

/// An aggregator.
pub(crate) struct Aggregator {
    pub(crate) core: Box<Ionode>,
    pub(crate) params: Params,
    pub(crate) run: Run,
}

impl Aggregator {
    /// One that has just started, with nobody under it.
    pub(super) fn new(now: Ps, facts: Facts, run: Run) -> Self {
        let core = Box::new(Ionode::new(facts, run.clock.read(now)));
        Self { core, params: Params::default(), run }
    }

    /// It is fed; what it passes on at once is at the start of `out`.
    pub(super) fn feed(&mut self, now: Ps, feed: Feed<'_>, out: &mut [u8]) -> Fed {
        let time = self.run.clock.read(now);
        let Self { core, params, run } = self;
        match feed {
            Feed::Due => {
                run.woken();
                core.handle_timeout(time, params);
            }
            Feed::Connected => core.connect(PARENT, Peer { is_local: false, uid: None }),
            Feed::Undialed => core.undialed(time),
            Feed::Hangup(id) => core.handle_hangup(time, id, params),
            Feed::Bytes(id, message) => {
                if let Some((target, len)) = core.pass(id, message, out) {
                    return Fed::Passed(target, len);
                }
                return match core.handle_bytes(time, id, message, params) {
                    Ok(len) if len == message.len() => Fed::Taken,
                    Ok(_) => Fed::Short,
                    Err(_) => Fed::Botched,
                };
            }
            Feed::Started { .. } | Feed::Step { .. } => unreachable!("an aggregator runs no members"),
        }
        Fed::Taken
    }

    /// The next that it wants; a message is at the start of `out`.
    pub(super) fn poll(&mut self, now: Ps, stage: &mut Stage, out: &mut [u8]) -> Option<Wish> {
        let time = self.run.clock.read(now);
        let Self { core, params, run } = self;
        while *stage == Stage::Effects {
            match core.poll_effect() {
                Some(Effect::Drop(id)) => return Some(Wish::HangUp(id)),
                Some(Effect::Dial) => return Some(Wish::Dial),
                // Nothing here is there to be mounted.
                Some(Effect::Mount(index)) => core.unmounted(time, index, Ename::Unsupported, params),
                Some(Effect::Exit) => run.dead = true,
                None => *stage = Stage::Messages,
            }
        }
        if *stage == Stage::Messages {
            if let Some((target, len)) = core.poll_transmit(time, params, out) {
                return Some(match target {
                    Target::Link(id) => Wish::Send(id, len),
                    Target::Children(set) => Wish::FanOut(set, len),
                });
            }
            *stage = Stage::Over;
            return run.wakes(core.poll_timeout()).map(Wish::Wake);
        }
        None
    }
}
