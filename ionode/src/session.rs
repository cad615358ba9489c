//! A session over many children: who takes part, with how many members, and how far it has come.

pub(crate) mod launch;
pub(crate) mod outcome;
pub(crate) mod record;
pub(crate) mod reserve;
pub(crate) mod table;
pub(crate) mod traffic;
pub(crate) mod wait;

use crate::flow::MemberView;
use crate::flow::input::Input;
use crate::flow::output::Output;
use crate::ground::id::{SessionId, SessionSlot};
use crate::ground::members::Members;
use crate::ground::outcomes::Range;
use crate::ground::stream::Stream;

use crate::shared::Whose;
use protocol::about::{About, Options};
use protocol::failure::Failure;
use protocol::limits::{CHILDREN_MAX, SESSION_NAME_MAX};
use protocol::message::{Fid, Tag};
use protocol::server::UserId;
use protocol::set::{ChildSet, Rank};
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{KIND_MAX, Kind};

/// Reasons kept apart for members that never ran.
const FAULTS: usize = 4;

/// How far a session has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being prepared.
    #[default]
    Open,
    /// A step before `exec` was refused to its parent: it will never run.
    Poisoned,
    /// `exec` was given.
    Run,
}

/// An entry of the session table.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its place in the table.
    slot: SessionSlot,
    /// Its number on the children.
    serial: u32,
    /// Its directory.
    pub name: Text<SESSION_NAME_MAX>,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it, and how it ends.
    pub about: About,
    /// Open fids of its ctl that can write.
    pub ctls: u16,
    /// Its client vanished: it is ended then.
    pub linger: Option<Time>,
    /// Where it was made.
    pub(crate) origin: Origin,
    /// How far it has come.
    pub phase: Phase,
    /// How it runs.
    pub(crate) options: Options,
    /// The os and the arch of the nodes that its members are on; `*` or nothing is any.
    kind: (Text<KIND_MAX>, Text<KIND_MAX>),
    /// Who has which members.
    pub members: Members,
    /// What is out at the children that run it.
    pub(crate) run: Run,
    /// Its outputs.
    pub(crate) outputs: [Output; 2],
    /// Its input.
    pub(crate) input: Input,
    /// The state that `events` reported last.
    pub(crate) reported: &'static str,
}

/// Where a session was made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin {
    /// How many levels above this node.
    pub(crate) levels: u8,
    /// Its name there.
    pub(crate) name: Text<SESSION_NAME_MAX>,
}

/// What is out at the children of a session that runs.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Children whose `exec` is not answered.
    pub(crate) starting: ChildSet,
    /// Children that still owe outcomes.
    pub(crate) live: ChildSet,
    /// Why members of children never ran.
    faults: [Option<(Failure, ChildSet)>; FAULTS],
    /// Children whose members never ran, and that are being asked why.
    pub(crate) asked_why: ChildSet,
    /// Its part of the outcomes.
    pub(crate) range: Range,
    /// How many outcomes each child still owes.
    pub(crate) owed: [u32; CHILDREN_MAX],
    /// What it has on the children.
    pub(crate) files: Option<Files>,
}

/// Files of a session that runs, the same fids on all its children.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files {
    /// Its directory, by which it is removed.
    pub(crate) dir: Fid,
    /// Its ctl.
    pub(crate) ctl: Fid,
    /// Its outcomes, and the tag by which they are asked for.
    pub(crate) wait: (Fid, Tag),
}

impl Default for Run {
    fn default() -> Self {
        Self {
            starting: ChildSet::EMPTY,
            live: ChildSet::EMPTY,
            faults: [None; FAULTS],
            asked_why: ChildSet::EMPTY,
            range: Range::default(),
            owed: [0; CHILDREN_MAX],
            files: None,
        }
    }
}

impl Run {
    /// Keeps why members of a child never ran; its first reason stands.
    pub(crate) fn fault(&mut self, rank: Rank, failure: Failure) {
        if self.reason(rank).is_some() {
            return;
        }
        let one = ChildSet::one(rank);
        for fault in &mut self.faults {
            match fault {
                Some((same, set)) if *same == failure => {
                    *set = set.or(one);
                    return;
                }
                Some(_) => {}
                None => {
                    *fault = Some((failure, one));
                    return;
                }
            }
        }
    }

