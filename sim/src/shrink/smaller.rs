//! What can become simpler in a script: fewer nodes, simpler programs, times that are read at a glance.

use super::keep::keep;
use crate::act::Act;
use crate::script::{Claim, Expect, Job, Line, Network, Res, Script, Tables, Told, Tree, What, When};
use crate::victim::Victim;
use crate::words::time;
use std::collections::BTreeMap;

/// Numbers of nodes that are tried.
const NODES: [u32; 17] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 128, 256, 512];
/// What is claimed holds so long after the last thing that happened, if it ever does.
const PATIENCE_US: u64 = 20_000_000;
/// Programs that are tried.
const PROGRAMS: [&[&str]; 3] = [&["true"], &["sleep", "1"], &["hostname"]];

/// Scripts that are simpler than one in one thing, the boldest first.
pub(super) fn candidates(script: &Script) -> Vec<Script> {
    let mut all = heads(script);
    all.extend(renamed(script));
    for (index, line) in script.lines.iter().enumerate() {
        let is_counted = is_counted(script, &line.what);
        all.extend(lines(line, is_counted).into_iter().map(|line| {
            let mut script = script.clone();
            script.lines[index] = line;
            script
        }));
    }
    let measure = measure(script);
    all.retain(|simpler| self::measure(simpler) < measure && is_patient(simpler, script));
    all
}

/// What is expected is given as much time as it was, or `PATIENCE_US`: sooner than that nothing needs to
/// hold, and that it does not would say nothing. Both have the same lines.
fn is_patient(simpler: &Script, than: &Script) -> bool {
    let (simpler_at, than_at) = (begins(simpler), begins(than));
    let is_expected = |index: &usize| matches!(simpler.lines[*index].what, What::Expect(_));
    let gap = |at: &[(usize, u64)], index: usize, expected: usize| {
        let ((since, begun), (same, at)) = (at[index], at[expected]);
        if since == same { at.checked_sub(begun) } else { None }
    };
    (0..simpler.lines.len()).filter(is_expected).all(|expected| {
        (0..expected).filter(|index| !is_expected(index)).all(|index| {
            let had = gap(&than_at, index, expected).map_or(0, |gap| gap.min(PATIENCE_US));
            had == 0 || gap(&simpler_at, index, expected).is_some_and(|gap| gap >= had)
        })
    })
}

/// When each line begins: so long after a line that comes in its turn, counted from 1, or after the begin of
/// all.
fn begins(script: &Script) -> Vec<(usize, u64)> {
    let begin = |(since, above): &mut (usize, u64), (index, line): (usize, &Line)| {
        (*since, *above) = match line.when {
            When::At(at) => (0, at),
            When::After(us) => (*since, *above + us),
            When::Next => (index + 1, 0),
        };
        Some((*since, *above))
    };
    script.lines.iter().enumerate().scan((0, 0), begin).collect()
}

/// What gets less with everything that is made simpler, so that there is an end to it.
fn measure(script: &Script) -> (usize, usize, String) {
    let head = &script.head;
    let odd = [head.network == Network::Bgp, head.tree != Tree::One, head.tables == Tables::Full];
    let programs = script.lines.iter().map(|line| match &line.what {
        What::Begin(job) => PROGRAMS
            .iter()
            .position(|program| job.exec.first().is_some_and(|word| word == program[0]))
            .unwrap_or(PROGRAMS.len()),
        _ => 0,
    });
    let weight = odd.into_iter().map(usize::from).chain(programs).sum();
    let text = script.to_string();
    (weight, text.len(), text)
}

/// Somebody counts what comes of it: with other numbers a claim would be another one.
fn is_counted(script: &Script, what: &What) -> bool {
    let counts = |told: &Told| !matches!(told, Told::Rightly);
    script.lines.iter().any(|line| match (&line.what, what) {
        (What::Expect(Expect { claim: Claim::Job(name, told), .. }), What::Begin(job)) => {
            *name == job.name && told.iter().any(counts)
        }
        _ => false,
    })
}

fn heads(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Script)| {
        let mut simpler = script.clone();
        change(&mut simpler);
        all.push(simpler);
    };
    let nodes = script.head.nodes;
    with(&|script| script.head.network = Network::Latency);
    with(&|script| script.head.tables = Tables::Small);
    if has_counts(script) {
        return all;
    }
    with(&|script| script.head.tree = Tree::One);
    for fewer in NODES.into_iter().filter(|fewer| *fewer < nodes) {
        for compact in [false, true] {
            with(&|script| shrink_nodes(script, fewer, compact));
        }
    }
    for seed in 1..=3 {
        with(&|script| script.head.seed = seed);
    }
    all.retain(|script| used(script).keys().all(|node| *node < script.head.nodes));
    all
}

/// Somebody counts nodes, or what comes of a job.
fn has_counts(script: &Script) -> bool {
    script.lines.iter().any(|line| {
        is_counted(script, &line.what)
            || matches!(&line.what, What::Expect(Expect { claim: Claim::Up(_), .. }))
    })
}

/// Nodes that are named, and how often.
fn used(script: &Script) -> BTreeMap<u32, usize> {
    let mut used = BTreeMap::new();
    for line in &script.lines {
        if let What::Fault(Victim::Node(node), _) | What::Act(_, Act::Look(node)) = line.what {
            *used.entry(node).or_insert(0) += 1;
        }
    }
    used
}

