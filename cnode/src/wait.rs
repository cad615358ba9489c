//! `wait`: a record for each member as it gets its outcome; every reader gets all of them.

use crate::bounds::Bounds;
use crate::host::SessionSlot;
use crate::node::Node;
use protocol::text::Window;

/// The longest record: numbers, a node name and a message.
const RECORD_MAX: usize = 256;

impl<B: Bounds> Node<B> {
    /// Writes records from the reader's cursor on: how many bytes, 0 at the end, `None` when the next
    /// outcome is still to come. `number` narrows it to one member. The cursor's low half is the place of
    /// the record to come, its high half how much of that one a reader of few bytes has had.
    pub(crate) fn read_wait(
        &self,
        slot: SessionSlot,
        number: Option<u32>,
        cursor: &mut u64,
        out: &mut [u8],
    ) -> Option<usize> {
        let session = self.session(slot);
        if !session.is_executed() {
            // What was refused before its exec will never run.
            return if session.is_poisoned() { Some(0) } else { None };
        }
        let mut len = 0;
        let (mut told, mut part) = (*cursor as u32, *cursor >> 32);
        while len < out.len() {
            let next = self.members_of(slot).find(|(_, m)| u32::from(m.told) == told + 1);
            let Some((_, member)) = next else { break };
            let Some(outcome) = member.outcome else { break };
            if number.is_none_or(|n| n == member.number) {
                if len > 0 && out.len() - len < RECORD_MAX {
                    break;
                }
                let mut window = Window::new(part, &mut out[len..]);
                let name = self.facts.name.as_str();
                let written = outcome.write(member.number, name, &mut window);
                assert!(written.is_ok(), "a window takes any text");
                len += window.len();
                part += window.len() as u64;
                if part < window.total() {
                    break;
                }
            }
            told += 1;
            part = 0;
        }
        *cursor = u64::from(told) | part << 32;
        let over = match number.and_then(|n| self.find_member(slot, n)) {
            Some(index) => self.member(index).outcome.is_some(),
            None => session.outcomes() == session.count,
        };
        if len > 0 || over { Some(len) } else { None }
    }
}
