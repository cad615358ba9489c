//! `uem mount`: the tree below a directory.

use crate::exit::{Fault, Told};
use crate::mount::Place;
use crate::mount::daemon::{Side, part};
use argh::{ArgsInfo, FromArgs};
use client::Dial;
use std::path::PathBuf;

/// Show the tree below a directory, until `uem umount`.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand, name = "mount", example = "uem mount /mnt; cat /mnt/summary; uem umount /mnt")]
pub(crate) struct Mount {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// use FUSE even if the kernel has 9P
    #[argh(switch)]
    fuse: bool,
    /// use only the kernel's own 9P
    #[argh(switch)]
    kernel: bool,
    /// stay in the foreground until the tree is unmounted; ^C unmounts it
    #[argh(switch, short = 'f')]
    foreground: bool,
    /// where
    #[argh(positional)]
    dir: PathBuf,
}

impl Mount {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        if self.fuse && self.kernel {
            return Err(Fault::usage("mount: --fuse or --kernel, not both"));
        }
        let place = Place::find(&self.dir, self.at.as_ref())?;
        // What is wrong with the partition is told here, in its own words.
        let payload = place.payload()?;
        let why = match if self.fuse { Err(None) } else { place.by_kernel().map_err(Some) } {
            Ok(()) => return Ok(0),
            Err(why) if self.kernel => return Err(why.unwrap_or_default().into()),
            Err(why) => why,
        };
        let whole = |told: Told| match &why {
            Some(why) => Fault::from(format!("{told}; nor by the kernel's 9P: {why}")),
            None => Fault::from(told),
        };
        if self.foreground {
            return place.serve(payload, || {}).map(|()| 0).map_err(whole);
        }
        match part()? {
            Side::Parent(told) => told.map(|()| 0).map_err(whole),
            Side::Child(report) => {
                let mut report = Some(report);
                let served = place.serve(payload, || {
                    if let Some(report) = report.take() {
                        report.done();
                    }
                });
                if let (Err(told), Some(report)) = (served, report) {
                    report.failed(&told);
                }
                Ok(0)
            }
        }
    }
}
