//! What checkers see of both cores: their states as plain enums, each with its words.

use crate::join;

/// An enum of states or events, with the word of each in the order of the variants.
#[macro_export]
macro_rules! worded {
    ($(#[$about:meta])* $vis:vis enum $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // Their words say what they are.
        $vis enum $name { $($variant),* }

        impl $name {
            /// The words of all, in the order of the variants.
            $vis const WORDS: &'static [&'static str] = &[$($word),*];
        }
    };
}

worded! {
    /// The link to a parent, as the child that dials sees it.
    pub enum ParentState {
        Alone = "alone",
        Down = "down",
        Dialing = "dialing",
        Greeting = "greeting",
        Joining = "joining",
        Joined = "joined",
    }
}

impl From<join::State> for ParentState {
    fn from(state: join::State) -> Self {
        match state {
            join::State::Alone => Self::Alone,
            join::State::Down(_) => Self::Down,
            join::State::Dialing => Self::Dialing,
            join::State::Greeting => Self::Greeting,
            join::State::Joining => Self::Joining,
            join::State::Joined(_) => Self::Joined,
        }
    }
}
