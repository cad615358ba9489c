//! A session as a stub keeps it: what was said of it, and how far it is.

use crate::host::MemberSlot;
use protocol::about::{About, Options, State};
use protocol::failure::Failure;
use protocol::limits::SESSION_NAME_MAX;
use protocol::server::{RequestId, UserId};
use protocol::text::Text;
use protocol::time::Time;

/// How far a session is that starts all its members or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gang {
    /// It is no such session, or that is decided.
    #[default]
    No,
    /// So many members are not ready yet; a compute node has at most 65,535.
    Waits(u16),
    /// A parent has said that all may run.
    Goes,
    /// A parent has said that none does.
    Stays,
}

/// The command that ran a session.
#[derive(Clone, Copy, Debug)]
pub struct Exec {
    /// The write that waits for the members to have started; a parent's `go` waits in its place.
    pub request: Option<RequestId>,
    /// Whose it was.
    pub user: UserId,
    /// Its line in that write, from 1.
    pub line: u16,
    /// The length of that write.
    pub len: u32,
}

/// A session that was given `exec`.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The command.
    pub exec: Exec,
    /// Members whose start is not answered.
    pub starting: u32,
    /// The first reason why a member did not start.
    pub refused: Option<Failure>,
    /// How far it is, if all start or none.
    pub gang: Gang,
    /// Outcomes so far.
    pub outcomes: u32,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, Default)]
pub enum Phase {
    /// The slot is nobody's.
    #[default]
    Free,
    /// Before `exec`.
    Setup {
        /// A step was refused to its parent: it never runs.
        is_poisoned: bool,
    },
    /// From `exec` on.
    Run(Run),
    /// Its members are killed, and the slot is free when they are gone.
    Closing {
        /// `exec` was given.
        has_run: bool,
    },
}

/// Whom a parked stdin message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A copy for each member.
    All,
    /// Record by record to one member after the other.
    Deal,
    /// One member alone.
    One(MemberSlot),
}

/// A stdin message that not all members have yet.
#[derive(Clone, Copy, Debug)]
pub struct Spill {
    /// Who waits for it to be delivered; nobody after a flush.
    pub request: Option<RequestId>,
    /// Its length.
    pub len: u32,
    /// How much of it was dealt.
    pub at: u32,
    /// Whom it is for.
    pub target: Target,
}

/// The input of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input {
    /// The parked message.
    pub spill: Option<Spill>,
    /// It ends when the parked message is delivered.
    pub is_closed: bool,
    /// The member that the next record goes to, counted from 0 among those here.
    pub dealt: u32,
    /// A record has begun whose end is to come: that member gets the rest of it.
    pub deals_on: bool,
}

/// One of the outputs of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// The member that is looked at first.
    pub turn: MemberSlot,
    /// The member whose record was given in part: its rest comes before anything else.
    pub open_record: Option<MemberSlot>,
}

/// An entry of the session table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session<T> {
    /// How far it is.
    pub phase: Phase,
    /// Its directory.
    pub name: Text<SESSION_NAME_MAX>,
    /// Whose it is.
    pub owner: UserId,
    /// How many levels above this node it was made.
    pub levels: u8,
    /// Its name there.
    pub origin: Text<SESSION_NAME_MAX>,
    /// What its owner calls it, and how it ends.
    pub about: About<T>,
    /// How it runs.
    pub options: Options,
    /// Open fids of its ctl that can write.
    pub ctls: u16,
    /// Its client vanished: it is ended then.
    pub linger: Option<Time>,
    /// Members of the whole session, here and elsewhere.
    pub size: u32,
    /// Members here.
    pub count: u32,
    /// What `events` told last.
    pub told: Option<State>,
    /// Its input.
    pub input: Input,
    /// Its outputs, by stream.
    pub outputs: [Output; 2],
}

impl<T> Session<T> {
    /// The slot is somebody's.
    pub fn is_used(&self) -> bool {
        !matches!(self.phase, Phase::Free)
    }

    /// It is there and not being ended.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Setup { .. } | Phase::Run(_))
    }

    /// It is being ended.
    pub fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    /// `exec` was given.
    pub fn is_executed(&self) -> bool {
        matches!(self.phase, Phase::Run(_) | Phase::Closing { has_run: true })
    }

    /// A step before `exec` was refused to its parent.
    pub fn is_poisoned(&self) -> bool {
        matches!(self.phase, Phase::Setup { is_poisoned: true })
    }

    /// A step was refused: if its parent gave it before `exec`, it never runs.
    pub fn poison(&mut self) {
        if let Phase::Setup { .. } = self.phase
            && self.is_parents()
        {
            self.phase = Phase::Setup { is_poisoned: true };
        }
    }

    /// What has become of its `exec`.
    pub fn run(&self) -> Option<&Run> {
        if let Phase::Run(run) = &self.phase { Some(run) } else { None }
    }

    /// The same, to be changed.
    pub fn run_mut(&mut self) -> Option<&mut Run> {
        if let Phase::Run(run) = &mut self.phase { Some(run) } else { None }
    }

    /// All members have their start behind them.
    pub fn is_started(&self) -> bool {
        self.run().is_some_and(|run| run.starting == 0)
    }

    /// Outcomes so far.
    pub fn outcomes(&self) -> u32 {
        self.run().map_or(0, |run| run.outcomes)
    }

    /// A parent made it: it is not listed, and lives as its parent says.
    pub fn is_parents(&self) -> bool {
        self.name.as_str().starts_with('.')
    }

    /// What it is called: to its members, as it is where it was made.
    pub fn id(&self, member: Option<u32>) -> &Text<SESSION_NAME_MAX> {
        if member.is_some() && self.is_parents() { &self.origin } else { &self.name }
    }

    /// Where it is in its life.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Closing { .. } => State::Closing,
            _ if self.linger.is_some() => State::Orphaned,
            Phase::Run(run) if run.outcomes == self.count => State::Done,
            Phase::Run(run) if run.starting > 0 => State::Starting,
            Phase::Run(_) => State::Running,
            Phase::Free | Phase::Setup { .. } if self.count > 0 => State::Reserved,
            Phase::Free | Phase::Setup { .. } => State::Open,
        }
    }
}
