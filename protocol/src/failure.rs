//! Why a member never ran: which step of its start failed, as a value of a few bytes and as text.
//!
//! The text goes up through any number of nodes in `wait` and `error`; what it says is not decided here.

use crate::ename::Ename;
use core::fmt;

/// What a start was at. The lines of `ns` are steps of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // The table below says what each is.
pub enum Step {
    Exec = 0,
    Stdio,
    Dir,
    RedirStdin,
    RedirStdout,
    RedirStderr,
    Limit,
    User,
    Cpus,
    Gang,
    Args,
    Env,
    Setup,
    Ns,
    Unshare,
    Bind,
    Mount,
    Import,
    Chroot,
    Cd,
    Res,
}

/// Each step by its number: the file or verb that asked for it, and the verb of its line in that file.
const STEPS: &[(Step, &str, &str)] = &[
    (Step::Exec, "", ""),
    (Step::Stdio, "stdio", ""),
    (Step::Dir, "dir", ""),
    (Step::RedirStdin, "redir stdin", ""),
    (Step::RedirStdout, "redir stdout", ""),
    (Step::RedirStderr, "redir stderr", ""),
    (Step::Limit, "limit", ""),
    (Step::User, "user", ""),
    (Step::Cpus, "cpus", ""),
    (Step::Gang, "gang", ""),
    (Step::Args, "args", ""),
    (Step::Env, "env", ""),
    (Step::Setup, "setup", ""),
    (Step::Ns, "ns", ""),
    (Step::Unshare, "ns", "unshare"),
    (Step::Bind, "ns", "bind"),
    (Step::Mount, "ns", "mount"),
    (Step::Import, "ns", "import"),
    (Step::Chroot, "ns", "chroot"),
    (Step::Cd, "ns", "cd"),
    (Step::Res, "res", ""),
];

impl Step {
    /// The step with this number.
    pub fn of(number: u8) -> Option<Self> {
        STEPS.get(usize::from(number)).map(|row| row.0)
    }
}

/// What is wrong with what a start was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The table below says what each is.
pub enum Fault {
    Unended,
    Nul,
    NoName,
    ManyNames,
    NoProgram,
    Setup,
    NsForm,
    NsMany,
    DialForm,
    No9p,
    NoUser,
    NotRoot,
    OneUser,
    ManyCpus,
    NoCpu,
    Another,
    Drains,
    Taken,
    Shared,
    Full,
    OtherKind,
    OneTerminal,
}

const FAULTS: &[(Fault, Ename, &str)] = &[
    (Fault::Unended, Ename::Invalid, "a quote is not closed"),
    (Fault::Nul, Ename::Invalid, "holds a NUL byte"),
    (Fault::NoName, Ename::Invalid, "want NAME=VALUE"),
    (Fault::ManyNames, Ename::Invalid, "more than 4096 variables"),
    (Fault::NoProgram, Ename::Invalid, "no program: want args or exec prog args..."),
    (
        Fault::Setup,
        Ename::Invalid,
        "want dir path, user name, umask octal, limit name n, cpus k, winsize rows cols or redir stream path",
    ),
    (
        Fault::NsForm,
        Ename::Invalid,
        "want unshare, bind [-r] old new, mount type dev dir [opts], import dial dir, chroot dir or cd dir",
    ),
    (Fault::NsMany, Ename::TooBig, "more than 64 lines"),
    (Fault::DialForm, Ename::Invalid, "want unix!path or tcp!address!port, the address in numbers"),
    (Fault::No9p, Ename::Unsupported, "the kernel of this node has no 9P file system"),
    (Fault::NoUser, Ename::NotFound, "no such user on this node"),
    (Fault::NotRoot, Ename::NotOwner, "only root may ask for another user"),
    (Fault::OneUser, Ename::NotOwner, "the stub of this node is not root's and cannot change users"),
    (Fault::ManyCpus, Ename::Invalid, "more than this node has"),
    (Fault::NoCpu, Ename::Invalid, "this node does not have all of them"),
    (Fault::Another, Ename::Again, "another member cannot start"),
    (Fault::Drains, Ename::Again, "the node drains: it takes no new members"),
    (Fault::Taken, Ename::Busy, "another session has the node for itself"),
    (Fault::Shared, Ename::Busy, "excl: another session has members on the node"),
    (Fault::Full, Ename::Again, "more members than the node takes at once: members= in its info"),
    (Fault::OtherKind, Ename::Again, "the node is of another os or arch"),
    (Fault::OneTerminal, Ename::Invalid, "winsize: a terminal is for a session of one member without prefix"),
];

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The system says so.
    Ename(Ename),
    /// What it was told is wrong.
    Fault(Fault),
}

