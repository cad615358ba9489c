//! What can be broken: a node, an aggregator, its machine, or its cable to above. Each kind of fault is one
//! row here: its verb in a script, how the rest of its line is read and written, what it does, and how seeds
//! draw it.

use crate::link::Cable;
use crate::place::Place;
use crate::victim::Victim;
use crate::words::{Cursor, Mistake, time};
use bluegene::random::Random;
use bluegene::time::Ps;
use std::fmt::{self, Display, Formatter};

/// What happens to a node or an aggregator, or to its cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It neither reads nor answers.
    Stop,
    /// It goes on.
    Continue,
    /// It is gone, with all that ran on it; its kernel hangs up.
    Kill,
    /// Its machine is gone, and nobody hangs up.
    Crash,
    /// It is there again, as a new run.
    Return,
    /// The link is cut: both ends see a hangup.
    Cut,
    /// Every message takes so many microseconds more, in both directions.
    Slow(u64),
    /// Nothing that goes up arrives any more, or nothing that goes down, or nothing at all; there is no
    /// hangup.
    Mute {
        /// Towards the aggregator above.
        up: bool,
        /// Towards the node.
        down: bool,
    },
    /// Both directions work again; a link that was there is reset at both ends, as what was lost on it is.
    Heal,
    /// So many messages that cross its cable next are lost.
    Lose(u32),
    /// So many arrive with a wrong bit.
    Corrupt(u32),
    /// It takes nothing in: its FIFO is full soon, and then the channel that it is on, to all its siblings.
    Clog,
    /// It takes in again.
    Unclog,
    /// Its clock is fast by so many parts in a million.
    Drift(i32),
    /// Its clock is set forward by so many microseconds, or stands so long: it never runs backwards.
    Jump(i64),
}

/// What a fault can do to a partition.
pub(crate) trait Breakable {
    /// A node neither reads nor answers, or goes on.
    fn stop(&mut self, place: Place, stops: bool);
    /// A node is gone; its kernel hangs up, or nobody does.
    fn die(&mut self, place: Place, hangs_up: bool);
    /// What is gone is there again, as a new run.
    fn revive(&mut self, place: Place);
    /// The link of a place to above is reset, if it has one.
    fn cut(&mut self, place: Place);
    /// All links of a place to above are reset, as far as somebody has an end of one.
    fn reset(&mut self, place: Place);
    /// What the link of a place to above goes through changes.
    fn cable(&mut self, place: Place, set: &mut dyn FnMut(&mut Cable));
    /// A place takes nothing in, or does again.
    fn clog(&mut self, place: Place, is_clogged: bool);
    /// The clock of a node runs fast by so many millionths from now on.
    fn drift(&mut self, place: Place, ppm: i32);
    /// The clock of a node is set forward by so many microseconds, or stands so long.
    fn jump(&mut self, place: Place, us: i64);
}

/// Whose members may be lost by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    Nobody,
    /// Those at or below the place.
    Own,
    /// Also those of all others below the same aggregator.
    Siblings,
}

/// How a place is read from a line.
pub(crate) type ReadVictim<'a> = &'a dyn Fn(&mut Cursor) -> Result<Victim, Mistake>;
/// What a seed draws: what begins, and what ends it, if anything does.
pub(crate) type Draw = fn(&mut Random) -> (Fault, Option<Fault>);

