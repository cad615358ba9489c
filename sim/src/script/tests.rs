//! The language: what is printed parses back, and what is wrong is said with its place.

use super::*;
use crate::levels::Levels;
use crate::words::time;
use crate::workload;
use bluegene::random::Random;

fn pick<T: Clone>(random: &mut Random, choices: &[T]) -> T {
    choices[random.below(choices.len() as u64) as usize].clone()
}

fn number(random: &mut Random) -> u32 {
    random.below(70) as u32
}

fn time(random: &mut Random) -> u64 {
    let scale = pick(random, &[1, 10, 1_000, 100_000, 1_000_000, 3_000_000]);
    random.below(1_000) * scale
}

/// Texts with all that could be taken for something else.
fn text(random: &mut Random) -> String {
    let pieces = ["a", " ", ",", ":", "\"", "\\", "\n", "\t", "#", "'", "é", "\u{7f}", "\u{2003}", "at"];
    (0..random.below(6)).map(|_| pick(random, &pieces)).collect()
}

fn count(random: &mut Random) -> Count {
    let bound: fn(u32) -> Count = pick(random, &[Count::Is, Count::Least, Count::Most]);
    bound(number(random))
}

fn victim(random: &mut Random, levels: &Levels) -> Victim {
    let io = random.below(u64::from(levels.aggregators())) as u32;
    let level = levels.level(io);
    match random.below(6) {
        0 => Victim::Io,
        1 | 2 if io == levels.root() => Victim::Io,
        1 | 2 if level == 0 => Victim::IoNode(io),
        1 | 2 => Victim::Hub(level as u32, io - levels.on(level).start),
        _ => Victim::Node(random.below(levels.nodes() as u64) as u32),
    }
}

fn fault(random: &mut Random) -> Fault {
    let ways = 1 + random.below(3);
    let sign = pick(random, &[1, -1]);
    let faults = [
        Fault::Stop,
        Fault::Continue,
        Fault::Kill,
        Fault::Crash,
        Fault::Return,
        Fault::Cut,
        Fault::Slow(time(random)),
        Fault::Mute { up: ways & 1 != 0, down: ways & 2 != 0 },
        Fault::Heal,
        Fault::Lose(number(random)),
        Fault::Corrupt(number(random)),
        Fault::Clog,
        Fault::Unclog,
        Fault::Drift(number(random) as i32 * sign),
        Fault::Jump(time(random) as i64 * i64::from(sign)),
    ];
    pick(random, &faults)
}

fn job(random: &mut Random, name: String) -> Job {
    let members = 1 + number(random);
    let res = pick(random, &[Res::Up, Res::Count(members)]);
    let lines = ["gang on", "layout cyclic", "share", "prefix member", "tag a=b"].map(String::from);
    let ctl = (0..random.below(3)).map(|_| pick(random, &lines)).collect();
    let words = |random: &mut Random| text(random).replace('\n', ".");
    let mut exec = vec![pick(random, &["cat", "hostname", "sleep", "exit"]).to_owned()];
    exec.extend((0..random.below(3)).map(|_| words(random)));
    let input = (random.below(2) == 0).then(|| (text(random), 1 + number(random)));
    Job { name, res, ctl, exec, input }
}

fn claim(random: &mut Random, jobs: &[Job], killed: &[String]) -> Claim {
    let Some(job) = (!jobs.is_empty()).then(|| pick(random, jobs)) else { return Claim::Quiet };
    let kinds = [How::Exit(number(random) as u8), How::Signal(9), How::Lost, How::Never];
    let told = (0..1 + random.below(3)).map(|_| match random.below(6) {
        0 if job.unclaimed().is_none() && !killed.contains(&job.name) => Told::Rightly,
        1 => Told::Refused,
        2 => Told::Lines(count(random)),
        3 => Told::Text(text(random)),
        _ => Told::Ended(count(random), pick(random, &kinds)),
    });
    let told = told.collect();
    match random.below(5) {
        0 => Claim::AllUp,
        1 => Claim::Up(count(random)),
        2 => Claim::Quiet,
        _ => Claim::Job(job.name, told),
    }
}

