//! `stdout` and `stderr` over many children: pulled only while somebody reads, at most one message of each
//! child held, whole records never mixed. A lone member's bytes are given as they are.

use crate::down::ask::{Answer, Ask};
use crate::flow::MemberView;
use crate::ground::bounds::{FEW, HELD_MANY};
use crate::ground::pool::{Held, Pool};
use crate::ground::stream::Stream;
use crate::shared::{Refusal, Shared};
use protocol::ename::Ename;
use protocol::limits::CHILDREN_MAX;
use protocol::message::{Fid, Rmsg, Tag};
use protocol::server::UserId;
use protocol::set::{ChildSet, Rank};
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;
use protocol::wire::Botch;

/// What is known of one output of a session.
#[derive(Debug)]
pub(crate) struct Output {
    /// The fid and the tag on the children, once somebody reads.
    file: Option<(Fid, Tag)>,
    /// Children whose output has not ended.
    live: ChildSet,
    /// Children that went away before their output had ended, though their members' outcomes are known: the
    /// end says so, since nothing else does.
    cut: ChildSet,
    /// What children answered and nobody has read yet.
    held: [Held; CHILDREN_MAX],
    /// Those who have something held.
    full: ChildSet,
    /// The child whose record was given in part: its rest comes before anything else.
    open_record: Option<Rank>,
    /// Where the next look begins, so that all get their turn.
    turn: u8,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            file: None,
            live: ChildSet::EMPTY,
            cut: ChildSet::EMPTY,
            held: [Held::default(); CHILDREN_MAX],
            full: ChildSet::EMPTY,
            open_record: None,
            turn: 0,
        }
    }
}

impl Output {
    /// The session begins on these children.
    pub(crate) fn begin(&mut self, live: ChildSet) {
        self.live = live;
    }

    /// Reads: bytes, 0 when all children's have ended, `None` when there is nothing yet. Where some was lost
    /// with a child its end is a refusal, once.
    pub(crate) fn read(
        &mut self,
        (now, user, stream): (Time, UserId, Stream),
        view: &MemberView<'_>,
        out: &mut [u8],
        shared: &mut Shared,
    ) -> Result<Option<usize>, Ename> {
        if out.is_empty() {
            return Ok(Some(0));
        }
        let len = self.take_held(view.members.total() == 1, out, &mut shared.pool);
        self.ask(stream, view, shared);
        let ended = self.live.is_empty() && self.full.is_empty();
        if len > 0 || !ended {
            return Ok(if len > 0 { Some(len) } else { None });
        }
        let cut = core::mem::take(&mut self.cut);
        if cut.is_empty() {
            return Ok(Some(0));
        }
        let session = view.whose.session;
        let mut refusal = Refusal::new(now, user, Some(session.slot), Text::cut(stream.name()), 1);
        refusal.add(Why::Ename(Ename::HostDown), cut);
        shared.refuse(Some(session), refusal);
        Err(Ename::HostDown)
    }

    /// What a child that is gone had not given yet is lost.
    pub(crate) fn lose(&mut self, rank: Rank, is_told: bool) {
        if self.live.cut(rank) && !is_told {
            self.cut.add(rank);
        }
    }

    /// A child refused the way to it.
    pub(crate) fn refused(&mut self, rank: Rank, fid: Fid) {
        if self.file.is_some_and(|(own, _)| own == fid) {
            self.live.cut(rank);
        }
    }

    /// Asks for more where nothing is held, with one question for all of them.
    fn ask(&mut self, stream: Stream, view: &MemberView<'_>, shared: &mut Shared) {
        if self.live.is_empty() {
            return;
        }
        let file = match self.file {
            Some(file) => file,
            None => {
                // Without a free number the reader waits until one comes free and something wakes it.
                let ask = Ask::Output(view.whose.session, stream);
                let Some(file) = shared.down.standing(ask) else { return };
                shared.open_step(view.whose, self.live, file.0, (stream.file(), Shared::READ));
                self.file = Some(file);
                file
            }
        };
        let set = self.live.less(self.full).less(shared.down.tags.owes(file.1));
        let most = if self.live.count() <= FEW { u32::MAX } else { HELD_MANY };
        let count = shared.children.payload(set).min(most);
        shared.read_again(set, file, 0, count);
    }

    /// A child gave output, or its end.
    pub(crate) fn answered(&mut self, rank: Rank, answer: Answer<'_>, pool: &mut Pool) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Ok(_) => return Err(Botch),
            // A level below has lost some of it.
            Err(Ename::HostDown) => {
                self.lose(rank, false);
                return Ok(());
            }
            Err(_) => &[],
        };
        if data.is_empty() {
            self.live.cut(rank);
        } else {
            assert!(self.held[rank.index()].is_none(), "a child is asked when nothing of it is held");
            self.held[rank.index()] = pool.hold(data);
            self.full.add(rank);
        }
        Ok(())
    }

    /// Moves what is held to a reader: whole records, or a piece of one that is too long for any message.
    fn take_held(&mut self, raw: bool, out: &mut [u8], pool: &mut Pool) -> usize {
        let mut len = 0;
        while len < out.len() {
            let next = match self.open_record {
                Some(rank) if self.full.has(rank) => rank,
                Some(rank) if self.live.has(rank) => break,
                Some(_) => {
                    // Its child went away in the middle of it.
                    out[len] = b'\n';
                    len += 1;
                    self.open_record = None;
                    continue;
                }
                None => match next_from(self.full, self.turn) {
                    Some(rank) => rank,
                    None => break,
                },
            };
            let held = &mut self.held[next.index()];
            let left = pool.left(*held);
            let room = out.len() - len;
            let whole = |bytes: &[u8]| bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let take = match (left.len() <= room, whole(&left[..left.len().min(room)])) {
                (true, _) => left.len(),
                (false, _) if raw => room,
                (false, 0) if len == 0 || self.open_record.is_some() => room,
                (false, whole) => whole,
            };
            if take == 0 {
                break;
            }
            out[len..len + take].copy_from_slice(&left[..take]);
            len += take;
            let ends = raw || out[len - 1] == b'\n';
            self.open_record = if ends { None } else { Some(next) };
            pool.take(held, take);
            if held.is_none() {
                self.full.cut(next);
            }
            self.turn = ((next.index() + 1) % CHILDREN_MAX) as u8;
        }
        len
    }

    /// Gives its numbers and memory back.
    pub(crate) fn close(&mut self, shared: &mut Shared) {
        for held in &mut self.held {
            shared.pool.release(held);
        }
        if let Some(file) = self.file.take() {
            shared.down.leave(file);
        }
    }
}

fn next_from(set: ChildSet, turn: u8) -> Option<Rank> {
    let later = ChildSet(set.0 & (!0 << turn));
    later.first().or(set.first())
}
