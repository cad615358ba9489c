//! The examples of docs/examples: the same job in three languages gives the same output.

use std::path::PathBuf;
use std::process::Stdio;
use tests::wait::bounded;
use tests::{Cluster, Told, root};

/// A member that fails.
const ONE_FAILS: &str = "sh -c 'echo here; test $m != 7 || exit 3'";
/// Nothing that can be run.
const NO_PROGRAM: &str = "/no/such/program";
/// More than a pipe holds, on both outputs at once.
const MUCH: &str = "sh -c 'seq 20000 22000 | tail -n 2000; seq 10000 12000 | tail -n 2000 >&2'";

fn example(name: &str) -> PathBuf {
    root().join("docs/examples").join(name)
}

/// The Rust one.
fn job_rs() -> PathBuf {
    tests::example("job")
}

/// Runs an example within a minute.
fn run(program: PathBuf, args: &[&str]) -> Told {
    let mut command = bounded(program);
    command.args(args).stdin(Stdio::null());
    Told::of(&command.output().expect("timeout starts"))
}

/// What an example says to each of the jobs, of which the first ends well.
fn told(program: PathBuf, at: &str) -> [Told; 4] {
    let fine = run(program.clone(), &[at]);
    let fails = run(program.clone(), &[at, ONE_FAILS]);
    let mut refused = run(program.clone(), &[at, NO_PROGRAM]);
    // Without the time, and how each language tells of a refused write.
    let reason = refused.err.lines().last().and_then(|line| line.split_once(' '));
    refused.err = reason.unwrap_or_default().1.to_owned();
    let mut large = run(program, &[at, MUCH]);
    large.out = format!("{} lines", large.out.lines().count());
    large.err = format!("{} lines", large.err.lines().count());
    [fine, fails, refused, large]
}

/// What they all say, of members on 64 nodes.
fn want() -> [Told; 4] {
    let of_each = |line: &dyn Fn(u32) -> String| {
        (0..64).map(|member| format!("{member}: {}\n", line(member))).collect::<String>()
    };
    let told = |code: i32, out: String, err: &str| Told { code, out, err: err.to_owned() };
    [
        told(0, of_each(&|member| format!("on node{:02}", member + 1)) + "64 members, 64 done\n", ""),
        told(1, of_each(&|_| "here".into()) + "64 members, 63 done\n", "member 7 on node08: exit: 3\n"),
        told(1, String::new(), "exec: node[01-64]: No such file or directory"),
        told(0, "128001 lines".into(), "128000 lines"),
    ]
}

/// The tree of a partition, mounted for as long as this lives.
struct Mount<'a> {
    partition: &'a Cluster,
    dir: String,
}

impl<'a> Mount<'a> {
    fn of(partition: &'a Cluster) -> Self {
        let dir = std::env::temp_dir().join(format!("uem-mounted-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let mount = Self { partition, dir: dir.to_str().expect("it is text").to_owned() };
        let made = partition.run(&["mount", &mount.dir]);
        assert_eq!(made.code, 0, "{made:?}");
        mount
    }

    fn dir(&self) -> &str {
        &self.dir
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let gone = self.partition.run(&["umount", &self.dir]);
        if !std::thread::panicking() {
            assert_eq!(gone.code, 0, "{gone:?}");
        }
        // What is still mounted stays.
        let _ = std::fs::remove_dir(&self.dir);
    }
}

#[test]
fn the_same_job_in_python_and_in_rust() {
    let partition = Cluster::up(64);
    let at = format!("unix!{}", partition.socket("io").display());
    let want = want();
    assert_eq!(told(example("job.py"), &at), want);
    assert_eq!(told(job_rs(), &at), want);
    let left = partition.run(&["ps"]);
    assert_eq!((left.code, left.out.lines().count()), (0, 0), "nothing is left: {left:?}");
}

#[test]
fn the_same_job_over_a_mount_in_sh_and_in_python() {
    let partition = Cluster::up(64);
    let want = want();
    let mount = Mount::of(&partition);
    assert_eq!(told(example("job.sh"), mount.dir()), want);
    assert_eq!(told(example("job.py"), mount.dir()), want);
    let left = partition.run(&["ps"]);
    assert_eq!((left.code, left.out.lines().count()), (0, 0), "nothing is left: {left:?}");
}
