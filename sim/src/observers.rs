//! Those who watch a run: each sees what happens, in one place, and changes nothing of it.
//!
//! `ledger` holds what is told of members against what became of them, `arms` counts which pairs of a state
//! and an event of the cores were reached, `recorder` keeps what each message was sent for.

pub mod arms;
pub(crate) mod ledger;
pub mod recorder;
pub(crate) mod sight;

use arms::Arms;
use cnode::Bounds;
use ledger::Ledger;
use recorder::Recorder;
use sight::{Observer, Scene, Sight};

/// All who watch a run.
#[derive(Default)]
pub(crate) struct Observers {
    pub(crate) ledger: Ledger,
    pub(crate) arms: Option<Box<Arms>>,
    pub(crate) recorder: Option<Box<Recorder>>,
}

impl<B: Bounds> Observer<B> for Observers {
    fn see(&mut self, scene: &Scene<'_, B>, sight: Sight<'_>) -> Result<(), String> {
        if let Some(arms) = &mut self.arms {
            arms.see(scene, sight)?;
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.see(scene, sight)?;
        }
        self.ledger.see(scene, sight)
    }
}
