//! What observers see of a run, and what one is.

use crate::event::Event;
use crate::host::Note;
use crate::levels::Levels;
use crate::link::Address;
use crate::nodes::Nodes;
use crate::nodes::feed::{Fed, Feed, Start};
use crate::passage::Passage;
use crate::place::Place;
use bluegene::time::Ps;
use cnode::Bounds;

/// What is seen of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sight<'a> {
    /// An event comes to somebody, at a place if it is about one.
    Turn(&'a Event, Option<Place>),
    /// An event and all that follows from it at that instant is over.
    Done,
    /// An event comes to somebody who is gone, or stopped.
    Missed(&'a Event),
    /// A message has come to its receiver, and is whole.
    Received(Address, Place),
    /// A message has come and is lost, or broken.
    Lost(Address),
    /// A message is a step further on its way.
    Passage(Passage),
    /// A node is about to be fed.
    Feeding(Place, Feed<'a>),
    /// It was fed; what its members were told and told meanwhile.
    Fed(Place, Feed<'a>, Fed, &'a [Note]),
    /// All that it wanted after that was done.
    Settled(Place, Feed<'a>),
    /// A node hangs up on its parent.
    HangsUp(Place),
    /// A compute node starts a member as that process.
    Starts(u32, Start, u32),
    /// A process is to go on.
    Goes(u32),
}

/// The nodes at that instant.
pub(crate) struct Scene<'a, B: Bounds> {
    pub(crate) now: Ps,
    pub(crate) levels: &'a Levels,
    pub(crate) nodes: &'a Nodes<B>,
}

/// One who watches. An error is a claim that broke.
pub(crate) trait Observer<B: Bounds> {
    /// Sees what happens.
    fn see(&mut self, scene: &Scene<'_, B>, sight: Sight<'_>) -> Result<(), String>;
}
