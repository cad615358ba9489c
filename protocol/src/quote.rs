//! Quoting as rc does it: the words of a ctl line, and text made fit to be one word.
//!
//! Knows nothing of verbs, and where a line ends only by [`split_line`]; the caller decides what a line is.
//! A quote may open anywhere in a word (`a'b c'd` is `ab cd`); inside quotes `''` stands for one quote.

use core::error::Error;
use core::fmt::{self, Display, Write};
use core::str::Chars;

/// A line whose last quote was never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

impl Display for Unbalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unbalanced quote: a quoted word ends in ', and a quote inside it is written ''")
    }
}

impl Error for Unbalanced {}

/// The words of one line, separated by spaces and tabs; ends after the first [`Unbalanced`].
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// Reads `line` from its first word; a newline in it is a character like any other.
    pub fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    /// What has not been read yet, from its first word on and still quoted.
    pub fn rest(&self) -> &'a str {
        self.rest.trim_start_matches(is_blank)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Result<Word<'a>, Unbalanced>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest();
        if text.is_empty() {
            self.rest = "";
            return None;
        }
        // A doubled quote inside quotes closes and opens again, so that parity alone finds the word's end.
        let (mut inside, mut quoted) = (false, false);
        let end = text.bytes().position(|c| {
            if c == b'\'' {
                inside = !inside;
                quoted = true;
            }
            !inside && matches!(c, b' ' | b'\t')
        });
        let (raw, rest) = text.split_at(end.unwrap_or(text.len()));
        if inside {
            self.rest = "";
            return Some(Err(Unbalanced));
        }
        self.rest = rest;
        Some(Ok(Word { raw, quoted }))
    }
}

/// One word of a line as it stands there, its quotes known to be balanced.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    raw: &'a str,
    /// Whether `raw` has a quote anywhere.
    quoted: bool,
}

impl<'a> Word<'a> {
    /// The word as it was written, quotes and all.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The word's text where it can be lent: unquoted, or one quoted run without a `''` in it.
    pub fn plain(&self) -> Option<&'a str> {
        if !self.quoted {
            return Some(self.raw);
        }
        let run = self.raw.strip_prefix('\'')?.strip_suffix('\'')?;
        (!run.contains('\'')).then_some(run)
    }

    /// The word's characters, unquoted.
    pub fn chars(&self) -> Unquoted<'a> {
        Unquoted { raw: self.raw.chars(), inside: false }
    }

    /// Whether the unquoted word is `text`.
    pub fn eq_str(&self, text: &str) -> bool {
        match self.plain() {
            Some(plain) => plain == text,
            None => self.chars().eq(text.chars()),
        }
    }

    /// Writes the unquoted word; fails only as `out` does.
    pub fn write_to(&self, out: &mut impl Write) -> fmt::Result {
        match self.plain() {
            Some(plain) => out.write_str(plain),
            None => self.chars().try_for_each(|c| out.write_char(c)),
        }
    }
}

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

/// The characters of a [`Word`] without its quoting.
#[derive(Clone, Debug)]
pub struct Unquoted<'a> {
    raw: Chars<'a>,
    inside: bool,
}

impl Iterator for Unquoted<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let c = self.raw.next()?;
            if c != '\'' {
                return Some(c);
            }
            if self.inside && self.raw.as_str().starts_with('\'') {
                self.raw.next();
                return Some('\'');
            }
            self.inside = !self.inside;
        }
    }
}

/// Text displayed as one word: quoted when it is empty or has a space, a quote or a control character.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs = |c: char| c == ' ' || c == '\'' || c.is_control();
        if !self.0.is_empty() && !self.0.contains(needs) {
            return f.write_str(self.0);
        }
        f.write_char('\'')?;
        for (index, run) in self.0.split('\'').enumerate() {
            if index > 0 {
                f.write_str("''")?;
            }
            f.write_str(run)?;
        }
        f.write_char('\'')
    }
}

