//! How a child joins: its name and boot number, a version, and the catch-up burst by which it gets the fids
//! that every child has.

use crate::above::{Above, CYCLE};
use crate::children::report;
use crate::down::ask::{Answer, Ask};
use crate::down::child::{State, Sums};
use crate::down::step::{Line, Send};
use crate::ground::deed::Deed;
use crate::shared::Shared;
use core::fmt::Write;
use protocol::limits::{MSIZE_LINK, MSIZE_MIN, NODE_NAME_MAX};
use protocol::message::{Rmsg, Tag, VERSION};
use protocol::quote::Quoted;
use protocol::server::{LinkId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;
use protocol::wire::Botch;

/// The place of a node that asks on `link` to become a child, named `name`, with that boot number.
pub(crate) fn place(
    link: LinkId,
    name: &str,
    boot: u64,
    above: &Above,
    shared: &mut Shared,
) -> Result<Rank, Why> {
    if shared.children.on(link).is_some() {
        return Err(Why::Says("this link has joined already"));
    }
    if name == "parent" {
        return Err(Why::Says("no child is called parent: net/parent is the node above"));
    }
    let rank = shared.children.place(name).ok_or(Why::Says("full: 64 children have joined"))?;
    if above.has(shared.facts.boot, boot) {
        return Err(Why::Says(CYCLE));
    }
    let child = shared.children.get(rank);
    if !child.is_mount && child.is_linked() && child.boot != boot {
        return Err(Why::Says("the name is taken by another node that is up"));
    }
    Ok(rank)
}

/// The node on `link` becomes the child with that rank, whose place has nobody with a link.
pub(crate) fn take(
    now: Time,
    link: LinkId,
    rank: Rank,
    (name, boot): (Text<NODE_NAME_MAX>, u64),
    shared: &mut Shared,
) {
    let child = shared.children.get_mut(rank);
    assert!(!child.is_linked(), "a place has one link");
    if child.state == State::Empty {
        child.take_place();
    }
    child.name = name;
    child.boot = boot;
    child.state = State::Joining;
    child.msize = MSIZE_MIN;
    child.asked = Some(now);
    (child.height, child.leaves, child.sums) = (0, 0, Sums::default());
    child.status.clear();
    child.fresh.clear();
    child.is_reading = false;
    shared.children.bind(rank, link);
    shared.child_is(rank);
}

/// Writes what the child on `link` is answered; from then on it is served and serves. False for a client.
pub(crate) fn write_joined(link: LinkId, above: &Above, w: &mut impl Write, shared: &mut Shared) -> bool {
    let Some(rank) = shared.children.on(link) else { return false };
    let boots = above.boots(shared.facts.boot);
    assert!(writeln!(w, "{}{boots}", rank.index()).is_ok(), "a window takes any text");
    if shared.children.get(rank).state == State::Joining {
        shared.children.get_mut(rank).state = State::Greeted;
        shared.down.send(ChildSet::one(rank), Tag::NONE, Send::Version);
    }
    true
}

/// The version that a child, or a mounted tree, has agreed on in that state: the largest message it takes.
pub(crate) fn agreed(rank: Rank, state: State, msg: &Rmsg<'_>, shared: &mut Shared) -> Result<(), Botch> {
    let Rmsg::Version { msize, version } = *msg else { return Err(Botch) };
    let child = shared.children.get_mut(rank);
    let is_sound = version == VERSION && (MSIZE_MIN..=MSIZE_LINK).contains(&msize);
    if child.state != state || !is_sound {
        return Err(Botch);
    }
    child.msize = msize;
    Ok(())
}

/// The child agreed on a version: the rest of the catch-up burst.
pub(crate) fn greeted(rank: Rank, msg: &Rmsg<'_>, shared: &mut Shared) -> Result<(), Botch> {
    agreed(rank, State::Greeted, msg, shared)?;
    shared.children.get_mut(rank).state = State::CatchingUp;
    let one = ChildSet::one(rank);
    // The node's own files are reached as root, the user of nodes.
    let root = shared.root().ok_or(Botch)?;
    for user in shared.users.known() {
        shared.attach(user, one);
    }
    let from = shared.users.fid(root);
    let files = shared.down.node;
    for (fid, file, mode) in [
        (files.ctl, File::Ctl, mode::RDWR),
        (files.beat, File::Beat, mode::READ),
        (files.info, File::Info, mode::READ),
        (files.status, File::Status, mode::READ),
        (files.summary, File::Summary, mode::READ),
        (files.events, File::Events, mode::READ),
    ] {
        shared.down.fids.establish(fid, one);
        shared.down.ask(one, Ask::CatchUp, Send::WalkRoot { from, fid, file: Some(file) });
        shared.down.ask(one, Ask::CatchUp, Send::Open { fid, mode });
    }
    report::ask_info(one, shared);
    Ok(())
}

/// A child that is catching up has reported what it is: the end of the burst, behind which it serves.
pub(crate) fn catch_up(rank: Rank, shared: &mut Shared) {
    let one = ChildSet::one(rank);
    let ctl = shared.down.node.ctl;
    if let Some(why) = shared.children.get(rank).drained {
        let why = Quoted(why.as_str());
        shared.down.ask_text(one, Ask::CatchUp, ctl, format_args!("drain {why}"));
    }
    // Behind that: it is never up here while it is to drain.
    report::ask_status(one, shared);
    if shared.children.get(rank).is_inner() {
        report::ask_events(one, shared);
    }
    shared.down.ask_line(one, Ask::Fence, ctl, Line::Fence);
}

/// The catch-up burst is answered: the child takes part.
pub(crate) fn caught_up(rank: Rank, answer: Answer<'_>, shared: &mut Shared) -> Result<(), Botch> {
    answer.map_err(|_| Botch)?;
    let child = shared.children.get_mut(rank);
    child.state = State::Up;
    child.asked = None;
    shared.child_is(rank);
    shared.deeds.push(Deed::ChildUp(rank));
    Ok(())
}
