//! `uem run`, and `uem wait` and `uem attach` for what it left running.

use crate::client::{Client, Told};
use crate::environment::{env_lines, process_lines, word};
use crate::fault::{Fault, print};
use crate::job::Job;
use crate::outcome::{Outcomes, node_set};
use crate::partition::{FANOUT_MAX, Local, all_nodes, connect, dial, find, names};
use crate::plan::{Manner, Plan};
use crate::signal::Signals;
use crate::terminal;
use argh::FromArgs;
use protocol::message::Tmsg;
use protocol::nodeset::NodeSet;
use protocol::stat::DMDIR;
use protocol_host::Dial;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// Run a program on nodes of the partition, as one job; without a partition, on nodes started here for it.
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Run {
    /// dial string of the partition
    #[argh(option)]
    at: Option<Dial>,
    /// number of members (default 1; with -w or -a one a node)
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
    /// deal standard input record by record instead of copying it to all
    #[argh(switch, long = "enum")]
    deal: bool,
    /// give each record of standard input to a member that has read what it had
    #[argh(switch)]
    share: bool,
    /// no other job on its nodes meanwhile
    #[argh(switch)]
    excl: bool,
    /// begin each line with its node
    #[argh(switch)]
    label: bool,
    /// tell equal outputs once, under their node set
    #[argh(switch, short = 'b')]
    fold: bool,
    /// NAME=VALUE for the members, besides this environment
    #[argh(option)]
    env: Vec<String>,
    /// directory of the members (default: this one)
    #[argh(option)]
    dir: Option<String>,
    /// carry no environment, umask or limits
    #[argh(switch)]
    clean: bool,
    /// seconds after which the members are ended
    #[argh(option, from_str_fn(seconds))]
    timeout: Option<Duration>,
    /// end all when one fails
    #[argh(switch, short = 'K')]
    failfast: bool,
    /// neighbours on different nodes
    #[argh(switch)]
    cyclic: bool,
    /// a terminal for the one member: keys that are typed go to it, ~. at the begin of a line leaves it
    #[argh(switch, short = 't')]
    terminal: bool,
    /// leave it running; output goes to uem-NAME.out here
    #[argh(switch, short = 'd')]
    detach: bool,
    /// start nodes here even where a site has its own partitions
    #[argh(switch)]
    local: bool,
    /// the program and its arguments
    #[argh(positional, greedy)]
    program: Vec<String>,
}

/// Wait for a session that runs; exit as `uem run` would. ^C leaves it running.
#[derive(FromArgs)]
#[argh(subcommand, name = "wait")]
pub(crate) struct Wait {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the session
    #[argh(positional)]
    session: String,
}

