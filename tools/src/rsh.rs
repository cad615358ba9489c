//! `uem rsh`: ssh's place taken, so that launchers and copiers made for ssh run on the tree.

use crate::environment::word;
use crate::fault::Fault;
use crate::job::Job;
use crate::outcome::SSH_OWN;
use crate::partition::connect;
use crate::plan::{Manner, Plan};
use crate::run::is_null;
use argh::FromArgs;
use protocol::nodeset::Name;
use protocol_host::{Dial, TermSignal};

/// Options of ssh that a value follows.
const VALUED: &str = "lpioFcembBDEIJLOQRSwW";
/// Options of ssh that stand alone.
const ALONE: &str = "xXqnTtfaAkK46vNCgGMsYy";
/// Starts where a login would.
const SHELL: &str = r#"cd "${HOME:-/}" 2>/dev/null || cd /; exec sh -c "$1""#;

/// Run a command on one node, as ssh would: its stdin, outputs and exit code are the command's. Options that
/// ssh has are accepted; but for -n they have no effect.
#[derive(FromArgs)]
#[argh(subcommand, name = "rsh")]
pub(crate) struct Rsh {
    /// dial string of the partition
    #[argh(option)]
    at: Option<Dial>,
    /// nothing to read for the command
    #[argh(switch, short = 'n')]
    null: bool,
    /// the node, and words that its shell runs
    #[argh(positional, greedy)]
    program: Vec<String>,
}

impl Rsh {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        // Whoever calls ssh tells its own failures from the command's by the code.
        self.serve().map_err(|fault| Fault { code: SSH_OWN, ..fault })
    }

    fn serve(&self) -> Result<i32, Fault> {
        let Some((host, words)) = self.program.split_first() else {
            return Err(Fault::usage("rsh: on which node? like uem rsh node01 hostname"));
        };
        let host = host.rsplit_once('@').map_or(host.as_str(), |(_, host)| host);
        if Name::new(host).is_none() {
            return Err(Fault::usage(format!("rsh: {host}: not a node's name")));
        }
        if words.is_empty() {
            return Err(Fault::usage(format!("rsh: what on {host}? a shell for typing is not there yet")));
        }
        let signals = TermSignal::new().map_err(|e| format!("unable to watch for signals: {e}"))?;
        let mut client = connect(self.at.as_ref())?;
        let job = Job::start(&mut client, &self.plan(host, &words.join(" ")), false)?;
        Ok(job.finish(signals.fd(), None)?)
    }

    fn plan(&self, host: &str, line: &str) -> Plan {
        let args: Vec<String> = ["sh", "-c", SHELL, "sh", line].map(word).to_vec();
        Plan {
            lines: format!("res + {host}\n"),
            args: args.join(" "),
            // The node's own.
            env: Vec::new(),
            input: !self.null && !is_null(libc::STDIN_FILENO),
            timeout: None,
            program: host.to_owned(),
            manner: Manner::Ssh,
        }
    }
}

/// Leaves of ssh's options those that mean something here, all before the node.
pub(crate) fn part(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut host = None;
    let mut words = words.iter();
    while let Some(text) = words.next() {
        if text == "--" && host.is_none() {
            host = words.next();
        } else if text.starts_with("--") && text != "--" && host.is_none() {
            kept.push(text.clone());
            kept.extend((text == "--at").then(|| words.next().cloned()).flatten());
        } else if text.len() > 1 && text.starts_with('-') && text != "--" {
            if !part_letters(text, &mut kept) {
                continue;
            }
            words.next();
        } else if host.is_none() {
            host = Some(text);
        } else {
            let rest = (text != "--").then_some(text).into_iter().chain(words);
            kept.push("--".to_owned());
            kept.extend(host.into_iter().chain(rest).cloned());
            return kept;
        }
    }
    kept.push("--".to_owned());
    kept.extend(host.cloned());
    kept
}

/// Letters behind one dash: whether the next word is the value of the last.
fn part_letters(text: &str, kept: &mut Vec<String>) -> bool {
    for (at, letter) in text.char_indices().skip(1) {
        if VALUED.contains(letter) {
            return at + letter.len_utf8() == text.len();
        }
        if !ALONE.contains(letter) {
            // The parser says what is wrong with it.
            kept.push(text.to_owned());
            return false;
        }
        // One that goes to the background reads nothing either.
        kept.extend(matches!(letter, 'n' | 'f').then(|| "-n".to_owned()));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(line: &str) -> String {
        part(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()).join(" ")
    }

    #[test]
    fn options_of_ssh_go_with_their_values_wherever_they_stand() {
        assert_eq!(parted("node01 ls"), "-- node01 ls");
        assert_eq!(parted("-x -q -p 22 -oBatchMode=yes -o A=b -tt node01 ls -l"), "-- node01 ls -l");
        assert_eq!(parted("-xp22 -l user -4 node01 -l me -T ls -n"), "-- node01 ls -n");
        assert_eq!(parted("-xn node01 ls"), "-n -- node01 ls");
        assert_eq!(parted("-f node01 ls"), "-n -- node01 ls");
        assert_eq!(parted("--at unix!/x -n node01 ls --at y"), "--at unix!/x -n -- node01 ls --at y");
        assert_eq!(parted("-q -- node01 -- ls"), "-- node01 ls");
        assert_eq!(parted("--help"), "--help --");
    }

    #[test]
    fn what_no_option_of_ssh_is_goes_to_the_parser() {
        assert_eq!(parted("-Z node01 ls"), "-Z -- node01 ls");
        assert_eq!(parted("-p"), "--");
    }
}
