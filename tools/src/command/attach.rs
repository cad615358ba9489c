//! `uem attach`: the outputs of a session that runs, and its end.

use crate::exit::Fault;
use crate::partition::connect;
use crate::session::asked::Node;
use crate::session::life::Session;
use crate::signal::Signals;
use argh::{ArgsInfo, FromArgs};
use client::Dial;

/// Show the outputs of a running session and wait for it to end; ^C ends its members. Output that was
/// redirected to a file, as by `uem run -d`, is only there.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    subcommand,
    name = "attach",
    example = "uem attach 5",
    note = "The exit code is that of uem run.",
    error_code(100, "the command line is wrong"),
    error_code(121, "a node was lost, whatever became of other members"),
    error_code(125, "uem itself failed"),
    error_code(130, "after ^C")
)]
pub(crate) struct Attach {
    /// dial string of the node
    #[argh(option)]
    at: Option<Dial>,
    /// the session
    #[argh(positional)]
    session: String,
}

impl Attach {
    pub(crate) fn run(self) -> Result<i32, Fault> {
        let mut signals = Signals::new()?;
        let mut node: Node = connect(self.at.as_ref())?;
        Ok(Session::follow(&mut node, &self.session)?.finish(&mut signals)?)
    }
}
