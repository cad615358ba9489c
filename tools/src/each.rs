//! `uem each`: many commands over all nodes, in GNU parallel's manner. Read `engine.rs` first.

mod attempt;
mod engine;
mod halt;
mod joblog;
mod kept;
mod lane;
mod line;
mod pool;
mod progress;
mod report;
mod source;

use crate::client::{Asked, Client, Part, ROOT, Told};
use crate::environment::{env_lines, process_lines};
use crate::fault::Fault;
use crate::partition::{dial, find_up, up_nodes};
use crate::run::{read_set, seconds};
use crate::signal::Signals;
use argh::FromArgs;
use attempt::Setting;
use engine::{Engine, Plan};
use halt::Halt;
use joblog::{Joblog, Resume};
use lane::{Lane, PLACES};
use line::Template;
use pool::Pool;
use progress::Progress;
use protocol::limits::WALK_MAX;
use protocol::message::{Rmsg, Tmsg};
use protocol::nodeset::NodeSet;
use protocol::quote::Quoted;
use protocol::stat::Stats;
use protocol_host::Dial;
use report::Report;
use source::Source;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

/// Connections at once: an ionode has 256 sessions, and others want some of them.
const LANES_MAX: usize = 16;

/// Run a command for each argument behind `:::`, or for each line that comes in, on whatever node has a free
/// slot.
#[derive(FromArgs)]
#[argh(
    subcommand,
    name = "each",
    note = "In the command {{}} is the argument, {{1}} {{2}} those of several lists,\n  \
            {{#}} the task's number, {{%}} its slot.",
    note = "Its words make one line for a shell, as with GNU parallel;\n  \
            without a command each argument is such a line."
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
    /// file that gets a line a task, in the columns of GNU parallel
    #[argh(option)]
    joblog: Option<PathBuf>,
    /// leave out what the joblog has
    #[argh(switch)]
    resume: bool,
    /// leave out what the joblog has with exit 0
    #[argh(switch)]
    resume_failed: bool,
    /// how often a task that fails is tried, each time elsewhere (default 1)
    #[argh(option, default = "1")]
    retries: u32,
    /// seconds after which a task is ended
    #[argh(option, from_str_fn(seconds))]
    timeout: Option<Duration>,
    /// when to stop early: never, now,fail=1, soon,fail=1; also success= and done=
    #[argh(option, default = "Halt::Never")]
    halt: Halt,
    /// directory that gets what each task writes, as DIR/1/ARGUMENT/stdout
    #[argh(option)]
    results: Option<PathBuf>,
    /// outputs in the order of the tasks
    #[argh(switch, short = 'k')]
    keep_order: bool,
    /// a bar with the time left, on a terminal
    #[argh(switch)]
    progress: bool,
    /// carry no environment, umask or limits
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
        let pool = self.pool(&mut control, wanted.as_deref())?;
        let lanes = (0..pool.slots().div_ceil(PLACES).min(LANES_MAX)).map(|_| Lane::connect(&at));
        let lanes = lanes.collect::<Result<Vec<Lane>, Told>>()?;
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
        Ok(Engine::new(plan, (control, lanes, pool), (report, log, progress)).run(&mut signals)?)
    }

    /// The command, and where its values come from.
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

    /// What can be known to be wrong before anything is reached.
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
        let here = std::env::current_dir().map_err(|e| format!("unable to tell where this is: {e}"))?;
        let dir = self.dir.as_ref().map_or(here.clone(), |dir| here.join(dir));
        let dir = dir.to_str().ok_or("this directory's name is not UTF-8: choose another with --dir")?;
        lines += &format!("dir {}\nredir stdin /dev/null\n", Quoted(dir));
        Ok(Setting { lines, env: env_lines(&[], self.clean), timeout: self.timeout })
    }

    /// The nodes that take part, with their slots.
    fn pool(&self, control: &mut Client, wanted: Option<&str>) -> Result<Pool, Told> {
        let mut up = up_nodes(control)?;
        if let Some(text) = wanted {
            let set = NodeSet::parse(text).map_err(|e| e.to_string())?;
            up.retain(|name| set.contains(name));
        }
        if up.is_empty() {
            return Err("no node that is up is left to run on".to_owned());
        }
        let mut pool = Pool::default();
        let cores = match self.slots {
            Some(slots) => vec![slots; up.len()],
            None => cores(control, &up)?,
        };
        up.iter().zip(cores).for_each(|(name, slots)| pool.add(name, slots));
        Ok(pool)
    }
}

/// The directories of nodes in the tree, at whatever depth they hang.
fn find_dirs(client: &mut Client, above: &str, names: &HashSet<&str>, dirs: &mut HashMap<String, String>) {
    // A node that has just gone has nothing to tell.
    let listed = client.read_all(&format!("{above}net")).unwrap_or_default();
    for stat in Stats::new(&listed).flatten() {
        let dir = format!("{above}net/{}/", stat.name);
        if names.contains(stat.name) {
            dirs.insert(stat.name.to_owned(), dir);
        } else if dir.matches('/').count() < WALK_MAX {
            find_dirs(client, &dir, names, dirs);
        }
    }
}

/// How many cores each node has; 1 where that is not known. Asked many at a time.
fn cores(client: &mut Client, names: &[String]) -> Result<Vec<usize>, Told> {
    let mut dirs = HashMap::new();
    find_dirs(client, "", &names.iter().map(String::as_str).collect(), &mut dirs);
    let mut cores = vec![1; names.len()];
    let known: Vec<(usize, &String)> =
        names.iter().enumerate().filter_map(|(at, name)| Some((at, dirs.get(name)?))).collect();
    for chunk in known.chunks(PLACES) {
        let mut fids = Vec::new();
        for (place, (_, dir)) in chunk.iter().enumerate() {
            let path = format!("{dir}info");
            let fid = client.ask_open(ROOT, &path.split('/').collect::<Vec<_>>(), 0)?;
            client.ask(Asked::Task(place as u8, Part::Info), &Tmsg::Read { fid, offset: 0, count: 4096 })?;
            fids.push(fid);
        }
        client.answers(chunk.len(), |place, answer| {
            let data = if let Rmsg::Read { data } = answer { data } else { &[] };
            let text = String::from_utf8_lossy(data);
            let count = text.lines().find_map(|line| line.strip_prefix("cores=")?.parse::<usize>().ok());
            cores[chunk[place as usize].0] = count.unwrap_or(1).max(1);
        })?;
        // Not before the answers: a clunk interrupts what waits for its file.
        fids.into_iter().try_for_each(|fid| client.ask(Asked::Step, &Tmsg::Clunk { fid }))?;
    }
    Ok(cores)
}