fn rename(script: &mut Script, name: &dyn Fn(u32) -> u32) {
    for line in &mut script.lines {
        if let What::Fault(Victim::Node(node), _) | What::Act(_, Act::Look(node)) = &mut line.what {
            *node = name(*node);
        }
    }
}

/// Fewer nodes: jobs on all of them are on all that are left, and nodes that are named may get other names.
fn shrink_nodes(script: &mut Script, fewer: u32, compact: bool) {
    let nodes = std::mem::replace(&mut script.head.nodes, fewer);
    if let Tree::Levels(_) = script.head.tree {
        script.head.tree = Tree::One;
    }
    if compact {
        let used: Vec<u32> = used(script).into_keys().collect();
        rename(script, &|node| used.binary_search(&node).map_or(node, |index| index as u32));
    }
    for line in &mut script.lines {
        if let What::Begin(Job { res: Res::Count(count), .. }) = &mut line.what {
            *count = if *count == nodes { fewer } else { *count };
        }
    }
}

/// A node less each, with all that happens to it: neither may go without the other where jobs are spread over
/// those that are left.
pub(super) fn without_a_node(script: &Script) -> Vec<Script> {
    if has_counts(script) {
        return Vec::new();
    }
    let nodes = script.head.nodes;
    let without = |gone: u32| {
        let is_of = |line: &Line| match line.what {
            What::Fault(Victim::Node(node), _) | What::Act(_, Act::Look(node)) => node == gone,
            _ => false,
        };
        let kept: Vec<usize> =
            (0..script.lines.len()).filter(|index| !is_of(&script.lines[*index])).collect();
        let mut fewer = keep(script, &kept);
        shrink_nodes(&mut fewer, nodes - 1, false);
        rename(&mut fewer, &|node| if node > gone { node - 1 } else { node });
        fewer
    };
    let named = used(script).into_keys();
    named.filter(|_| nodes > 1).map(without).collect()
}

/// Each node that is named gets the first name that is free.
fn renamed(script: &Script) -> Vec<Script> {
    let used = used(script);
    let Some(free) = (0..script.head.nodes).find(|node| !used.contains_key(node)) else { return Vec::new() };
    let higher = used.into_keys().filter(|node| *node > free);
    let all = higher.map(|node| {
        let mut script = script.clone();
        rename(&mut script, &|other| if other == node { free } else { other });
        script
    });
    all.collect()
}

fn lines(line: &Line, is_counted: bool) -> Vec<Line> {
    let with_when = |when| Line { when, what: line.what.clone() };
    let mut all: Vec<Line> = match line.when {
        When::Next => Vec::new(),
        When::At(at) => time::simpler(at).into_iter().map(|at| with_when(When::At(at))).collect(),
        When::After(us) => time::simpler(us).into_iter().map(|us| with_when(When::After(us))).collect(),
    };
    let whats = match &line.what {
        What::Begin(_) if is_counted => Vec::new(),
        What::Begin(job) => jobs(job).into_iter().map(What::Begin).collect(),
        What::Act(name, Act::Kill(Some(_))) => vec![What::Act(name.clone(), Act::Kill(Some(0)))],
        What::Act(..) => Vec::new(),
        What::Fault(place, fault) => {
            (fault.kind().simpler)(*fault).into_iter().map(|fault| What::Fault(*place, fault)).collect()
        }
        What::Expect(expect) => {
            // In its turn it has `PATIENCE_US` without one; in less time it would be another claim.
            let is_short = expect.within.is_some_and(|within| within <= PATIENCE_US);
            let without = (is_short && line.when == When::Next).then_some(None);
            without.into_iter().map(|within| What::Expect(Expect { within, ..expect.clone() })).collect()
        }
    };
    all.extend(whats.into_iter().map(|what| Line { when: line.when, what }));
    all
}

fn jobs(job: &Job) -> Vec<Job> {
    let mut all = Vec::new();
    if let Res::Count(members) = job.res {
        let fewer = NODES.into_iter().filter(|fewer| *fewer < members);
        all.extend(fewer.map(|fewer| Job { res: Res::Count(fewer), ..job.clone() }));
    }
    for index in 0..job.ctl.len() {
        let mut simpler = job.clone();
        simpler.ctl.remove(index);
        all.push(simpler);
    }
    if let Some((text, times)) = &job.input {
        all.push(Job { input: None, ..job.clone() });
        let first = text.split_inclusive('\n').next().unwrap_or("").to_owned();
        all.push(Job { input: Some((first, *times)), ..job.clone() });
        let mut fewer = vec![1, times / 10, times / 2, times - times.min(&1)];
        fewer.retain(|fewer| (1..*times).contains(fewer));
        all.extend(fewer.into_iter().map(|times| Job { input: Some((text.clone(), times)), ..job.clone() }));
    }
    for program in PROGRAMS {
        let exec = program.iter().map(|word| (*word).to_owned()).collect();
        all.push(Job { exec, ..job.clone() });
        all.push(Job { exec: all[all.len() - 1].exec.clone(), input: None, ..job.clone() });
    }
    all
}
