//! A machine that keeps nothing and runs nothing, for a stub to be linked against.

use cnode::host::{Host, Load, MemberSlot, Param, Pull, Push, SessionSlot, Stream};
use protocol::ename::Ename;

pub(crate) struct Machine;

impl Host for Machine {
    fn append(&mut self, _: SessionSlot, _: Param, _: &[u8]) -> Result<(), Ename> {
        Ok(())
    }

    fn truncate(&mut self, _: SessionSlot, _: Param) {}

    fn param(&mut self, _: SessionSlot, _: Param, _: u64, _: &mut [u8]) -> usize {
        0
    }

    fn spill(&mut self, _: SessionSlot, _: &[u8]) -> Result<(), Ename> {
        Ok(())
    }

    fn spilled_record(&mut self, _: SessionSlot, _: u32) -> (u32, bool) {
        (1, true)
    }

    fn feed(&mut self, _: SessionSlot, _: MemberSlot, _: u32, _: u32) -> Push {
        Push::Closed
    }

    fn write(&mut self, _: MemberSlot, _: &[u8]) -> Push {
        Push::Closed
    }

    fn has_read_all(&mut self, _: MemberSlot) -> bool {
        true
    }

    fn adjust(&mut self, _: MemberSlot, _: protocol::verb::Adjust) -> Result<(), Ename> {
        Ok(())
    }

    fn close_stdin(&mut self, _: MemberSlot) {}

    fn read(&mut self, _: MemberSlot, _: Stream, _: &mut [u8]) -> Pull {
        Pull::End
    }

    fn peek(&mut self, _: MemberSlot, _: Stream, _: &mut [u8]) -> Pull {
        Pull::End
    }

    fn discard(&mut self, _: MemberSlot, _: Stream, _: usize) {}

    fn is_last(&mut self, _: MemberSlot, _: Stream) -> bool {
        true
    }

    fn is_full(&mut self, _: MemberSlot, _: Stream) -> bool {
        false
    }

    fn signal(&mut self, _: MemberSlot, _: u8) -> Result<(), Ename> {
        Ok(())
    }

    fn go(&mut self, _: MemberSlot) {}

    fn cancel(&mut self, _: MemberSlot) {}

    fn release_member(&mut self, _: MemberSlot) {}

    fn release_session(&mut self, _: SessionSlot) {}

    fn load(&mut self) -> Load {
        Load::default()
    }
}
