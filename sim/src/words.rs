//! The words of a line of a script, read from left to right, and what is wrong with one. `token` splits a
//! line into words, `time` reads times.

pub mod time;
mod token;

use std::error::Error;
use std::fmt::{self, Display};
use token::{Kind, Token, tokens};

/// Why a text is no script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// The character in it, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub want: String,
}

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}; want {}", self.line, self.column, self.wrong, self.want)
    }
}

impl Error for Mistake {}
/// A line and how far it is read.
pub(crate) struct Cursor {
    line: usize,
    tokens: Vec<Token>,
    at: usize,
    end: usize,
}

impl Cursor {
    pub(crate) fn new(line: usize, text: &str) -> Result<Self, Mistake> {
        match tokens(text) {
            Ok(tokens) => Ok(Self { line, tokens, at: 0, end: text.trim_end().chars().count() + 1 }),
            Err((column, wrong, want)) => Err(Mistake { line, column, wrong, want: want.into() }),
        }
    }

    fn next(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.at == self.tokens.len()
    }

    /// Nothing more may stand in the line.
    pub(crate) fn end(&self) -> Result<(), Mistake> {
        if self.is_over() { Ok(()) } else { Err(self.wrong_next("the end of the line")) }
    }

    fn mistake(&self, at: Option<usize>, wrong: String, want: &str) -> Mistake {
        let column = at.and_then(|at| self.tokens.get(at)).map_or(self.end, |token| token.column);
        Mistake { line: self.line, column, wrong, want: want.into() }
    }

    /// The word read last is wrong.
    pub(crate) fn wrong(&self, what: &str, want: &str) -> Mistake {
        self.mistake(self.at.checked_sub(1), what.into(), want)
    }

    /// Who speaks is wrong: the word before the colon that was read last.
    pub(crate) fn wrong_speaker(&self, what: &str, want: &str) -> Mistake {
        self.mistake(self.at.checked_sub(2), what.into(), want)
    }

    /// What comes next is wrong.
    pub(crate) fn wrong_next(&self, want: &str) -> Mistake {
        let what = match self.next() {
            None => "the line ends".into(),
            Some(Kind::Word(word)) => format!("{word} does not belong here"),
            Some(Kind::Text(_)) => "a text does not belong here".into(),
            Some(Kind::Comma) => "a comma does not belong here".into(),
            Some(Kind::Colon) => "a colon does not belong here".into(),
        };
        self.mistake(Some(self.at), what, want)
    }

    pub(crate) fn word(&mut self, want: &str) -> Result<String, Mistake> {
        match self.next() {
            Some(Kind::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.wrong_next(want)),
        }
    }

    /// Words and texts up to the next comma or the end: at least one.
    pub(crate) fn words(&mut self, want: &str) -> Result<Vec<String>, Mistake> {
        let mut words = Vec::new();
        while let Some(Kind::Word(word) | Kind::Text(word)) = self.next() {
            words.push(word.clone());
            self.at += 1;
        }
        if words.is_empty() { Err(self.wrong_next(want)) } else { Ok(words) }
    }

    pub(crate) fn is_next(&self, word: &str) -> bool {
        matches!(self.next(), Some(Kind::Word(next)) if next == word)
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self.next(), Some(Kind::Word(next)) if next.parse::<u64>().is_ok())
    }

    /// Reads that word, if it is next.
    pub(crate) fn takes(&mut self, word: &str) -> bool {
        let is_next = self.is_next(word);
        self.at += usize::from(is_next);
        is_next
    }

    pub(crate) fn takes_comma(&mut self) -> bool {
        let is_next = self.next() == Some(&Kind::Comma);
        self.at += usize::from(is_next);
        is_next
    }

    pub(crate) fn takes_text(&mut self) -> Option<String> {
        let Some(Kind::Text(text)) = self.next() else { return None };
        let text = text.clone();
        self.at += 1;
        Some(text)
    }

    pub(crate) fn keyword(&mut self, word: &str) -> Result<(), Mistake> {
        if self.takes(word) { Ok(()) } else { Err(self.wrong_next(word)) }
    }

    /// The name of who speaks, if the line goes on with one and a colon.
    pub(crate) fn speaker(&mut self, want: &str) -> Result<Option<String>, Mistake> {
        if self.tokens.get(self.at + 1).map(|token| &token.kind) != Some(&Kind::Colon) {
            return Ok(None);
        }
        let name = self.word(want)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain);
        if !is_name || is_name_of_place(&name) {
            let want = "lower case letters, digits and -, and no place's name";
            return Err(self.wrong(&format!("{name} is no client's name"), want));
        }
        self.at += 1;
        Ok(Some(name))
    }

    pub(crate) fn number(&mut self, want: &str, least: u32, most: u32) -> Result<u32, Mistake> {
        let word = self.word(want)?;
        let number = word.parse().ok().filter(|number| (least..=most).contains(number));
        let range = if most == u32::MAX { want.into() } else { format!("{want}, {least} to {most}") };
        number.ok_or_else(|| self.wrong(&format!("{word} is no such number"), &range))
    }

    pub(crate) fn seed(&mut self) -> Result<u64, Mistake> {
        let word = self.word("a number")?;
        word.parse().map_err(|_| self.wrong(&format!("{word} is no number"), "one below 2^64"))
    }

    pub(crate) fn time(&mut self) -> Result<u64, Mistake> {
        let want = "a time such as 1.5s, 900ms or 20us";
        let word = self.word(want)?;
        time::parse(&word).map_err(|what| self.wrong(&what, want))
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[(&str, T)], want: &str) -> Result<T, Mistake> {
        let word = self.word(want)?;
        let choice = choices.iter().find(|(name, _)| *name == word);
        choice
            .map(|(_, value)| *value)
            .ok_or_else(|| self.wrong(&format!("{word} does not belong here"), want))
    }
}

/// A word that is a place's name in some partition: no client has it.
fn is_name_of_place(word: &str) -> bool {
    let digits = ["node", "io", "hub"].iter().find_map(|kind| word.strip_prefix(kind));
    matches!(word, "io" | "top") || digits.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
