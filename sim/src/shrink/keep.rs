//! A script with some of its lines.

use crate::script::{Claim, Line, Script, What, When};

/// A script with these of its lines, and without what speaks of a job that is not among them. A line that
/// comes after one that is left out comes when it came.
pub fn keep(script: &Script, indices: &[usize]) -> Script {
    let mut kept = Script { head: script.head.clone(), lines: Vec::new() };
    let mut gone: Option<When> = None;
    for (index, line) in script.lines.iter().enumerate() {
        let when = match (gone, line.when) {
            (Some(When::At(at)), When::After(us)) => When::At(at + us),
            (Some(When::After(above)), When::After(us)) => When::After(above + us),
            (_, when) => when,
        };
        let speaks_of = match &line.what {
            What::Act(name, _) => Some(name),
            What::Expect(expect) => match &expect.claim {
                Claim::Job(name, _) => Some(name),
                _ => None,
            },
            What::Begin(_) | What::Fault(..) => None,
        };
        let makes_sense = speaks_of.is_none_or(|name| kept.job(name).is_some());
        if makes_sense && indices.binary_search(&index).is_ok() {
            kept.lines.push(Line { when, what: line.what.clone() });
            gone = None;
        } else {
            gone = Some(when);
        }
    }
    kept
}
