//! Code as words and marks: what the rules on grammar walk over.
//!
//! Knows no rule, and as much of Rust as to tell a word from a mark.

use crate::source::{Source, is_word};

/// A word or a mark of the code, and the line it stands on, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The line.
    pub line: usize,
    /// The word; or `::`, `=>` or `->`; or one character.
    pub text: &'a str,
}

impl Token<'_> {
    /// Whether it is a name or a keyword.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

/// The tokens of the code that ships.
pub fn shipped(source: &Source) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, code) in source.shipped() {
        let mut rest = code.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = match first {
                _ if is_word(first) => rest.find(|char| !is_word(char)).unwrap_or(rest.len()),
                _ if ["::", "=>", "->"].iter().any(|mark| rest.starts_with(mark)) => 2,
                _ => first.len_utf8(),
            };
            tokens.push(Token { line, text: &rest[..len] });
            rest = rest[len..].trim_start();
        }
    }
    tokens
}

/// The index of the bracket that closes the one at `open`, or the end.
pub fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}
