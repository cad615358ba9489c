//! How far a long run is, on a terminal; nothing where standard error is none. A run does not know of it: who
//! drives the run ticks.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often the clock of the bar goes on while nothing ends.
const TICK: Duration = Duration::from_millis(500);

/// A bar on standard error, or nothing.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Of so many of something.
    pub(crate) fn new(total: u64, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
        if bar.is_hidden() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg} {elapsed}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// So many more are done.
    pub(crate) fn tick(&self, done: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(done);
        }
    }

    /// It is over, or something is to be told: the terminal is as it was before.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