    /// Why members of a child never ran.
    pub(crate) fn reason(&self, rank: Rank) -> Option<Failure> {
        self.faults.iter().flatten().find(|(_, set)| set.has(rank)).map(|(failure, _)| *failure)
    }

    /// A child has said more of why its members never ran.
    pub(crate) fn explain(&mut self, rank: Rank, failure: Failure) {
        for fault in &mut self.faults {
            if let Some((_, set)) = fault
                && set.cut(rank)
                && set.is_empty()
            {
                *fault = None;
            }
        }
        self.fault(rank, failure);
    }

    /// Members of a child have no outcome yet.
    pub(crate) fn owes(&self, rank: Rank) -> bool {
        self.owed[rank.index()] > 0
    }
}

impl Session {
    /// One that was just made.
    pub(crate) fn new(id: SessionId, name: Text<SESSION_NAME_MAX>, owner: UserId) -> Self {
        Self {
            slot: id.slot,
            serial: id.serial,
            name,
            owner,
            about: About::default(),
            ctls: 0,
            linger: None,
            origin: Origin::default(),
            phase: Phase::Open,
            options: Options::default(),
            kind: (Text::EMPTY, Text::EMPTY),
            members: Members::default(),
            run: Run::default(),
            outputs: [Output::default(), Output::default()],
            input: Input::default(),
            reported: "",
        }
    }

    /// Its place, and its number on the children.
    pub(crate) fn id(&self) -> SessionId {
        SessionId { slot: self.slot, serial: self.serial }
    }

    /// It, and as whom its files on children are opened.
    pub(crate) fn whose(&self) -> Whose {
        Whose { session: self.id(), owner: self.owner }
    }

    /// A parent made it: it is not listed, and lives as its parent says.
    pub(crate) fn is_parents(&self) -> bool {
        self.name.as_str().starts_with('.')
    }

    /// What kind of node its members are on.
    pub(crate) fn kind(&self) -> Kind<'_> {
        fn or_any(text: &Text<KIND_MAX>) -> &str {
            if text.is_empty() { "*" } else { text.as_str() }
        }
        Kind { os: or_any(&self.kind.0), arch: or_any(&self.kind.1) }
    }

    /// Its members are on nodes of that kind.
    pub(crate) fn set_kind(&mut self, kind: Kind<'_>) {
        self.kind = (Text::cut(kind.os), Text::cut(kind.arch));
    }

    /// `exec` was given.
    pub(crate) fn runs(&self) -> bool {
        self.phase == Phase::Run
    }

    /// All its members have their outcome.
    pub(crate) fn is_over(&self) -> bool {
        self.runs() && self.run.range.known == self.run.range.size
    }

    /// The state that `info` and `events` report.
    pub(crate) fn state_name(&self) -> &'static str {
        if self.linger.is_some() {
            "orphaned"
        } else if self.is_over() {
            "done"
        } else if self.runs() && !self.run.starting.is_empty() {
            "starting"
        } else if self.runs() {
            "running"
        } else if self.members.size() > 0 {
            "reserved"
        } else {
            "open"
        }
    }

    /// Its input, and who that is for.
    pub(crate) fn input(&mut self) -> (&mut Input, MemberView<'_>) {
        let whose = self.whose();
        let Self { members, run, options, input, .. } = self;
        (
            input,
            MemberView {
                whose,
                members,
                live: run.live,
                deal: options.deal,
                ctl: run.files.map(|files| files.ctl),
            },
        )
    }

    /// One of its outputs, and whose that is.
    pub(crate) fn output(&mut self, stream: Stream) -> (&mut Output, MemberView<'_>) {
        let whose = self.whose();
        let Self { members, run, options, outputs, .. } = self;
        let view = MemberView {
            whose,
            members,
            live: run.live,
            deal: options.deal,
            ctl: run.files.map(|files| files.ctl),
        };
        (&mut outputs[stream as usize], view)
    }
}
