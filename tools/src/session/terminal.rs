//! The terminal that this program is typed at, while it is a member's: every key goes there, and its size.

use crate::exit::Told;
use std::io::IsTerminal;

/// Where there is no terminal here, the member's is of this size.
const SIZE: [u16; 2] = [24, 80];

/// Somebody types here.
pub(crate) fn is_here() -> bool {
    std::io::stdin().is_terminal()
}

/// The line that tells the member's terminal how large this one is.
pub(crate) fn winsize() -> String {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one winsize.
    let told = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    let [rows, cols] =
        if told == 0 && size.ws_row > 0 && size.ws_col > 0 { [size.ws_row, size.ws_col] } else { SIZE };
    format!("winsize {rows} {cols}\n")
}

/// Passes keys on as they are typed, until it goes.
pub(crate) struct Raw {
    before: libc::termios,
}

impl Raw {
    /// None where nobody types.
    pub(crate) fn new() -> Result<Option<Self>, Told> {
        if !is_here() {
            return Ok(None);
        }
        let fail = || format!("unable to pass keys on: {}", std::io::Error::last_os_error());
        // SAFETY: all-zero is a valid termios; the calls read and write only it.
        let before = unsafe {
            let mut before: libc::termios = std::mem::zeroed();
            if libc::tcgetattr(libc::STDIN_FILENO, &raw mut before) < 0 {
                return Err(fail());
            }
            let mut raw = before;
            libc::cfmakeraw(&raw mut raw);
            if libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, &raw const raw) < 0 {
                return Err(fail());
            }
            before
        };
        Ok(Some(Self { before }))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: reads one termios. A terminal that is gone needs no settings.
        let _ = unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, &raw const self.before) };
    }
}

/// Finds `~.` at the begin of a line among the keys: as with ssh, the way out when the member does not
/// answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Leave {
    /// Within a line.
    Within,
    #[default]
    AtBegin,
    Tilde,
}

impl Leave {
    /// Whether these keys say so.
    pub(crate) fn is_meant(&mut self, keys: &[u8]) -> bool {
        keys.iter().any(|key| {
            let (next, leaves) = match (*self, key) {
                (Self::Tilde, b'.') => (Self::AtBegin, true),
                (Self::AtBegin, b'~') => (Self::Tilde, false),
                (_, b'\r' | b'\n') => (Self::AtBegin, false),
                _ => (Self::Within, false),
            };
            *self = next;
            leaves
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_and_a_dot_at_the_begin_of_a_line_leave() {
        for (keys, leaves) in
            [("~.", true), ("ls\r~.", true), ("ls ~.", false), ("~x.", false), ("\r~\r~.", true), ("", false)]
        {
            assert_eq!(Leave::default().is_meant(keys.as_bytes()), leaves, "{keys:?}");
            // Key by key it is the same.
            let mut leave = Leave::default();
            assert_eq!(keys.bytes().any(|key| leave.is_meant(&[key])), leaves, "{keys:?}");
        }
    }
}
