//! What the expectations of a script find.

use super::{Play, Running, Stage, alike};
use crate::check;
use crate::script::{Claim, Count, Expect, How, Job, Told, What, When};
use crate::words::time::told as time;
use cnode::Bounds;
use protocol::record::{End, Outcome};

/// What is so, or what is so instead and the way in which that is wrong.
type Judged = Result<String, (String, String)>;

impl<B: Bounds> Play<'_, B> {
    /// Judges an expectation whose turn has come: it is over if it holds, or if that took too long.
    pub(super) fn judge(&mut self, index: usize, until: u64) {
        let line = &self.script.lines[index];
        let What::Expect(expect) = &line.what else { return };
        let judged = self.holds(expect, line.when == When::Next);
        if judged.is_err() && self.world.now() < until {
            return;
        }
        self.stages[index] = Stage::Over;
        match judged {
            Ok(found) => {
                if expect.claim == Claim::AllUp {
                    // All is well again: what broke before is no excuse from now on.
                    self.world.hurt.clear();
                    self.troubled.clear();
                }
                self.find(expect.to_string(), found, None);
            }
            Err((found, kind)) => self.find(expect.to_string(), found, Some(kind)),
        }
    }

    fn holds(&self, expect: &Expect, in_turn: bool) -> Judged {
        let up = self.world.up();
        match &expect.claim {
            Claim::AllUp => {
                self.world.check_up().map_err(|found| (found.clone(), format!("up: {}", alike(&found))))?;
                Ok(format!("{up} up"))
            }
            Claim::Up(count) if count.has(up) => Ok(format!("{up} up")),
            Claim::Up(count) => {
                Err((format!("{up} up"), format!("{}: {}", expect.claim_text(), off(*count, up))))
            }
            Claim::Quiet => {
                // There is none before boot is over.
                let before = self.before.clone().unwrap_or_else(|| self.world.census());
                let quiet = self.world.check_quiet(&before);
                quiet.map_err(|found| (found.clone(), format!("quiet: {}", alike(&found))))?;
                Ok("nothing is left".into())
            }
            Claim::Job(name, told) => {
                let job = self.script.job(name).filter(|_| self.jobs.contains_key(name.as_str()));
                let (Some(job), Some(running)) = (job, self.jobs.get(name.as_str())) else {
                    // As many members as nodes serve, and none does.
                    return Ok(format!("{name} has not begun"));
                };
                let mut found = Vec::new();
                for told in told {
                    let so = self.is_told(job, running, told);
                    found.push(so.map_err(|(found, kind)| (found, format!("{name}: {told}: {kind}")))?);
                }
                self.in_time(expect, running, in_turn)?;
                Ok(found.join(", "))
            }
        }
    }

    /// A job whose end was waited for is in time if it was over soon enough after its beginning.
    fn in_time(&self, expect: &Expect, running: &Running, in_turn: bool) -> Result<(), (String, String)> {
        let took = running.over.map(|over| over.saturating_sub(running.begun));
        match (expect.within.filter(|_| in_turn), took) {
            (Some(within), Some(took)) if took > within => {
                Err((format!("over after {}", time(took)), format!("{}: late", expect.claim_text())))
            }
            _ => Ok(()),
        }
    }

    fn is_told(&self, job: &Job, running: &Running, told: &Told) -> Judged {
        let seen = self.world.job(running.number);
        let lines = seen.stdout.iter().filter(|byte| **byte == b'\n').count() as u32;
        let counted = |count: &Count, number: u32, what: String| {
            if count.has(number) { Ok(what) } else { Err((what, off(*count, number).into())) }
        };
        match told {
            Told::Rightly if running.has_vanished => Ok("vanished".into()),
            Told::Rightly => {
                let claim = check::JobClaim {
                    // What no machine has, it does not find.
                    program: job.lines().map_or("nosuch", |_| job.exec.first().map_or("", String::as_str)),
                    size: running.members,
                    lines: job.lines().unwrap_or(0),
                    is_crowded: 2 * self.troubled.len().max(self.world.hurt.len()) > self.world.node_count(),
                    is_gang: job.is_gang(),
                    begun: running.begun,
                };
                let checked = self.world.check_job(seen, claim);
                checked.map_err(|found| (found.clone(), alike(&found)))?;
                Ok("told".into())
            }
            Told::Refused if seen.is_refused => Ok("refused".into()),
            Told::Refused => Err((format!("exec {:?}", seen.exec), "not".into())),
            Told::Ended(count, kind) => {
                let ends = seen.outcomes.lines().filter_map(Outcome::parse);
                let number = ends.filter(|(_, _, outcome)| kind.is(outcome.end)).count() as u32;
                counted(count, number, format!("{number} {kind}"))
            }
            Told::Lines(count) => counted(count, lines, format!("stdout {lines} lines")),
            Told::Text(text) if seen.stdout == text.as_bytes() => Ok(told.to_string()),
            Told::Text(_) => {
                let other = String::from_utf8_lossy(&seen.stdout).chars().take(200).collect();
                Err((Told::Text(other).to_string(), "another".into()))
            }
        }
    }
}

/// In which way a number is not as it should be.
fn off(count: Count, number: u32) -> &'static str {
    let (Count::Is(wanted) | Count::Least(wanted) | Count::Most(wanted)) = count;
    if number < wanted { "too few" } else { "too many" }
}

impl How {
    fn is(self, end: End) -> bool {
        match (self, end) {
            (Self::Exit(code), End::Exit(other)) => code == other,
            (Self::Signal(signal), End::Signal(other)) => signal == other,
            (Self::Lost, End::Lost) | (Self::Never, End::Never(_)) => true,
            _ => false,
        }
    }
}

impl Expect {
    fn claim_text(&self) -> String {
        Self { claim: self.claim.clone(), within: None }.to_string()
    }
}
