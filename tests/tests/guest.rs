//! The Linux kernel's own 9P client on a partition of real processes: a guest for each dialect, since it is
//! the kernel that mounts. Owns the verdict; the claims are shell functions, see `tests/guest/`.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use tests::{root, uem};

fn guest(argument: &str) -> Output {
    let mut run = Command::new(root().join("tests/guest/run"));
    run.env("UEM", uem()).arg(argument).stdin(Stdio::null()).output().expect("the script starts")
}

/// What is wrong with what a guest said: claims that did not hold, and those that nothing was heard of.
fn faults(expected: &[&str], said: &str) -> Vec<String> {
    let held: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    let broken = said.lines().filter(|line| line.starts_with("not ok ")).map(str::to_owned);
    let is_broken = |name: &str| {
        let told = |line: &str| line.strip_prefix("not ok ").is_some_and(|rest| rest.starts_with(name));
        said.lines().any(told)
    };
    let lost = expected.iter().filter(|name| !held.contains(**name) && !is_broken(name));
    broken.chain(lost.map(|name| format!("nothing is heard of {name}"))).collect()
}

fn holds(dialect: &str) {
    let list = guest("--list");
    let list = String::from_utf8(list.stdout).expect("names are text");
    let expected: Vec<&str> = list.lines().filter(|line| !line.is_empty()).collect();
    assert!(expected.len() > 40, "the claims are listed: {list}");
    let said = guest(dialect);
    let said = [said.stdout, said.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let faults = faults(&expected, &said);
    assert!(faults.is_empty(), "{dialect}:\n{}\n\nall that was said:\n{said}", faults.join("\n"));
}

#[test]
fn every_claim_holds_on_a_mount_of_9p2000() {
    holds("9p2000");
}

#[test]
fn every_claim_holds_on_a_mount_of_9p2000_l() {
    holds("9p2000.L");
}

#[test]
fn a_claim_that_breaks_or_is_not_heard_of_is_a_fault() {
    let expected = ["first", "second", "third"];
    assert_eq!(faults(&expected, "ok first\nguest: up\nok second\nok third\n"), [""; 0]);
    assert_eq!(
        faults(&expected, "ok first\nnot ok second: why\n"),
        ["not ok second: why", "nothing is heard of third"]
    );
    assert_eq!(faults(&expected, "ok first\nok second\nok thir"), ["nothing is heard of third"]);
}
