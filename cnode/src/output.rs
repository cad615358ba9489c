//! `stdout` and `stderr`: what the members wrote. A lone member's bytes are given as they are; of several,
//! whole records in the order they arrive, never two mixed. What is not a whole record yet stays in its
//! pipe.

use crate::bounds::Bounds;
use crate::host::{Host, MemberSlot, Pull, SessionSlot, Stream};
use crate::member::State;
use crate::node::Node;
use crate::session::{Output, Session};
use core::fmt::Write;
use heapless::String;
use protocol::ename::Ename;
use protocol::slots::Slots;
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
    pub(crate) fn read_member_output(
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
    pub(crate) fn read_output(
        &mut self,
        slot: SessionSlot,
        stream: Stream,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let session = self.session(slot);
        if !session.is_executed() {
            // What was refused before its exec will never run.
            return Ok(if session.is_poisoned() { Some(0) } else { None });
        }
        if out.is_empty() {
            return Ok(Some(0));
        }
        if session.size == 1 && session.options.prefix == Prefix::Off {
            let member = self.members_of(slot).next();
            return Ok(member
                .map(|(index, _)| index)
                .and_then(|index| self.read_member_output(index, stream, host, out)));
        }
        if session.options.prefix != Prefix::Off && front(out.len()) <= self.prefix_max(session) {
            return Err(Ename::Invalid);
        }
        let s = stream as usize;
        let mut len = 0;
        let (count, mut left) = (self.members.slots().len(), session.count);
        let start = session.outputs[s].open_record.unwrap_or(session.outputs[s].turn) as usize;
        for at in (start..count).chain(0..start) {
            if left == 0 {
                break;
            }
            let member = &self.members.slots()[at];
            if member.state == State::Free || member.session != slot {
                continue;
            }
            left -= 1;
            if member.ended[s] {
                continue;
            }
            let index = at as MemberSlot;
            let open = self.session(slot).outputs[s].open_record;
            if open.is_some_and(|open| open != index) {
                break;
            }
            match self.take_records(index, stream, host, (&mut out[len..], len == 0)) {
                Turn::Gave(more, goes_on) => {
                    len += more;
                    let turn = ((at + 1) % count) as MemberSlot;
                    let open_record = goes_on.then_some(index);
                    self.session_mut(slot).outputs[s] = Output { turn, open_record };
                    if goes_on {
                        break;
                    }
                }
                Turn::Later => {
                    self.session_mut(slot).outputs[s].turn = index;
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
        let session = self.session(member.session);
        let (kind, longest) = (session.options.prefix, self.prefix_max(session));
        let was_begun = session.outputs[s].open_record == Some(index);
        let again = self.prefix(kind, member.number);
        let first = if was_begun { "" } else { again.as_str() };
        // The look goes to the end of the room, so that records can move to the front with their prefixes.
        let skip = if kind == Prefix::Off { 0 } else { front(out.len()) };
        if out.is_empty() || (skip > 0 && skip <= longest) {
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
                if was_begun {
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
                let (given, used) = arrange(out, (skip, whole), first, &again);
                (given, used, false)
            }
            None if looked < room && host.is_last(index, stream) => {
                out[look.end] = b'\n';
                let (given, _) = arrange(out, (skip, looked + 1), first, "");
                (given, looked, false)
            }
            None if looked < room && !host.is_full(index, stream) => return Turn::Nothing,
            // Too long for a message: in pieces, and a fresh message begins with the first.
            None if alone => {
                let (given, used) = arrange(out, (skip, looked), first, "");
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
    fn prefix_max(&self, session: &Session<B::SessionTags>) -> usize {
        self.prefix(session.options.prefix, session.size).len()
    }

    fn prefix(&self, kind: Prefix, number: u32) -> String<PREFIX_MAX, u8> {
        let mut text = String::new();
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