/// A script of which nothing need make sense.
fn any(random: &mut Random) -> Script {
    let nodes = 1 + number(random);
    let deep = vec![2, 3, 2, nodes];
    let trees = [Tree::One, Tree::Pset(16), Tree::Levels(vec![1, nodes]), Tree::Levels(deep)];
    let tree = pick(random, &trees);
    let nodes = if let Tree::Levels(levels) = &tree { levels.iter().product() } else { nodes };
    let head = Head {
        nodes,
        tree,
        seed: random.below(1 << 40) << 20,
        tables: pick(random, &[Tables::Small, Tables::Full]),
        network: pick(random, &[Network::Latency, Network::Bgp]),
    };
    let levels = head.levels();
    let (mut jobs, mut killed) = (Vec::<Job>::new(), Vec::new());
    let mut lines = Vec::new();
    for _ in 0..random.below(12) {
        let when = match random.below(3) {
            0 => When::Next,
            1 => When::At(time(random)),
            _ => When::After(time(random)),
        };
        let what = match random.below(4) {
            0 => {
                let job = job(random, format!("c{}", jobs.len()));
                jobs.push(job.clone());
                What::Begin(job)
            }
            1 if !jobs.is_empty() => {
                let node = random.below(u64::from(nodes)) as u32;
                let acts = [Act::Flush, Act::Vanish, Act::Kill(None), Act::Kill(Some(3)), Act::Look(node)];
                let (name, act) = (pick(random, &jobs).name, pick(random, &acts));
                killed.extend(matches!(act, Act::Kill(_)).then(|| name.clone()));
                What::Act(name, act)
            }
            2 => What::Fault(victim(random, &levels), fault(random)),
            _ => {
                let within = (random.below(2) == 0).then(|| time(random));
                What::Expect(Expect { claim: claim(random, &jobs, &killed), within })
            }
        };
        lines.push(Line { when, what });
    }
    Script { head, lines }
}

#[test]
fn what_is_printed_parses_back_to_the_same_script() {
    for seed in 0..20_000 {
        let script = any(&mut Random::new(seed));
        let text = script.to_string();
        assert_eq!(parse::script(&text).as_ref(), Ok(&script), "seed {seed}:\n{text}");
    }
}