/// Show what a session that runs writes, and wait for it; ^C ends its members. What was sent to a file, as by
/// `uem run -d`, is there.
#[derive(FromArgs)]
#[argh(subcommand, name = "attach")]
pub(crate) struct Attach {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the session
    #[argh(positional)]
    session: String,
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
        let mut client = dial(&at)?;
        let lines = self.reservation(&mut client, nodes.as_deref(), exclude.as_deref())? + &setup;
        let plan = self.plan(lines);
        if self.detach {
            return self.leave(&mut client, &plan);
        }
        if self.terminal {
            return Ok(Job::type_at(&mut client, &plan)?);
        }
        let job = Job::start(&mut client, &plan, self.fold)?;
        Ok(job.finish(&mut signals, plan.timeout)?)
    }

    /// What can be known to be wrong before anything is reached.
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
        if let Some(pair) = self.env.iter().find(|pair| !crate::environment::is_assignment(pair)) {
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

    /// The ctl lines that say how members run.
    fn setup(&self) -> Result<String, Told> {
        let mut lines = if self.clean { String::new() } else { process_lines() };
        let here = std::env::current_dir().map_err(|e| format!("unable to tell where this is: {e}"))?;
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
        }
    }

    /// The lines that say where members are.
    fn reservation(
        &self,
        client: &mut Client,
        nodes: Option<&str>,
        exclude: Option<&str>,
    ) -> Result<String, Told> {
        let layout = match (self.cyclic, self.excl) {
            (false, false) => "",
            (true, false) => "layout cyclic\n",
            (false, true) => "excl\n",
            (true, true) => "layout cyclic\nexcl\n",
        };
        if nodes.is_none() && !self.all && exclude.is_none() {
            return Ok(format!("{layout}res {}\n", self.members.unwrap_or(1)));
        }
        let all = all_nodes(client)?;
        let parse = |text| NodeSet::parse(text).map_err(|e| e.to_string());
        let of = |is: fn(&str) -> bool| {
            all.iter().filter(move |(_, state)| is(state)).map(|(name, _)| name.as_str())
        };
        let up: Vec<&str> = of(|state| state == "up").collect();
        let wanted = nodes.map(parse).transpose()?;
        let left_out = exclude.map(parse).transpose()?;
        // A slip in -x would run on the very node that is to be spared.
        let known: HashSet<&str> = of(|_| true).collect();
        missing("-w: no such node", wanted, &known)?;
        missing("-w: draining", wanted, &of(|state| state != "draining").collect())?;
        missing("-w: not up", wanted, &up.iter().copied().collect())?;
        missing("-x: no such node", left_out, &known)?;
        let times = |name: &str| wanted.map_or(1, |set| set.times(name) as usize);
        let chosen: Vec<&str> = up
            .into_iter()
            .filter(|name| !left_out.is_some_and(|set| set.contains(name)))
            .flat_map(|name| std::iter::repeat_n(name, times(name)))
            .collect();
        if chosen.is_empty() {
            return Err("no node is left to run on".to_owned());
        }
        let one_a_node = self.all || nodes.is_some();
        let count = self.members.map_or(if one_a_node { chosen.len() } else { 1 }, |n| n as usize);
        Ok(format!("{layout}{}", res_lines(&chosen, count)))
    }

    /// Starts it as a persistent session that writes to a file, and leaves.
    fn leave(&self, client: &mut Client, plan: &Plan) -> Result<i32, Fault> {
        let id = make_session(client)?;
        if let Err(refused) = self.fill(client, plan, &id) {
            let info = client.read_all(&format!("{id}/info")).unwrap_or_default();
            let info = String::from_utf8_lossy(&info).into_owned();
            let state = info.lines().find_map(|line| line.strip_prefix("state=")).unwrap_or("open");
            if !matches!(state, "starting" | "running") {
                // Nothing runs: there is nothing to leave.
                let code = match state {
                    "open" | "reserved" => Err(refused),
                    _ => settle(client, &id, &plan.program),
                };
                let ctl = client.open(&format!("{id}/ctl"), 1)?;
                client.write(ctl, b"wipe\n")?;
                return Ok(code?);
            }
            // Some were refused, the others run: `wait` tells which.
            eprintln!("uem: {refused}");
        }
        print(format!("{id}\n").as_bytes()).map(|()| 0)
    }

    fn fill(&self, client: &mut Client, plan: &Plan, id: &str) -> Result<(), Told> {
        for (file, data) in [("env", plan.env.as_slice()), ("args", plan.args.as_bytes())] {
            let fid = client.open(&format!("{id}/{file}"), 1)?;
            client.write(fid, data).map_err(|e| format!("{id}/{file}: {e}"))?;
            client.close(fid)?;
        }
        let out = std::env::current_dir().unwrap_or_default().join(format!("uem-{id}.out"));
        // Known to be writable, and without what an earlier session of that name has left.
        std::fs::File::create(&out).map_err(|e| format!("unable to make {}: {e}", out.display()))?;
        let out = word(&out.display().to_string());
        let path = format!("{id}/ctl");
        let fid = client.open(&path, 1)?;
        let lines =
            format!("{}redir stdin /dev/null\nredir stdout {out}\nredir stderr {out}\nexec\n", plan.lines);
        client.write(fid, lines.as_bytes()).map_err(|refused| {
            let reason = crate::files::reason(client, &path);
            if reason.is_empty() { refused } else { reason }
        })
    }
}

