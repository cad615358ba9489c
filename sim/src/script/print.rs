//! A script as text, which parses back to the same script.

use super::{
    Claim, Count, Expect, Head, How, Job, Line, Network, Res, Script, Tables, Told, Tree, What, When,
};
use crate::act::Act;
use crate::levels::Levels;
use crate::victim::{NamedVictim, Victim};
use crate::words::time::told;
use std::fmt::{self, Display, Formatter};

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nboot\n", self.head)?;
        let levels = self.head.levels();
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", Named(line, &levels)))
    }
}

impl Display for Head {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "nodes {}", self.nodes)?;
        match &self.tree {
            Tree::One => {}
            Tree::Pset(nodes) => writeln!(f, "pset {nodes}")?,
            Tree::Levels(levels) => {
                let levels: Vec<String> = levels.iter().map(u32::to_string).collect();
                writeln!(f, "levels {}", levels.join("x"))?;
            }
        }
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "tables {}", if self.tables == Tables::Full { "full" } else { "small" })?;
        writeln!(f, "network {}", if self.network == Network::Bgp { "bgp" } else { "latency" })
    }
}

/// Something with the names that its places have among those levels.
pub(crate) struct Named<'a, T>(pub(crate) &'a T, pub(crate) &'a Levels);

impl Display for Named<'_, Line> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.when {
            When::Next => {}
            When::At(us) => write!(f, "at {} ", told(us))?,
            When::After(us) => write!(f, "after {} ", told(us))?,
        }
        Named(&self.0.what, self.1).fmt(f)
    }
}

impl Display for Named<'_, What> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            What::Begin(job) => job.fmt(f),
            What::Act(name, act) => write!(f, "{name}: {}", Named(act, self.1)),
            What::Fault(victim, fault) => (fault.kind().print)(*fault, &NamedVictim(*victim, self.1), f),
            What::Expect(expect) => expect.fmt(f),
        }
    }
}

impl Display for Job {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match self.res {
            Res::Count(count) => write!(f, "res {count}")?,
            Res::Up => f.write_str("res up")?,
        }
        self.ctl.iter().try_for_each(|line| write!(f, ", {line}"))?;
        f.write_str(", exec")?;
        self.exec.iter().try_for_each(|word| write!(f, " {}", Word(word)))?;
        match &self.input {
            None => Ok(()),
            Some((text, 1)) => write!(f, ", input {}", Quote(text)),
            Some((text, times)) => write!(f, ", input {} times {times}", Quote(text)),
        }
    }
}

impl Display for Named<'_, Act> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Act::Flush => f.write_str("flush"),
            Act::Look(node) => write!(f, "look at {}", NamedVictim(Victim::Node(*node), self.1)),
            Act::Vanish => f.write_str("vanish"),
            Act::Kill(None) => f.write_str("kill"),
            Act::Kill(Some(member)) => write!(f, "kill {member}"),
        }
    }
}

impl Display for Expect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("expect ")?;
        match &self.claim {
            Claim::AllUp => f.write_str("up")?,
            Claim::Up(count) => write!(f, "up {count}")?,
            Claim::Quiet => f.write_str("quiet")?,
            Claim::Job(name, told) => {
                let told: Vec<String> = told.iter().map(Told::to_string).collect();
                write!(f, "{name}: {}", told.join(", "))?;
            }
        }
        self.within.map_or(Ok(()), |us| write!(f, " within {}", told(us)))
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rightly => f.write_str("told"),
            Self::Refused => f.write_str("refused"),
            Self::Ended(count, kind) => write!(f, "{count} {kind}"),
            Self::Lines(count) => write!(f, "stdout {count} lines"),
            Self::Text(text) => write!(f, "stdout {}", Quote(text)),
        }
    }
}

impl Display for How {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Lost => f.write_str("lost"),
            Self::Never => f.write_str("never run"),
        }
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(count) => count.fmt(f),
            Self::Least(count) => write!(f, "at least {count}"),
            Self::Most(count) => write!(f, "at most {count}"),
        }
    }
}

/// A word, in quotes where it could be taken for something else.
struct Word<'a>(&'a str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\');
        let is_plain = !self.0.is_empty() && !self.0.contains(odd);
        if is_plain && !self.0.starts_with('#') && !self.0.ends_with([',', ':']) {
            return f.write_str(self.0);
        }
        Quote(self.0).fmt(f)
    }
}

/// A text in quotes.
struct Quote<'a>(&'a str);

impl Display for Quote<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() || (c.is_whitespace() && c != ' ') => write!(f, "\\u{{{:x}}}", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
