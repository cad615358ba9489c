//! What the words behind a verb may be.

use crate::quote::{Word, Words};
use crate::tag::{is_key, is_tag};

pub(super) fn next<'a>(words: &mut Words<'a>) -> Option<Word<'a>> {
    words.next()?.ok()
}

pub(super) fn none(mut words: Words<'_>) -> Option<()> {
    if words.next().is_none() { Some(()) } else { None }
}

pub(super) fn only<'a>(mut words: Words<'a>) -> Option<Word<'a>> {
    let word = next(&mut words)?;
    none(words).map(|()| word)
}

pub(super) fn number<T: core::str::FromStr>(word: Word<'_>) -> Option<T> {
    let text = word.plain()?;
    // `+5` parses as a number; on a ctl line it is a slip.
    if text.starts_with('+') { None } else { text.parse().ok() }
}

pub(super) fn on_off(word: Word<'_>) -> Option<bool> {
    match word.plain()? {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// A switch that is meant to be put on.
pub(super) fn on_unless_off(words: Words<'_>) -> Option<bool> {
    if words.rest().is_empty() { Some(true) } else { only(words).and_then(on_off) }
}

pub(super) fn tag(words: Words<'_>) -> Option<&str> {
    only(words)?.plain().filter(|tag| is_tag(tag))
}

pub(super) fn key(words: Words<'_>) -> Option<&str> {
    only(words)?.plain().filter(|key| is_key(key))
}
