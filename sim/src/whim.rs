//! What clients do beside what is good for their jobs.

use crate::place::Place;

/// Something that a client does; it takes whatever it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whim {
    /// A signal to all members.
    Signal,
    /// They are killed.
    Kill,
    /// They are stopped.
    Stop,
    /// They go on.
    Start,
    /// A signal to the first member alone, and another that kills it.
    KillOne,
    /// Input, be it before the exec.
    Input,
    /// The input ends.
    CloseStdin,
    /// What the session was to run, or is to run a second time.
    Exec,
    /// The same, and a line behind it that is refused.
    ExecBadly,
    /// More members.
    Reserve,
    /// The program and its environment, by their files.
    Params,
    /// More environment than a node keeps.
    Much,
    /// The size of a terminal.
    Winsize,
    /// A word that is no verb.
    Bad,
    /// Something that is to be said before `exec`.
    Late,
    /// What only parents say.
    Go(bool),
    /// The first failure ends all.
    Failfast,
    /// The session outlives its ctl, and its members do not.
    Persist,
    /// The session is ended.
    Wipe,
    /// Its directory is removed.
    Remove,
    /// Its ctl is clunked.
    Clunk,
    /// Its ctl is opened a second time, and that is clunked.
    Reopen,
    /// The ctl of a session whose client is gone is opened; and clunked.
    Adopt(bool),
    /// Such a session gets another program, without its ctl; and is removed.
    Orphan(bool),
    /// The root is looked at through an aggregator below it.
    Up,
    /// The same by a client of that aggregator.
    Above,
    /// A session that a parent made at a node is told something by another.
    Made(Place, Word),
    /// Every session at the root is ended.
    WipeAll,
    /// No new members anywhere.
    Drain,
    /// New members again.
    Resume,
    /// What runs anywhere gets a signal.
    SignalAll,
    /// What runs on the node whose session it is gets one.
    SignalNode,
    /// Members of a parent that is gone are ended soon, everywhere.
    Haste,
}

/// What is said at a node of a parent's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// A word that is no verb.
    Bad,
    /// A second program.
    Exec,
    /// That it may go on.
    Go,
    /// That it ends with its ctl.
    Normal,
}

impl Word {
    pub(crate) fn line(self) -> &'static str {
        match self {
            Self::Bad => "frobnicate\n",
            Self::Exec => "exec sleep 3\n",
            Self::Go => "go on\n",
            Self::Normal => "type normal\n",
        }
    }
}

/// Those that a client may have at any time.
pub const WHIMS: [Whim; 30] = [
    Whim::Signal,
    Whim::Kill,
    Whim::Stop,
    Whim::Start,
    Whim::KillOne,
    Whim::Input,
    Whim::CloseStdin,
    Whim::Exec,
    Whim::ExecBadly,
    Whim::Reserve,
    Whim::Params,
    Whim::Much,
    Whim::Winsize,
    Whim::Bad,
    Whim::Late,
    Whim::Go(true),
    Whim::Go(false),
    Whim::Failfast,
    Whim::Persist,
    Whim::Wipe,
    Whim::Remove,
    Whim::Clunk,
    Whim::Reopen,
    Whim::Adopt(false),
    Whim::Adopt(true),
    Whim::Orphan(false),
    Whim::Orphan(true),
    Whim::SignalNode,
    Whim::SignalAll,
    Whim::Up,
];

impl Whim {
    /// The lines that it is, and whether they are the root's.
    pub(crate) fn lines(self) -> Option<(bool, &'static str)> {
        Some(match self {
            Self::Signal => (false, "signal CONT\nsignal WINCH\n"),
            Self::Kill => (false, "kill\n"),
            Self::Stop => (false, "stop\n"),
            Self::Start => (false, "start\n"),
            Self::CloseStdin => (false, "close stdin\n"),
            Self::Exec => (false, "exec sleep 3\n"),
            Self::ExecBadly => (false, "exec sleep 3\nfrobnicate\n"),
            Self::Reserve => (false, "res 1\n"),
            Self::Bad => (false, "frobnicate\n"),
            Self::Late => (false, "prefix on\n"),
            Self::Go(true) => (false, "go on\n"),
            Self::Go(false) => (false, "go off\n"),
            Self::Winsize => (false, "winsize 24 80\n"),
            Self::Failfast => (false, "failfast on\n"),
            Self::Persist => (false, "type persistent\nkillonclose on\n"),
            Self::Wipe => (false, "wipe\n"),
            Self::Drain => (true, "drain\n"),
            Self::Resume => (true, "resume\n"),
            Self::SignalAll => (true, "signal CONT\n"),
            Self::Haste => (true, "bound orphan 1\n"),
            _ => return None,
        })
    }
}
