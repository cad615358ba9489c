//! Times as a script says them: `1.5s`, `900ms`, `20us`.

/// Longest time in a script, in microseconds: an hour.
const TIME_MAX_US: u64 = 3_600_000_000;

/// A time in the largest unit in which it is at least one.
pub fn told(us: u64) -> String {
    let (unit, scale) = match us {
        0 | 1_000_000.. => ("s", 6),
        1_000.. => ("ms", 3),
        _ => ("us", 0),
    };
    let whole = 10_u64.pow(scale);
    let mut text = (us / whole).to_string();
    if !us.is_multiple_of(whole) {
        let part = format!("{:0width$}", us % whole, width = scale as usize);
        text = format!("{text}.{}", part.trim_end_matches('0'));
    }
    text + unit
}

/// Microseconds of such a time, or what is wrong with it.
pub fn parse(word: &str) -> Result<u64, String> {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let scale = match unit {
        "s" => 6,
        "ms" => 3,
        "us" => 0,
        "" => return Err(format!("{word} has no unit")),
        _ => return Err(format!("{word} is no time")),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || part.contains('.') || (part.is_empty() && number.contains('.')) {
        return Err(format!("{word} is no time"));
    }
    if part.len() > scale {
        return Err(format!("{word} is finer than a microsecond"));
    }
    let us = format!("{whole}{part:0<scale$}").parse::<u64>().unwrap_or(u64::MAX);
    if us > TIME_MAX_US { Err(format!("{word} is more than an hour")) } else { Ok(us) }
}

/// Times near one that are said in fewer digits, the shortest first.
pub fn readable(us: u64) -> Vec<u64> {
    let digits = |us: u64| told(us).bytes().filter(u8::is_ascii_digit).count();
    let mut near = Vec::new();
    for step in [1_000_000, 500_000, 100_000, 10_000, 1_000, 100, 10] {
        for round in [us / step * step, us.div_ceil(step) * step] {
            if digits(round) < digits(us) && !near.contains(&round) {
                near.push(round);
            }
        }
    }
    near
}

/// Times that are tried for another, in microseconds.
const TIMES: [u64; 9] = [0, 1_000, 100_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000];

/// Times that are simpler than one, the boldest first.
pub fn simpler(us: u64) -> Vec<u64> {
    let mut all: Vec<u64> = TIMES.into_iter().filter(|time| *time < us).collect();
    all.extend(readable(us));
    all.retain(|time| told(*time).len() <= told(us).len());
    all
}
