//! The machine of the aggregator: what it keeps of sessions, and the users there are.

use ionode::host::{Host, Param};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::text::Text;
use std::collections::BTreeMap;

/// Parameters of an aggregator's sessions, and the users of its machine.
#[derive(Default)]
pub(crate) struct Kept(BTreeMap<(u16, u8), Vec<u8>>);

impl Host for Kept {
    fn append(&mut self, slot: u16, param: Param, data: &[u8]) -> Result<(), Ename> {
        self.0.entry((slot, param as u8)).or_default().extend_from_slice(data);
        Ok(())
    }
    fn truncate(&mut self, slot: u16, param: Param) {
        self.0.remove(&(slot, param as u8));
    }
    fn len(&mut self, slot: u16, param: Param) -> u32 {
        self.0.get(&(slot, param as u8)).map_or(0, |bytes| bytes.len() as u32)
    }
    fn param(&mut self, slot: u16, param: Param, offset: u64, out: &mut [u8]) -> usize {
        let bytes = self.0.get(&(slot, param as u8)).map_or(&[][..], Vec::as_slice);
        let left = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        len
    }
    fn release_session(&mut self, slot: u16) {
        self.0.retain(|(own, _), _| *own != slot);
    }
    fn user_name(&mut self, uid: u32) -> Option<Text<USER_NAME_MAX>> {
        [(0, "root"), (1000, "ann")].iter().find(|user| user.0 == uid).and_then(|user| Text::new(user.1))
    }
    fn ids(&mut self, name: &str) -> Option<(u32, u32)> {
        [("root", 0), ("ann", 1000)].iter().find(|user| user.0 == name).map(|user| (user.1, user.1))
    }
}
