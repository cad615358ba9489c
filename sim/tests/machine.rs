//! `sim machine` as its users meet it: what it tells, what it writes, how it refuses.

use protocol::personality::{Mode, Personality};
use std::process::Command;

/// The exit code, standard output and standard error of `sim machine` with words.
fn machine(words: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    let ended = command.arg("machine").args(words.split_whitespace()).output().expect("sim starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

fn told(words: &str) -> String {
    let (code, out, err) = machine(words);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{words}");
    out
}

#[test]
fn a_partition_is_told_in_the_fields_terms() {
    let want = "nodes=4096
shape=8x16x32
wiring=X:torus Y:torus Z:torus
racks=4
midplanes=8
node-cards=128
psets=32
pset=128 4x4x8
io-nodes=32
aggregators=64
locations=R00-M0-N00-J04 to R03-M1-N15-J35
";
    assert_eq!(told("--nodes 4096 --pset 128"), want);
    let meshed = told("--shape 16x16x16 --mesh xz");
    assert!(meshed.starts_with("nodes=4096\nshape=16x16x16\nwiring=X:mesh Y:torus Z:mesh\nracks=4\n"));
    assert!(told("--nodes 64").contains("\nwiring=X:mesh Y:mesh Z:mesh\n"));
}

#[test]
fn a_node_is_told_the_same_by_its_address_and_by_its_location() {
    let want = "location=R00-M0-N04-J23
uci=68011700
address=23
kind=compute
coord=7,2,0
rank=23
pset=1
pset-rank=12
io-node=513 R00-M0-N04-J00
aggregator=0
routes=0:7703 15:7703
ports=A:13.B B:79.A C:84.A
X+=16 R00-M0-N00-J20
X-=22 R00-M0-N04-J22
Y+=31 R00-M0-N04-J27
Y-=15 R00-M0-N04-J11
Z+=87 R00-M0-N04-J31
Z-=471 R00-M0-N07-J31
TXYZ=92 93 94 95
";
    for node in ["23", "R00-M0-N04-J23"] {
        assert_eq!(told(&format!("--nodes 512 --mapping TXYZ --processes 4 --node {node}")), want);
    }
    let io = "location=R00-M0-N04-J00
uci=70010000
address=513
kind=io
pset=1
pset-rank=0
children=R00-M0-N04-J04 to R00-M0-N05-J35
aggregators=1
routes=0:4403 15:4403
ports=A:none B:none C:4.A
";
    assert_eq!(told("--nodes 512 --node 513"), io);
}

#[test]
fn a_personality_is_written_whole_and_told_as_linux_tells_it() {
    let path = std::env::temp_dir().join(format!("sim-machine-{}", std::process::id()));
    let said = told(&format!("--nodes 512 --processes 2 --node 23 --personality {}", path.display()));
    assert_eq!(said, "");
    let bytes = std::fs::read(&path).expect("it was written");
    let personality = Personality::decode(&bytes).expect("it is one");
    assert_eq!(
        (personality.network.rank, personality.location().to_string().as_str()),
        (23, "R00-M0-N04-J23")
    );
    assert_eq!(personality.kernel.processes, Mode::Dual.process_config());
    let text = told("--nodes 512 --node 23 --sh");
    assert_eq!(text.lines().count(), 34);
    assert!(text.starts_with("BG_UCI=68011700\nBG_LOCATION=R00-M0-N04-J23\n"), "{text}");
    // Best effort: the name is this process's own.
    let _ = std::fs::remove_file(&path);
}

#[test]
fn what_cannot_be_had_says_what_can_and_a_file_that_cannot_be_written_is_another_exit_code() {
    let wrong = [
        ("", 100, "want --nodes N, or --shape XxYxZ"),
        ("--nodes 100", 100, "a partition of 100 nodes: the nearest are 64 and 128"),
        ("--nodes 64 --pset 128", 100, "psets of 128 nodes in a partition of 64: want at most 64"),
        ("--shape 8x8", 100, "--shape 8x8: want three numbers like 8x8x16"),
        ("--nodes 512 --shape 8x8x16", 100, "--nodes 512 --shape 8x8x16: that shape has 1024 nodes"),
        ("--nodes 512 --mesh xq", 100, "--mesh xq: want letters of XYZ"),
        ("--nodes 512 --sh", 100, "a personality is a node's: want --node too"),
        ("--nodes 512 --node 0 --processes 3", 100, "--processes 3: want 1, 2 or 4"),
        (
            "--nodes 512 --node 520",
            100,
            "--node 520: want 0 to 511 for a compute node, to 519 for an I/O node",
        ),
        (
            "--nodes 512 --node 0 --personality /nonexistent/p",
            111,
            "unable to write /nonexistent/p: No such file or directory (os error 2)",
        ),
    ];
    for (words, code, why) in wrong {
        assert_eq!(machine(words), (Some(code), String::new(), format!("sim: machine: {why}\n")), "{words}");
    }
}