#[test]
fn what_seeds_make_parses_back_and_differs_from_seed_to_seed() {
    let mut texts = std::collections::BTreeSet::new();
    for seed in 1..=300 {
        let script = workload::script(seed, 64, 4);
        let text = script.to_string();
        assert_eq!(parse::script(&text), Ok(script), "seed {seed}:\n{text}");
        texts.insert(text);
    }
    assert_eq!(texts.len(), 300);
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut random = Random::new(4);
    for seed in 0..20_000 {
        let mut chars: Vec<char> = any(&mut Random::new(seed)).to_string().chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(chars.len().max(2) as u64 - 1) as usize;
            match random.below(3) {
                0 if at < chars.len() => drop(chars.remove(at)),
                1 => chars.insert(at, pick(&mut random, &['"', '\\', ':', ',', '\n', 'u', '9', '\u{2003}'])),
                _ => chars.truncate(at + 1),
            }
        }
        let text: String = chars.into_iter().collect();
        if let Err(mistake) = parse::script(&text) {
            let line = text.lines().nth(mistake.line - 1).unwrap_or("");
            assert!((1..=line.chars().count() + 1).contains(&mistake.column), "{mistake}\n{text}");
        }
    }
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_would_be_right() {
    let head = "nodes, pset, levels, seed, tables or network, and then boot";
    let time = "a time such as 1.5s, 900ms or 20us";
    let place = "node01 to node64, io";
    let many = "node001 to node512, io00 to io07, top";
    let rows = [
        ("nodes 65x", (1, 7), "65x is no such number", "a number of compute nodes, 1 to 73728"),
        (
            "nodes 64\nlevels 4x8",
            (2, 8),
            "these are 32 nodes and not 64",
            "numbers whose product is that of `nodes`",
        ),
        ("network ip", (1, 9), "ip does not belong here", "latency or bgp"),
        ("kill node17", (1, 1), "kill is not part of what there is", head),
        ("nodes 8\n\n# none", (4, 1), "the text ends before `boot`", head),
        ("boot\nseed 3", (2, 1), "seed stands behind boot", "it above, and once"),
        ("boot\n  kill node65", (2, 8), "node65 is no place", place),
        ("boot\nkill node007", (2, 6), "node007 is no place", place),
        ("boot\nkill io00", (2, 6), "io00 is no place", place),
        ("nodes 512\nboot\nkill io003", (3, 6), "io003 is no place", many),
        ("nodes 512\nboot\nkill io08", (3, 6), "io08 is no place", many),
        ("nodes 512\nboot\nkill io", (3, 6), "io is no place", many),
        ("nodes 512\nboot\nkill node07", (3, 6), "node07 is no place", many),
        ("boot\nkill node7", (2, 6), "node7 is no place", place),
        ("boot\nat 1.5 kill node17", (2, 4), "1.5 has no unit", time),
        ("boot\nat 0.0000001s heal node01", (2, 4), "0.0000001s is finer than a microsecond", time),
        ("boot\nslow node01 900ms", (2, 13), "900ms does not belong here", "by"),
        ("boot\nkill node01 twice", (2, 13), "twice does not belong here", "the end of the line"),
        ("boot\na: res 8, exec", (2, 15), "the line ends", "a program and its arguments"),
        ("boot\na: exec cat", (2, 9), "a has no res", "res COUNT or res up"),
        (
            "boot\na: res 8, exec cat, input \"a",
            (2, 27),
            "a quote that is not closed",
            "\" at the end of the text",
        ),
        (
            "boot\na: res 8, exec cat, input \"a\\q\"",
            (2, 29),
            "\\q stands for nothing",
            "\\n, \\t, \\r, \\\", \\\\ or \\u{HEX}",
        ),
        (
            "boot\nnode03: flush",
            (2, 1),
            "node03 is no client's name",
            "lower case letters, digits and -, and no place's name",
        ),
        (
            "boot\na: res 8, exec true\na: res 8, exec true",
            (3, 4),
            "a has its job",
            "another name for another job",
        ),
        ("boot\nexpect b: told", (2, 8), "nobody is called b", "a client whose job stands above"),
        (
            "boot\na: res 8, exec exit 3\nexpect a: told",
            (3, 11),
            "no standing claim: exit does not end with 0",
            "the outcomes themselves",
        ),
        (
            "boot\na: res 8, exec true\nexpect a: 63 exits",
            (3, 14),
            "exits is no outcome",
            "exit CODE, signal NUMBER, lost or never run",
        ),
        ("boot\nlose 3 message of node01", (2, 8), "message does not belong here", "messages"),
        (
            "boot\nskew node01 by 5",
            (2, 16),
            "5 has no unit",
            "parts in a million such as 50ppm, or a time such as 200us or -1s",
        ),
    ];
    for (text, (line, column), wrong, want) in rows {
        let told = parse::script(text).expect_err(text).to_string();
        assert_eq!(told, format!("line {line}, column {column}: {wrong}; want {want}"), "{text}");
    }
    let told = |text| parse::script(text).expect_err(text).to_string();
    assert!(told("seed 1\nseed 2\nboot").starts_with("line 2, column 1: a second seed; want one"));
    assert!(told("levels 2x2\npset 4\nboot").starts_with("line 2, column 1: a second pset; want one"));
    let killed = told("boot\na: res 8, exec true\na: kill\nexpect a: told");
    assert!(
        killed.starts_with("line 4, column 11: no standing claim: its members were killed; "),
        "{killed}"
    );
    let mistake = parse::script("boot\nkil node17").expect_err("no such fault");
    let told = mistake.to_string();
    assert!(told.starts_with("line 2, column 1: kil is nothing that happens; want at TIME"), "{told}");
    assert!(told.contains(" kill, "), "{told}");
}

#[test]
fn a_time_is_told_in_its_largest_unit_and_near_ones_in_fewer_digits() {
    for (us, text) in
        [(0, "0s"), (20, "20us"), (1_250, "1.25ms"), (1_500_000, "1.5s"), (3_000_001, "3.000001s")]
    {
        assert_eq!(time::told(us), text);
        assert_eq!(time::parse(text), Ok(us));
    }
    assert_eq!(time::parse("0900ms"), Ok(900_000));
    for text in ["s", ".5s", "1.s", "1..2s", "3601s", "1e3s", "-1s", "18446744073709551616s"] {
        assert!(time::parse(text).is_err(), "{text}");
    }
    assert_eq!(
        time::readable(1_342_231),
        [
            1_000_000, 2_000_000, 1_500_000, 1_300_000, 1_400_000, 1_340_000, 1_350_000, 1_342_000,
            1_343_000, 1_342_200, 1_342_300, 1_342_230, 1_342_240
        ]
    );
    assert_eq!(time::readable(2_000_000), []);
}
