//! `sh -c`: commands between `;`, `&&` and `||`, with variables, and nothing that would need a process.

use cnode::host::Stream;
use std::iter::Peekable;
use std::str::Chars;

/// What stands behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Next,
    And,
    Or,
    Nothing,
}

/// What a line wants that this shell has not.
type Wrong = String;

/// Whose shell it is: does what a line says, and knows the variables.
pub(super) trait Caller {
    /// Does what a command does, whose output goes to `out`: its exit code.
    fn call(&mut self, words: &[&str], out: Stream) -> u8;
    /// Complains and gives up: the exit code.
    fn fail(&mut self, code: u8, told: &str) -> u8;
    /// Its process.
    fn pid(&self) -> u32;
    /// The value of a variable.
    fn variable(&self, name: &str) -> Option<&str>;
}

/// A shell while its line is read.
pub(super) struct Shell<'s, C> {
    caller: &'s mut C,
    /// The exit code of the last command.
    code: u8,
}

impl<'s, C: Caller> Shell<'s, C> {
    pub(super) fn new(caller: &'s mut C) -> Self {
        Self { caller, code: 0 }
    }

    /// Adds what a line does: its exit code.
    pub(super) fn run(mut self, line: &str) -> u8 {
        let mut rest = line.chars().peekable();
        let mut before = Then::Next;
        loop {
            let (words, out, then) = match self.command(&mut rest) {
                Ok(command) => command,
                Err(wrong) => return self.caller.fail(2, &format!("sh: {wrong}")),
            };
            let is_run = match before {
                Then::And => self.code == 0,
                Then::Or => self.code != 0,
                Then::Next | Then::Nothing => true,
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.first() {
                Some(&"sh") => return self.caller.fail(2, "sh: not within sh"),
                Some(&"exit") if is_run => {
                    return if words.len() == 1 { self.code } else { self.caller.call(&words, out) };
                }
                Some(_) if is_run => self.code = self.caller.call(&words, out),
                _ => {}
            }
            // What is left out leaves the code as it is, so that `a && b || c` goes on with c.
            before = then;
            if then == Then::Nothing {
                return self.code;
            }
        }
    }

    /// The next command: its words, where its output goes, and what stands behind it.
    fn command(&self, rest: &mut Peekable<Chars<'_>>) -> Result<(Vec<String>, Stream, Then), Wrong> {
        let (mut words, mut word, mut out) = (Vec::new(), None::<String>, Stream::Stdout);
        loop {
            let c = rest.next();
            let ends = matches!(c, None | Some(' ' | '\t' | '\n' | ';' | '&' | '|' | '>' | '<' | '#'));
            if ends && c == Some('#') && word.is_some() {
                word.get_or_insert_default().push('#');
                continue;
            }
            if ends {
                words.extend(word.take());
            }
            match c {
                None => return Ok((words, out, Then::Nothing)),
                Some(' ' | '\t') => {}
                Some('\n' | ';') => return Ok((words, out, Then::Next)),
                Some('&') if rest.next_if_eq(&'&').is_some() => return Ok((words, out, Then::And)),
                Some('|') if rest.next_if_eq(&'|').is_some() => return Ok((words, out, Then::Or)),
                Some('>') => {
                    let to: String = rest.by_ref().take(2).collect();
                    if to != "&2" {
                        return Err("output goes nowhere but to >&2: there are no files".to_owned());
                    }
                    out = Stream::Stderr;
                }
                Some('#') => while rest.next_if(|c| *c != '\n').is_some() {},
                Some('\'') => {
                    let word = word.get_or_insert_default();
                    until(rest, '\'', |c, _| word.push(c))?;
                }
                Some('"') => {
                    let mut text = String::new();
                    let mut wrong = None;
                    until(rest, '"', |c, rest| match c {
                        '$' => match self.variable(rest) {
                            Ok(value) => text += &value,
                            Err(why) => wrong = Some(why),
                        },
                        '\\' => text.extend(rest.next()),
                        c => text.push(c),
                    })?;
                    if let Some(wrong) = wrong {
                        return Err(wrong);
                    }
                    *word.get_or_insert_default() += &text;
                }
                Some('\\') => word.get_or_insert_default().extend(rest.next()),
                Some('$') => {
                    // As in a shell, a value that is not quoted is as many words as it has.
                    let value = self.variable(rest)?;
                    let mut parts = value.split_whitespace();
                    if let Some(first) = parts.next() {
                        *word.get_or_insert_default() += first;
                    }
                    for part in parts {
                        words.extend(word.replace(part.to_owned()));
                    }
                }
                Some(c @ ('&' | '|' | '<' | '(' | ')' | '`')) => {
                    return Err(format!("{c}: want commands between ; && and || alone"));
                }
                Some(c) => word.get_or_insert_default().push(c),
            }
        }
    }

    /// What stands behind a dollar.
    fn variable(&self, rest: &mut Peekable<Chars<'_>>) -> Result<String, Wrong> {
        if rest.next_if_eq(&'?').is_some() {
            return Ok(self.code.to_string());
        }
        if rest.next_if_eq(&'$').is_some() {
            return Ok(self.caller.pid().to_string());
        }
        if rest.next_if_eq(&'(').is_some() {
            let mut text = String::new();
            let is_sum = rest.next_if_eq(&'(').is_some();
            while let Some(c) = rest.next_if(|c| *c != ')') {
                text.push(c);
            }
            if !is_sum || rest.next() != Some(')') || rest.next() != Some(')') {
                return Err("$(: want $((NUMBER + NUMBER)), without brackets in it".to_owned());
            }
            return self.sum(&text).map(|value| value.to_string());
        }
        let braced = rest.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        if braced && rest.next() != Some('}') {
            return Err(format!("${{{name}: want ${{NAME}}"));
        }
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        Ok(self.value(&name).to_owned())
    }

    fn value(&self, name: &str) -> &str {
        self.caller.variable(name).unwrap_or("")
    }

    /// Numbers and variables with + - * / % between them: products first, from left to right.
    fn sum(&self, text: &str) -> Result<i64, Wrong> {
        let spaced: String = text
            .chars()
            .flat_map(|c| if "+-*/%".contains(c) { vec![' ', c, ' '] } else { vec![c] })
            .collect();
        let mut tokens = spaced.split_whitespace();
        let wrong = || format!("$(({text})): want numbers and variables with + - * / % between them");
        let number = |token: Option<&str>| {
            let token = token.ok_or_else(wrong)?.trim_start_matches('$');
            let of_name = || Some(self.value(token)).filter(|_| token.starts_with(char::is_alphabetic));
            let parsed = token.parse::<i64>().ok();
            parsed.or_else(|| of_name().map(|value| value.parse().unwrap_or(0))).ok_or_else(wrong)
        };
        let (mut total, mut term) = (0_i64, number(tokens.next())?);
        while let Some(sign) = tokens.next() {
            let next = number(tokens.next())?;
            let product = match sign {
                "*" => term.checked_mul(next),
                "/" => term.checked_div(next),
                "%" => term.checked_rem(next),
                "+" | "-" => {
                    total = total.checked_add(term).ok_or_else(wrong)?;
                    Some(if sign == "+" { next } else { -next })
                }
                _ => None,
            };
            term = product.ok_or_else(wrong)?;
        }
        total.checked_add(term).ok_or_else(wrong)
    }
}

/// Gives each character up to a closing quote.
fn until(
    rest: &mut Peekable<Chars<'_>>,
    quote: char,
    mut each: impl FnMut(char, &mut Peekable<Chars<'_>>),
) -> Result<(), Wrong> {
    while let Some(c) = rest.next() {
        if c == quote {
            return Ok(());
        }
        each(c, rest);
    }
    Err(format!("a quote that is not closed: {quote}"))
}
