//! How sequences are drawn: mostly what makes sense where the clients are by now, with anything in between.

use crate::op::{CLIENTS, COUNTS, FIDS, LINES, NAMES, NODES, Op, Step, TIMES};
use std::collections::{BTreeSet, VecDeque};

/// Where choices come from: a seed, or a fuzzer's bytes.
pub trait Source {
    /// A number below `n`, which is not 0.
    fn below(&mut self, n: usize) -> usize;
    /// True once in `n` times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Numbers that follow from their seed: splitmix64.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Source for Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Places that are worth a walk.
const PATHS: [&[&str]; 36] = [
    &[],
    &["clone"],
    &["ctl"],
    &["status"],
    &["info"],
    &["events"],
    &["net"],
    &["error"],
    &["net", "node01"],
    &["net", "node02"],
    &["net", "node03", "status"],
    &["net", "node01", "clone"],
    &["net", "node01", "events"],
    &["net", "node02", "clone"],
    &["net", "node01", "a"],
    &["net", "node01", "a", "args"],
    &["net", "node01", "0", "ctl"],
    &["net", "node01", "nosuch"],
    &["a"],
    &["a", "ctl"],
    &["a", "args"],
    &["a", "wait"],
    &["a", "stdout"],
    &["a", "stdin"],
    &["a", "debug"],
    &["a", "0"],
    &["a", "0", "status"],
    &["a", "1", "wait"],
    &["0"],
    &["0", "ctl"],
    &["0", "0"],
    &["..", "wait"],
    &["..", "0", "stdout"],
    &["..", "args"],
    &[".."],
    &["b"],
];

/// The index of a name.
fn name(text: &str) -> u8 {
    NAMES.iter().position(|name| *name == text).unwrap_or(0) as u8
}

fn path(names: &[&str]) -> Vec<u8> {
    names.iter().map(|text| name(text)).collect()
}

/// The index of data.
fn line(text: &str) -> u8 {
    LINES.iter().position(|line| *line == text).unwrap_or(0) as u8
}

/// Fids that a client has, as far as that can be guessed.
#[derive(Clone, Debug, Default)]
struct Guess {
    closed: BTreeSet<u8>,
    open: BTreeSet<u8>,
}

/// A sequence as far as it is drawn.
#[derive(Debug)]
pub struct Draft {
    guesses: [Guess; CLIENTS],
    /// What is still to come of something that makes sense.
    script: VecDeque<(Op, bool)>,
    /// The tag of the last request, and whose it was.
    last: (u8, u8),
    /// It may have no answer yet: the fid that it was about.
    waits: Option<u8>,
    /// A node that is silent is to be so for long.
    is_mute: bool,
}

impl Default for Draft {
    fn default() -> Self {
        let guess = Guess { closed: BTreeSet::from([0]), open: BTreeSet::new() };
        Self {
            guesses: std::array::from_fn(|_| guess.clone()),
            script: VecDeque::new(),
            last: (0, 0),
            waits: None,
            is_mute: false,
        }
    }
}

fn pick(s: &mut impl Source, from: &BTreeSet<u8>) -> Option<u8> {
    if from.is_empty() { None } else { from.iter().nth(s.below(from.len())).copied() }
}

impl Draft {
    /// Draws the next step.
    pub fn draw(&mut self, s: &mut impl Source) -> Step {
        if self.script.is_empty() && s.once_in(4) {
            self.begin(s);
        }
        let waits = self.waits.take().filter(|_| s.once_in(4));
        let (op, rests) = match (waits, self.script.pop_front()) {
            (Some(fid), later) => {
                later.into_iter().for_each(|later| self.script.push_front(later));
                (self.interrupt(s, fid), s.once_in(2))
            }
            (None, Some(next)) if !s.once_in(3) => next,
            (None, later) => {
                later.into_iter().for_each(|later| self.script.push_front(later));
                (self.any(s), s.once_in(2))
            }
        };
        let tag = s.below(6) as u8;
        self.note(&op, tag);
        if !rests {
            self.waits = op.fid();
        }
        Step { op, tag, rests }
    }

