//! `uem man`: the manual pages, as files.

use crate::exit::Fault;
use crate::manual;
use argh::{ArgsInfo, CommandInfoWithArgs, FromArgs};
use std::fs;
use std::path::PathBuf;

/// Write the manual pages of uem, its commands and its daemons to a directory.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "man",
    example = "uem man /usr/local/share/man",
    example = "uem man man; man -l man/man1/uem-run.1"
)]
pub(crate) struct Man {
    /// the directory; man1 and man8 are made in it
    #[argh(positional)]
    dir: PathBuf,
}

impl Man {
    pub(crate) fn run(self, uem: &CommandInfoWithArgs) -> Result<i32, Fault> {
        for page in manual::pages(uem) {
            let path = self.dir.join(format!("man{}", page.section)).join(page.file());
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::write(&path, &page.text))
                .map_err(|e| format!("unable to write {}: {e}", path.display()))?;
        }
        Ok(0)
    }
}
