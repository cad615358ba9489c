//! Other simulators: built on demand into target/peers from the programs of tests/peers, run with a bound.
//! Each prints `messages M seconds S`, and so does ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long anybody but us may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// Messages a second, and the words that were printed.
    Rate(f64, String),
    /// It was stopped: fewer than so many a second.
    Fewer(f64),
    /// It did not run: what is missing.
    Not(String),
}

/// A program of tests/peers, in Rust, as it is built.
pub(crate) fn cargo(name: &str, flags: &str) -> Result<PathBuf, String> {
    let target = root().join("target/peers").join(name);
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    cargo.arg(root().join("tests/peers").join(name).join("Cargo.toml")).arg("--target-dir").arg(&target);
    cargo.env("RUSTFLAGS", flags);
    done(&mut cargo, "cargo, and crates.io once")?;
    Ok(target.join("release").join(format!("echo-{name}")))
}

/// The program of tests/peers/simgrid.
pub(crate) fn simgrid() -> Result<PathBuf, String> {
    let built = root().join("target/peers/torus");
    std::fs::create_dir_all(root().join("target/peers")).map_err(|why| why.to_string())?;
    let mut compiler = Command::new("g++");
    compiler.args(["-O2", "-std=c++17", "-o"]).arg(&built);
    compiler.arg(root().join("tests/peers/simgrid/torus.cpp")).arg("-lsimgrid");
    done(&mut compiler, "g++ and libsimgrid-dev of Debian")?;
    Ok(built)
}

/// `sim`, as it was built beside the bench.
pub(crate) fn sim() -> PathBuf {
    let sim = std::env::current_exe().expect("it has a path").with_file_name("sim");
    assert!(sim.exists(), "build it first: cargo build --release -p sim");
    sim
}

/// Runs a program, which is to carry so many messages.
pub(crate) fn run(program: &Path, words: &str, messages: u64, patience: Duration) -> Told {
    let mut command = Command::new(program);
    command.args(words.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begin = Instant::now();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(why) => return Told::Not(format!("{}: {why}", program.display())),
    };
    while child.try_wait().expect("it is our child").is_none() {
        if begin.elapsed() > patience {
            child.kill().and_then(|()| child.wait()).expect("it is our child");
            return Told::Fewer(messages as f64 / begin.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begin.elapsed().as_secs_f64();
    let output = child.wait_with_output().expect("it is our child");
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let carried = number(&told, "messages").or_else(|| number(&told, "events"));
    match carried {
        Some(carried) => Told::Rate(carried / number(&told, "seconds").unwrap_or(took), told),
        None => Told::Not(format!("does not run {words}: {}", output.status)),
    }
}

/// The number behind a word.
pub(crate) fn number(words: &str, name: &str) -> Option<f64> {
    let mut words = words.split_whitespace();
    words.find(|word| *word == name)?;
    words.next()?.parse().ok()
}

fn root() -> PathBuf {
    tests::root()
}

fn done(command: &mut Command, wants: &str) -> Result<(), String> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr);
            let first =
                told.lines().find(|line| line.contains("error")).unwrap_or_default().trim().to_owned();
            Err(format!("not built: {first}; it needs {wants}"))
        }
        Err(why) => Err(format!("not built: {why}; it needs {wants}")),
    }
}
