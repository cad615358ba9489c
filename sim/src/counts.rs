//! How much happens in a run.

/// What happened so often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken.
    pub events: u64,
    /// 9P messages that came to whom they were for.
    pub messages: u64,
    /// Packets and frames that came to an end of a network.
    pub packets: u64,
    /// Messages that went to a set of children, and children that they went to.
    pub fanouts: (u64, u64),
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            messages: self.messages + other.messages,
            packets: self.packets + other.packets,
            fanouts: (self.fanouts.0 + other.fanouts.0, self.fanouts.1 + other.fanouts.1),
        }
    }

    /// What happened since then.
    #[must_use]
    pub fn since(self, then: Self) -> Self {
        Self {
            events: self.events - then.events,
            messages: self.messages - then.messages,
            packets: self.packets - then.packets,
            fanouts: (self.fanouts.0 - then.fanouts.0, self.fanouts.1 - then.fanouts.1),
        }
    }
}
