//! What became of a job: outcomes folded by node set, and the exit code.

use crate::exit::{LOST, OWN, after_signal};
use crate::nodes::node_set;
use protocol::ename::Ename;
use protocol::failure::{Failure, Step};
use protocol::record::{End, Outcome};
use std::collections::BTreeMap;

/// The exit code that a member's end counts as.
pub(crate) fn code(end: End) -> i32 {
    match end {
        End::Exit(code) => i32::from(code),
        End::Signal(signal) => after_signal(i32::from(signal)),
        End::Lost => LOST,
        End::Never(failure) => code_of(failure),
    }
}

/// As a shell has it for a program; what came before is a failure of ours.
fn code_of(failure: Failure) -> i32 {
    match (failure.step, failure.ename()) {
        (Step::Exec, Ename::NotFound) => 127,
        (Step::Exec, Ename::Denied | Ename::NoExec | Ename::IsDir | Ename::NotDir) => 126,
        _ => OWN,
    }
}

/// The outcomes of a job as they come.
#[derive(Default)]
pub(crate) struct Outcomes {
    /// Node and end by member.
    pub(crate) members: BTreeMap<u32, (String, End)>,
}

impl Outcomes {
    /// Takes records of `wait`; false if one is none.
    pub(crate) fn take(&mut self, text: &str) -> bool {
        text.lines().all(|line| match Outcome::parse(line) {
            Some((member, node, outcome)) => {
                self.members.insert(member, (node.to_owned(), outcome.end));
                true
            }
            None => false,
        })
    }

    /// That of a lost node, otherwise the highest code of all members.
    pub(crate) fn code(&self) -> i32 {
        let codes = self.members.values().map(|(_, end)| (*end == End::Lost, code(*end)));
        codes.max().map_or(0, |(_, code)| code)
    }

    /// Each was started, and none was lost.
    pub(crate) fn all_ended_by_themselves(&self) -> bool {
        self.members.values().all(|(_, end)| matches!(end, End::Exit(_) | End::Signal(_)))
    }

    /// Some could not be started.
    pub(crate) fn any_never_ran(&self) -> bool {
        self.members.values().any(|(_, end)| matches!(end, End::Never(_)))
    }

    /// A line for each kind of failure, with who failed.
    pub(crate) fn failures(&self, program: &str) -> Vec<String> {
        let mut kinds: BTreeMap<(i32, String), Vec<&str>> = BTreeMap::new();
        for (node, end) in self.members.values() {
            let what = match end {
                End::Exit(0) => continue,
                End::Exit(code) => format!("exit {code}"),
                End::Signal(signal) => format!("signal {signal}"),
                End::Lost => "lost".to_owned(),
                End::Never(failure) => format!("{program}: {failure}"),
            };
            kinds.entry((code(*end), what)).or_default().push(node);
        }
        let line = |((_, what), nodes): (&(i32, String), &Vec<&str>)| {
            let (set, _) = node_set(nodes.iter().copied());
            let many = if nodes.len() == 1 { "member" } else { "members" };
            format!("{what}: {set} ({} {many})", nodes.len())
        };
        kinds.iter().map(line).collect()
    }
}

/// What a line of `error` says behind its time.
pub(crate) fn reason(line: &str) -> Option<&str> {
    line.split_once(' ').map(|(_, reason)| reason)
}

/// The lines of `error` that say whose output was cut.
pub(crate) fn cuts(error: &str) -> Vec<&str> {
    let of_outputs = |text: &&str| text.starts_with("stdout: ") || text.starts_with("stderr: ");
    let mut lines: Vec<&str> = error.lines().filter_map(reason).filter(of_outputs).collect();
    lines.sort_unstable();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_folded_by_kind_and_the_highest_code_wins() {
        let mut all = Outcomes::default();
        assert!(all.take("0 n1 5 0 0 1 ''\n1 n2 6 0 0 1 'exit: 2'\n2 n3 7 0 0 1 'exit: 2'\n"));
        assert!(all.take("3 n4 0 0 0 0 'never run: No such file or directory'\n"));
        assert_eq!(all.code(), 127);
        let told = ["exit 2: n[2-3] (2 members)", "./x: No such file or directory: n4 (1 member)"];
        assert_eq!(all.failures("./x"), told);
        assert!(all.take("4 n5 0 0 0 0 'never run: ns: line 2: bind: No such file or directory'\n"));
        let told = all.failures("./x");
        assert_eq!(told[1], "./x: ns: line 2: bind: No such file or directory: n5 (1 member)");
        assert!(!all.take("nonsense\n"));
    }

    #[test]
    fn a_lost_node_outranks_whatever_became_of_members() {
        let mut all = Outcomes::default();
        assert!(all.take("0 n1 5 0 0 1 'exit: 200'\n1 n2 6 0 0 1 'signal: 9'\n"));
        assert_eq!(all.code(), 200);
        assert!(all.take("2 n3 0 0 0 0 'never run: No such file or directory'\n3 n4 0 0 0 0 'lost: n4'\n"));
        assert_eq!(all.code(), 121);
        assert_eq!(code(End::Signal(9)), 137);
    }

    #[test]
    fn whose_output_was_cut_is_found_among_other_refusals() {
        let error = "8 stdout: n2: Host is down\n7 signal: n2: timed out\n8 stderr: n2: Host is down\n";
        assert_eq!(cuts(error), ["stderr: n2: Host is down", "stdout: n2: Host is down"]);
    }
}
