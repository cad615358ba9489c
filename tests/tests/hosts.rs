//! A cluster over several hosts, whose links break, lose one way, are slow or late: see `tests::netns`.

use tests::netns::Net;
use tests::{Cluster, Latch, Running};

/// The port of the ionode, on host 1.
const PORT: u16 = 5640;

/// An ionode on the first host and a cnode on each of the others, `n2` and so on, by way of `parent`.
struct Hosts {
    // Dropped first: the daemons live on the hosts.
    cluster: Cluster,
    net: Net,
}

impl Hosts {
    fn up(hosts: usize) -> Option<Self> {
        let mut all = Self::with_root(hosts)?;
        let parent = all.parent();
        (2..=hosts).for_each(|host| all.node(host, &parent));
        all.cluster.wait_for(&format!("n[2-{hosts}] up\n"));
        Some(all)
    }

    fn with_root(hosts: usize) -> Option<Self> {
        let net = Net::new(hosts)?;
        let mut all = Self { cluster: Cluster::empty(), net };
        let (at, tcp) = (all.cluster.at("io"), all.parent());
        let args = ["ionode", "--name", "io", "--listen", &at, "--listen", &tcp];
        all.cluster.start_behind(&all.net.on(1), "io", &args);
        Some(all)
    }

    /// The ionode's dial string, as others reach it.
    fn parent(&self) -> String {
        format!("tcp!{}!{PORT}", self.net.address(1))
    }

    fn node(&mut self, host: usize, parent: &str) {
        let name = format!("n{host}");
        let at = self.cluster.at(&name);
        let args = ["cnode", "--name", &name, "--listen", &at, "--parent", parent];
        self.cluster.start_behind(&self.net.on(host), &name, &args);
    }

    /// A job on every node that says `begun`, and `ended` when the latch is opened.
    fn job(&self, latch: &Latch, nodes: usize) -> Running {
        let script = format!("echo begun; {}; echo ended", latch.wait());
        let mut job = Running::start(self.cluster.uem(&["run", "-a", "sh", "-c", &script]));
        job.lines(nodes);
        job
    }

    /// Every node does what it is asked for.
    fn goes_on(&self, nodes: usize) {
        let told = self.cluster.run(&["run", "-a", "echo", "here"]);
        assert_eq!((told.code, told.out), (0, "here\n".repeat(nodes)), "{}", told.err);
    }
}

#[test]
fn a_job_runs_over_three_hosts() {
    let Some(hosts) = Hosts::up(3) else { return };
    let told = hosts.cluster.run(&[
        "run",
        "-a",
        "sh",
        "-c",
        "ip -4 -o addr show dev eth0 | grep -o '10.77.0.[0-9]*/'",
    ]);
    assert_eq!((told.code, told.sorted()), (0, vec!["10.77.0.2/", "10.77.0.3/"]), "{}", told.err);
}

#[test]
fn a_node_whose_link_is_down_is_lost_and_named_and_comes_back_with_it() {
    let Some(hosts) = Hosts::up(3) else { return };
    let latch = Latch::new(hosts.cluster.dir(), "latch");
    let job = hosts.job(&latch, 2);
    hosts.net.down(2);
    hosts.cluster.wait_for("n3 up\nn2 lost\n");
    latch.open();
    let told = job.end();
    assert_eq!(told.err, "uem: lost: n2 (1 member)\n");
    assert_eq!(told.out, "begun\nbegun\nended\n");
    hosts.net.up(2);
    hosts.cluster.wait_for("n[2-3] up\n");
    hosts.goes_on(2);
}

#[test]
fn a_node_that_hears_nothing_is_suspect_and_then_lost_and_so_is_one_that_is_not_heard() {
    let Some(hosts) = Hosts::up(3) else { return };
    for (deaf, from) in [(2, 1), (1, 2)] {
        hosts.net.deafen(deaf, from);
        hosts.cluster.wait_until("status", |text| text.contains("n2 suspect"));
        hosts.cluster.wait_for("n3 up\nn2 lost\n");
        hosts.goes_on(1);
        hosts.net.hear(deaf);
        hosts.cluster.wait_for("n[2-3] up\n");
        hosts.goes_on(2);
    }
}

#[test]
fn a_short_break_of_a_link_loses_nothing() {
    let Some(hosts) = Hosts::up(2 + 1) else { return };
    let latch = Latch::new(hosts.cluster.dir(), "latch");
    let job = hosts.job(&latch, 2);
    hosts.net.down(2);
    hosts.cluster.wait_until("status", |text| text.contains("n2 suspect"));
    hosts.net.up(2);
    hosts.cluster.wait_until("status", |text| text.matches(" up ").count() == 2);
    latch.open();
    let told = job.end();
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{}", told.out);
    assert_eq!(told.out, "begun\nbegun\nended\nended\n");
}

#[test]
fn a_late_link_runs_a_job() {
    let Some(mut hosts) = Hosts::with_root(3) else { return };
    let far = format!("{}:{PORT}", hosts.net.address(1));
    let late = hosts.net.late(2, &far, 100);
    let parent = hosts.parent();
    hosts.node(2, &late);
    hosts.node(3, &parent);
    hosts.cluster.wait_for("n[2-3] up\n");
    hosts.goes_on(2);
    let told = hosts.cluster.run(&["run", "-w", "n2", "sh", "-c", "seq 20000 | cksum; exit 3"]);
    assert_eq!((told.code, told.out.as_str()), (3, "3231941463 108894\n"), "{}", told.err);
}

#[test]
fn a_slow_link_brings_every_byte_and_keeps_its_node() {
    let Some(hosts) = Hosts::up(3) else { return };
    hosts.net.slow(2, 4000);
    let told = hosts.cluster.run(&["run", "-a", "sh", "-c", "seq -f $UEM_NODE-%06.0f 40000"]);
    assert_eq!(told.code, 0, "{}", told.err);
    for node in ["n2", "n3"] {
        let own: Vec<&str> = told.out.lines().filter(|line| line.starts_with(node)).collect();
        assert_eq!(own.len(), 40_000);
        assert!(own.is_sorted(), "{node}: every line in its place");
    }
}
