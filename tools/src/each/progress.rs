//! How far it is, on a terminal: a bar with the tasks that have ended and the time that is left.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often the clock of the bar goes on while no task ends.
const TICK: Duration = Duration::from_millis(500);

/// A bar on standard error, or nothing.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shown where it is asked for and standard error is a terminal.
    pub(crate) fn new(is_wanted: bool) -> Self {
        if !is_wanted {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg} {elapsed}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        if bar.is_hidden() {
            return Self(None);
        }
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// A task more has ended; `total` is asked how many there are, where that is known.
    pub(crate) fn add(&self, failed: u64, total: impl FnOnce() -> Option<u64>) {
        let Some(bar) = &self.0 else { return };
        if let Some(total) = total() {
            bar.set_length(total);
        }
        if failed > 0 {
            bar.set_message(format!("({failed} failed)"));
        }
        bar.inc(1);
    }

    /// Writes to the terminal beside the bar.
    pub(crate) fn beside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
