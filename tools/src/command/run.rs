//! `uem run`: a program on nodes of the partition, as one job.

use crate::environment::{env_lines, is_assignment, process_lines, word};
use crate::exit::{Fault, Told};
use crate::nodes::read_set;
use crate::partition::{FANOUT_MAX, Local, dial, find, names};
use crate::session::asked::Node;
use crate::session::input::is_null;
use crate::session::left;
use crate::session::life::Session;
use crate::session::plan::{Manner, Plan};
use crate::session::reserve::Wanted;
use crate::session::terminal;
use crate::signal::Signals;
use crate::words::seconds;
use argh::{ArgsInfo, FromArgs};
use client::Dial;
use protocol::nodeset::NodeSet;
use std::path::Path;
use std::time::Duration;

/// Run a program on nodes of the partition, as one job. Without a partition, nodes are started on this
/// machine for it.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "run",
    example = "uem run -n 64 hostname",
    example = "uem run -w 'node[01-08]' --label uname -r",
    example = "uem run -a -b -c 'uptime | cut -d, -f1'",
    example = "seq 100 | uem run --share -n 8 sh -c 'while read n; do sleep 0.$n; done'",
    note = "The exit code is the highest of the members'; 128+n if signal n ended one.",
    error_code(100, "the command line is wrong"),
    error_code(121, "a node was lost, whatever became of other members"),
    error_code(124, "the time of --timeout is over"),
    error_code(125, "uem itself failed"),
    error_code(126, "the program cannot be executed"),
    error_code(127, "the program was not found"),
    error_code(130, "after ^C")
)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Run {
    /// dial string of the partition
    #[argh(option)]
    at: Option<Dial>,
    /// number of members (default 1; with -w or -a one on each node)
    #[argh(option, short = 'n')]
    members: Option<u32>,
    /// node set, or ^FILE with node sets; a node that is named twice has two members
    #[argh(option, short = 'w')]
    nodes: Option<String>,
    /// all nodes that are up
    #[argh(switch, short = 'a')]
    all: bool,
    /// node set to leave out
    #[argh(option, short = 'x')]
    exclude: Option<String>,
    /// a shell line instead of a program
    #[argh(option, short = 'c')]
    command: Option<String>,
    /// give standard input record by record to one member after the other, instead of copying it to all
    #[argh(switch, long = "enum")]
    deal: bool,
    /// give each record of standard input to an idle member
    #[argh(switch)]
    share: bool,
    /// keep other jobs off its nodes
    #[argh(switch)]
    excl: bool,
    /// begin each line with the node's name
    #[argh(switch)]
    label: bool,
    /// print equal outputs once, with their node set
    #[argh(switch, short = 'b')]
    fold: bool,
    /// NAME=VALUE for the members, in addition to this environment
    #[argh(option)]
    env: Vec<String>,
    /// directory of the members (default: this one)
    #[argh(option)]
    dir: Option<String>,
    /// do not pass on this environment, umask and limits
    #[argh(switch)]
    clean: bool,
    /// end the members after so many seconds
    #[argh(option, from_str_fn(seconds))]
    timeout: Option<Duration>,
    /// end all when one fails
    #[argh(switch, short = 'K')]
    failfast: bool,
    /// put neighbouring members on different nodes
    #[argh(switch)]
    cyclic: bool,
    /// give the only member a terminal; ~. at the beginning of a line leaves it
    #[argh(switch, short = 't')]
    terminal: bool,
    /// leave it running; its output goes to uem-NAME.out in this directory
    #[argh(switch, short = 'd')]
    detach: bool,
    /// start nodes on this machine even if the site has partitions
    #[argh(switch)]
    local: bool,
    /// the program and its arguments
    #[argh(positional, greedy)]
    program: Vec<String>,
}

impl Run {
    pub(crate) fn run(mut self) -> Result<i32, Fault> {
        if let Some(line) = self.command.take() {
            let mut program = vec!["sh".to_owned(), "-c".to_owned(), line];
            program.append(&mut self.program);
            self.program = program;
        }
        self.check()?;
        let nodes = self.nodes.as_deref().map(|text| read_set("-w", text)).transpose()?;
        let exclude = self.exclude.as_deref().map(|text| read_set("-x", text)).transpose()?;
        let setup = self.setup()?;
        let mut signals = Signals::new()?;
        // Lives as long as the job.
        let local;
        let at = match find(self.at.as_ref())? {
            Some(at) => at,
            None => {
                local = self.start_local(nodes.as_deref())?;
                local.dial()
            }
        };
        let mut node: Node = dial(&at)?;
        let wanted = Wanted {
            members: self.members,
            nodes: nodes.as_deref(),
            all: self.all,
            exclude: exclude.as_deref(),
            cyclic: self.cyclic,
            excl: self.excl,
        };
        let plan = self.plan(wanted.lines(&mut node)? + &setup);
        if self.detach {
            return left::leave(&mut node, &plan);
        }
        if self.terminal {
            return Ok(Session::type_at(&mut node, &plan)?);
        }
        Ok(Session::start(&mut node, &plan)?.finish(&mut signals)?)
    }