impl Reason {
    fn ename(self) -> Ename {
        match self {
            Self::Ename(ename) => ename,
            Self::Fault(fault) => row(fault).1,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let fault = FAULTS.iter().find(|row| row.2 == text).map(|row| Self::Fault(row.0));
        fault.or_else(|| Ename::known(text).map(Self::Ename))
    }
}

fn row(fault: Fault) -> &'static (Fault, Ename, &'static str) {
    // The test below holds that every fault has a row.
    FAULTS.iter().find(|row| row.0 == fault).unwrap_or(&FAULTS[0])
}

/// Why a member never ran; prints as `ns: line 2: bind: No such file or directory`, and where it was its
/// program that could not be run as the bare reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where it failed.
    pub step: Step,
    /// The line of the file, from 1; 0 where there is none.
    pub line: u16,
    /// Why.
    pub reason: Reason,
}

impl Failure {
    /// A step that the system refused.
    pub fn of(step: Step, line: u16, errno: i32) -> Self {
        // A kernel that does not know a file system says so with this one.
        let no_9p = step == Step::Import && Ename::from_errno(errno) == Ename::NoDevice;
        let reason = if no_9p { Reason::Fault(Fault::No9p) } else { Reason::Ename(Ename::from_errno(errno)) };
        Self { step, line, reason }
    }

    /// A line that is wrong.
    pub fn bad(step: Step, line: u16, fault: Fault) -> Self {
        Self { step, line, reason: Reason::Fault(fault) }
    }

    /// The text of the Rerror that goes with it.
    pub fn ename(self) -> Ename {
        self.reason.ename()
    }

    /// What another node wrote; none if no start fails so.
    pub fn parse(text: &str) -> Option<Self> {
        STEPS.iter().find_map(|(step, file, verb)| {
            let rest = behind(text, file)?;
            let (line, rest) = match rest.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
                Some((line, rest)) => (line.parse().ok()?, rest),
                None => (0, rest),
            };
            let reason = Reason::parse(behind(rest, verb)?)?;
            Some(Self { step: *step, line, reason })
        })
    }
}

fn behind<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    if name.is_empty() { Some(text) } else { text.strip_prefix(name)?.strip_prefix(": ") }
}

/// The program itself, or what came before any step.
impl From<Ename> for Failure {
    fn from(ename: Ename) -> Self {
        Self { step: Step::Exec, line: 0, reason: Reason::Ename(ename) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, file, verb) = STEPS[self.step as usize];
        if !file.is_empty() {
            write!(f, "{file}: ")?;
        }
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !verb.is_empty() {
            write!(f, "{verb}: ")?;
        }
        f.write_str(match self.reason {
            Reason::Ename(ename) => ename.text(),
            Reason::Fault(fault) => row(fault).2,
        })
    }
}

impl core::error::Error for Failure {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::limits::ENAME_MAX;
    use std::string::ToString;

    #[test]
    fn every_failure_survives_its_text() {
        for (number, (step, file, verb)) in STEPS.iter().enumerate() {
            assert_eq!(Step::of(number as u8), Some(*step));
            let reasons = FAULTS.iter().map(|row| Reason::Fault(row.0));
            for reason in reasons.chain([Reason::Ename(Ename::Denied), Reason::Ename(Ename::NoDevice)]) {
                for line in [0, 7, u16::MAX] {
                    let failure = Failure { step: *step, line, reason };
                    let text = failure.to_string();
                    assert_eq!(Failure::parse(&text), Some(failure), "{text}");
                    assert!(text.len() < ENAME_MAX + 40 && text.contains(file) && text.contains(verb));
                    assert!(!text.contains("; "), "it would be two reasons in a line of `error`");
                }
            }
        }
        assert_eq!(Failure::from(Ename::NotFound).to_string(), "No such file or directory");
        assert_eq!(Failure::parse("earlier step refused"), None);
        assert_eq!(Step::of(STEPS.len() as u8), None);
    }

    #[test]
    fn a_fault_says_what_its_row_says() {
        for (fault, ename, text) in FAULTS {
            assert_eq!(row(*fault).2, *text);
            assert_eq!(Failure::bad(Step::Env, 3, *fault).ename(), *ename);
        }
        let import = Failure::of(Step::Import, 2, 19).to_string();
        assert_eq!(import, "ns: line 2: import: the kernel of this node has no 9P file system");
    }
}