    /// What comes between a request and its answer.
    fn interrupt(&mut self, s: &mut impl Source, fid: u8) -> Op {
        let (link, tag) = self.last;
        if std::mem::take(&mut self.is_mute) {
            return Op::Advance { time: [3, 4][s.below(2)] };
        }
        match s.below(16) {
            0..5 => Op::Flush { link, old: tag },
            5 | 6 => Op::Clunk { link, fid },
            7 => Op::Remove { link, fid },
            8 => Op::Version { link, msize: s.below(4) as u8, linux: s.once_in(2), bare: false },
            9 => Op::Hangup { link },
            10 => Op::Cut { node: s.below(NODES) as u8 },
            11 => {
                // What it waits for ends meanwhile.
                let (by, names) = (link ^ 1, path(&[["a", "b"][s.below(2)]]));
                let walk = Op::Walk { link: by, fid: 0, newfid: 9, names };
                self.script.extend([walk, Op::Remove { link: by, fid: 9 }].map(|op| (op, true)));
                Op::Block { link }
            }
            12 => Op::Walk { link, fid, newfid: fid, names: names(s, fid) },
            13 => Op::Open { link, fid, mode: 0 },
            14 => Op::Stat { link, fid },
            _ => {
                self.is_mute = true;
                Op::Mute { node: s.below(NODES) as u8 }
            }
        }
    }

    fn link(s: &mut impl Source) -> u8 {
        [0, 0, 0, 1, 1, 1, 2, 3, 4][s.below(9)]
    }

    /// A fid that the client hardly has.
    fn fresh(&self, s: &mut impl Source, link: u8) -> u8 {
        let guess = &self.guesses[link as usize];
        let free: BTreeSet<u8> =
            (1..8).filter(|fid| !guess.open.contains(fid) && !guess.closed.contains(fid)).collect();
        pick(s, &free).unwrap_or(1 + s.below(7) as u8)
    }

    fn begin(&mut self, s: &mut impl Source) {
        let link = Self::link(s);
        let (fid, other) = (self.fresh(s, link), 8 + s.below(2) as u8);
        let walk = |newfid, names: &[&str]| Op::Walk { link, fid: 0, newfid, names: path(names) };
        let open = |fid, mode| Op::Open { link, fid, mode };
        let read = |fid, count| Op::Read { link, fid, at: 0, count };
        let write = |fid, text| Op::Write { link, fid, line: line(text) };
        let runs = ["res 3\nexec cat\n", "res 2\nexec echo hi\n", "exec sleep 2\n", "res 1\n"][s.below(4)];
        let node = ["node01", "node02", "node03"][s.below(NODES)];
        let made = ["a", "b"][s.below(2)];
        let stream = ["stdout", "wait", "stderr"][s.below(3)];
        let clunk = |fid| Op::Clunk { link, fid };
        let behind = Op::Walk { link, fid, newfid: other, names: path(&["..", stream]) };
        let make = Op::Create { link, fid: other, name: name(made), mode: 0, dir: true };
        let on = Op::Read { link, fid, at: 1, count: 4 };
        let job = |names: &[&str]| {
            let first = [walk(fid, names), open(fid, 2), write(fid, runs)];
            first.into_iter().chain([behind.clone(), open(other, 0), read(other, 5)]).collect()
        };
        let late = match s.below(5) {
            0 => Op::Attach { link, fid, user: 0, probe: false },
            1 => Op::Unlink { link, fid, name: name(made), dir: true },
            2 => Op::Aside { link, fid, what: s.below(12) as u8 },
            3 => Op::Create { link, fid, name: name(made), mode: 0, dir: true },
            _ => Op::Read { link, fid, at: 3, count: 5 },
        };
        let late = [late];
        let ops: Vec<Op> = match s.below(16) {
            0 => job(&["clone"]),
            1 => {
                let make = [walk(other, &[]), make];
                let runs = [walk(fid, &[made, "ctl"]), open(fid, 2), write(fid, runs), clunk(other)];
                let read = [walk(other, &[made, "0", stream]), open(other, 0), read(other, 5)];
                make.into_iter().chain(runs).chain(read).collect()
            }
            2 => job(&["net", node, "clone"]),
            3 => vec![walk(fid, &["net", node]), open(fid, 0), read(fid, 5), on],
            4 => vec![walk(fid, &["events"]), open(fid, 0), read(fid, 5), read(fid, 5)],
            5 => vec![walk(fid, &["net", node, "events"]), open(fid, 0), read(fid, 5), read(fid, 4)],
            6 => vec![walk(other, &["net", node]), make],
            7 => vec![walk(fid, &[made, "0"]), open(fid, 0), read(fid, 5), walk(other, &[made, "1", "ctl"])],
            8 => vec![walk(fid, &["net", node, made]), Op::Remove { link, fid }],
            9 => vec![walk(fid, &[made]), Op::Remove { link, fid }],
            10 => {
                let lines = ["hello\n", "kill\n"].map(|text| write(fid, text));
                [walk(fid, &[made, "stdin"]), open(fid, 1)].into_iter().chain(lines).collect()
            }
            11 => {
                let lines = ["fence\n", "drain why\n", "kill\n", "resume\n"];
                vec![walk(fid, &["net", node, "ctl"]), open(fid, 1), write(fid, lines[s.below(4)])]
            }
            14 => {
                let dies =
                    [walk(other, &[]), make, walk(fid, &[made, "info"]), Op::Remove { link, fid: other }];
                dies.into_iter().chain(late).collect()
            }
            13 => {
                let writes = [walk(fid, &[made, "args"]), open(fid, 1)];
                writes.into_iter().chain(late).chain([write(fid, "hello\n")]).collect()
            }
            12 => {
                let link = [1, 1, 4][s.below(3)];
                let walk = Op::Walk { link, fid: 0, newfid: fid, names: path(&["net", node]) };
                vec![walk, Op::Unlink { link, fid, name: name(made), dir: true }]
            }
            _ => vec![walk(fid, &["status"]), open(fid, 0), read(fid, 4), on],
        };
        let hasty = s.once_in(3);
        self.script.extend(ops.into_iter().map(|op| (op, !hasty)));
    }

