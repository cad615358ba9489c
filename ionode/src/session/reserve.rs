//! Who has how many members: decided at once by each level, from what it knows of its children.

use crate::down::child::{Children, State};
use crate::ground::blame::Blame;
use crate::ground::id::{SessionId, SessionSlot};
use crate::host::{Host, Param};
use crate::session::Session;
use crate::session::table::Sessions;
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::failure::{Failure, Fault, Step};
use protocol::limits::{CHILDREN_MAX, MEMBERS_MAX, MSIZE_LINK};
use protocol::nodeset::NodeSet;
use protocol::set::Rank;
use protocol::verb::{Counts, Kind, Layout, Res, Share, Why};
use smallvec::SmallVec;

const MANY: Why = Why::Says("too many members: at most 1048576 in a session");

impl Sessions {
    /// Reserves members of a session that was made here.
    pub(crate) fn reserve_for(
        &mut self,
        id: SessionId,
        res: Res<'_>,
        host: &mut impl Host,
        shared: &mut Shared,
    ) -> Result<(), Blame> {
        let Some(session) = self.get(id) else { return Ok(()) };
        let before = session.members.counts;
        let mut counts = before;
        match res {
            Res::Count(want, kind) => {
                session.take_kind(kind)?;
                if want > MEMBERS_MAX.saturating_sub(session.members.size()) {
                    return Err(MANY.into());
                }
                self.spread(id.slot, want, &mut counts, &shared.children)?;
                self.settle_counts(id, counts, shared)
            }
            Res::Nodes(text) => {
                let set = NodeSet::parse(text)
                    .map_err(|_| Why::Says("not a node set; like node[001-064,100] or n[0-63/2]"))?;
                let named = self.count_named(id.slot, set, &mut counts, &shared.children)?;
                let (had, want) = (named.up, set.count() as u32);
                if had < want {
                    return Err(self.why_not(id.slot, set, &shared.children, Why::Few { had, want }));
                }
                self.settle_counts(id, counts, shared)?;
                // Inner nodes find those of theirs in it.
                let pieces = [&b"nodes "[..], text.as_bytes(), b"\n"];
                let kept = pieces.into_iter().try_for_each(|piece| host.append(id.slot, Param::Nodes, piece));
                if let (Err(_), Some(session)) = (kept, self.get(id)) {
                    session.members.counts = before;
                }
                Ok(kept?)
            }
        }
    }

    /// Takes the share of this node, which has that rank, in a parent's session, and shares it out.
    pub(crate) fn take_share(
        &mut self,
        id: SessionId,
        share: &Share,
        rank: Rank,
        host: &mut impl Host,
        shared: &mut Shared,
    ) -> Result<(), Blame> {
        let (first, stride, count) = share.own(rank);
        if count == 0 {
            return Err(Why::Says("no member is for this node").into());
        }
        let mut counts = Counts::default();
        let named = self.count_kept_names(id.slot, &mut counts, host, &shared.children)?;
        let rest = count.checked_sub(named).ok_or(Why::Few { had: count, want: named })?;
        if rest > 0 {
            self.spread(id.slot, rest, &mut counts, &shared.children)?;
        }
        if let Some(Session { members, options, .. }) = self.get(id) {
            (members.first, members.stride, members.whole) = (first, stride, share.size);
            options.layout = share.layout;
        }
        self.settle_counts(id, counts, shared)
    }

    /// Numbers follow the names of nodes, in the order that they have now: that stays with the session.
    fn settle_counts(&mut self, id: SessionId, mut counts: Counts, shared: &mut Shared) -> Result<(), Blame> {
        let Some(Session { members, options, .. }) = self.get(id) else { return Ok(()) };
        members.layout = options.layout;
        if counts.sum() > MEMBERS_MAX {
            return Err(MANY.into());
        }
        counts.sort_by(|one, other| shared.children.order(one, other));
        let before = core::mem::replace(&mut members.counts, counts);
        if members.layout == Layout::Cyclic && !members.share().is_sound() {
            members.counts = before;
            return Err(Why::Says("layout cyclic needs nodes with equal counts, the larger first").into());
        }
        shared.deeds.touch(id.slot);
        Ok(())
    }

    /// A session wants its nodes for itself.
    fn is_excl(&self, slot: SessionSlot) -> bool {
        self.find_at(slot).is_some_and(|session| session.options.excl)
    }

    /// Compute nodes below a child that sessions of ours have: all of them for one that wants its nodes for
    /// itself, those of others that do for the rest.
    fn held(&self, slot: SessionSlot, rank: Rank, children: &Children) -> u32 {
        let excl = self.is_excl(slot);
        let leaves = children.get(rank).leaves;
        let others = self
            .iter()
            .filter(|other| other.id().slot != slot && !other.is_over() && (excl || other.options.excl));
        others.map(|other| other.members.counts.of(rank).min(leaves)).sum()
    }