/// Reads the words of a fault: whom it is done to, and the fault.
type Parse = fn(&mut Cursor, ReadVictim<'_>) -> Result<(Victim, Fault), Mistake>;

/// A kind of fault.
pub(crate) struct Kind {
    /// Its verb.
    pub(crate) verb: &'static str,
    /// Reads what stands behind the verb.
    pub(crate) parse: Parse,
    /// Writes the line of one at a place, which `parse` reads.
    pub(crate) print: fn(Fault, &dyn Display, &mut Formatter<'_>) -> fmt::Result,
    /// Does it.
    pub(crate) apply: fn(Fault, &mut dyn Breakable, Place),
    /// Ones that are simpler, the boldest first.
    pub(crate) simpler: fn(Fault) -> Vec<Fault>,
    pub(crate) harm: Harm,
    /// How seeds draw it; in the order of all rows these are the kinds of which a seed has some.
    pub(crate) draws: &'static [Draw],
    /// What ends what is left of it, where it is not used up by itself.
    pub(crate) rest: Option<Fault>,
}

/// Most messages lost or corrupted at once.
const MESSAGES_MAX: u32 = 1_000_000;
/// Most that a seed draws.
const DRAWN_MAX: u64 = 8;
/// Parts in a million by which a clock may be wrong.
const PPM_MAX: i64 = 100_000;

/// A kind without arguments, of which nothing is simpler.
macro_rules! plain {
    ($fault:ident $verb:literal, $apply:expr) => {
        Kind {
            verb: $verb,
            parse: |line, victim| Ok((victim(line)?, Fault::$fault)),
            print: |_, place, f| write!(f, concat!($verb, " {}"), place),
            apply: $apply,
            simpler: |_| Vec::new(),
            harm: Harm::Own,
            draws: &[],
            rest: None,
        }
    };
}

/// All kinds, in the order of `Fault`; both that set a clock wrong have one verb.
const KINDS: [Kind; 15] = [
    Kind { draws: &[|_| (Fault::Stop, None)], ..plain!(Stop "stop", |_, of, at| of.stop(at, true)) },
    Kind {
        draws: &[|_| (Fault::Stop, Some(Fault::Continue))],
        ..plain!(Continue "continue", |_, of, at| of.stop(at, false))
    },
    Kind { draws: &[|_| (Fault::Kill, None)], ..plain!(Kill "kill", |_, of, at| of.die(at, true)) },
    Kind { draws: &[|_| (Fault::Crash, None)], ..plain!(Crash "crash", |_, of, at| of.die(at, false)) },
    Kind {
        draws: &[|_| (Fault::Kill, Some(Fault::Return)), |_| (Fault::Crash, Some(Fault::Return))],
        ..plain!(Return "return", |_, of, at| of.revive(at))
    },
    Kind { draws: &[|_| (Fault::Cut, None)], ..plain!(Cut "cut", |_, of, at| of.cut(at)) },
    Kind {
        verb: "slow",
        parse: |line, victim| {
            let victim = victim(line)?;
            line.keyword("by")?;
            Ok((victim, Fault::Slow(line.time()?)))
        },
        print: |fault, place, f| write!(f, "slow {place} by {}", time::told(fault.number().unsigned_abs())),
        apply: |fault, of, at| {
            of.cable(at, &mut |cable| cable.slow = Ps::us(fault.number().unsigned_abs()));
        },
        simpler: |fault| time::simpler(fault.number().unsigned_abs()).into_iter().map(Fault::Slow).collect(),
        harm: Harm::Nobody,
        draws: &[|random| (Fault::Slow(1_000 + random.below(900_000)), Some(Fault::Slow(0)))],
        rest: None,
    },
    Kind {
        verb: "mute",
        parse: |line, victim| {
            let victim = victim(line)?;
            let (up, down) = (line.takes("up"), line.takes("down"));
            Ok((victim, Fault::Mute { up: up || !down, down: down || !up }))
        },
        print: |fault, place, f| match fault.ways() {
            [true, false] => write!(f, "mute {place} up"),
            [false, true] => write!(f, "mute {place} down"),
            [true, true] | [false, false] => write!(f, "mute {place}"),
        },
        // What was lost is lost until the link is reset: one fault does not end another.
        apply: |fault, of, at| {
            let [up, down] = fault.ways();
            of.cable(at, &mut |cable| cable.mute = [cable.mute[0] | up, cable.mute[1] | down]);
        },
        simpler: |_| Vec::new(),
        harm: Harm::Own,
        draws: &[|random| {
            let ways = 1 + random.below(3);
            (Fault::Mute { up: ways & 1 != 0, down: ways & 2 != 0 }, Some(Fault::Heal))
        }],
        rest: None,
    },
    plain!(Heal "heal", |_, of, at| {
        of.cable(at, &mut |cable| cable.mute = [false; 2]);
        of.reset(at);
    }),
    Kind {
        verb: "lose",
        parse: |line, victim| messages(line, victim, Fault::Lose),
        print: |fault, place, f| write!(f, "lose {} of {place}", Messages(fault.number())),
        apply: |fault, of, at| of.cable(at, &mut |cable| cable.lose = fault.number() as u32),
        simpler: |fault| fewer(fault.number() as u32).map(Fault::Lose).collect(),
        harm: Harm::Own,
        draws: &[|random| (Fault::Lose(1 + random.below(DRAWN_MAX) as u32), None)],
        rest: Some(Fault::Lose(0)),
    },
    Kind {
        verb: "corrupt",
        parse: |line, victim| messages(line, victim, Fault::Corrupt),
        print: |fault, place, f| write!(f, "corrupt {} of {place}", Messages(fault.number())),
        apply: |fault, of, at| of.cable(at, &mut |cable| cable.corrupt = fault.number() as u32),
        simpler: |fault| fewer(fault.number() as u32).map(Fault::Corrupt).collect(),
        harm: Harm::Own,
        draws: &[|random| (Fault::Corrupt(1 + random.below(DRAWN_MAX) as u32), None)],
        rest: Some(Fault::Corrupt(0)),
    },
    Kind {
        harm: Harm::Siblings,
        draws: &[|_| (Fault::Clog, Some(Fault::Unclog))],
        ..plain!(Clog "clog", |_, of, at| of.clog(at, true))
    },
    plain!(Unclog "unclog", |_, of, at| of.clog(at, false)),
    Kind {
        verb: "skew",
        parse: skew,
        print: |fault, place, f| write!(f, "skew {place} by {}ppm", fault.number()),
        apply: |fault, of, at| of.drift(at, fault.number() as i32),
        simpler: |fault| {
            let ppm = fault.number() as i32;
            [ppm / 100 * 100, ppm / 10 * 10, ppm / 2].map(Fault::Drift).into()
        },
        harm: Harm::Nobody,
        draws: &[|random| (Fault::Drift(random.below(401) as i32 - 200), None)],
        rest: None,
    },
    Kind {
        verb: "skew",
        parse: skew,
        print: |fault, place, f| {
            let (us, sign) = (fault.number(), if fault.number() < 0 { "-" } else { "" });
            write!(f, "skew {place} by {sign}{}", time::told(us.unsigned_abs()))
        },
        apply: |fault, of, at| of.jump(at, fault.number()),
        simpler: |fault| {
            let times = time::simpler(fault.number().unsigned_abs()).into_iter();
            times.map(|us| Fault::Jump(us as i64 * fault.number().signum())).collect()
        },
        harm: Harm::Nobody,
        draws: &[|random| (Fault::Jump(random.below(2_000_001) as i64 - 1_000_000), None)],
        rest: None,
    },
];

impl Fault {
    /// Its row.
    pub(crate) fn kind(self) -> &'static Kind {
        &KINDS[match self {
            Self::Stop => 0,
            Self::Continue => 1,
            Self::Kill => 2,
            Self::Crash => 3,
            Self::Return => 4,
            Self::Cut => 5,
            Self::Slow(_) => 6,
            Self::Mute { .. } => 7,
            Self::Heal => 8,
            Self::Lose(_) => 9,
            Self::Corrupt(_) => 10,
            Self::Clog => 11,
            Self::Unclog => 12,
            Self::Drift(_) => 13,
            Self::Jump(_) => 14,
        }]
    }

    /// Its number, 0 for one that has none.
    fn number(self) -> i64 {
        match self {
            Self::Slow(us) => us as i64,
            Self::Lose(count) | Self::Corrupt(count) => i64::from(count),
            Self::Drift(ppm) => i64::from(ppm),
            Self::Jump(us) => us,
            Self::Stop | Self::Continue | Self::Kill | Self::Crash | Self::Return | Self::Cut => 0,
            Self::Mute { .. } | Self::Heal | Self::Clog | Self::Unclog => 0,
        }
    }

    /// Whether nothing gets up and nothing gets down.
    fn ways(self) -> [bool; 2] {
        if let Self::Mute { up, down } = self { [up, down] } else { [false; 2] }
    }
}

impl Kind {
    /// The kind of that verb.
    pub(crate) fn named(verb: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.verb == verb)
    }
}

