//! The text of a script: line by line, and what is wrong with one, where, and what would be right.

mod job;

use super::{Claim, Count, Expect, Head, How, Line, NODES_MAX, Network, Script, Tables, Told};
use super::{Tree, What, When};
use crate::act::Act;
use crate::fault::{self, Kind};
use crate::levels::Levels;
use crate::victim::Victim;
use crate::words::{Cursor, Mistake};

/// What can be in a head.
const HEAD: &str = "nodes, pset, levels, seed, tables or network, and then boot";
/// What can be expected.
const CLAIMS: &str = "up, up COUNT, quiet, or a client's name and what it is told";
/// What has been read.
struct Reader {
    head: Head,
    /// Words of the head that were there.
    said: Vec<String>,
    /// Who there is, behind boot.
    levels: Option<Levels>,
    lines: Vec<Line>,
}

/// Reads the text of a script.
pub fn script(text: &str) -> Result<Script, Mistake> {
    let mut reader = Reader { head: Head::default(), said: Vec::new(), levels: None, lines: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        let mut cursor = Cursor::new(index + 1, line)?;
        if !cursor.is_over() {
            reader.line(&mut cursor)?;
            cursor.end()?;
        }
    }
    if reader.levels.is_none() {
        let line = text.lines().count() + 1;
        let (wrong, want) = ("the text ends before `boot`".into(), HEAD.into());
        return Err(Mistake { line, column: 1, wrong, want });
    }
    Ok(Script { head: reader.head, lines: reader.lines })
}

/// Reads a line of what happens behind boot, if it says anything, where those levels are.
pub fn line(text: &str, levels: &Levels) -> Result<Option<Line>, Mistake> {
    let levels = Some(levels.clone());
    let mut reader = Reader { head: Head::default(), said: Vec::new(), levels, lines: Vec::new() };
    let mut cursor = Cursor::new(1, text)?;
    if !cursor.is_over() {
        reader.line(&mut cursor)?;
        cursor.end()?;
    }
    Ok(reader.lines.pop())
}

impl Reader {
    fn line(&mut self, line: &mut Cursor) -> Result<(), Mistake> {
        if self.levels.is_none() {
            return self.head(line);
        }
        let when = if line.takes("at") {
            When::At(line.time()?)
        } else if line.takes("after") {
            When::After(line.time()?)
        } else {
            When::Next
        };
        let what = self.what(line)?;
        self.lines.push(Line { when, what });
        Ok(())
    }

    fn head(&mut self, line: &mut Cursor) -> Result<(), Mistake> {
        let word = line.word(HEAD)?;
        let has_said = |other: &str| self.said.iter().any(|said| said == other);
        if has_said(&word) || (word == "levels" && has_said("pset")) || (word == "pset" && has_said("levels"))
        {
            return Err(line.wrong(&format!("a second {word}"), "one, and pset or levels"));
        }
        let has_nodes = has_said("nodes");
        match word.as_str() {
            "nodes" => {
                let nodes = line.number("a number of compute nodes", 1, NODES_MAX)?;
                match &self.head.tree {
                    Tree::Levels(levels) if levels.iter().product::<u32>() != nodes => {
                        return Err(line.wrong("these are not the nodes that `levels` has", "their product"));
                    }
                    _ => self.head.nodes = nodes,
                }
            }
            "pset" => {
                self.head.tree = Tree::Pset(line.number("compute nodes for each aggregator", 1, 128)?)
            }
            "levels" => {
                let (levels, nodes) = levels(line)?;
                if has_nodes && nodes != self.head.nodes {
                    let wrong = format!("these are {nodes} nodes and not {}", self.head.nodes);
                    return Err(line.wrong(&wrong, "numbers whose product is that of `nodes`"));
                }
                (self.head.tree, self.head.nodes) = (Tree::Levels(levels), nodes);
            }
            "seed" => self.head.seed = line.seed()?,
            "tables" => {
                let tables = [("small", Tables::Small), ("full", Tables::Full)];
                self.head.tables = line.one_of(&tables, "small or full")?;
            }
            "network" => {
                let networks = [("latency", Network::Latency), ("bgp", Network::Bgp)];
                self.head.network = line.one_of(&networks, "latency or bgp")?;
            }
            "boot" => self.levels = Some(self.head.levels()),
            _ => return Err(line.wrong(&format!("{word} is not part of what there is"), HEAD)),
        }
        self.said.push(word);
        Ok(())
    }

    fn what(&self, line: &mut Cursor) -> Result<What, Mistake> {
        if let Some(name) = line.speaker(CLAIMS)? {
            return self.speaks(name, line);
        }
        let want =
            format!("at TIME, after TIME, NAME: …, expect …, or what happens to a place: {}", fault::verbs());
        let word = line.word(&want)?;
        match word.as_str() {
            "expect" => Ok(What::Expect(self.expectation(line)?)),
            "boot" | "nodes" | "pset" | "levels" | "seed" | "tables" | "network" => {
                Err(line.wrong(&format!("{word} stands behind boot"), "it above, and once"))
            }
            word => {
                let Some(kind) = Kind::named(word) else {
                    return Err(line.wrong(&format!("{word} is nothing that happens"), &want));
                };
                let (victim, fault) = (kind.parse)(line, &|line| self.victim(line))?;
                Ok(What::Fault(victim, fault))
            }
        }
    }