/// Cuts `text` at its first newline outside quotes, which is dropped; `None` where there is none.
pub fn split_line(text: &str) -> Option<(&str, &str)> {
    let mut inside = false;
    let end = text.bytes().position(|c| {
        inside ^= c == b'\'';
        !inside && c == b'\n'
    })?;
    Some((&text[..end], &text[end + 1..]))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::{Quoted, Unbalanced, Words, split_line};
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn split(line: &str) -> Result<Vec<String>, Unbalanced> {
        Words::new(line).map(|word| word.map(|word| word.to_string())).collect()
    }

    fn plain(line: &str) -> Option<&str> {
        Words::new(line).next().and_then(Result::ok).and_then(|word| word.plain())
    }

    #[test]
    fn blanks_separate_words_and_quotes_join_them() {
        assert_eq!(split("").unwrap(), [""; 0]);
        assert_eq!(split(" \t ").unwrap(), [""; 0]);
        assert_eq!(split("exec  date\t-u ").unwrap(), ["exec", "date", "-u"]);
        assert_eq!(split("a'b c'd e").unwrap(), ["ab cd", "e"]);
        assert_eq!(split("'it''s' x").unwrap(), ["it's", "x"]);
        assert_eq!(split("a''b '' ''''").unwrap(), ["ab", "", "'"]);
        assert_eq!(split("'two\nlines' é").unwrap(), ["two\nlines", "é"]);
    }

    #[test]
    fn an_open_quote_ends_the_line() {
        for line in ["'", "it's", "a 'b c", "'''", "a 'b''"] {
            assert_eq!(split(line), Err(Unbalanced), "{line}");
        }
        let mut words = Words::new("a 'b c");
        assert!(words.next().unwrap().is_ok());
        assert!(words.next().unwrap().is_err());
        assert!(words.next().is_none());
        assert_eq!(words.rest(), "");
    }

    #[test]
    fn a_word_is_lent_where_nothing_is_escaped() {
        assert_eq!(plain("date -u"), Some("date"));
        assert_eq!(plain("'a b' c"), Some("a b"));
        assert_eq!(plain("''"), Some(""));
        for line in ["'it''s'", "a'b'", "'a'b", "'a''b'", "'a'b'c'"] {
            assert_eq!(plain(line), None, "{line}");
        }
    }

    #[test]
    fn words_compare_unquoted() {
        let word = Words::new("'it''s'").next().unwrap().unwrap();
        assert!(word.eq_str("it's"));
        assert!(!word.eq_str("it"));
        assert!(!word.eq_str("it's "));
        assert_eq!(word.raw(), "'it''s'");
        assert!(Words::new("'exec' a").next().unwrap().unwrap().eq_str("exec"));
    }

    #[test]
    fn the_rest_is_what_was_not_read() {
        let mut words = Words::new("  drain \t broken 'disk 2' ");
        assert_eq!(words.rest(), "drain \t broken 'disk 2' ");
        words.next();
        assert_eq!(words.rest(), "broken 'disk 2' ");
        words.next();
        words.next();
        assert_eq!(words.rest(), "");
    }

    #[test]
    fn only_what_needs_quotes_gets_them() {
        for (text, quoted) in [
            ("date", "date"),
            ("a=b,[$m]#\"", "a=b,[$m]#\""),
            ("", "''"),
            ("a b", "'a b'"),
            ("a\tb", "'a\tb'"),
            ("a\n", "'a\n'"),
            ("it's", "'it''s'"),
            ("'", "''''"),
            ("\u{7f}", "'\u{7f}'"),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
    }

    #[test]
    fn lines_are_cut_outside_quotes_only() {
        assert_eq!(split_line("a\nb\n"), Some(("a", "b\n")));
        assert_eq!(split_line("\n"), Some(("", "")));
        assert_eq!(split_line("a 'b\nc' d\ne"), Some(("a 'b\nc' d", "e")));
        assert_eq!(split_line("'it''\ns'\nx"), Some(("'it''\ns'", "x")));
        assert_eq!(split_line("a"), None);
        assert_eq!(split_line("a 'b\n"), None);
    }

    /// Every list of two words of up to three characters from a hostile alphabet.
    #[test]
    fn what_was_quoted_splits_into_itself() {
        let mut texts = [String::new()].to_vec();
        for start in 0..40 {
            for c in ['\'', ' ', 'a', '\n'] {
                let text = format!("{}{c}", texts[start.min(texts.len() - 1)]);
                if text.chars().count() <= 3 && !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
        assert!(texts.len() > 80);
        for one in &texts {
            for two in &texts {
                let line = format!("{} {}", Quoted(one), Quoted(two));
                assert_eq!(split(&line).unwrap(), [one.as_str(), two.as_str()], "{line:?}");
                let text = format!("{line}\nnext");
                assert_eq!(split_line(&text), Some((line.as_str(), "next")));
            }
        }
    }

    /// Unquoting agrees with the parity rule that found the word's end.
    #[test]
    fn no_line_of_six_bytes_panics() {
        let alphabet = ['\'', ' ', 'a', '\t', '\n', 'é'];
        for number in 0..alphabet.len().pow(6) {
            let line: String = (0..6).map(|place| alphabet[number / 6usize.pow(place) % 6]).collect();
            for word in Words::new(&line).flatten() {
                assert_eq!(word.raw().matches('\'').count() % 2, 0);
                if let Some(plain) = word.plain() {
                    assert!(word.chars().eq(plain.chars()), "{line:?}");
                }
                assert!(word.eq_str(&word.to_string()));
            }
            if let Some((head, rest)) = split_line(&line) {
                assert_eq!(head.len() + 1 + rest.len(), line.len());
            }
        }
    }
}
