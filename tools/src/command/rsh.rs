//! `uem rsh`: ssh's place taken, so that launchers and copiers made for ssh run on the tree.

use crate::environment::word;
use crate::exit::{Fault, SSH_OWN};
use crate::partition::connect;
use crate::session::asked::Node;
use crate::session::input::is_null;
use crate::session::life::Session;
use crate::session::plan::{Manner, Plan};
use crate::session::terminal;
use crate::signal::Signals;
use argh::{ArgsInfo, FromArgs};
use client::Dial;
use protocol::nodeset::Name;
use protocol_host::user_name;

/// Options of ssh with a value; of these, -l is the user to run as.
const VALUED: &str = "lpioFcembBDEIJLOQRSwW";
/// Options of ssh without a value.
const ALONE: &str = "xXqnTtfaAkK46vNCgGMsYy";
/// Starts as a login does: a command line, or a shell; $2 is the terminal's type, if there is one.
const SHELL: &str = r#"cd "${HOME:-/}" 2>/dev/null || cd /; [ -z "$2" ] || export TERM="$2"
[ -z "$1" ] || exec sh -c "$1"; exec "${SHELL:-/bin/sh}" -l"#;

/// Run a command on one node, in place of ssh: stdin, outputs and exit code are the command's. Without a
/// command it starts a shell with a terminal, which ~. at the beginning of a line leaves. Options of ssh are
/// accepted, but only -l, -n, -t and -T have an effect. USER@NODE is as -l USER.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "rsh",
    example = "uem rsh node01 hostname",
    example = "rsync -a -e 'uem rsh' src/ node07:/tmp/src/",
    note = "The exit code is the command's; 128+n if signal n ended it.",
    error_code(255, "uem itself failed")
)]
pub(crate) struct Rsh {
    /// dial string of the partition
    #[argh(option)]
    pub(super) at: Option<Dial>,
    /// the user to run as; only root may choose
    #[argh(option, short = 'l')]
    pub(super) user: Option<String>,
    /// do not pass on standard input
    #[argh(switch, short = 'n')]
    pub(super) null: bool,
    /// give the command a terminal if there is one here; twice: in any case
    #[argh(switch, short = 't')]
    pub(super) terminal: u16,
    /// give the command no terminal
    #[argh(switch, short = 'T')]
    pub(super) plain: bool,
    /// the node, and the words that a shell there runs
    #[argh(positional, greedy)]
    pub(super) program: Vec<String>,
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
        let (user, host) = match host.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (self.user.as_deref(), host.as_str()),
        };
        if Name::new(host).is_none() {
            return Err(Fault::usage(format!("rsh: {host}: not a node's name")));
        }
        let asked = self.terminal > 1 || terminal::is_here() && (self.terminal > 0 || words.is_empty());
        let line = words.join(" ");
        if !asked || self.plain {
            let mut signals = Signals::new()?;
            let mut node: Node = connect(self.at.as_ref())?;
            let plan = self.plan(user, host, &line, None);
            return Ok(Session::start(&mut node, &plan)?.finish(&mut signals)?);
        }
        let mut node: Node = connect(self.at.as_ref())?;
        let term = std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned());
        Ok(Session::type_at(&mut node, &self.plan(user, host, &line, Some(&term)))?)
    }

    /// The program: a command line or a shell, with a terminal of this type if there is one.
    fn plan(&self, user: Option<&str>, host: &str, line: &str, term: Option<&str>) -> Plan {
        let own = user_name();
        let user = user.filter(|user| *user != own).map(|user| format!("user {}\n", word(user)));
        let args: Vec<String> = ["sh", "-c", SHELL, "sh", line, term.unwrap_or_default()].map(word).to_vec();
        let size = term.map_or(String::new(), |_| terminal::winsize());
        Plan {
            lines: format!("res + {host}\n{}{size}", user.unwrap_or_default()),
            args: args.join(" "),
            // The node's own.
            env: Vec::new(),
            input: !self.null && !is_null(libc::STDIN_FILENO),
            timeout: None,
            program: host.to_owned(),
            manner: Manner::Ssh,
            fold: false,
        }
    }
}

/// Keeps those of ssh's options that have an effect here, in front of the node.
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
            match part_letters(text, &mut kept) {
                Some('l') => keep_user(words.next().map(String::as_str), &mut kept),
                Some(_) => drop(words.next()),
                None => {}
            }
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

/// Letters after one dash: the last one, if the next word is its value.
fn part_letters(text: &str, kept: &mut Vec<String>) -> Option<char> {
    for (at, letter) in text.char_indices().skip(1) {
        if VALUED.contains(letter) {
            let value = &text[at + letter.len_utf8()..];
            if letter == 'l' && !value.is_empty() {
                keep_user(Some(value), kept);
            }
            return value.is_empty().then_some(letter);
        }
        if !ALONE.contains(letter) {
            // The parser says what is wrong with it.
            kept.push(text.to_owned());
            return None;
        }
        // One that goes to the background reads nothing either.
        kept.extend(matches!(letter, 'n' | 'f').then(|| "-n".to_owned()));
        kept.extend(matches!(letter, 't' | 'T').then(|| format!("-{letter}")));
    }
    None
}

/// As with ssh, the first one counts. The parser refuses one without its value.
fn keep_user(user: Option<&str>, kept: &mut Vec<String>) {
    if !kept.iter().any(|word| word == "-l") {
        kept.extend(["-l"].into_iter().chain(user).map(str::to_owned));
    }
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
        assert_eq!(parted("-x -q -p 22 -oBatchMode=yes -o A=b -tt node01 ls -l"), "-t -t -- node01 ls -l");
        assert_eq!(parted("-xp22 -l user -4 node01 -l me -T ls -n"), "-l user -T -- node01 ls -n");
        assert_eq!(parted("-xlann node01 ls"), "-l ann -- node01 ls");
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
