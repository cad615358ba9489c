//! Who has how many members: decided at once by each level, from what it knows of its children.

use crate::child::State;
use crate::host::{Host, Param, SessionSlot};
use crate::node::Node;
use protocol::ename::Ename;
use protocol::failure::{Failure, Fault, Step};
use protocol::limits::{CHILDREN_MAX, MEMBERS_MAX, MSIZE_LINK};
use protocol::nodeset::NodeSet;
use protocol::set::Rank;
use protocol::text::Text;
use protocol::verb::{Counts, Kind, Layout, Res, Share, Why};
use smallvec::SmallVec;

const MANY: Why = Why::Says("too many members: at most 1048576 in a session");

impl Node {
    /// Reserves members of a session that was made here.
    pub(crate) fn reserve(
        &mut self,
        slot: SessionSlot,
        res: Res<'_>,
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let before = self.session(slot).counts;
        let mut counts = before;
        match res {
            Res::Count(want, kind) => {
                self.take_kind(slot, kind)?;
                if want > MEMBERS_MAX.saturating_sub(self.session(slot).size()) {
                    return Err(MANY);
                }
                self.spread(slot, want, &mut counts)?;
                self.settle_counts(slot, counts)
            }
            Res::Nodes(text) => {
                let set = NodeSet::parse(text)
                    .map_err(|_| Why::Says("not a node set; like node[001-064,100] or n[0-63/2]"))?;
                let (had, want) = (self.count_named(slot, set, &mut counts)?.up, set.count() as u32);
                if had < want {
                    return Err(self.why_not(slot, set).unwrap_or(Why::Few { had, want }));
                }
                self.settle_counts(slot, counts)?;
                // Inner nodes find those of theirs in it.
                let pieces = [&b"nodes "[..], text.as_bytes(), b"\n"];
                let kept = pieces.into_iter().try_for_each(|piece| host.append(slot, Param::Nodes, piece));
                if kept.is_err() {
                    self.session(slot).counts = before;
                }
                Ok(kept?)
            }
        }
    }

    /// Takes the share of this node in a parent's session, and shares it out.
    pub(crate) fn take_share(
        &mut self,
        slot: SessionSlot,
        share: &Share,
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let rank = self.parent.rank().ok_or(Why::SHARED_BY_PARENTS)?;
        let (first, stride, count) = share.own(rank);
        if count == 0 {
            return Err(Why::Says("no member is for this node"));
        }
        let mut counts = Counts::default();
        let named = self.count_kept_names(slot, &mut counts, host)?;
        let rest = count.checked_sub(named).ok_or(Why::Few { had: count, want: named })?;
        if rest > 0 {
            self.spread(slot, rest, &mut counts)?;
        }
        let session = self.session(slot);
        (session.first, session.stride, session.whole) = (first, stride, share.size);
        session.layout = share.layout;
        self.settle_counts(slot, counts)
    }

    /// Numbers follow the names of nodes, in the order that they have now: that stays with the session.
    fn settle_counts(&mut self, slot: SessionSlot, mut counts: Counts) -> Result<(), Why> {
        if counts.sum() > MEMBERS_MAX {
            return Err(MANY);
        }
        counts.sort_by(|one, other| self.children.order(one, other));
        let session = self.session(slot);
        let before = core::mem::replace(&mut session.counts, counts);
        if session.layout == Layout::Cyclic && !session.share().is_sound() {
            session.counts = before;
            return Err(Why::Says("layout cyclic needs nodes with equal counts, the larger first"));
        }
        self.touch(slot);
        Ok(())
    }

    /// A session's members that are counted are all on nodes of one kind: a level below that spreads them
    /// knows no other.
    fn take_kind(&mut self, slot: SessionSlot, kind: Kind<'_>) -> Result<(), Why> {
        let session = self.session(slot);
        if session.size() > 0 && session.kind() != kind {
            return Err(Why::Says("all res N of a session are of one os and arch; make another session"));
        }
        session.kind = (Text::cut(kind.os), Text::cut(kind.arch));
        Ok(())
    }

