//! `uem each`: many commands over all nodes.

use crate::each::attempt::Setting;
use crate::each::engine::{Engine, Plan};
use crate::each::halt::Halt;
use crate::each::joblog::{Joblog, Resume};
use crate::each::line::Template;
use crate::each::progress::Progress;
use crate::each::report::Report;
use crate::each::source::Source;
use crate::each::{lanes, pool};
use crate::environment::{env_lines, process_lines};
use crate::exit::{Fault, Told};
use crate::nodes::read_set;
use crate::partition::{dial, find_up};
use crate::signal::Signals;
use crate::words::seconds;
use argh::{ArgsInfo, FromArgs};
use client::Dial;
use protocol::quote::Quoted;
use std::path::PathBuf;
use std::time::Duration;

/// Run a command for each argument after `:::`, or for each line of standard input, on any node with a free
/// slot.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "each",
    note = "In the command, {{}} is the argument, {{1}} {{2}} are those of several lists,\n  \
            {{#}} the task's number, {{%}} its slot.",
    note = "Its words are joined to one line for a shell, as by GNU parallel;\n  \
            without a command each argument is such a line.",
    example = "uem each gzip -9 {{}} ::: *.log",
    example = "uem each -j 2 --joblog log --resume ./fit {{1}} {{2}} ::: 1 2 3 ::: a b",
    note = "The exit code is the number of tasks that failed.",
    error_code(100, "the command line is wrong, or 100 tasks failed"),
    error_code(101, "more than 100 tasks failed"),
    error_code(125, "uem itself failed"),
    error_code(130, "after ^C")
)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Each {
    /// dial string of the partition
    #[argh(option)]
    at: Option<Dial>,
    /// tasks at once on each node (default: its cores)
    #[argh(option, short = 'j')]
    slots: Option<usize>,
    /// node set, or ^FILE with node sets (default: all that are up)
    #[argh(option, short = 'w')]
    nodes: Option<String>,
    /// file that gets one line for each task, in GNU parallel's columns
    #[argh(option)]
    joblog: Option<PathBuf>,
    /// skip tasks that are in the joblog
    #[argh(switch)]
    resume: bool,
    /// skip tasks that are in the joblog with exit code 0
    #[argh(switch)]
    resume_failed: bool,
    /// how often a failing task is tried, each time on another node (default 1)
    #[argh(option, default = "1")]
    retries: u32,
    /// end a task after so many seconds
    #[argh(option, from_str_fn(seconds))]
    timeout: Option<Duration>,
    /// when to stop early: never, now,fail=1, soon,fail=1; also success= and done=
    #[argh(option, default = "Halt::Never")]
    halt: Halt,
    /// directory for the outputs of each task, as DIR/1/ARGUMENT/stdout
    #[argh(option)]
    results: Option<PathBuf>,
    /// print outputs in the order of the tasks
    #[argh(switch, short = 'k')]
    keep_order: bool,
    /// show a bar with the remaining time, on a terminal
    #[argh(switch)]
    progress: bool,
    /// do not pass on this environment, umask and limits
    #[argh(switch)]
    clean: bool,
    /// directory of the tasks (default: this one)
    #[argh(option)]
    dir: Option<String>,
    /// the command and its arguments
    #[argh(positional, greedy)]
    program: Vec<String>,
}

impl Each {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let (template, source) = self.parts()?;
        self.check()?;
        let wanted = self.nodes.as_deref().map(|text| read_set("-w", text)).transpose()?;
        let mut signals = Signals::new()?;
        let at = find_up(self.at.as_ref())?;
        let mut control = dial(&at)?;
        let pool = pool(&mut control, wanted.as_deref(), self.slots)?;
        let lanes = lanes(&pool, &at)?;
        let resume = match (self.resume_failed, self.resume) {
            (true, _) => Resume::Good,
            (_, true) => Resume::All,
            _ => Resume::No,
        };
        let opened = self.joblog.as_deref().map(|path| {
            Joblog::open(path, resume).map_err(|e| format!("unable to write {}: {e}", path.display()))
        });
        let (log, done) =
            opened.transpose()?.map_or((None, Default::default()), |(log, done)| (Some(log), done));
        let report = Report::new(self.keep_order, self.results.clone());
        let setting = self.setting()?;
        // It has a thread of its own.
        let progress = Progress::new(self.progress);
        let plan = Plan { template, source, setting, tries: self.retries.max(1), halt: self.halt, done };
        Ok(Engine::new(plan, control, lanes, pool, report, log, progress).run(&mut signals)?)
    }

    /// The command, and the source of its values.
    fn parts(&self) -> Result<(Template, Source), Fault> {
        let mut parts = self.program.split(|word| word == ":::");
        let template = Template::of(parts.next().unwrap_or_default());
        let lists: Vec<Vec<String>> = parts.map(<[String]>::to_vec).collect();
        if template.most_values() > lists.len().max(1) {
            let told = format!("each: {{{}}}: there are not so many lists", template.most_values());
            return Err(Fault::usage(told));
        }
        let source = if lists.is_empty() { Source::stdin() } else { Source::lists(lists) };
        Ok((template, source))
    }

    /// Checks what can be checked before connecting.
    fn check(&self) -> Result<(), Fault> {
        if self.slots == Some(0) {
            return Err(Fault::usage("-j 0: want at least one slot a node"));
        }
        if (self.resume || self.resume_failed) && self.joblog.is_none() {
            return Err(Fault::usage("each: resume from what? say where with --joblog"));
        }
        Ok(())
    }

    fn setting(&self) -> Result<Setting, Told> {
        let mut lines = if self.clean { String::new() } else { process_lines() };
        let here =
            std::env::current_dir().map_err(|e| format!("unable to find the present directory: {e}"))?;
        let dir = self.dir.as_ref().map_or(here.clone(), |dir| here.join(dir));
        let dir = dir.to_str().ok_or("this directory's name is not UTF-8: choose another with --dir")?;
        lines += &format!("dir {}\nredir stdin /dev/null\n", Quoted(dir));
        Ok(Setting { lines, env: env_lines(&[], self.clean), timeout: self.timeout })
    }
}