    fn speaks(&self, name: String, line: &mut Cursor) -> Result<What, Mistake> {
        let known = self.lines.iter().any(|line| matches!(&line.what, What::Begin(job) if job.name == name));
        if !known {
            return Ok(What::Begin(job::parse(name, line)?));
        }
        let want = "flush, look at NODE, kill, kill MEMBER or vanish";
        let word = line.word(want)?;
        let act = match word.as_str() {
            "flush" => Act::Flush,
            "vanish" => Act::Vanish,
            "kill" if line.is_over() => Act::Kill(None),
            "kill" => Act::Kill(Some(line.number("a member, counted from 0", 0, NODES_MAX)?)),
            "look" => {
                line.keyword("at")?;
                match self.victim(line)? {
                    Victim::Node(node) => Act::Look(node),
                    _ => return Err(line.wrong("who looks, looks at a compute node", &self.names())),
                }
            }
            "res" => return Err(line.wrong(&format!("{name} has its job"), "another name for another job")),
            _ => return Err(line.wrong(&format!("{word} is nothing that a client does"), want)),
        };
        Ok(What::Act(name, act))
    }

    /// The names that places have.
    fn names(&self) -> String {
        self.levels.as_ref().map_or_else(String::new, Levels::names)
    }

    /// A place, as the tree names it.
    fn victim(&self, line: &mut Cursor) -> Result<Victim, Mistake> {
        let word = line.word(&self.names())?;
        let victim = self.levels.as_ref().and_then(|levels| Victim::named(&word, levels));
        victim.ok_or_else(|| line.wrong(&format!("{word} is no place"), &self.names()))
    }

    fn expectation(&self, line: &mut Cursor) -> Result<Expect, Mistake> {
        let claim = match line.speaker(CLAIMS)? {
            Some(name) => {
                let job = self.lines.iter().find_map(|line| match &line.what {
                    What::Begin(job) if job.name == name => Some(job),
                    _ => None,
                });
                let want = "a client whose job stands above";
                let job = job.ok_or_else(|| line.wrong_speaker(&format!("nobody is called {name}"), want))?;
                let is_killed =
                    |line: &Line| matches!(&line.what, What::Act(who, Act::Kill(_)) if *who == name);
                let killed = self.lines.iter().any(is_killed).then(|| "its members were killed".to_owned());
                let unclaimed = job.unclaimed().or(killed);
                let mut told = vec![clause(line, unclaimed.as_deref())?];
                while line.takes_comma() {
                    told.push(clause(line, unclaimed.as_deref())?);
                }
                Claim::Job(name, told)
            }
            None => match line.word(CLAIMS)?.as_str() {
                "quiet" => Claim::Quiet,
                "up" if line.is_over() || line.is_next("within") => Claim::AllUp,
                "up" => Claim::Up(count(line)?),
                word => return Err(line.wrong(&format!("{word} cannot be expected"), CLAIMS)),
            },
        };
        let within = if line.takes("within") { Some(line.time()?) } else { None };
        Ok(Expect { claim, within })
    }
}

fn levels(line: &mut Cursor) -> Result<(Vec<u32>, u32), Mistake> {
    let want = "numbers of children from the top down, such as 4x16";
    let word = line.word(want)?;
    let levels: Option<Vec<u32>> =
        word.split('x').map(|level| level.parse().ok().filter(|n| (1..=128).contains(n))).collect();
    let product = levels.as_ref().and_then(|levels| {
        levels.iter().try_fold(1_u32, |all, level| all.checked_mul(*level)).filter(|all| *all <= NODES_MAX)
    });
    match (levels, product) {
        (Some(levels), Some(product)) => Ok((levels, product)),
        _ => Err(line.wrong(&format!("{word} are no levels"), want)),
    }
}

fn count(line: &mut Cursor) -> Result<Count, Mistake> {
    let want = "a number, at least so many, or at most so many";
    if line.takes("at") {
        let is_least = line.one_of(&[("least", true), ("most", false)], "least or most")?;
        let number = line.number("a number", 0, u32::MAX)?;
        return Ok(if is_least { Count::Least(number) } else { Count::Most(number) });
    }
    Ok(Count::Is(line.number(want, 0, u32::MAX)?))
}

/// What is told of a job; `unclaimed` says why it cannot be just `told`.
fn clause(line: &mut Cursor, unclaimed: Option<&str>) -> Result<Told, Mistake> {
    if line.takes("told") {
        return match unclaimed {
            None => Ok(Told::Rightly),
            Some(why) => Err(line.wrong(&format!("no standing claim: {why}"), "the outcomes themselves")),
        };
    }
    if line.takes("refused") {
        return Ok(Told::Refused);
    }
    if line.takes("stdout") {
        if let Some(text) = line.takes_text() {
            return Ok(Told::Text(text));
        }
        let count = count(line)?;
        line.keyword("lines")?;
        return Ok(Told::Lines(count));
    }
    if !line.is_number() && !line.is_next("at") {
        return Err(line.wrong_next("told, refused, stdout … or a count of outcomes, such as 63 exit 0"));
    }
    let count = count(line)?;
    let want = "exit CODE, signal NUMBER, lost or never run";
    let kind = match line.word(want)?.as_str() {
        "exit" => How::Exit(line.number("an exit code", 0, 255)? as u8),
        "signal" => How::Signal(line.number("a signal's number", 1, 64)? as u8),
        "lost" => How::Lost,
        "never" => {
            line.keyword("run")?;
            How::Never
        }
        word => return Err(line.wrong(&format!("{word} is no outcome"), want)),
    };
    Ok(Told::Ended(count, kind))
}
