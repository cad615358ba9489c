//! `sim serve`: a simulated partition behind a real port, in real time.

mod orders;
mod pace;
mod port;
mod real;

use crate::partition;
use argh::FromArgs;
use bluegene::parameters::{AGGREGATOR_CHILDREN, MIDPLANE_NODES, RACK_MIDPLANES};
use bluegene::partition::Partition;
use pace::Pace;
use port::{Machine, Port};
use protocol::text::Text;
use protocol_host::{Clock, Dial};
use real::{Daemons, Program};
use sim::levels::Levels;
use sim::place::Place;
use sim::site::Site;
use sim::trace::Lines;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Events in a row before the sockets have their turn: some milliseconds.
const EVENTS: u32 = 4096;
/// How long is waited at most, so that what is typed is seen.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long at least: while somebody is connected, and while nobody is.
const WAIT_MIN: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// How often processes are looked at, and nodes counted that are not up yet.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is told that some are not.
const MISSING: Duration = Duration::from_secs(10);

/// Serve a simulated partition to uem, to a mount or to any client of 9P, in real time.
///
/// What is typed breaks nodes and mends them, in the words of a script: kill node17, return node17, stop
/// io03, continue io03, after 5s cut node[01-64]. ^C ends it.
#[derive(FromArgs)]
#[argh(subcommand, name = "serve")]
pub(crate) struct Serve {
    /// racks of 1024 compute nodes, instead of --nodes
    #[argh(option)]
    racks: Option<u32>,
    /// compute nodes: 16 to 512 by powers of two, then whole midplanes up to 73728 (default 64)
    #[argh(option)]
    nodes: Option<u32>,
    /// its shape, XxYxZ, instead of the usual one of that size
    #[argh(option)]
    shape: Option<String>,
    /// compute nodes of a pset: 16, 32, 64 or 128 (default 64, in a smaller partition all)
    #[argh(option)]
    pset: Option<u32>,
    /// dimensions that are a mesh although they could be a torus: letters of XYZ
    #[argh(option, default = "String::new()")]
    mesh: String,
    /// where to listen: tcp!host!port or unix!path; may be given several times (default a unix socket)
    #[argh(option)]
    listen: Vec<Dial>,
    /// virtual seconds a second (default 1)
    #[argh(option, default = "1.0")]
    speed: f64,
    /// the seed of delays (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// so many of the nodes, the first, are real: a cnode process each
    #[argh(option, default = "0")]
    real: u32,
    /// the program that is a real node (default: cnode or uem beside this one, or in PATH)
    #[argh(option)]
    cnode: Option<PathBuf>,
}

/// Why it does not serve: an exit code and a sentence.
type Fault = (i32, String);

/// Serves until it is told to end: 0, or 100 where it was asked for what is not there, 111 where a system
/// call failed, 1 where a core did what it may not.
pub(crate) fn run(serve: &Serve) -> i32 {
    match serve.begin().and_then(|(port, served)| served.run(port)) {
        Ok(()) => 0,
        Err((code, why)) => {
            eprintln!("sim: serve: {why}");
            code
        }
    }
}

/// What is served, and what is known of it.
struct Served {
    world: Machine,
    pace: Pace,
    daemons: Daemons,
    /// What is typed.
    lines: Receiver<String>,
    /// Where it is reached, as told once all nodes are up.
    dials: Vec<Dial>,
    begun: Instant,
    looked: Instant,
    missed: Instant,
    is_told: bool,
    /// Files of this run; gone with it.
    _dir: Option<Files>,
}

