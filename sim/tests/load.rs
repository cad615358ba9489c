//! Claims on `sim load` and `sim growth`, as their users call them.

use std::path::PathBuf;
use std::process::{Command, Output};

fn sim(words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(words.split(' ')).output().expect("sim runs")
}

fn told(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).expect("text")
}

/// The number behind a word.
fn number(text: &str, name: &str) -> f64 {
    let mut words = text.split_whitespace().skip_while(|word| *word != name);
    words.nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

#[test]
fn what_a_partition_has_taken_is_told_apart_and_its_parts_are_most_of_the_whole() {
    let output = sim("load --nodes 512");
    let text = told(&output);
    let parts = ["cores", "aggregators", "hosts", "network"].map(|part| number(text, part));
    let (sum, peak) = (parts.iter().sum::<f64>(), number(text, "peak"));
    assert!(parts.iter().all(|part| *part > 0.0), "{text}");
    assert!(sum <= peak && sum > 0.5 * peak, "{sum} of {peak}: {text}");
}

#[test]
fn growth_has_a_row_for_each_size_and_points_that_can_be_drawn() {
    let path = |name: &str| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (data, picture) = (path("growth.txt"), path("growth.svg"));
    let output = sim(&format!("growth --nodes 64,128 --data {}", data.display()));
    let rows: Vec<&str> = told(&output).lines().skip(2).collect();
    let first = |row: &&str| row.split_whitespace().next().map(str::to_owned);
    assert_eq!(rows.iter().filter_map(first).collect::<Vec<_>>(), ["64", "128"]);
    let output = sim(&format!("draw curves --of growth --data {} -o {}", data.display(), picture.display()));
    told(&output);
    let svg = std::fs::read_to_string(&picture).expect("a picture");
    assert!(["aggregators", "packets"].iter().all(|name| svg.contains(name)), "{svg}");
}

#[test]
fn a_partition_that_there_cannot_be_is_refused_with_what_there_is() {
    let refused = [
        ("load --nodes 100", "100"),
        ("load --nodes 0 --network latency", "want 1 to 1048576"),
        ("load --nodes 4000000000 --network latency", "want 1 to 1048576"),
        ("load --pset 65 --network latency", "want 1 to 64"),
        ("load --network tcp", "want latency or bgp"),
        ("growth --nodes 64,many", "many"),
        ("growth --nodes 64,65", "65"),
    ];
    for (words, why) in refused {
        let output = sim(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(100), "{words}: {said}");
        assert!(said.contains(why), "{words}: {said}");
    }
}
