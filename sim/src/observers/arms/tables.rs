//! Every pair of a state and an event, declared: that seeds reach it, or why it cannot be.

use cnode::inspect::{MemberState, SessionState as PartState};
use ionode::inspect::{ChildState, CommandState, SessionState};
use protocol::inspect::ParentState;
use protocol::worded;

/// A state machine: a row a state, a character an event.
#[derive(Debug)]
pub struct Table {
    /// Whose it is.
    pub name: &'static str,
    /// Its states.
    pub states: &'static [&'static str],
    /// Its events.
    pub events: &'static [&'static str],
    /// For each state and event `+`, as seeds reach it, or a letter of `WHY`.
    pub grid: &'static [&'static str],
}

impl Table {
    /// All its pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (states, events) = (self.states.len(), self.events.len());
        (0..states * events).map(move |at| (at / events, at % events))
    }

    /// Why a pair cannot be; none if seeds reach it.
    pub fn why(&self, state: usize, event: usize) -> Option<&'static str> {
        let letter = self.grid.get(state).and_then(|row| row.chars().nth(event))?;
        WHY.iter().find(|(own, _)| *own == letter).map(|(_, why)| *why)
    }
}

worded! {
    /// What a member hears, or does.
    pub(crate) enum MemberEvent {
        Exec = "exec",
        Start = "start",
        Ready = "ready",
        Started = "started",
        Failed = "failed",
        Exited = "exited",
        Go = "go",
        Cancel = "cancel",
        Signal = "signal",
        Kill = "kill",
        Stop = "stop",
        Cont = "cont",
        Hangup = "link lost",
        Closed = "session closed",
    }
}

worded! {
    /// What a session hears at a compute node.
    pub(crate) enum PartEvent {
        Setup = "setup",
        Exec = "exec",
        GoOn = "go on",
        GoOff = "go off",
        Signal = "signal",
        CloseStdin = "close stdin",
        Bad = "bad line",
        Removed = "removed",
        Left = "ctl left",
        Hangup = "link lost",
        Fence = "fence",
        GivenUp = "given up",
        LingerOver = "linger over",
        Opened = "ctl opened",
        Started = "member started",
        Failed = "member failed",
        Ended = "member ended",
    }
}

worded! {
    /// What a session hears at an aggregator.
    pub(crate) enum SessionEvent {
        Setup = "setup",
        Res = "res",
        Exec = "exec",
        Go = "go",
        Signal = "signal",
        CloseStdin = "close stdin",
        Bad = "bad line",
        Removed = "removed",
        Left = "ctl left",
        Near = "near client gone",
        Far = "far client gone",
        LingerOver = "linger over",
        Fence = "fence",
        GivenUp = "given up",
        Flush = "flush",
        Opened = "ctl opened",
        ExecTold = "exec told",
        ExecRefused = "exec refused",
        Outcomes = "outcomes",
        Last = "last outcome",
        ChildLost = "child lost",
    }
}

worded! {
    /// What a link to a parent hears.
    pub(crate) enum BelowEvent {
        Due = "due",
        Connected = "connected",
        Undialed = "undialed",
        Rank = "rank told",
        Answer = "another answer",
        Refused = "refusal",
        Request = "request",
        Hangup = "hangup",
        Silent = "silent too long",
        Botch = "nonsense",
    }
}

worded! {
    /// What a child hears or does, as its parent sees it.
    pub(crate) enum AboveEvent {
        Joins = "joins",
        Again = "joins again",
        Taken = "name taken",
        Request = "request",
        Version = "version",
        Answer = "answer",
        Refusal = "refusal",
        Fenced = "fenced",
        Beat = "beat",
        Hangup = "hangup",
        Silent = "silent",
        GivenUp = "silent too long",
        Botch = "nonsense",
    }
}

worded! {
    /// What a command that waits hears.
    pub(crate) enum GatherEvent {
        Ok = "answer",
        Refused = "refusal",
        Lost = "child lost",
        Noted = "status told",
        Deadline = "deadline",
        Flush = "flush",
        ClientGone = "client gone",
        Closed = "session closed",
    }
}

