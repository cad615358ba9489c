//! The commands: one file each, and the table of them.

mod attach;
mod cat;
mod completions;
mod down;
mod drain;
mod each;
mod gdb;
mod gdb_pipe;
mod kill;
mod ls;
mod man;
mod mkdir;
mod mount;
mod ps;
mod resume;
mod rm;
pub(crate) mod rsh;
mod run;
mod shell;
mod status;
mod umount;
mod up;
mod wait;
mod write;

use crate::exit::Fault;
use argh::{ArgsInfo, FromArgs};
use cnode_host::Debugger;

/// Run programs on many nodes, and see and steer what runs, through the partition's file tree.
#[derive(FromArgs, ArgsInfo)]
#[argh(
    example = "uem run -n 64 hostname",
    example = "uem up -n 64; uem status; uem run -w 'node[01-08]' uname -r; uem down",
    note = "uem help COMMAND says what one takes. Without --at it is the partition that UEM_AT names,\n  \
            the one that uem up has started, or the one with a socket in /run/uem."
)]
pub(crate) struct Uem {
    #[argh(subcommand)]
    pub(crate) command: Command,
}

/// One of the commands. The daemons are programs of their own under these names too.
#[derive(FromArgs, ArgsInfo)]
#[argh(subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Each(each::Each),
    Rsh(rsh::Rsh),
    Shell(shell::Shell),
    Up(up::Up),
    Down(down::Down),
    Ls(ls::Ls),
    Cat(cat::Cat),
    Write(write::Write),
    Mkdir(mkdir::Mkdir),
    Rm(rm::Rm),
    Mount(mount::Mount),
    Umount(umount::Umount),
    Status(status::Status),
    Drain(drain::Drain),
    Resume(resume::Resume),
    Ps(ps::Ps),
    Kill(kill::Kill),
    Wait(wait::Wait),
    Attach(attach::Attach),
    Gdb(gdb::Gdb),
    GdbPipe(gdb_pipe::GdbPipe),
    Man(man::Man),
    Completions(completions::Completions),
    Ionode(ionode_host::Args),
    Cnode(cnode_host::Args),
}

impl Command {
    /// Does it: the exit code.
    pub(crate) fn run(self) -> Result<i32, Fault> {
        match self {
            Self::Run(args) => args.run(),
            Self::Each(args) => args.run(),
            Self::Rsh(args) => args.run(),
            Self::Shell(args) => args.run(),
            Self::Up(args) => args.run(),
            Self::Down(args) => args.run(),
            Self::Ls(args) => args.run(),
            Self::Cat(args) => args.run(),
            Self::Write(args) => args.run(),
            Self::Mkdir(args) => args.run(),
            Self::Rm(args) => args.run(),
            Self::Mount(args) => args.run(),
            Self::Umount(args) => args.run(),
            Self::Status(args) => args.run(),
            Self::Drain(args) => args.run(),
            Self::Resume(args) => args.run(),
            Self::Ps(args) => args.run(),
            Self::Kill(args) => args.run(),
            Self::Wait(args) => args.run(),
            Self::Attach(args) => args.run(),
            Self::Gdb(args) => args.run(),
            Self::GdbPipe(args) => args.run(),
            Self::Man(args) => args.run(&Uem::get_args_info()),
            Self::Completions(args) => args.run(&Uem::get_args_info()),
            Self::Ionode(args) => Ok(args.run()),
            Self::Cnode(args) => Ok(args.run(Debugger::own())),
        }
    }
}