    /// A guess of what the operation leads to.
    fn note(&mut self, op: &Op, tag: u8) {
        let Some(link) = op.link() else { return };
        self.last = (link as u8, tag);
        let guess = &mut self.guesses[link];
        match *op {
            Op::Version { .. } | Op::Hangup { .. } | Op::Nonsense { .. } => {
                *guess = Guess { closed: BTreeSet::from([0]), open: BTreeSet::new() };
            }
            Op::Attach { fid, .. } | Op::Walk { newfid: fid, .. } if !guess.open.contains(&fid) => {
                guess.closed.insert(fid);
            }
            Op::Open { fid, .. } | Op::Create { fid, .. } if guess.closed.remove(&fid) => {
                guess.open.insert(fid);
            }
            Op::Clunk { fid, .. } | Op::Remove { fid, .. } => {
                guess.closed.remove(&fid);
                guess.open.remove(&fid);
            }
            _ => {}
        }
    }

    fn any(&self, s: &mut impl Source) -> Op {
        let link = Self::link(s);
        match s.below(140) {
            0 => Op::Version { link, msize: s.below(5) as u8, linux: s.once_in(2), bare: s.once_in(4) },
            1..4 => {
                let fid = match s.below(4) {
                    0 => s.below(FIDS.len()) as u8,
                    1 => self.fid(s, link, true),
                    _ => self.fresh(s, link),
                };
                Op::Attach { link, fid, user: s.below(3) as u8, probe: s.once_in(6) }
            }
            4 if s.once_in(2) => Op::Auth { link },
            4 => Op::Nonsense { link, what: s.below(5) as u8 },
            5 | 6 => Op::Hangup { link },
            7 | 8 => Op::Block { link },
            9..12 => Op::Unblock { link },
            12..18 => Op::Deliver { count: 1 + s.below(8) as u8 },
            18..20 => Op::Settle,
            20..23 => Op::Advance { time: [0, 0, 0, 1, 1, 1, 2, 3, 4][s.below(9)] % TIMES.len() as u8 },
            23 => Op::Mute { node: s.below(NODES) as u8 },
            24..26 => Op::Unmute,
            26 => Op::Cut { node: s.below(NODES) as u8 },
            27..39 => {
                let (link, tag) = if s.once_in(3) { (link, s.below(8) as u8) } else { self.last };
                Op::Flush { link, old: tag }
            }
            kind => self.request(kind, link, s),
        }
    }

