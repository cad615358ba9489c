//! What a part of a node has in common with the others.

use crate::ground::id::SessionId;
use crate::shared::Shared;
use protocol::server::RequestId;
use protocol::set::Rank;
use protocol::time::Time;

/// A part: what it does when memory is taken, when its time has come, and when what it may have something of
/// is gone. All of it does nothing unless a part says so.
pub(crate) trait Part {
    /// Takes the memory for all that it may hold.
    fn reserve(&mut self) {}

    /// When `expire` is due.
    fn due(&self) -> Time {
        Time::NEVER
    }

    /// Does the first thing that is due; false if nothing is.
    fn expire(&mut self, _now: Time, _shared: &mut Shared) -> bool {
        false
    }

    /// A child is gone. What it owes answers to is answered for it afterwards.
    fn lose(&mut self, _rank: Rank, _shared: &mut Shared) {}

    /// A session is gone.
    fn end(&mut self, _session: SessionId, _shared: &mut Shared) {}

    /// Nobody waits for a request any more.
    fn cancel(&mut self, _request: RequestId, _shared: &mut Shared) {}

    /// Nothing of it is under way.
    fn is_quiet(&self) -> bool {
        true
    }
}
