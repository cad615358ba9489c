//! Machines below the two cores that do nothing: what is counted is the cores' own.

use cnode::host::{Host as StubHost, Load, MemberSlot, Param as StubParam, Pull, Push, Stream};
use ionode::host::{Host, Param};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::text::Text;
use protocol::verb::Adjust;

/// The parameters of one session at a time, and nothing else: of an aggregator, or of a compute node whose
/// members take everything and say nothing.
#[derive(Default)]
pub(crate) struct Kept([Vec<u8>; 6]);

impl Kept {
    fn copy(&self, index: usize, offset: u64, out: &mut [u8]) -> usize {
        let left = self.0[index].get(offset as usize..).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        len
    }
}

impl Host for Kept {
    fn append(&mut self, _: u16, param: Param, data: &[u8]) -> Result<(), Ename> {
        self.0[param as usize].extend_from_slice(data);
        Ok(())
    }

    fn truncate(&mut self, _: u16, param: Param) {
        self.0[param as usize].clear();
    }

    fn len(&mut self, _: u16, param: Param) -> u32 {
        self.0[param as usize].len() as u32
    }

    fn param(&mut self, _: u16, param: Param, offset: u64, out: &mut [u8]) -> usize {
        self.copy(param as usize, offset, out)
    }

    fn release_session(&mut self, _: u16) {
        self.0.iter_mut().for_each(Vec::clear);
    }

    fn user_name(&mut self, _: u32) -> Option<Text<USER_NAME_MAX>> {
        Text::new("root")
    }

    fn ids(&mut self, _: &str) -> Option<(u32, u32)> {
        Some((0, 0))
    }
}

impl StubHost for Kept {
    fn append(&mut self, _: u16, param: StubParam, data: &[u8]) -> Result<(), Ename> {
        self.0[param as usize].extend_from_slice(data);
        Ok(())
    }

    fn truncate(&mut self, _: u16, param: StubParam) {
        self.0[param as usize].clear();
    }

    fn param(&mut self, _: u16, param: StubParam, offset: u64, out: &mut [u8]) -> usize {
        self.copy(param as usize, offset, out)
    }

    fn spill(&mut self, _: u16, _: &[u8]) -> Result<(), Ename> {
        Ok(())
    }

    fn spilled_record(&mut self, _: u16, _: u32) -> (u32, bool) {
        (0, false)
    }

    fn feed(&mut self, _: u16, _: MemberSlot, _: u32, _: u32) -> Push {
        Push::Closed
    }

    fn has_read_all(&mut self, _: MemberSlot) -> bool {
        true
    }

    fn write(&mut self, _: MemberSlot, _: &[u8]) -> Push {
        Push::Closed
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

    fn adjust(&mut self, _: MemberSlot, _: Adjust) -> Result<(), Ename> {
        Ok(())
    }

    fn go(&mut self, _: MemberSlot) {}

    fn cancel(&mut self, _: MemberSlot) {}

    fn release_member(&mut self, _: MemberSlot) {}

    fn release_session(&mut self, _: u16) {
        self.0.iter_mut().for_each(Vec::clear);
    }

    fn load(&mut self) -> Load {
        Load::default()
    }
}
