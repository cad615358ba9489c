//! What a launch costs apart from time: system calls of the ionode and of one cnode, counted by strace(1),
//! and what the core encodes, counted by the simulator.

use cnode::Full;
use sim::trace::Lines;
use sim::workload::BOOT_US;
use sim::world::World;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long strace may take to attach or to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// System calls of a process while `work` is done; none where strace is not installed.
pub(crate) fn calls(pid: u32, dir: &Path, work: impl FnOnce()) -> Option<u64> {
    let told = dir.join("calls");
    let mut command = Command::new("strace");
    command.args(["-c", "-p", &pid.to_string(), "-o"]).arg(&told);
    let mut strace = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    wait(|| is_traced(pid));
    work();
    let interrupt = ["-s", "INT", &strace.id().to_string()];
    assert!(Command::new("kill").args(interrupt).status().expect("kill starts").success());
    strace.wait().expect("it is our child");
    let table = std::fs::read_to_string(&told).expect("strace tells");
    let total = table.lines().find(|line| line.ends_with(" total")).expect("strace tells a total");
    // Percent, seconds, microseconds a call, calls, and errors where there were any.
    total.split_whitespace().nth(3)?.parse().ok()
}

/// What the core encodes for one launch of a no-op on so many nodes: messages and bytes.
pub(crate) fn encoded(nodes: usize) -> (usize, usize) {
    let mut world = World::<Full>::new(1, nodes, Lines::Kept(Vec::new()));
    world.run_until(BOOT_US).expect("nodes join");
    world.order(BOOT_US + 10, &format!("res {nodes}"), "true", None);
    world.run_until(BOOT_US + 1_000_000).expect("the job ends");
    sim::trace::launch(world.trace.lines()).expect("a session was made")
}

fn is_traced(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
}

fn wait(mut until: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !until() {
        assert!(Instant::now() < end, "strace attaches");
        std::thread::sleep(Duration::from_millis(1));
    }
}