/// Why a pair cannot be, by letter.
pub const WHY: &[(char, &str)] = &[
    ('c', "then it goes on, and is starting"),
    ('d', "that has been"),
    ('e', "it has its outcome"),
    ('f', "all members have started, or have not"),
    ('k', "nobody has its ctl open"),
    ('l', "then it is orphaned"),
    ('m', "it has no members"),
    ('n', "nothing was executed"),
    ('o', "it is no parent's: those reserve and execute in one message"),
    ('p', "it has no process"),
    ('r', "it runs already"),
    ('s', "what ends before its program runs is told as started first"),
    ('t', "it is starting until all have told that"),
    ('u', "a node tells of its start before it tells of the last end"),
    ('w', "nothing waits there"),
    ('x', "its files are gone, and it ends already"),
    ('A', "not here: nobody tells a node to leave, or to join another"),
    ('B', "not here: what is changed on its way ends its link before"),
    ('C', "it has a link"),
    ('D', "it has no link"),
    ('E', "nobody is there"),
    ('F', "a node refuses nothing of it"),
    ('G', "it greets before anything else can come"),
    ('I', "it has a link: then it joins again, or the name is taken"),
    ('J', "a parent asks nothing of a child that has not got its rank"),
    ('L', "its link is no child's any more"),
    ('M', "not here: there is no other tree to be mounted"),
    ('N', "its driver says how it went"),
    ('O', "it is about no session"),
    ('Q', "it was asked nothing of that"),
    ('S', "it waits for no status"),
    ('T', "the beat is for those that serve"),
    ('U', "all have answered"),
    ('V', "that was before"),
    ('X', "nobody waits for it"),
];

/// The machines, in the order of `Machine`.
pub const TABLES: [&Table; 6] = [
    &Table {
        name: "member",
        states: MemberState::WORDS,
        events: MemberEvent::WORDS,
        grid: &[
            "+ppppppp++++++",
            "+++++s++++++++",
            "+dd++s++++++++",
            "+rrrr+rr++++++",
            "+rrrr+rr++++++",
            "+eeeeeee++++++",
        ],
    },
    &Table {
        name: "part",
        states: PartState::WORDS,
        events: PartEvent::WORDS,
        grid: &[
            "++++++++++++l+nnn",
            "++++++++++ool+nnn",
            "++++++++++++l+nnn",
            "++++++++++++l++++",
            "++++++++++++l++c+",
            "++++++++++++l+ff+",
            "++++++++++++l+ff+",
            "++++++++++++l+ffe",
            "+kkk+kk+k++++++++",
            "xxxx+xxxx++xxx+++",
        ],
    },
    &Table {
        name: "session",
        states: SessionState::WORDS,
        events: SessionEvent::WORDS,
        grid: &[
            "+++++++++++l++++nnnnm",
            "+++++++++++loo++nnn++",
            "+++++++++++l++w+nnnn+",
            "+++++++++++l+++++++++",
            "+++++++++++l++++tt+++",
            "+++++++++++l++++tt+++",
            "+++++++++++l++++u+ee+",
            "+kkk+kk+kkk++++++++++",
        ],
    },
    &Table {
        name: "link below",
        states: ParentState::WORDS,
        events: BelowEvent::WORDS,
        grid: &["AAAAAAAAAA", "+DDDDDDDDD", "N++DDDDDDD", "GGGGGGGGGG", "+CC+++J++B", "+CC++++++B"],
    },
    &Table {
        name: "link above",
        states: ChildState::WORDS,
        events: AboveEvent::WORDS,
        grid: &[
            "+EEEEEEEEEEEE",
            "I+++QQQQQ+++B",
            "I++++QQQQ+++B",
            "I+++V+F+T+++B",
            "I+++V++V++++B",
            "I+++V++V++++B",
            "+LLLLLLLLLLLL",
            "MMMMMMMMMMMMM",
            "MMMMMMMMMMMMM",
        ],
    },
    &Table {
        name: "gather",
        states: CommandState::WORDS,
        events: GatherEvent::WORDS,
        grid: &[
            "+++S++++", "+++S++++", "+++S++++", "+++S++++", "+++++++O", "UU+++++O", "+++S++++", "+++XXXXX",
        ],
    },
];