/// A directory that goes with this value.
struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Serve {
    fn partition(&self) -> Result<Partition, String> {
        let racks = self.racks.map(|racks| racks.saturating_mul(RACK_MIDPLANES * MIDPLANE_NODES));
        let nodes = match (racks, self.nodes, &self.shape) {
            (Some(_), Some(_), _) => return Err("--racks and --nodes: choose one".to_owned()),
            (None, None, None) => Some(64),
            (racks, nodes, _) => racks.or(nodes),
        };
        let partition = partition::partition(nodes, self.shape.as_deref(), self.pset)?;
        partition::meshed(partition, &self.mesh)
    }

    /// Builds the world and opens its port.
    fn begin(&self) -> Result<(Port, Served), Fault> {
        let usage = |why: String| (100, why);
        let partition = self.partition().map_err(usage)?;
        if !(0.001..=1000.0).contains(&self.speed) {
            return Err(usage(format!("--speed {}: want 0.001 to 1000", self.speed)));
        }
        if self.real > 0 && self.speed != 1.0 {
            return Err(usage("--real and --speed: real nodes live in real time".to_owned()));
        }
        if self.real > partition.compute_nodes() {
            let told = format!("--real {}: the partition has {} nodes", self.real, partition.compute_nodes());
            return Err(usage(told));
        }
        let program =
            if self.real > 0 { Some(Program::find(self.cnode.as_deref()).map_err(usage)?) } else { None };
        let levels = Levels::psets(partition.compute_nodes(), partition.pset_size().min(AGGREGATOR_CHILDREN));
        // The aggregators that real nodes are below, each with a socket for them.
        let ios: BTreeMap<u32, Vec<u32>> = (0..self.real).fold(BTreeMap::new(), |mut ios, leaf| {
            ios.entry(levels.above_leaf(leaf)).or_default().push(leaf);
            ios
        });
        let failed = |e: std::io::Error| (111, format!("unable to listen: {e}"));
        let mut port = Port::new(self.listen.len().max(1) + ios.len()).map_err(failed)?;
        let mut dials = Vec::new();
        let own = if self.listen.is_empty() { vec![Dial::Unix(own_dir()?.join("io"))] } else { Vec::new() };
        for dial in self.listen.iter().chain(&own) {
            let listening = port.listen(dial, levels.root());
            dials.push(listening.map_err(|e| (111, format!("unable to listen at {dial}: {e}")))?);
        }
        let lines = orders::listen();
        let site = Site {
            since_us: Clock::new().now_us(),
            partition: Some(partition),
            operator: Text::cut(&protocol_host::user_name()),
        };
        let mut world = Machine::at_site(site, self.seed, levels, Lines::Dropped);
        world.unchecked();
        let (daemons, dir) = match &program {
            Some(program) => self.start(program, &site, (&mut world, &mut port, &ios))?,
            None => (Daemons::new(), None),
        };
        let (now, pace) = (Instant::now(), Pace::new(self.speed));
        let served = Served {
            world,
            pace,
            daemons,
            lines,
            dials,
            begun: now,
            looked: now,
            missed: now,
            is_told: false,
            _dir: dir,
        };
        Ok((port, served))
    }

    /// Starts the real nodes.
    fn start(
        &self,
        program: &Program,
        site: &Site,
        (world, port, ios): (&mut Machine, &mut Port, &BTreeMap<u32, Vec<u32>>),
    ) -> Result<(Daemons, Option<Files>), Fault> {
        let dir = own_dir()?.join(std::process::id().to_string());
        make_dir(&dir)?;
        let files = Files(dir.clone());
        let mut daemons = Daemons::new();
        for (io, leaves) in ios {
            let dial = Dial::Unix(dir.join(world.levels().name_of_io(*io)));
            port.listen(&dial, *io).map_err(|e| (111, format!("unable to listen at {dial}: {e}")))?;
            for leaf in leaves {
                world.vacate(*leaf);
                let name = world.levels().name_of_leaf(*leaf);
                let (Some(partition), Some(node)) = (&site.partition, site.node(*leaf)) else { continue };
                let started = daemons.start(program, (partition, node, name), &dial, &dir);
                started.map_err(|why| (111, why))?;
            }
        }
        Ok((daemons, Some(files)))
    }
}

impl Served {
    fn run(mut self, port: Port) -> Result<(), Fault> {
        let (nodes, ios) = (self.world.levels().nodes(), self.world.levels().aggregators());
        let many = if ios == 1 { "aggregator" } else { "aggregators" };
        eprintln!("sim: {nodes} nodes below {ios} {many} start");
        port.run(|port| self.turn(port)).map_err(|why| (1, why))
    }