/// All verbs, as a list in words.
pub(crate) fn verbs() -> String {
    let mut verbs: Vec<&str> = KINDS.iter().map(|kind| kind.verb).collect();
    verbs.dedup();
    let last = verbs.pop().unwrap_or_default();
    format!("{} or {last}", verbs.join(", "))
}

/// All ways in which seeds draw faults.
pub(crate) fn draws() -> Vec<Draw> {
    KINDS.iter().flat_map(|kind| kind.draws.iter().copied()).collect()
}

/// Reads a number of messages, and then the place.
fn messages(
    line: &mut Cursor,
    victim: ReadVictim<'_>,
    fault: fn(u32) -> Fault,
) -> Result<(Victim, Fault), Mistake> {
    let count = line.number("a number of messages", 0, MESSAGES_MAX)?;
    line.keyword(if count == 1 { "message" } else { "messages" })?;
    line.keyword("of")?;
    Ok((victim(line)?, fault(count)))
}

/// A number of messages.
struct Messages(i64);

impl Display for Messages {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "message" } else { "messages" })
    }
}

/// Smaller numbers that are tried for one.
fn fewer(count: u32) -> impl Iterator<Item = u32> {
    let fewer = [1, count / 10, count / 2, count.saturating_sub(1)];
    fewer.into_iter().filter(move |fewer| (1..count).contains(fewer))
}

