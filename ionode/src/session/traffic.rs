//! A session's `stdin`, `stdout` and `stderr`: what flows is the business of `flow`, this says when it may.

use crate::down::ask::Answer;
use crate::flow::input::Resources;
use crate::ground::id::{SessionId, SessionSlot};
use crate::ground::stream::Stream;
use crate::host::Host;
use crate::session::Phase;
use crate::session::table::Sessions;
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::server::{RequestId, UserId};
use protocol::set::Rank;
use protocol::time::Time;
use protocol::wire::Botch;

impl Sessions {
    /// Writes to a session's input.
    pub(crate) fn write_input<H: Host>(
        &mut self,
        slot: SessionSlot,
        request: RequestId,
        data: &[u8],
        host: &mut H,
        shared: &mut Shared,
    ) -> Result<Option<u32>, Ename> {
        let mut scratch = core::mem::take(&mut self.scratch);
        let session = self.at(slot)?;
        // Nobody is ever to read what was refused before its exec.
        let written = if session.input.is_ended() || session.phase == Phase::Poisoned {
            Err(Ename::BrokenPipe)
        } else {
            let how = (session.runs(), session.is_parents());
            let (input, view) = session.input();
            input.write(request, data, &view, how, &mut Resources { host, scratch: &mut scratch, shared })
        };
        self.scratch = scratch;
        written
    }

    /// Input that waits goes on, in a session that runs.
    pub(crate) fn feed<H: Host>(&mut self, slot: SessionSlot, host: &mut H, shared: &mut Shared) {
        let mut scratch = core::mem::take(&mut self.scratch);
        if let Ok(session) = self.at(slot)
            && session.runs()
        {
            let (input, view) = session.input();
            input.go_on(&view, &mut Resources { host, scratch: &mut scratch, shared });
        }
        self.scratch = scratch;
    }

    /// A child has delivered input, or cannot.
    pub(crate) fn delivered(&mut self, rank: Rank, id: SessionId, answer: Answer<'_>, shared: &mut Shared) {
        if let Some(session) = self.get(id) {
            let (input, view) = session.input();
            input.answered(rank, answer, &view, shared);
        }
    }

    /// Reads one of a session's outputs.
    pub(crate) fn read_output(
        &mut self,
        (now, user, slot): (Time, UserId, SessionSlot),
        stream: Stream,
        out: &mut [u8],
        shared: &mut Shared,
    ) -> Result<Option<usize>, Ename> {
        let session = self.at(slot)?;
        match session.phase {
            Phase::Open => Ok(None),
            // What was refused before its exec will never run.
            Phase::Poisoned => Ok(Some(0)),
            Phase::Run => {
                let (output, view) = session.output(stream);
                output.read((now, user, stream), &view, out, shared)
            }
        }
    }

    /// A child gave output, or its end.
    pub(crate) fn take_output(
        &mut self,
        rank: Rank,
        (id, stream): (SessionId, Stream),
        answer: Answer<'_>,
        shared: &mut Shared,
    ) -> Result<(), Botch> {
        let Some(session) = self.get(id) else { return Ok(()) };
        let (output, _) = session.output(stream);
        output.answered(rank, answer, &mut shared.pool)?;
        shared.deeds.touch(id.slot);
        Ok(())
    }
}
