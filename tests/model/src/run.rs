//! Sequences: drawn, done, ended, and made as short as they can be while they still fail.

use crate::arms::Arms;
use crate::draw::{Draft, Random, Source};
use crate::model::Model;
use crate::op::{CLIENTS, FIDS, NODES, Op, Step};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Operations of one sequence.
pub const STEPS: usize = 40;
/// Longer than any answer of a node that is there takes, and than a silent one is kept.
const PATIENCE_US: u64 = 5_000_000;

/// The sequence of a seed.
pub fn sequence(seed: u64) -> Vec<Step> {
    drawn(&mut Random(seed), STEPS)
}

/// A sequence of so many steps, from a seed's or a fuzzer's choices.
pub fn drawn(source: &mut impl Source, most: usize) -> Vec<Step> {
    let mut draft = Draft::default();
    (0..most).map(|_| draft.draw(source)).collect()
}

/// Does a sequence, and looks whether anything is left: what was reached, or what went wrong, with the
/// story of it if that is to be told.
pub fn run(steps: &[Step], tells: bool) -> Result<Arms, (String, Vec<String>)> {
    let mut model = Model::new(tells);
    let done = catch_unwind(AssertUnwindSafe(|| {
        for step in steps {
            model.step(step)?;
        }
        model.finish()
    }));
    let wrong = match done {
        Ok(Ok(())) => return Ok(model.arms),
        Ok(Err(wrong)) => wrong,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("panic: {}", text.unwrap_or_default())
        }
    };
    Err((wrong, model.told.unwrap_or_default()))
}

/// What went wrong, without the numbers in it.
fn sort_of(wrong: &str) -> String {
    wrong.lines().next().unwrap_or("").chars().filter(|c| !c.is_ascii_hexdigit()).collect()
}

/// A shorter sequence that fails in the same way: operations are left out while it does.
pub fn shrink(steps: &[Step]) -> Vec<Step> {
    let wrong = |steps: &[Step]| run(steps, false).err().map(|(wrong, _)| sort_of(&wrong));
    let first = wrong(steps);
    let mut steps = steps.to_vec();
    let mut size = steps.len().div_ceil(2);
    while size > 0 && first.is_some() {
        let mut at = 0;
        let mut is_shorter = false;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            if wrong(&fewer) == first {
                (steps, is_shorter) = (fewer, true);
            } else {
                at += size;
            }
        }
        if !is_shorter || size > 1 {
            size /= 2;
        }
    }
    steps
}

/// What a failing sequence is to say: what went wrong in the shortest one, and how it came to that.
pub fn story(steps: &[Step]) -> String {
    let short = shrink(steps);
    match run(&short, true) {
        Ok(_) => "it fails only at times".into(),
        Err((wrong, told)) => format!("{wrong}\n{}\n{wrong}", told.join("\n")),
    }
}

impl Model {
    /// All comes to rest, each fid is looked at, everybody leaves: nothing is left.
    pub fn finish(&mut self) -> Result<(), String> {
        self.told.iter_mut().for_each(|told| told.push("finish".into()));
        for node in 0..NODES {
            self.net.leaves[node].mute = false;
        }
        for link in 0..CLIENTS as u8 {
            self.step(&Step { op: Op::Unblock { link }, tag: 0, rests: false })?;
        }
        self.settle()?;
        self.advance(PATIENCE_US)?;
        self.settle()?;
        for link in 0..CLIENTS {
            if self.net.is_up(link) && self.links[link].msize > 0 {
                self.probe(link as u8)?;
            }
        }
        for link in 0..CLIENTS as u8 {
            self.step(&Step { op: Op::Hangup { link }, tag: 0, rests: true })?;
        }
        self.remove_sessions()?;
        self.nothing_left()
    }

    /// Flushes what waits, and looks at all fids, those that are not there among them.
    fn probe(&mut self, link: u8) -> Result<(), String> {
        let tags: Vec<u16> = self.links[link as usize].pending.keys().copied().collect();
        for tag in tags {
            let op = Op::Flush { link, old: tag as u8 - 1 };
            self.step(&Step { op, tag: 5, rests: true })?;
        }
        for fid in 0..FIDS.len() as u8 {
            self.step(&Step { op: Op::Stat { link, fid }, tag: 0, rests: true })?;
        }
        if let Some(tag) = self.links[link as usize].pending.keys().next() {
            return Err(format!("link {link}: tag {tag} is not answered in the end"));
        }
        if self.links[link as usize].node == 0 {
            let (count, fids) = (self.net.fid_count(link as usize), self.links[link as usize].fids.len());
            if count != fids {
                return Err(format!("link {link} has {count} fids instead of {fids}"));
            }
        }
        Ok(())
    }

    fn remove_sessions(&mut self) -> Result<(), String> {
        for session in &mut self.sessions {
            session.may_end = true;
        }
        for node in 0..=NODES {
            for name in self.listed(node) {
                self.net.remove(node, &name);
                self.settle()?;
            }
        }
        self.advance(1_000_000)?;
        self.settle()
    }

    fn nothing_left(&mut self) -> Result<(), String> {
        let node = &self.net.io;
        let left = [
            ("requests that were passed on", node.forward_count(), 0),
            ("sessions of the aggregator", node.sessions().count(), 0),
            ("questions to nodes", node.question_count(), 0),
            ("fids on nodes", node.fid_count_below(), 6 + node.user_count()),
        ];
        for (what, has, want) in left {
            if has != want {
                return Err(format!("{has} {what} are left, not {want}"));
            }
        }
        if !node.is_quiet() {
            return Err("the aggregator is not quiet".into());
        }
        for (index, leaf) in self.net.leaves.iter().enumerate() {
            let child = node.child_named(&crate::pump::node_name(index));
            let known = child.map_or(0, |child| node.fids_on(child.rank()));
            let (has, sessions) = (leaf.core.fid_count(), leaf.core.session_count());
            if sessions > 0 || has != known {
                return Err(format!("node {index} has {has} fids, not {known}, and {sessions} sessions"));
            }
        }
        Ok(())
    }
}
