//! `stack`: where each thread of a process is, in its own code and in the kernel.

use crate::image::Binaries;
use crate::mem::Memory;
use crate::process::{self, about};
use crate::ptrace;
use crate::stop::Stop;
use std::io::{self, Write};

/// One line for each thread, indented lines for its frames, innermost first, and for the kernel's if they are
/// visible.
pub(crate) fn print(pid: i32) -> io::Result<()> {
    let image = Binaries::default().image(pid)?;
    let mut memory = Memory::open(pid)?;
    // Read before threads are stopped: afterwards the kernel's part is our own stop.
    let tids = process::threads(pid)?;
    let kernel: Vec<(i32, String)> = tids.into_iter().map(|tid| (tid, in_kernel(pid, tid))).collect();
    let stop = Stop::of_process(pid)?;
    let mut text = String::new();
    for tid in stop.tids() {
        let regs: libc::user_regs_struct = ptrace::registers(tid)?;
        text += &format!("thread={tid} name={}\n", about(pid, tid, "comm"));
        for frame in image.unwind(&mut memory, &regs) {
            let place = match &frame.function {
                Some((name, into)) => format!("{name}+{into:#x} {}", frame.file),
                None => frame.name(),
            };
            text += &format!("  {:#018x} {place}\n", frame.address);
        }
        text.extend(kernel.iter().filter(|(of, _)| *of == tid).map(|(_, text)| text.as_str()));
    }
    drop(stop);
    process::output()?.write_all(text.as_bytes())
}

/// Where a thread is in the kernel: its whole stack for root, only the place where it sleeps for others.
fn in_kernel(pid: i32, tid: i32) -> String {
    let stack = about(pid, tid, "stack");
    if !stack.is_empty() {
        let frames = stack.lines().map(|line| line.split_once("] ").map_or(line, |(_, name)| name));
        return frames.map(|name| format!("  kernel {name}\n")).collect();
    }
    match about(pid, tid, "wchan").as_str() {
        "" | "0" => String::new(),
        name => format!("  kernel {name}\n"),
    }
}
