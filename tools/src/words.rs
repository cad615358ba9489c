//! The words of a command line as people write them, made those that the parser takes; and what was probably
//! meant where they are wrong.
//!
//! What options there are is read from the parser's own definition: nothing is listed twice.

use argh::{CommandInfoWithArgs, FlagInfoKind, Optionality};
use std::time::Duration;

/// The options of one command.
pub(crate) struct Options {
    /// All of them, dashes and all.
    names: Vec<String>,
    /// Those that a value follows, and what the value is called.
    valued: Vec<(String, &'static str)>,
    /// Everything from the first plain word on is somebody else's command line.
    is_greedy: bool,
}

impl Options {
    /// Those of a command.
    pub(crate) fn of(command: &CommandInfoWithArgs) -> Self {
        let mut options = Self { names: Vec::new(), valued: Vec::new(), is_greedy: false };
        options.is_greedy = command.positionals.iter().any(|word| word.optionality == Optionality::Greedy);
        for flag in command.flags {
            let short = flag.short.map(|letter| format!("-{letter}"));
            for name in short.into_iter().chain([flag.long.to_owned()]) {
                if let FlagInfoKind::Option { arg_name } = flag.kind {
                    options.valued.push((name.clone(), arg_name));
                }
                options.names.push(name);
            }
        }
        options
    }

    /// What the value behind an option is called, if one follows it.
    pub(crate) fn value(&self, name: &str) -> Option<&'static str> {
        self.valued.iter().find(|(valued, _)| valued == name).map(|(_, value)| *value)
    }

    fn takes_value(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Parts `-n4`, `-ab` and `--dir=x`, and marks where options end.
    pub(crate) fn part(&self, words: &[String]) -> Vec<String> {
        let mut parted = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" || !word.starts_with('-') || word == "-" {
                if self.is_greedy && word != "--" {
                    parted.push("--".to_owned());
                }
                parted.push(word.clone());
                if self.is_greedy || word == "--" {
                    parted.extend(words.cloned());
                    break;
                }
                continue;
            }
            let wants_value = if word.starts_with("--") {
                self.part_long(word, &mut parted)
            } else {
                self.part_short(word, &mut parted)
            };
            if wants_value {
                parted.extend(words.next().cloned());
            }
        }
        parted
    }

    /// Whether the next word is its value.
    fn part_long(&self, word: &str, parted: &mut Vec<String>) -> bool {
        match word.split_once('=') {
            Some((name, value)) if self.takes_value(name) => {
                parted.extend([name.to_owned(), value.to_owned()]);
                false
            }
            _ => {
                parted.push(word.to_owned());
                self.takes_value(word)
            }
        }
    }

    /// Whether the next word is the value of the last letter.
    fn part_short(&self, word: &str, parted: &mut Vec<String>) -> bool {
        let mut pieces = Vec::new();
        let mut wants_value = false;
        for (at, letter) in word.char_indices().skip(1) {
            let name = format!("-{letter}");
            if !self.names.contains(&name) {
                parted.push(word.to_owned());
                return false;
            }
            let value = &word[at + letter.len_utf8()..];
            let ends = self.takes_value(&name);
            pieces.push(name);
            if ends {
                wants_value = value.is_empty();
                pieces.extend((!wants_value).then(|| value.to_owned()));
                break;
            }
        }
        parted.append(&mut pieces);
        wants_value
    }

    /// The option that was probably meant.
    pub(crate) fn nearest(&self, word: &str) -> Option<&str> {
        nearest(word, self.names.iter().map(String::as_str))
    }
}

/// `kill -9` and `kill -TERM`, as the shell's own has them.
pub(crate) fn part_signal(words: &[String]) -> Vec<String> {
    let is_signal = |word: &str| {
        let name = word.strip_prefix('-').unwrap_or("");
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let signal = |word: &String| match word.strip_prefix('-') {
        Some(name) if is_signal(word) => vec!["-s".to_owned(), name.to_owned()],
        _ => vec![word.clone()],
    };
    words.iter().flat_map(signal).collect()
}

/// A time in seconds, as `--timeout` takes it.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "want seconds above 0, like 2.5".to_owned())
}

/// Of `names`, the one that two slips of the hand at most make `word`.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.map(|name| (distance(word, name), name)).min()?;
    (near.0 <= 2 && near.0 < word.len().div_ceil(2)).then_some(near.1)
}

/// Slips between two words: a letter too many, missing, wrong, or two changed about.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let differs = usize::from(one[i - 1] != other[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use argh::{ArgsInfo, FromArgs};

    /// A program on nodes.
    #[derive(FromArgs, ArgsInfo)]
    #[allow(dead_code)]
    struct Sample {
        /// dial string
        #[argh(option)]
        at: Option<String>,
        /// how many
        #[argh(option, short = 'n')]
        members: Option<u32>,
        /// all
        #[argh(switch, short = 'a')]
        all: bool,
        /// fold
        #[argh(switch, short = 'b')]
        fold: bool,
        /// more
        #[argh(option)]
        env: Vec<String>,
        /// where
        #[argh(option)]
        dir: Option<String>,
        /// what
        #[argh(positional, greedy)]
        program: Vec<String>,
    }

    fn options() -> Options {
        Options::of(&Sample::get_args_info())
    }

    fn part(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        options().part(&words).join(" ")
    }

    #[test]
    fn options_may_be_joined_to_each_other_and_to_their_values() {
        assert_eq!(part("-n4 ls"), "-n 4 -- ls");
        assert_eq!(part("-n 4 ls"), "-n 4 -- ls");
        assert_eq!(part("-abn4 ls"), "-a -b -n 4 -- ls");
        assert_eq!(part("-bn 4 ls"), "-b -n 4 -- ls");
        assert_eq!(part("--env=A=b --members=4 ls"), "--env A=b --members 4 -- ls");
        assert_eq!(part("--env -x -a ls"), "--env -x -a -- ls");
        assert_eq!(part("-an-n -n -n --dir=--at ls"), "-a -n -n -n -n --dir --at -- ls");
    }

    #[test]
    fn the_words_of_the_program_are_left_alone() {
        assert_eq!(part("ls -n4 --env=A=b help --help"), "-- ls -n4 --env=A=b help --help");
        assert_eq!(part("-a -- -n4"), "-a -- -n4");
    }

    #[test]
    fn what_no_option_is_goes_to_the_parser_as_it_is() {
        assert_eq!(part("-an4z --all=3 -z9"), "-a -n 4z --all=3 -z9");
    }

    #[test]
    fn a_slip_of_the_hand_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("rnu", ["run", "up", "ls"].into_iter()), Some("run"));
        assert_eq!(nearest("statsu", ["status", "ps"].into_iter()), Some("status"));
        assert_eq!(nearest("frobnicate", ["run", "ls"].into_iter()), None);
        assert_eq!(nearest("x", ["ls", "ps"].into_iter()), None);
        assert_eq!(options().nearest("--memebrs"), Some("--members"));
    }

    #[test]
    fn a_time_is_a_number_of_seconds_above_zero() {
        assert_eq!(seconds("2.5").map(|time| time.as_millis()), Ok(2500));
        for text in ["0", "-1", "NaN", "inf", "1e300", "x", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signal_is_given_as_to_any_kill() {
        let words = ["-9", "-TERM", "-s", "INT", "5", "--at"].map(str::to_owned);
        assert_eq!(part_signal(&words).join(" "), "-s 9 -s TERM -s INT 5 --at");
    }
}