/// A persistent session with the first free name: an earlier process may have had our number.
fn make_session(client: &mut Client) -> Result<String, Told> {
    let own = std::process::id();
    for turn in 0.. {
        let id = if turn == 0 { format!("run{own}") } else { format!("run{own}.{turn}") };
        let fid = client.walk("/")?;
        let made = client.call(&Tmsg::Create { fid, name: &id, perm: DMDIR | 0o700, mode: 0 });
        client.close(fid)?;
        match made {
            Ok(()) => return Ok(id),
            Err(told) if told == protocol::ename::Ename::Exists.text() => {}
            Err(told) => return Err(format!("unable to make a session: {told}")),
        }
    }
    Err("unable to name a session".to_owned())
}

/// A time in seconds, as `--timeout` takes it.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "want seconds above 0, like 2.5".to_owned())
}

/// A node set as it was given, or those of a file, one a line.
pub(crate) fn read_set(option: &str, text: &str) -> Result<String, Fault> {
    let joined = match text.strip_prefix('^') {
        None => text.to_owned(),
        Some(path) => {
            let lines = std::fs::read_to_string(path).map_err(|e| format!("{option} ^{path}: {e}"))?;
            let lines = lines.lines().map(|line| line.split('#').next().unwrap_or("").trim());
            let sets: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
            sets.join(",")
        }
    };
    match NodeSet::parse(&joined) {
        Ok(_) => Ok(joined),
        Err(e) => Err(Fault::usage(format!("{option} {text}: {e}"))),
    }
}

/// Refuses a set that names nodes which are not among those.
pub(crate) fn missing(what: &str, set: Option<NodeSet<'_>>, among: &HashSet<&str>) -> Result<(), Told> {
    let names = set.iter().flat_map(NodeSet::iter).filter(|name| !among.contains(name.as_str()));
    let (names, count) = node_set(names.map(|name| name.as_str().to_owned()));
    if count == 0 { Ok(()) } else { Err(format!("{what}: {names}")) }
}

/// `res +` lines that spread `count` members over nodes, block-wise; a line holds at most 1,024 bytes.
fn res_lines(nodes: &[&str], count: usize) -> String {
    let mut lines = String::new();
    let mut left = count;
    while left > 0 {
        let take = left.min(nodes.len());
        let mut line = String::new();
        for name in &nodes[..take] {
            if line.len() + name.len() > 900 {
                lines += &format!("res + {line}\n");
                line.clear();
            }
            if !line.is_empty() {
                line.push(',');
            }
            line += name;
        }
        lines += &format!("res + {line}\n");
        left -= take;
    }
    lines
}

/// It is /dev/null: nothing will come.
pub(crate) fn is_null(fd: i32) -> bool {
    // SAFETY: all-zero is a valid stat, and fstat writes only it.
    let (told, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &raw mut stat), stat)
    };
    told == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFCHR && stat.st_rdev == libc::makedev(1, 3)
}

impl Wait {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut client = connect(self.at.as_ref())?;
        Ok(settle(&mut client, &self.session, &self.session)?)
    }
}

/// Waits for a session's outcomes, tells the failures and makes the exit code.
fn settle(client: &mut Client, session: &str, program: &str) -> Result<i32, Told> {
    let text = client.read_all(&format!("{session}/wait"))?;
    let mut outcomes = Outcomes::default();
    if !outcomes.take(&String::from_utf8_lossy(&text)) {
        return Err("the node sent an outcome that is none".to_owned());
    }
    outcomes.failures(program).iter().for_each(|line| eprintln!("uem: {line}"));
    Ok(outcomes.code())
}

impl Attach {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut signals = Signals::new()?;
        let mut client = connect(self.at.as_ref())?;
        let path = format!("{}/ctl", self.session);
        let ctl = client.open(&path, 1)?;
        let job = Job::follow(&mut client, ctl, false, &self.session)?;
        Ok(job.finish(&mut signals, None)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_beyond_the_nodes_go_round_again() {
        assert_eq!(res_lines(&["a", "b", "c"], 4), "res + a,b,c\nres + a\n");
        let many: Vec<String> = (0..200).map(|n| format!("node{n:05}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let lines = res_lines(&many, 200);
        assert!(lines.lines().all(|line| line.len() <= 1024));
        assert_eq!(lines.matches("node").count(), 200);
    }

    #[test]
    fn a_time_is_a_number_of_seconds_above_zero() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        for text in ["0", "-1", "NaN", "inf", "1e300", "x", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
