//! `uem run`, and `uem wait` and `uem attach` for what it left running.

use crate::client::{Client, Told};
use crate::environment::{env_lines, process_lines, word};
use crate::job::{Job, Plan};
use crate::partition::{Local, NODES_MAX, connect, find, names};
use argh::FromArgs;
use protocol::message::{Fid, Tmsg};
use protocol::nodeset::NodeSet;
use protocol::stat::DMDIR;
use protocol_host::{Dial, TermSignal};
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
    /// node set, or ^FILE with node sets
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
    #[argh(option)]
    timeout: Option<f64>,
    /// end all when one fails
    #[argh(switch, short = 'K')]
    failfast: bool,
    /// neighbours on different nodes
    #[argh(switch)]
    cyclic: bool,
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

/// Wait for a session that runs; exit as `uem run` would.
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

/// Show what a session that runs writes, and wait for it.
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
    pub(crate) fn run(mut self) -> Result<i32, Told> {
        if let Some(line) = self.command.take() {
            let mut program = vec!["sh".to_owned(), "-c".to_owned(), line];
            program.append(&mut self.program);
            self.program = program;
        }
        if self.program.is_empty() {
            return Err("run: what? uem run -n 4 hostname".to_owned());
        }
        if self.members == Some(0) {
            return Err("-n 0: want at least one member".to_owned());
        }
        if let Some(pair) = self.env.iter().find(|pair| !pair.contains('=')) {
            return Err(format!("--env {pair}: want NAME=VALUE"));
        }
        let nodes = self.read_nodes()?;
        let signals = TermSignal::new().map_err(|e| format!("unable to watch for signals: {e}"))?;
        // Lives as long as the job.
        let local;
        let dial = match find(self.at.as_ref())? {
            Some(dial) => dial,
            None => {
                local = self.start_local(nodes.as_deref())?;
                local.dial()
            }
        };
        let mut client = Client::connect(&dial)?;
        let plan = self.plan(&mut client, nodes.as_deref())?;
        if self.detach {
            return self.leave(&mut client, &plan);
        }
        let job = Job::start(&mut client, &plan, self.fold)?;
        job.finish(signals.fd(), plan.timeout)
    }

    /// The node set of -w, with files read.
    fn read_nodes(&self) -> Result<Option<String>, Told> {
        let Some(text) = &self.nodes else { return Ok(None) };
        let Some(path) = text.strip_prefix('^') else {
            check_set(text)?;
            return Ok(Some(text.clone()));
        };
        let lines = std::fs::read_to_string(path).map_err(|e| format!("-w ^{path}: {e}"))?;
        let sets: Vec<&str> =
            lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let joined = sets.join(",");
        check_set(&joined)?;
        Ok(Some(joined))
    }

    fn start_local(&self, nodes: Option<&str>) -> Result<Local, Told> {
        if Path::new("/etc/uem").exists() && !self.local {
            return Err("no partition found, and /etc/uem says that this site has its own: \
                        choose one with --at, or start nodes here with --local"
                .to_owned());
        }
        let names = match nodes {
            Some(text) => NodeSet::parse(text)
                .map_err(|e| e.to_string())?
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
            None => names((self.members.unwrap_or(1) as usize).min(NODES_MAX)),
        };
        if names.len() > NODES_MAX {
            return Err(format!("-w names {} nodes: at most {NODES_MAX} can be started here", names.len()));
        }
        let dir = std::env::temp_dir().join(format!("uem-run-{}", std::process::id()));
        let local = Local::start(&dir, &names, true)?;
        let many = if names.len() == 1 { "node" } else { "nodes" };
        eprintln!("uem: no partition found: started {} {many} here for this command", names.len());
        Ok(local)
    }

    fn plan(&self, client: &mut Client, nodes: Option<&str>) -> Result<Plan, Told> {
        let mut lines = String::new();
        if self.cyclic {
            lines += "layout cyclic\n";
        }
        lines += &self.reservation(client, nodes)?;
        if !self.clean {
            lines += &process_lines();
        }
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => std::env::current_dir().map_or("/".to_owned(), |dir| dir.display().to_string()),
        };
        lines += &format!("dir {}\n", protocol::quote::Quoted(&dir));
        for (on, line) in [
            (self.deal, "enum\n"),
            (self.label && !self.fold, "prefix on\n"),
            (self.fold, "prefix member\n"),
            (self.failfast, "failfast on\n"),
        ] {
            lines += if on { line } else { "" };
        }
        let args: Vec<String> = self.program.iter().map(|text| word(text)).collect();
        let mut env = env_lines(&self.env, self.clean);
        if self.clean && env.is_empty() {
            env = b"PATH=/usr/local/bin:/usr/bin:/bin\n".to_vec();
        }
        Ok(Plan {
            lines,
            args: args.join(" "),
            env,
            input: !self.detach && is_open(0),
            timeout: self.timeout.map(Duration::from_secs_f64),
            program: self.program[0].clone(),
        })
    }

    /// The `res` lines.
    fn reservation(&self, client: &mut Client, nodes: Option<&str>) -> Result<String, Told> {
        if nodes.is_none() && !self.all && self.exclude.is_none() {
            return Ok(format!("res {}\n", self.members.unwrap_or(1)));
        }
        let status = String::from_utf8_lossy(&client.read_all("status")?).into_owned();
        let up: Vec<&str> = status
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, rest)| rest.starts_with("up"))
            .map(|(name, _)| name)
            .collect();
        let wanted = match nodes {
            Some(text) => Some(NodeSet::parse(text).map_err(|e| e.to_string())?),
            None => None,
        };
        let left_out = match &self.exclude {
            Some(text) => Some(NodeSet::parse(text).map_err(|e| format!("-x: {e}"))?),
            None => None,
        };
        if let Some(set) = wanted {
            let missing: Vec<String> = set
                .iter()
                .filter(|name| !up.contains(&name.as_str()))
                .map(|name| name.as_str().to_owned())
                .collect();
            if !missing.is_empty() {
                let mut names = String::new();
                let folded = protocol::nodeset::fold(missing.iter().map(String::as_str), &mut names);
                assert!(folded.is_ok(), "a string grows");
                return Err(format!("-w: not up: {names}"));
            }
        }
        let chosen: Vec<&str> = up
            .into_iter()
            .filter(|name| wanted.is_none_or(|set| set.contains(name)))
            .filter(|name| !left_out.is_some_and(|set| set.contains(name)))
            .collect();
        if chosen.is_empty() {
            return Err("no node is left to run on".to_owned());
        }
        let count = self.members.map_or(chosen.len(), |n| n as usize);
        Ok(res_lines(&chosen, count))
    }

    /// Starts it as a persistent session that writes to a file, and leaves.
    fn leave(&self, client: &mut Client, plan: &Plan) -> Result<i32, Told> {
        let id = format!("run{}", std::process::id());
        let out = std::env::current_dir().unwrap_or_default().join(format!("uem-{id}.out"));
        let out = protocol::quote::Quoted(&out.display().to_string()).to_string();
        client.call(&Tmsg::Walk { fid: Fid(0), newfid: Fid(9999), names: protocol::message::Names::NONE })?;
        client.call(&Tmsg::Create { fid: Fid(9999), name: &id, perm: DMDIR | 0o700, mode: 0 })?;
        for (file, data) in [("env", plan.env.as_slice()), ("args", plan.args.as_bytes())] {
            let fid = client.open(&format!("{id}/{file}"), 1)?;
            client.write(fid, data)?;
        }
        let path = format!("{id}/ctl");
        let fid = client.open(&path, 1)?;
        let lines =
            format!("{}redir stdin /dev/null\nredir stdout {out}\nredir stderr {out}\nexec\n", plan.lines);
        if let Err(refused) = client.write(fid, lines.as_bytes()) {
            let reason = crate::files::reason(client, &path);
            return Err(if reason.is_empty() { refused } else { reason });
        }
        println!("{id}");
        Ok(0)
    }
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

fn check_set(text: &str) -> Result<(), Told> {
    NodeSet::parse(text).map(|_| ()).map_err(|e| format!("-w {text}: {e}"))
}

fn is_open(fd: i32) -> bool {
    // SAFETY: no pointers.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

impl Wait {
    pub(crate) fn run(self) -> Result<i32, Told> {
        let mut client = connect(self.at.as_ref())?;
        let text = client.read_all(&format!("{}/wait", self.session))?;
        let mut outcomes = crate::outcome::Outcomes::default();
        if !outcomes.take(&String::from_utf8_lossy(&text)) {
            return Err("the node sent an outcome that is none".to_owned());
        }
        for line in outcomes.failures(&self.session) {
            eprintln!("uem: {line}");
        }
        Ok(outcomes.code())
    }
}

impl Attach {
    pub(crate) fn run(self) -> Result<i32, Told> {
        let signals = TermSignal::new().map_err(|e| format!("unable to watch for signals: {e}"))?;
        let mut client = connect(self.at.as_ref())?;
        let path = format!("{}/ctl", self.session);
        let ctl = client.open(&path, 1)?;
        let job = Job::follow(&mut client, ctl, "..", false, &self.session);
        job.finish(signals.fd(), None)
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
}