    /// Brings the world to where it is to be, with what comes and goes; how long is to be waited then.
    fn turn(&mut self, port: &mut Port) -> Result<Duration, String> {
        let goal = self.pace.goal(self.now());
        self.world.run_some(goal, EVENTS)?;
        if port.take_in(&mut self.world)? {
            self.pace.hurry(goal);
        }
        let goal = self.pace.goal(self.now());
        let is_there = self.world.run_some(goal, EVENTS)?;
        port.send(&mut self.world)?;
        while let Ok(line) = self.lines.try_recv() {
            self.obey(&line);
        }
        if self.looked.elapsed() > LOOK {
            self.looked = Instant::now();
            self.look();
        }
        // While nodes start nobody expects it to keep up.
        if self.is_told
            && let Some(told) = self.pace.told(self.now())
        {
            eprintln!("sim: {told}");
        }
        if !is_there || port.is_busy(&self.world) {
            return Ok(Duration::ZERO);
        }
        let next = self.world.next().map_or(WAIT_MAX, |at| self.pace.until(at));
        let least = WAIT_MIN[usize::from(!port.is_used())];
        Ok(next.clamp(least, WAIT_MAX))
    }

    fn now(&self) -> u64 {
        self.world.now()
    }

    /// Does what was typed.
    fn obey(&mut self, line: &str) {
        match orders::parse(line, self.world.levels()) {
            Ok(orders) => {
                for order in orders {
                    let name = match order.place {
                        Place::Leaf(leaf) => self.world.levels().name_of_leaf(leaf),
                        Place::Io(_) | Place::Client(_) => String::new(),
                    };
                    match self.daemons.process(&name) {
                        Some(pid) => eprintln!("sim: {name} is real: signal its process, {pid}"),
                        None => self.world.plan_at(self.now() + order.after, order.place, order.fault),
                    }
                }
            }
            Err(told) => eprintln!("sim: {told}"),
        }
    }

    /// Tells of nodes that are up, and of real ones that are gone.
    fn look(&mut self) {
        for told in self.daemons.ended() {
            eprintln!("sim: {told}");
        }
        if self.is_told {
            return;
        }
        let (nodes, known) = (self.world.levels().nodes() as u32, self.world.known());
        if known == nodes {
            self.is_told = true;
            self.pace.forgive(self.now());
            eprintln!("sim: all are up after {:.1} s; ^C ends them", self.begun.elapsed().as_secs_f64());
            for dial in &self.dials {
                // Nobody may listen, and then nothing is to be told.
                let _ = writeln!(std::io::stdout(), "uem status --at '{dial}'");
            }
        } else if self.missed.elapsed() > MISSING {
            self.missed = Instant::now();
            eprintln!("sim: {known} of {nodes} nodes are up");
        }
    }
}

/// The directory of this user's served machines.
fn own_dir() -> Result<PathBuf, Fault> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let told = |e: std::io::Error| (111, format!("unable to tell who we are: {e}"));
    let uid = fs::metadata("/proc/self").map_err(told)?.uid();
    let dir = runtime.map_or_else(|| PathBuf::from(format!("/tmp/uem-sim-{uid}")), |dir| dir.join("uem-sim"));
    make_dir(&dir)?;
    let meta = fs::symlink_metadata(&dir);
    let is_ours = |meta: &fs::Metadata| meta.is_dir() && meta.uid() == uid && meta.mode() & 0o077 == 0;
    if meta.is_ok_and(|meta| is_ours(&meta)) {
        return Ok(dir);
    }
    Err((
        111,
        format!("{} is not ours alone: set XDG_RUNTIME_DIR, or say where with --listen", dir.display()),
    ))
}

/// Makes a directory for this user alone.
fn make_dir(dir: &Path) -> Result<(), Fault> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| (111, format!("unable to make {}: {e}", dir.display())))
}
