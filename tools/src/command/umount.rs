//! `uem umount`: the end of what `uem mount` has made.

use crate::exit::Fault;
use crate::mount::end;
use argh::{ArgsInfo, FromArgs};
use std::path::PathBuf;

/// Unmount a tree that `uem mount` has mounted.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "umount", example = "uem umount /mnt")]
pub(crate) struct Umount {
    /// where
    #[argh(positional)]
    dir: PathBuf,
}

impl Umount {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        end(&self.dir)?;
        Ok(0)
    }
}