/// Reads a place and how its clock is wrong.
fn skew(line: &mut Cursor, victim: ReadVictim<'_>) -> Result<(Victim, Fault), Mistake> {
    let victim = victim(line)?;
    line.keyword("by")?;
    let want = "parts in a million such as 50ppm, or a time such as 200us or -1s";
    let word = line.word(want)?;
    let wrong = |line: &Cursor| line.wrong(&format!("{word} is no skew"), want);
    if let Some(ppm) = word.strip_suffix("ppm") {
        let ppm: i64 = ppm.parse().map_err(|_| wrong(line))?;
        let is_small = (-PPM_MAX..=PPM_MAX).contains(&ppm);
        return if is_small { Ok((victim, Fault::Drift(ppm as i32))) } else { Err(wrong(line)) };
    }
    let (sign, size) = word.strip_prefix('-').map_or((1, word.as_str()), |size| (-1, size));
    let us = time::parse(size).map_err(|what| line.wrong(&what, want))?;
    Ok((victim, Fault::Jump(sign * us as i64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_the_row_that_reads_what_it_writes() {
        let drawn =
            |kind: &Kind| kind.draws.iter().map(|draw| draw(&mut Random::new(1)).0).collect::<Vec<_>>();
        let all =
            KINDS.iter().flat_map(drawn).chain([Fault::Continue, Fault::Return, Fault::Heal, Fault::Unclog]);
        for fault in all {
            let line = std::fmt::from_fn(|f| (fault.kind().print)(fault, &"node1", f)).to_string();
            let mut line = Cursor::new(1, &line).expect("it has words");
            let verb = line.word("a verb").expect("it has one");
            let place = |line: &mut Cursor| line.keyword("node1").map(|()| Victim::Node(0));
            let read = (Kind::named(&verb).expect("it is known").parse)(&mut line, &place);
            assert_eq!(read, Ok((Victim::Node(0), fault)), "{verb}");
        }
        assert_eq!(draws().len(), 14, "seeds are what they were");
    }
}
