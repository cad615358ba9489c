//! Signals by name, with the numbers that Linux has for them.

use super::word::number;
use crate::quote::Word;

const SIGNALS: &[(&str, u8)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("SYS", 31),
];

/// A signal by number (1 to 64) or name, with or without `SIG`, in either case (Linux numbers).
pub(super) fn signal(word: Word<'_>) -> Option<u8> {
    let text = word.plain()?;
    if let Some(number) = number::<u8>(word) {
        return (1..=64).contains(&number).then_some(number);
    }
    let bare = match text.get(..3) {
        Some(head) if head.eq_ignore_ascii_case("SIG") => &text[3..],
        _ => text,
    };
    SIGNALS.iter().find(|(name, _)| name.eq_ignore_ascii_case(bare)).map(|(_, n)| *n)
}
