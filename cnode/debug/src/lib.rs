//! The helper programs of a stub for `debug/`: each looks into members' processes for one open file.
//!
//! A helper owns ptrace(2) and everything large about debugging, and lives only as long as its file is open.
//! `protocol::debug` defines how a stub talks to it. It looks only at children of the stub that started it.

#[cfg(target_arch = "x86_64")]
mod gdb;
#[cfg(target_arch = "x86_64")]
mod image;
mod mem;
mod process;
#[cfg(target_arch = "x86_64")]
mod ptrace;
#[cfg(target_arch = "x86_64")]
mod regs;
#[cfg(target_arch = "x86_64")]
mod stack;
#[cfg(target_arch = "x86_64")]
mod stop;
#[cfg(target_arch = "x86_64")]
mod trace;

use process::Subject;
use protocol::debug::Kind;
use std::io;

/// Exit code for a command line that no stub writes.
const USAGE: i32 = 100;

/// Serves one file: 0 done, otherwise an errno.
pub fn main(args: Vec<String>) -> i32 {
    let kind = args.get(1).and_then(|word| Kind::named(word));
    let subjects = args.iter().skip(2).map(|word| Subject::parse(word)).collect::<Option<Vec<_>>>();
    let (Some(kind), Some(subjects)) = (kind, subjects) else {
        eprintln!("uem-debug: fatal: started by a stub, as uem-debug <kind> <member>=<pid>...");
        return USAGE;
    };
    match serve(kind, &subjects) {
        Ok(()) => 0,
        // A reader that has left needs no message.
        Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
    }
}

fn serve(kind: Kind, subjects: &[Subject]) -> io::Result<()> {
    if kind == Kind::Trace {
        return stopped(kind, subjects, 0);
    }
    let [Subject { pid: Some(pid), .. }] = subjects else { return Err(process::gone()) };
    process::check_ours(*pid)?;
    match kind {
        Kind::Mem => mem::serve(*pid),
        Kind::Maps => process::print_maps(*pid),
        Kind::Regs | Kind::Fpregs | Kind::Stack | Kind::Gdb | Kind::Trace => stopped(kind, subjects, *pid),
    }
}

/// Files that need stopped threads and their registers.
#[cfg(target_arch = "x86_64")]
fn stopped(kind: Kind, subjects: &[Subject], pid: i32) -> io::Result<()> {
    match kind {
        Kind::Regs => regs::print(pid),
        Kind::Fpregs => regs::print_fp(pid),
        Kind::Stack => stack::print(pid),
        Kind::Gdb => gdb::serve(pid),
        Kind::Trace => trace::print(subjects),
        Kind::Mem | Kind::Maps => Ok(()),
    }
}

/// Registers are supported only on x86-64.
#[cfg(not(target_arch = "x86_64"))]
fn stopped(_: Kind, _: &[Subject], _: i32) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
}
