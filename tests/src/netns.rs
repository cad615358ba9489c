//! Hosts on one machine: network namespaces on a switch, whose links go down, lose one way, are slow or late.
//!
//! A host shares files and processes with all others, and has a network of its own: unix sockets reach
//! daemons of any host whatever its links do. Needs root. What is late goes through `proxy`, since not every
//! kernel has a queue that delays.

mod proxy;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";

/// A switch and its hosts, which are numbered from 1; all of it ends with this.
pub struct Net {
    name: String,
    hosts: usize,
}

impl Net {
    /// So many hosts, all linked; nothing, and a word about it, where that takes rights which are not there.
    ///
    /// # Panics
    /// When root cannot make them: what is missing is to be installed.
    pub fn new(hosts: usize) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // SAFETY: the call takes nothing.
        if unsafe { libc::geteuid() } != 0 {
            eprintln!("NOT RUN: hosts in network namespaces take root");
            return None;
        }
        sweep();
        let name = format!("uem-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let net = Self { name, hosts };
        let switch = net.switch();
        ip(&["netns", "add", &switch]);
        ip(&["-n", &switch, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &switch, "link", "set", "br0", "up"]);
        (1..=hosts).for_each(|host| net.add(host));
        Some(net)
    }

    fn add(&self, host: usize) {
        let (switch, own, port) = (self.switch(), self.host(host), port(host));
        ip(&["netns", "add", &own]);
        ip(&["-n", &own, "link", "set", "lo", "up"]);
        let veth = ["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &own];
        ip(&[&["-n", &switch], &veth[..]].concat());
        ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"]);
        ip(&["-n", &own, "addr", "add", &format!("{}/24", self.address(host)), "dev", "eth0"]);
        ip(&["-n", &own, "link", "set", "eth0", "up"]);
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }

    fn host(&self, host: usize) -> String {
        assert!((1..=self.hosts).contains(&host), "hosts are numbered from 1 to {}", self.hosts);
        format!("{}-{host}", self.name)
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> String {
        format!("10.77.0.{host}")
    }

    /// The words before a command that have it run on a host.
    pub fn on(&self, host: usize) -> [String; 4] {
        ["ip".to_owned(), "netns".to_owned(), "exec".to_owned(), self.host(host)]
    }

    /// Takes a host's link down: nothing comes and nothing goes.
    pub fn down(&self, host: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(host), "down"]);
    }

    /// Takes it up again.
    pub fn up(&self, host: usize) {
        ip(&["-n", &self.switch(), "link", "set", &port(host), "up"]);
    }

    /// Has a host lose all that comes from another, which still hears it.
    pub fn deafen(&self, host: usize, from: usize) {
        let rules = format!(
            "table ip deaf {{ chain inbound {{ type filter hook input priority 0; ip saddr {} drop; }}; }}",
            self.address(from)
        );
        self.run_on(host, &["nft", &rules]);
    }

    /// Has it hear everybody again.
    pub fn hear(&self, host: usize) {
        self.run_on(host, &["nft", "flush ruleset"]);
    }

    /// Slows a host's link down to so many kbit/s, both ways.
    pub fn slow(&self, host: usize, kbit: u32) {
        let rate = format!("{kbit}kbit");
        for (space, device) in [(self.switch(), port(host)), (self.host(host), "eth0".to_owned())] {
            let queue = ["qdisc", "replace", "dev", &device, "root", "tbf", "rate", &rate];
            let depth = ["burst", "16kb", "latency", "400ms"];
            run("tc", &[&["-n", &space], &queue[..], &depth].concat());
        }
    }

    /// A dial string on a host behind which is another address, so many milliseconds away: each way once.
    pub fn late(&self, host: usize, to: &str, milliseconds: u64) -> String {
        let space = Path::new(NAMES).join(self.host(host));
        let port = proxy::begin(&space, &format!("{}:0", self.address(host)), to, milliseconds);
        format!("tcp!{}!{port}", self.address(host))
    }

    fn run_on(&self, host: usize, words: &[&str]) {
        let before = self.on(host);
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        run(before[0], &[&before[1..], words].concat());
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in (1..=self.hosts).map(|host| self.host(host)).chain([self.switch()]) {
            // Best effort: the next one sweeps.
            let _ = Command::new("ip").args(["netns", "del", &name]).status();
        }
    }
}

/// The switch's end of a host's link.
fn port(host: usize) -> String {
    format!("port{host}")
}

/// Removes what tests have left that were killed.
fn sweep() {
    for entry in std::fs::read_dir(NAMES).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix("uem-").and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test may be doing the same.
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

fn ip(words: &[&str]) {
    run("ip", words);
}

fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|e| panic!("{program} starts: {e}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", words.join(" "));
}
