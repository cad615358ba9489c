//! What each program does, as a list of steps.

use super::shell::{Caller, Shell};
use super::step::{HUNG, Input, Step, Told, Whose};
use cnode::host::Stream;
use protocol::quote::Words;
use std::collections::VecDeque;

/// Programs there are, for those who ask for another.
const KNOWN: &str = "cat date echo env exit false hostname member sh sleep true uname wc";
/// What `uname` says of the system: name, release, version, machine.
const SYSTEM: [&str; 4] = ["Linux", concat!(env!("CARGO_PKG_VERSION"), "-sim"), "#1", "ppc"];
/// The longest that a program sleeps, in seconds.
const SLEEP_MAX: f64 = 1e9;

/// The steps of a program while they are gathered.
pub(super) struct Steps<'a> {
    pub(super) whose: &'a Whose<'a>,
    /// Its environment, by name.
    pub(super) env: Vec<(String, String)>,
    pub(super) steps: VecDeque<Step>,
    pub(super) input: Input,
    /// What it has waited for, in microseconds.
    passed_us: u64,
}

impl Caller for Steps<'_> {
    /// Adds what a command does, whose output goes to `out`: its exit code.
    fn call(&mut self, words: &[&str], out: Stream) -> u8 {
        let (name, args) = words.split_first().map_or(("true", &[][..]), |(name, args)| (*name, args));
        match name {
            "hostname" => self.say(out, format!("{}\n", self.whose.node)),
            "member" => self.say(out, format!("{}\n", self.whose.number)),
            "echo" => match args {
                ["-n", rest @ ..] => self.say(out, rest.join(" ")),
                _ => self.say(out, format!("{}\n", args.join(" "))),
            },
            "env" => {
                let lines: Vec<String> =
                    self.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
                self.say(out, lines.concat());
            }
            "uname" => return self.uname(args, out),
            "date" => return self.date(args, out),
            "sleep" => return self.sleep(args),
            "cat" => match args.iter().find(|arg| **arg != "-") {
                Some(path) => {
                    let told = format!("cat: {path}: no files on simulated nodes, which copy their input");
                    return self.fail(1, &told);
                }
                None => self.reads(Input::Copied),
            },
            "wc" => return self.wc(args),
            "true" | HUNG => {}
            "false" => return 1,
            "exit" => return args.first().map_or(0, |code| code.parse::<i64>().map_or(2, |code| code as u8)),
            "sh" => match args {
                ["-c", line, ..] => return Shell::new(self).run(line),
                _ => return self.fail(2, "sh: want -c 'COMMAND; COMMAND'"),
            },
            other => {
                return self.fail(127, &format!("{other}: not on simulated nodes, which have: {KNOWN}"));
            }
        }
        0
    }

    /// It complains and gives up: the exit code.
    fn fail(&mut self, code: u8, told: &str) -> u8 {
        self.say(Stream::Stderr, format!("{told}\n"));
        code
    }

    fn pid(&self) -> u32 {
        self.whose.number + 1
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl<'a> Steps<'a> {
    pub(super) fn new(whose: &'a Whose<'a>, env: &str) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for line in env.lines() {
            // A quoted value is one word.
            let word = Words::new(line).next().and_then(Result::ok).map(|word| word.to_string());
            if let Some((name, value)) = word.as_deref().and_then(|word| word.split_once('=')) {
                pairs.push((name.to_owned(), whose.expand(value)));
            }
        }
        let given = [
            ("UEM_SESSION", whose.session.to_owned()),
            ("UEM_NODE", whose.node.to_owned()),
            ("UEM_MEMBER", whose.number.to_string()),
            ("UEM_SIZE", whose.size.to_string()),
        ];
        pairs.retain(|(name, _)| given.iter().all(|(given, _)| name != given));
        pairs.extend(given.map(|(name, value)| (name.to_owned(), value)));
        Self { whose, env: pairs, steps: VecDeque::new(), input: Input::Unread, passed_us: 0 }
    }

    pub(super) fn say(&mut self, stream: Stream, text: String) {
        self.steps.push_back(Step::Say(stream, text.into_bytes().into()));
    }

    fn reads(&mut self, input: Input) {
        self.input = input;
        self.steps.push_back(Step::Read);
    }

    fn wc(&mut self, args: &[&str]) -> u8 {
        let mut told: Told = [false; 3];
        for arg in args {
            for letter in arg.strip_prefix('-').unwrap_or("?").chars() {
                match "lwc".find(letter) {
                    Some(at) => told[at] = true,
                    None => return self.fail(1, &format!("wc: {arg}: want -l, -w or -c")),
                }
            }
        }
        self.reads(Input::Counted { lines: 0, words: 0, bytes: 0, in_word: false, told });
        0
    }

    fn uname(&mut self, args: &[&str], out: Stream) -> u8 {
        let [system, release, version, machine] = SYSTEM;
        let all = [system, self.whose.node, release, version, machine];
        let mut told = [args.is_empty(), false, false, false, false];
        for arg in args {
            for letter in arg.strip_prefix('-').unwrap_or("?").chars() {
                match ("snrvm".find(letter), letter) {
                    (Some(at), _) => told[at] = true,
                    (None, 'a') => told = [true; 5],
                    _ => return self.fail(1, &format!("uname: {arg}: want -a, -s, -n, -r, -v or -m")),
                }
            }
        }
        let words: Vec<&str> =
            all.into_iter().zip(told).filter(|(_, told)| *told).map(|(word, _)| word).collect();
        self.say(out, format!("{}\n", words.join(" ")));
        0
    }

    fn sleep(&mut self, args: &[&str]) -> u8 {
        let seconds = |arg: &&str| {
            let (number, unit) = match arg.chars().last() {
                Some('s') => (&arg[..arg.len() - 1], 1.0),
                Some('m') => (&arg[..arg.len() - 1], 60.0),
                Some('h') => (&arg[..arg.len() - 1], 3600.0),
                _ => (*arg, 1.0),
            };
            number.parse::<f64>().ok().filter(|number| *number >= 0.0).map(|number| number * unit)
        };
        let all: Option<Vec<f64>> = args.iter().map(seconds).collect();
        let Some(all) = all.filter(|all| !all.is_empty()) else {
            return self.fail(1, "sleep: want seconds, like 1 or 0.25, or 5m, or 2h");
        };
        let us = (all.iter().sum::<f64>().min(SLEEP_MAX) * 1e6) as u64;
        self.passed_us += us;
        self.steps.push_back(Step::Wait(us));
        0
    }

    fn date(&mut self, args: &[&str], out: Stream) -> u8 {
        let us = self.whose.date_us + self.passed_us;
        let seconds = us / 1_000_000;
        let text = match args {
            [] | ["-u"] => date(seconds),
            ["+%s"] => seconds.to_string(),
            ["+%s.%N"] => format!("{seconds}.{:06}000", us % 1_000_000),
            [other, ..] => return self.fail(1, &format!("date: {other}: want +%s or +%s.%N, or nothing")),
        };
        self.say(out, text + "\n");
        0
    }
}

/// A time in seconds since 1970 as date(1) prints it.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    loop {
        let len = if is_leap(year) { 366 } else { 365 };
        if day < len {
            break;
        }
        (year, day) = (year + 1, day - len);
    }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let february = if is_leap(year) { 29 } else { 28 };
    let lens = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lens[month] {
        day -= lens[month];
        month += 1;
    }
    // 1970 began on a Thursday.
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let (month, day, second) = (months[month], day + 1, second % 60);
    format!("{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} UTC {year}")
}