    /// Checks what can be checked before connecting.
    fn check(&self) -> Result<(), Fault> {
        if self.program.is_empty() {
            return Err(Fault::usage("run: what? like uem run -n 4 hostname"));
        }
        if self.members == Some(0) {
            return Err(Fault::usage("-n 0: want at least one member"));
        }
        if self.all && self.nodes.is_some() {
            return Err(Fault::usage("-a and -w: choose one; -x leaves nodes out of all"));
        }
        if self.deal && self.share {
            return Err(Fault::usage("--enum and --share: choose one"));
        }
        if self.terminal && (self.detach || self.fold || self.label) {
            return Err(Fault::usage("-t is typed at here: want no -d, -b or --label with it"));
        }
        if self.detach && self.fold {
            return Err(Fault::usage("-b folds outputs that are read here; with -d they go to a file"));
        }
        if let Some(pair) = self.env.iter().find(|pair| !is_assignment(pair)) {
            return Err(Fault::usage(format!("--env {pair}: want NAME=VALUE")));
        }
        Ok(())
    }

    fn start_local(&self, nodes: Option<&str>) -> Result<Local, Fault> {
        if self.detach {
            let why = "-d needs a partition that stays: start one with uem up, or say where with --at";
            return Err(why.to_owned().into());
        }
        if Path::new("/etc/uem").exists() && !self.local {
            let why = "no partition found, and /etc/uem says that this site has its own: \
                       choose one with --at, or start nodes here with --local";
            return Err(why.to_owned().into());
        }
        let names: Vec<String> = match nodes {
            Some(text) => {
                let set = NodeSet::parse(text).map_err(|e| e.to_string())?;
                let mut names: Vec<String> = set.iter().map(|name| name.to_string()).collect();
                names.sort();
                names.dedup();
                names
            }
            None => names("node", (self.members.unwrap_or(1) as usize).min(FANOUT_MAX)),
        };
        if names.len() > FANOUT_MAX {
            let told = format!("-w names {} nodes: at most {FANOUT_MAX} can be started here", names.len());
            return Err(Fault::usage(told));
        }
        let local = Local::start_owned(&names)?;
        let many = if names.len() == 1 { "node" } else { "nodes" };
        eprintln!("uem: no partition found: started {} {many} here for this command", names.len());
        Ok(local)
    }

    /// The ctl lines that set how members run.
    fn setup(&self) -> Result<String, Told> {
        let mut lines = if self.clean { String::new() } else { process_lines() };
        let here =
            std::env::current_dir().map_err(|e| format!("unable to find the present directory: {e}"))?;
        let dir = self.dir.as_ref().map_or(here.clone(), |dir| here.join(dir));
        let dir = dir.to_str().ok_or("this directory's name is not UTF-8: choose another with --dir")?;
        lines += &format!("dir {}\n", word(dir));
        if self.terminal {
            lines += &terminal::winsize();
        }
        for (on, line) in [
            (self.deal, "enum\n"),
            (self.share, "share\n"),
            (self.label && !self.fold, "prefix on\n"),
            (self.fold, "prefix member\n"),
            (self.failfast, "failfast on\n"),
        ] {
            lines += if on { line } else { "" };
        }
        Ok(lines)
    }

    fn plan(&self, lines: String) -> Plan {
        let args: Vec<String> = self.program.iter().map(|text| word(text)).collect();
        Plan {
            lines,
            args: args.join(" "),
            env: env_lines(&self.env, self.clean),
            input: !is_null(libc::STDIN_FILENO),
            timeout: self.timeout,
            program: match &self.dir {
                // Either may be what is not there.
                Some(dir) => format!("{} in {dir}", self.program[0]),
                None => self.program[0].clone(),
            },
            manner: Manner::Run,
            fold: self.fold,
        }
    }
}
