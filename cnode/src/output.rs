//! `stdout` and `stderr`: what the members wrote. A lone member's bytes are given as they are; of several,
//! whole records in the order they arrive, never two mixed. What is not a whole record yet stays in its
//! pipe.

use crate::Bounds;
use crate::host::{Host, MemberSlot, Pull, SessionSlot, Stream};
use crate::member::State;
use crate::node::Node;
use crate::session::Session;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::slots::Slots;
use protocol::text::Text;
use protocol::verb::Prefix;

/// The longest prefix: a node name and `: `.
const PREFIX_MAX: usize = 68;

/// What one member's turn gave.
enum Turn {
    /// Bytes; the record goes on (`true`) or ended.
    Gave(usize, bool),
    Nothing,
    /// It has a record that needs a message of its own.
    Later,
}

impl<B: Bounds> Node<B> {
    /// Reads one member's output as it is; `None` when there is nothing yet.
    pub fn read_member_output(
        &mut self,
        index: MemberSlot,
        stream: Stream,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Option<usize> {
        let member = *self.member(index);
        if member.ended[stream as usize] {
            return Some(0);
        }
        if matches!(member.state, State::Reserved | State::Starting) || out.is_empty() {
            return if out.is_empty() { Some(0) } else { None };
        }
        match host.read(index, stream, out) {
            Pull::Data(len) => Some(len),
            Pull::Empty => None,
            Pull::End => {
                self.end_output(index, stream);
                Some(0)
            }
        }
    }

    /// Reads a session's output: bytes, 0 when all members' have ended, `None` when there is nothing yet. A
    /// read in which no prefix has room is refused.
    pub fn read_output(
        &mut self,
        slot: SessionSlot,
        stream: Stream,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let session = *self.session(slot);
        if !session.executed {
            // What was refused before its exec will never run.
            return Ok(if session.poisoned { Some(0) } else { None });
        }
        if out.is_empty() {
            return Ok(Some(0));
        }
        if session.size == 1 && session.options.prefix == Prefix::Off {
            let member = self.member_from(slot, 0);
            return Ok(member.and_then(|index| self.read_member_output(index, stream, host, out)));
        }
        if session.options.prefix != Prefix::Off && front(out.len()) <= self.prefix_max(session) {
            return Err(Ename::Invalid);
        }
        let s = stream as usize;
        let mut len = 0;
        let count = self.members.slots().len();
        let start = session.open_record[s].unwrap_or(session.turn[s]) as usize;
        for at in (start..count).chain(0..start) {
            let member = self.members.slots()[at];
            if member.state == State::Free || member.session != slot || member.ended[s] {
                continue;
            }
            let index = at as MemberSlot;
            let open = self.session(slot).open_record[s];
            if open.is_some_and(|open| open != index) {
                break;
            }
            match self.take_records(index, stream, host, (&mut out[len..], len == 0)) {
                Turn::Gave(more, goes_on) => {
                    len += more;
                    let session = self.session(slot);
                    session.open_record[s] = goes_on.then_some(index);
                    session.turn[s] = ((at + 1) % count) as MemberSlot;
                    if goes_on {
                        break;
                    }
                }
                Turn::Later => {
                    self.session(slot).turn[s] = index;
                    break;
                }
                Turn::Nothing if open.is_some() && !self.member(index).ended[s] => break,
                Turn::Nothing => {}
            }
        }
        let all_ended = self.members_of(slot).all(|(_, member)| member.ended[s]);
        Ok(if len > 0 || all_ended { Some(len) } else { None })
    }

    /// Takes whole records of one member into `out`; if `alone` (the message is empty so far) and the
    /// record is longer than the message, a piece of it.
    fn take_records(
        &mut self,
        index: MemberSlot,
        stream: Stream,
        host: &mut impl Host,
        (out, alone): (&mut [u8], bool),
    ) -> Turn {
        let s = stream as usize;
        let member = *self.member(index);
        if !member.state.is_live() && member.state != State::Ended {
            return Turn::Nothing;
        }
        let session = *self.session(member.session);
        let mut prefix = self.prefix(session.options.prefix, member.number);
        if session.open_record[s] == Some(index) {
            prefix = Text::EMPTY;
        }
        // The look goes to the end of the room, so that records can move to the front with their prefixes.
        let skip = if session.options.prefix == Prefix::Off { 0 } else { front(out.len()) };
        if out.is_empty() || (skip > 0 && skip <= self.prefix_max(session)) {
            return Turn::Nothing;
        }
        // One byte is kept for the newline of an unended last record; where there is only one, that record
        // goes in pieces.
        let end = (out.len() - 1).max(1);
        let room = end - skip;
        let looked = match host.peek(index, stream, &mut out[skip..end]) {
            Pull::Data(len) => len,
            Pull::Empty => return Turn::Nothing,
            Pull::End => {
                self.end_output(index, stream);
                // A record that was given in part ends with its member.
                if session.open_record[s] == Some(index) {
                    out[0] = b'\n';
                    return Turn::Gave(1, false);
                }
                return Turn::Nothing;
            }
        };
        let look = skip..skip + looked;
        let whole = out[look.clone()].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let (given, used, goes_on) = match whole {
            Some(whole) => {
                let again = self.prefix(session.options.prefix, member.number);
                let (given, used) = arrange(out, (skip, whole), prefix.as_str(), again.as_str());
                (given, used, false)
            }
            None if looked < room && host.is_last(index, stream) => {
                out[look.end] = b'\n';
                let (given, _) = arrange(out, (skip, looked + 1), prefix.as_str(), "");
                (given, looked, false)
            }
            None if looked < room && !host.is_full(index, stream) => return Turn::Nothing,
            // Too long for a message: in pieces, and a fresh message begins with the first.
            None if alone => {
                let (given, used) = arrange(out, (skip, looked), prefix.as_str(), "");
                (given, used, true)
            }
            None => return Turn::Later,
        };
        if used == 0 {
            return Turn::Nothing;
        }
        host.discard(index, stream, used);
        Turn::Gave(given, goes_on)
    }

    /// Bytes of the longest prefix of a session's records.
    fn prefix_max(&self, session: Session<B::SessionTags>) -> usize {
        self.prefix(session.options.prefix, session.size).as_str().len()
    }

    fn prefix(&self, kind: Prefix, number: u32) -> Text<PREFIX_MAX> {
        let mut text = Text::EMPTY;
        let written = match kind {
            Prefix::Off => Ok(()),
            Prefix::Node => write!(text, "{}: ", self.facts.name),
            Prefix::Member => write!(text, "{number}: "),
        };
        assert!(written.is_ok(), "a node name has at most 64 bytes");
        text
    }
}

/// How much of so much room is left in front of records for their prefixes.
fn front(room: usize) -> usize {
    (room / 2).min(4096)
}

/// Moves the records in `out[skip..skip + len]` to the front, each behind its prefix, as far as they do not
/// run into those that are still to move: the bytes written and the bytes used.
fn arrange(out: &mut [u8], (skip, len): (usize, usize), first: &str, again: &str) -> (usize, usize) {
    if skip == 0 {
        return (len, len);
    }
    let (mut write, mut read) = (0, skip);
    let mut prefix = first.as_bytes();
    while read < skip + len {
        let left = &out[read..skip + len];
        let record = left.iter().position(|b| *b == b'\n').map_or(left.len(), |at| at + 1);
        if write + prefix.len() > read {
            break;
        }
        out[write..write + prefix.len()].copy_from_slice(prefix);
        write += prefix.len();
        out.copy_within(read..read + record, write);
        write += record;
        read += record;
        prefix = again.as_bytes();
    }
    (write, read - skip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_move_behind_their_prefixes_and_never_over_each_other() {
        let mut out = *b"........ab\nc\n\n";
        let (given, used) = arrange(&mut out, (8, 6), "n1: ", "n1: ");
        assert_eq!((&out[..given], used), (&b"n1: ab\nn1: c\n"[..], 5));
        let mut out = *b"....xy";
        assert_eq!(arrange(&mut out, (4, 2), "", ""), (2, 2));
        assert_eq!(&out[..2], b"xy");
    }
}