    /// Children that are up, by name, and the compute nodes of each that a session may have members on.
    fn weights<'a>(
        &'a self,
        slot: SessionSlot,
        children: &'a Children,
    ) -> impl Iterator<Item = (Rank, u32)> + 'a {
        let kind = self.find_at(slot).map_or(Kind::ANY, |session| session.kind());
        let up = children.by_name(children.up());
        // As a rule no session wants its nodes for itself.
        let some_held = self.iter().any(|session| session.options.excl);
        let leaves = up.into_iter().map(move |rank| {
            let leaves = children.get(rank).leaves_of(kind);
            let held = if some_held { self.held(slot, rank, children) } else { 0 };
            (rank, leaves.saturating_sub(held))
        });
        leaves.filter(|(_, leaves)| *leaves > 0)
    }

    /// Spreads members evenly over the compute nodes, however they hang, the first having one more.
    fn spread(
        &self,
        slot: SessionSlot,
        want: u32,
        counts: &mut Counts,
        children: &Children,
    ) -> Result<(), Why> {
        let weights: SmallVec<[(Rank, u32); CHILDREN_MAX]> = self.weights(slot, children).collect();
        let leaves: u32 = weights.iter().map(|(_, leaves)| leaves).sum();
        if leaves == 0 {
            return Err(Why::Few { had: 0, want });
        }
        let (each, mut extra) = (want / leaves, want % leaves);
        for (rank, leaves) in weights {
            let more = extra.min(leaves);
            extra -= more;
            add(counts, rank, each * leaves + more)?;
        }
        Ok(())
    }

    /// Counts one member more for each node of a set that may have one.
    fn count_named(
        &self,
        slot: SessionSlot,
        set: NodeSet<'_>,
        counts: &mut Counts,
        children: &Children,
    ) -> Result<Named, Why> {
        let mut all = Named::default();
        let up = children.up();
        for rank in children.known() {
            let child = children.get(rank);
            all.known += child.named_in(set, |_| true);
            let is_taken = !child.is_inner() && self.held(slot, rank, children) > 0;
            if up.has(rank) && !is_taken {
                let named = child.named_in(set, |state| state == "up");
                add(counts, rank, named)?;
                all.up += named;
            }
        }
        Ok(all)
    }

    /// Why compute nodes of ours that a set names get no members of a session, and which; `few` where none of
    /// them is the reason.
    fn why_not(&self, slot: SessionSlot, set: NodeSet<'_>, children: &Children, few: Why) -> Blame {
        let mut blame = None;
        for rank in children.known() {
            let child = children.get(rank);
            if child.is_inner() || !set.contains(child.name.as_str()) {
                continue;
            }
            let fault = |fault| Why::from(Failure::bad(Step::Res, 0, fault));
            let why = match child.state {
                State::Lost(_) => Why::Ename(Ename::HostDown),
                _ if child.drained.is_some() => fault(Fault::Drains),
                State::Up if self.held(slot, rank, children) == 0 => continue,
                State::Up if self.is_excl(slot) => fault(Fault::Shared),
                State::Up => fault(Fault::Taken),
                _ => continue,
            };
            let blame = blame.get_or_insert(Blame::from(why));
            if blame.why == why {
                blame.who.add(rank);
            }
        }
        blame.unwrap_or_else(|| few.into())
    }

    /// Counts a member for each node that the sets name which a parent's session was given.
    fn count_kept_names(
        &mut self,
        slot: SessionSlot,
        counts: &mut Counts,
        host: &mut impl Host,
        children: &Children,
    ) -> Result<u32, Blame> {
        let mut piece = core::mem::take(&mut self.scratch.piece);
        let (mut all, mut offset) = (Named::default(), 0);
        let outcome = loop {
            piece.resize(MSIZE_LINK as usize, 0);
            let len = host.param(slot, Param::Nodes, offset, &mut piece);
            let whole = piece[..len].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            if whole == 0 {
                break Ok(all.up);
            }
            offset += whole as u64;
            if let Err(blame) = self.count_lines(slot, &piece[..whole], counts, &mut all, children) {
                break Err(blame);
            }
        };
        self.scratch.piece = piece;
        outcome
    }

    fn count_lines(
        &self,
        slot: SessionSlot,
        lines: &[u8],
        counts: &mut Counts,
        all: &mut Named,
        children: &Children,
    ) -> Result<(), Blame> {
        let text = core::str::from_utf8(lines).unwrap_or("");
        for set in text.lines().filter_map(|line| NodeSet::parse(line.strip_prefix("nodes ")?).ok()) {
            let named = self.count_named(slot, set, counts, children)?;
            // Members that are meant for a node by name are on no other.
            if named.up < named.known {
                let few = Why::Few { had: named.up, want: named.known };
                return Err(self.why_not(slot, set, children, few));
            }
            all.up += named.up;
        }
        Ok(())
    }
}

impl Session {
    /// A session's members that are counted are all on nodes of one kind: a level below that spreads them
    /// knows no other.
    fn take_kind(&mut self, kind: Kind<'_>) -> Result<(), Why> {
        if self.members.size() > 0 && self.kind() != kind {
            return Err(Why::Says("all res N of a session are of one os and arch; make another session"));
        }
        self.set_kind(kind);
        Ok(())
    }
}

/// Nodes of a set below this one: how many there are, and how many of them may have members.
#[derive(Clone, Copy, Debug, Default)]
struct Named {
    known: u32,
    up: u32,
}

fn add(counts: &mut Counts, rank: Rank, more: u32) -> Result<(), Why> {
    if counts.add(rank, more) { Ok(()) } else { Err(MANY) }
}
