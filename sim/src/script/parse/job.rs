//! A client's job: `res 64, gang on, exec cat, input "a\nbc\n"`.

use crate::script::{Job, NODES_MAX, Res};
use crate::words::{Cursor, Mistake};

/// Verbs of a session's ctl that may stand between `res` and `exec`.
const VERBS: [&str; 10] =
    ["gang", "failfast", "excl", "layout", "prefix", "enum", "bcast", "share", "label", "tag"];
/// What a job is made of.
const CLAUSES: &str = "res COUNT, exec PROGRAM, input TEXT, or a line of ctl: \
    gang, failfast, excl, layout, prefix, enum, bcast, share, label or tag";
/// Members of one job at most.
const MEMBERS_MAX: u32 = 256 * NODES_MAX;
/// Longest line of a ctl, and longest line that says what is run.
const CTL_MAX: usize = 1_000;
/// Most bytes that go to stdin.
const INPUT_MAX: usize = 1 << 20;

/// Reads what stands behind the colon of a client that begins.
pub(super) fn parse(name: String, line: &mut Cursor) -> Result<Job, Mistake> {
    let (mut res, mut exec, mut input, mut ctl) = (None, None, None, Vec::new());
    loop {
        let word = line.word(CLAUSES)?;
        let twice = |line: &Cursor| line.wrong(&format!("a second {word}"), "one for each job");
        match word.as_str() {
            "res" if res.is_some() => return Err(twice(line)),
            "res" if line.takes("up") => res = Some(Res::Up),
            "res" => res = Some(Res::Count(line.number("a number of members, or up", 1, MEMBERS_MAX)?)),
            "exec" if exec.is_some() => return Err(twice(line)),
            "exec" => {
                let words = line.words("a program and its arguments")?;
                if words.iter().any(|word| word.contains('\n')) {
                    return Err(line.wrong("a line of ctl ends at a newline", "words without"));
                }
                within(&words.join(" "), line)?;
                exec = Some(words);
            }
            "input" if input.is_some() => return Err(twice(line)),
            "input" => {
                let text = line.takes_text();
                let text = text.ok_or_else(|| line.wrong_next("a text in quotes, such as \"a\\nbc\\n\""))?;
                let times = if line.takes("times") { line.number("how often", 1, 1_000_000)? } else { 1 };
                if text.len().saturating_mul(times as usize) > INPUT_MAX {
                    return Err(line.wrong("too much input", &format!("{INPUT_MAX} bytes at most")));
                }
                input = Some((text, times));
            }
            verb if VERBS.contains(&verb) => {
                let rest = line.words("").unwrap_or_default();
                let plain =
                    |word: &String| word.chars().all(|c| c.is_alphanumeric() || "-._+@%=".contains(c));
                if !rest.iter().all(plain) {
                    return Err(line.wrong("not a plain line of ctl", "letters, digits and -._+@%="));
                }
                let said = [vec![word.clone()], rest].concat().join(" ");
                within(&said, line)?;
                ctl.push(said);
            }
            "flush" | "look" | "kill" | "vanish" => {
                return Err(line.wrong(&format!("{name} has no job yet"), CLAUSES));
            }
            _ => return Err(line.wrong(&format!("{word} is no part of a job"), CLAUSES)),
        }
        if !line.takes_comma() {
            break;
        }
    }
    let missing = |what: &str, want: &str| line.wrong(&format!("{name} has no {what}"), want);
    let res = res.ok_or_else(|| missing("res", "res COUNT or res up"))?;
    let exec = exec.ok_or_else(|| missing("exec", "exec PROGRAM ARGS"))?;
    Ok(Job { name, res, ctl, exec, input })
}

fn within(text: &str, line: &Cursor) -> Result<(), Mistake> {
    if text.len() <= CTL_MAX {
        return Ok(());
    }
    Err(line.wrong(&format!("a line of {} bytes", text.len()), &format!("{CTL_MAX} at most")))
}