    fn fid(&self, s: &mut impl Source, link: u8, open: bool) -> u8 {
        let guess = &self.guesses[link as usize];
        let first = pick(s, if open { &guess.open } else { &guess.closed });
        let second = pick(s, if open { &guess.closed } else { &guess.open });
        match s.below(16) {
            0 => s.below(FIDS.len()) as u8,
            1..3 => second.or(first).unwrap_or(0),
            _ => first.or(second).unwrap_or(0),
        }
    }

    fn request(&self, kind: usize, link: u8, s: &mut impl Source) -> Op {
        // What only 9P2000.L has.
        let link = if kind >= 129 { [1, 1, 4][s.below(3)] } else { link };
        let (open, closed) = (self.fid(s, link, true), self.fid(s, link, false));
        let either = if s.once_in(2) { open } else { closed };
        let some = |s: &mut dyn FnMut(usize) -> usize, of: &[&str]| {
            if s(3) == 0 { s(NAMES.len()) as u8 } else { name(of[s(of.len())]) }
        };
        match kind {
            39..66 => {
                let fid = if s.once_in(2) { 0 } else { either };
                let newfid = match s.below(8) {
                    0 | 1 => fid,
                    2 => either,
                    _ => self.fresh(s, link),
                };
                Op::Walk { link, fid, newfid, names: names(s, fid) }
            }
            66..80 => Op::Open { link, fid: closed, mode: open_mode(s) },
            80..85 => {
                let called = some(&mut |n| s.below(n), &["a", "b"]);
                let mode = if s.once_in(6) { s.below(4) as u8 } else { 0 };
                let fid = if s.once_in(3) { either } else { 0 };
                Op::Create { link, fid, name: called, mode, dir: !s.once_in(6) }
            }
            85..100 => {
                let at = [0, 0, 0, 1, 1, 2, 3][s.below(7)];
                Op::Read { link, fid: open, at, count: s.below(COUNTS.len()) as u8 }
            }
            100..110 => Op::Write { link, fid: open, line: s.below(LINES.len()) as u8 },
            110..118 => Op::Clunk { link, fid: either },
            118..121 => Op::Remove { link, fid: either },
            121..126 => Op::Stat { link, fid: either },
            126..129 => Op::Wstat { link, fid: either, what: s.below(3) as u8 },
            129..134 => {
                let called = some(&mut |n| s.below(n), &["a", "b", "0"]);
                let fid = if s.once_in(2) { either } else { 0 };
                Op::Unlink { link, fid, name: called, dir: !s.once_in(4) }
            }
            _ => Op::Aside { link, fid: either, what: s.below(12) as u8 },
        }
    }
}

fn names(s: &mut impl Source, fid: u8) -> Vec<u8> {
    let any = |s: &mut dyn FnMut(usize) -> usize| s(NAMES.len()) as u8;
    match s.below(10) {
        0 => {
            let count = if s.once_in(4) { s.below(18) } else { s.below(4) };
            (0..count).map(|_| any(&mut |n| s.below(n))).collect()
        }
        1..4 if fid != 0 => vec![any(&mut |n| s.below(n))],
        4 | 5 if fid != 0 => path(BESIDE[s.below(BESIDE.len())]),
        _ => {
            let mut names = path(PATHS[s.below(PATHS.len())]);
            if s.once_in(8) {
                names.push(any(&mut |n| s.below(n)));
            }
            names
        }
    }
}

/// Places that are worth a walk from where a fid may be.
const BESIDE: [&[&str]; 6] =
    [&[".."], &["..", "wait"], &["..", "..", "status"], &["0", "stdout"], &["args"], &[]];

fn open_mode(s: &mut impl Source) -> u8 {
    match s.below(14) {
        0 => 3,
        1 => 0x11,
        2 => 0x40,
        3 => s.below(256) as u8,
        4..7 => 1,
        7..10 => 2,
        _ => 0,
    }
}
