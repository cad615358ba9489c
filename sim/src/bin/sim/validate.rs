//! `sim validate`: the fidelity ladder as a table.

use argh::FromArgs;
use bluegene::validate::{Gate, Head, Row, Setup, ladder};
use std::fmt::Write;

/// Hold the models of the machine against what was published of it.
#[derive(FromArgs)]
#[argh(subcommand, name = "validate")]
pub(crate) struct Validate {
    /// print only rows that are out, and the sum
    #[argh(switch)]
    quiet: bool,
    /// make links of the collective network so many % slower: what the ladder has to find
    #[argh(option, default = "0")]
    slower_links: u64,
}

/// Tells it: 0, or 1 where a row with a gate is out.
pub(crate) fn run(validate: &Validate) -> i32 {
    let rows = ladder(&Setup::default().with_slower_links(validate.slower_links));
    let out = rows.iter().filter(|row| row.is_out()).count();
    let printed = rows.iter().filter(|row| matches!(row.gate, Gate::Printed(_))).count();
    let mut text = String::new();
    let told: Vec<&Row> = rows.iter().filter(|row| !validate.quiet || row.is_out()).collect();
    if !told.is_empty() {
        let _ = writeln!(text, "{Head}");
    }
    for row in told {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{row}");
    }
    print!("{text}");
    println!("{} rows: {} gated, {out} out, {printed} printed", rows.len(), rows.len() - printed);
    i32::from(out > 0)
}