    /// Compute nodes below a child that sessions of ours have: all of them for one that wants its nodes for
    /// itself, those of others that do for the rest.
    fn held(&self, slot: SessionSlot, rank: Rank) -> u32 {
        let excl = self.sessions[slot as usize].excl;
        let leaves = self.children.get(rank).leaves;
        let others = self.sessions.iter().enumerate().filter(|(at, other)| {
            *at != slot as usize && other.used && !other.is_over() && (excl || other.excl)
        });
        others.map(|(_, other)| other.counts.of(rank).min(leaves)).sum()
    }

    /// Children that are up, by name, and the compute nodes of each that a session may have members on.
    fn weights(&self, slot: SessionSlot) -> impl Iterator<Item = (Rank, u32)> + '_ {
        let kind = self.sessions[slot as usize].kind();
        let up = self.children.by_name(self.children.up());
        // As a rule no session wants its nodes for itself.
        let some_held = self.sessions.iter().any(|session| session.used && session.excl);
        let leaves = up.into_iter().map(move |rank| {
            let leaves = self.children.get(rank).leaves_of(kind);
            let held = if some_held { self.held(slot, rank) } else { 0 };
            (rank, leaves.saturating_sub(held))
        });
        leaves.filter(|(_, leaves)| *leaves > 0)
    }

    /// Spreads members evenly over the compute nodes, however they hang, the first having one more.
    fn spread(&self, slot: SessionSlot, want: u32, counts: &mut Counts) -> Result<(), Why> {
        let weights: SmallVec<[(Rank, u32); CHILDREN_MAX]> = self.weights(slot).collect();
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
        &mut self,
        slot: SessionSlot,
        set: NodeSet<'_>,
        counts: &mut Counts,
    ) -> Result<Named, Why> {
        let mut all = Named::default();
        let up = self.children.up();
        for rank in self.children.known() {
            let child = self.children.get(rank);
            all.known += child.named_in(set, |_| true);
            let is_taken = !child.is_inner() && self.held(slot, rank) > 0;
            if up.has(rank) && !is_taken {
                let named = child.named_in(set, |state| state == "up");
                add(counts, rank, named)?;
                all.up += named;
            }
        }
        Ok(all)
    }

    /// Why compute nodes of ours that a set names get no members of a session; the refusal is of them.
    fn why_not(&mut self, slot: SessionSlot, set: NodeSet<'_>) -> Option<Why> {
        let mut first = None;
        for rank in self.children.known() {
            let child = self.children.get(rank);
            if child.is_inner() || !set.contains(child.name.as_str()) {
                continue;
            }
            let fault = |fault| Why::from(Failure::bad(Step::Res, 0, fault));
            let why = match child.state {
                State::Lost(_) => Why::Ename(Ename::HostDown),
                _ if child.drained.is_some() => fault(Fault::Drains),
                State::Up if self.held(slot, rank) == 0 => continue,
                State::Up if self.sessions[slot as usize].excl => fault(Fault::Shared),
                State::Up => fault(Fault::Taken),
                _ => continue,
            };
            if *first.get_or_insert(why) == why {
                self.blamed.add(rank);
            }
        }
        first
    }

    /// The same for all sets that a parent's session was given.
    fn count_kept_names(
        &mut self,
        slot: SessionSlot,
        counts: &mut Counts,
        host: &mut impl Host,
    ) -> Result<u32, Why> {
        let mut piece = core::mem::take(&mut self.piece);
        let (mut all, mut offset) = (Named::default(), 0);
        let outcome = loop {
            piece.resize(MSIZE_LINK as usize, 0);
            let len = host.param(slot, Param::Nodes, offset, &mut piece);
            let whole = piece[..len].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            if whole == 0 {
                break Ok(all.up);
            }
            offset += whole as u64;
            let text = core::str::from_utf8(&piece[..whole]).unwrap_or("");
            let sets = text.lines().filter_map(|line| NodeSet::parse(line.strip_prefix("nodes ")?).ok());
            for set in sets {
                let named = self.count_named(slot, set, counts)?;
                // Members that are meant for a node by name are on no other.
                if named.up < named.known {
                    let few = Why::Few { had: named.up, want: named.known };
                    return Err(self.why_not(slot, set).unwrap_or(few));
                }
                all.up += named.up;
            }
        };
        self.piece = piece;
        outcome
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
