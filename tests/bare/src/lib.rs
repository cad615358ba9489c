//! The cores as a static library for a machine without std and allocator; `check` looks at what came out.
//!
//! Owns nothing that runs: `bare_start` calls all that a driver calls, so that it is linked and not only
//! compiled.

#![no_std]

mod machine;

use cnode::host::{Completion, Effect};
use cnode::{Bounds, Cnode, Facts, Full, Small};
use core::panic::PanicInfo;
use machine::Machine;
use protocol::server::LinkId;
use protocol::text::Text;
use protocol::time::Time;

/// Where a boot image without an operating system would begin: one turn of a stub of each size.
///
/// `bytes` holds what came, `len` of them; answers go to `out`, `size` bytes long. Returns the length of
/// the last.
///
/// # Safety
/// Both ranges are valid, and nothing else uses them during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bare_start(bytes: *const u8, len: usize, out: *mut u8, size: usize) -> usize {
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts(bytes, len) };
    // SAFETY: the caller's promise.
    let out = unsafe { core::slice::from_raw_parts_mut(out, size) };
    turn::<Small>(bytes, out) + turn::<Full>(bytes, out)
}

fn turn<B: Bounds>(bytes: &[u8], out: &mut [u8]) -> usize {
    let facts = Facts {
        name: Text::default(),
        boot: 1,
        os: "none",
        arch: "none",
        cores: 1,
        operator: Text::default(),
        place: None,
        has_parent: true,
    };
    let (now, link) = (Time(bytes.len() as u64), LinkId(1));
    let (mut node, mut machine) = (Cnode::<B>::new(facts, now), Machine);
    node.connect(link, true);
    if node.handle_bytes(now, link, bytes, &mut machine).is_err() {
        node.handle_hangup(now, link, &mut machine);
    }
    node.handle_timeout(node.poll_timeout(), &mut machine);
    while let Some(effect) = node.poll_effect() {
        if let Effect::Start { member, .. } = effect {
            node.handle_completion(now, Completion::Started { member, pid: 1 }, &mut machine);
        }
    }
    let mut sent = 0;
    while let Some((link, len)) = node.poll_transmit(now, &mut machine, out) {
        node.set_blocked(link, node.wants(link));
        sent = len;
    }
    sent
}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
