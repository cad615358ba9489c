//! `sim shrink`: a script that fails is made small, each attempt in a process of its own: a core that asserts
//! ends it, and a loop is ended after a while.

use crate::script::script_of;
use argh::FromArgs;
use sim::script::Script;
use sim::shrink::shrink;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether an attempt has ended.
const LOOK: Duration = Duration::from_millis(2);
/// Longest line of a claim in the head of what is written.
const CLAIM_CHARS_MAX: usize = 300;

/// Reduce a script, or the one that a seed makes, to a minimal one that fails in the same way.
#[derive(FromArgs)]
#[argh(subcommand, name = "shrink")]
pub(crate) struct Shrink {
    /// the script; - is standard input
    #[argh(positional)]
    file: Option<String>,
    /// the seed, where there is no script (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// its compute nodes (default 64)
    #[argh(option, default = "64")]
    nodes: u32,
    /// its faults (default 3)
    #[argh(option, default = "3")]
    faults: usize,
    /// where the script is written (default: standard output)
    #[argh(option, short = 'o')]
    out: Option<String>,
    /// at most so many attempts (default 2000)
    #[argh(option, default = "2000")]
    tries: usize,
    /// seconds after which an attempt does not end (default 30)
    #[argh(option, default = "30")]
    bound: u64,
}

/// How a script fails.
struct Failure {
    /// In which way, without what differs from run to run.
    kind: String,
    /// What is told.
    told: String,
}

/// Shrinks it: the exit code.
pub(crate) fn run(args: &Shrink) -> i32 {
    match script_of(args.file.as_deref(), args.seed, args.nodes, args.faults) {
        Err(code) => code,
        Ok(script) => shrink_it(args, &script).unwrap_or_else(|error| {
            eprintln!("sim: fatal: {error}");
            111
        }),
    }
}

fn shrink_it(args: &Shrink, script: &Script) -> io::Result<i32> {
    let bound = Duration::from_secs(args.bound);
    let Some(first) = attempt(script, bound)? else {
        eprintln!("sim: it does not fail, so there is nothing to shrink");
        return Ok(1);
    };
    eprintln!("sim: {}", first.told);
    let mut error = None;
    let mut fails = |script: &Script| match attempt(script, bound) {
        Ok(failure) => failure.is_some_and(|failure| failure.kind == first.kind),
        Err(failed) => {
            error.get_or_insert(failed);
            false
        }
    };
    let shrunk = shrink(script, args.tries, &mut fails, &mut |line| eprintln!("sim: {line}"));
    if let Some(error) = error {
        return Err(error);
    }
    let told = attempt(&shrunk.script, bound)?.map_or(first.told, |failure| failure.told);
    let is_minimal = if shrunk.is_minimal {
        "without any one of these lines it does not fail so"
    } else {
        "there may be less to it: not all attempts were made"
    };
    let text = format!("# {told}\n# After {} attempts: {is_minimal}.\n{}", shrunk.tries, shrunk.script);
    eprintln!("sim: {} attempts; {is_minimal}", shrunk.tries);
    match &args.out {
        None => print!("{text}"),
        Some(file) => std::fs::write(file, text)
            .map_err(|error| io::Error::new(error.kind(), format!("unable to write {file}: {error}")))?,
    }
    Ok(0)
}

/// Plays a script in a process of its own: how it fails, if it does.
fn attempt(script: &Script, bound: Duration) -> io::Result<Option<Failure>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["run", "-", "--kind"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
        return Err(io::Error::other("a child without streams"));
    };
    // All is read before anything is written, and one that ends early says why on its standard error.
    let _ = stdin.write_all(script.to_string().as_bytes());
    drop(stdin);
    let (out, err) = (thread::spawn(|| text(stdout)), thread::spawn(|| text(stderr)));
    let code = wait(&mut child, bound)?;
    let joined = (out.join(), err.join());
    let (Ok(out), Ok(err)) = joined else { return Err(io::Error::other("its output was not read")) };
    Ok(failure(code, &out, &err, bound))
}

fn text(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    // What came before an error is what there is.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Exit(i32),
    Signal,
    Never,
}

fn wait(child: &mut Child, bound: Duration) -> io::Result<Ended> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code().map_or(Ended::Signal, Ended::Exit));
        }
        if begun.elapsed() > bound {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::Never);
        }
        thread::sleep(LOOK);
    }
}

fn failure(ended: Ended, out: &str, err: &str, bound: Duration) -> Option<Failure> {
    let lines: Vec<&str> = err.lines().collect();
    let (kind, told) = match ended {
        Ended::Exit(0 | 100) => return None,
        Ended::Exit(1) => {
            let kind = out.lines().find_map(|line| line.strip_prefix("kind "))?;
            let first = lines.iter().find_map(|line| line.strip_prefix("sim: "))?;
            (kind.to_owned(), first.to_owned())
        }
        Ended::Never => ("never ends".into(), format!("it does not end within {} s", bound.as_secs())),
        Ended::Exit(_) | Ended::Signal => {
            let at = lines.iter().position(|line| line.contains("panicked at "))?;
            let place = lines[at].split("panicked at ").nth(1)?.trim_end_matches(':');
            let why = lines.get(at + 1).copied().unwrap_or_default();
            (format!("panicked at {place}"), format!("panicked at {place}: {why}"))
        }
    };
    Some(Failure { kind, told: told.chars().take(CLAIM_CHARS_MAX).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_panics_and_loops_are_ways_to_fail() {
        let kind = |ended, out, err| failure(ended, out, err, Duration::ZERO).map(|failure| failure.kind);
        assert_eq!(kind(Ended::Exit(0), "seed 1\n", ""), None);
        assert_eq!(kind(Ended::Exit(100), "", "sim: not simulated\n"), None);
        let told = kind(Ended::Exit(1), "holds at 1s\nkind up: node #\n", "sim: broken at 2s: x\n");
        assert_eq!(told.as_deref(), Some("up: node #"));
        let panic =
            "\nthread 'main' (7) panicked at cnode/src/join.rs:12:5:\na fid twice\nstack backtrace:\n";
        for ended in [Ended::Signal, Ended::Exit(101)] {
            assert_eq!(kind(ended, "", panic).as_deref(), Some("panicked at cnode/src/join.rs:12:5"));
        }
        assert_eq!(kind(Ended::Never, "", "").as_deref(), Some("never ends"));
    }
}
