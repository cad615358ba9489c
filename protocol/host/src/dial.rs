//! Dial strings as Plan 9 writes them, read and printed; it opens nothing.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

/// Longest path of a unix socket in bytes: `sun_path` holds 108 with its NUL.
pub const UNIX_PATH_MAX: usize = 107;

/// An address: where to dial, or where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dial {
    /// `tcp!host!port`: a name, an IPv4 or a bare IPv6 address; `*` listens on every address.
    Tcp {
        /// Host name or address, never empty.
        host: String,
        /// Port number; 0 lets a listener take any free one.
        port: u16,
    },
    /// `unix!path`: a socket file, at most [`UNIX_PATH_MAX`] bytes of path.
    Unix(PathBuf),
}

/// Why a string is not a dial string; displays the string, the fault and the right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    text: String,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Shape,
    NoHost,
    BadPort,
    NoPath,
    LongPath(usize),
    Nul,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dial string '{}': ", self.text.escape_debug())?;
        match self.fault {
            Fault::Shape => f.write_str("want tcp!host!port or unix!path"),
            Fault::NoHost => f.write_str("no host: want tcp!host!port"),
            Fault::BadPort => f.write_str("port is not a number from 0 to 65535: want tcp!host!port"),
            Fault::NoPath => f.write_str("no path: want unix!path"),
            Fault::LongPath(len) => {
                write!(f, "path of {len} bytes: a unix socket's is at most {UNIX_PATH_MAX}")
            }
            Fault::Nul => f.write_str("holds a NUL byte: want tcp!host!port or unix!path"),
        }
    }
}

impl std::error::Error for DialError {}

impl FromStr for Dial {
    type Err = DialError;

    fn from_str(text: &str) -> Result<Self, DialError> {
        parse(text).map_err(|fault| DialError { text: text.to_owned(), fault })
    }
}

fn parse(text: &str) -> Result<Dial, Fault> {
    if text.contains('\0') {
        return Err(Fault::Nul);
    }
    let (net, rest) = text.split_once('!').ok_or(Fault::Shape)?;
    match net {
        "tcp" => {
            let (host, port) = rest.rsplit_once('!').ok_or(Fault::Shape)?;
            // Brackets belong to URLs, but people type them here too.
            let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
            if host.is_empty() {
                return Err(Fault::NoHost);
            }
            if host.contains('!') {
                return Err(Fault::Shape);
            }
            // `u16::from_str` would take "+564".
            if !port.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Fault::BadPort);
            }
            let port = port.parse().map_err(|_| Fault::BadPort)?;
            Ok(Dial::Tcp { host: host.to_owned(), port })
        }
        "unix" => {
            let path = OsStr::from_bytes(rest.as_bytes());
            match path.len() {
                0 => Err(Fault::NoPath),
                1..=UNIX_PATH_MAX => Ok(Dial::Unix(PathBuf::from(path))),
                len => Err(Fault::LongPath(len)),
            }
        }
        _ => Err(Fault::Shape),
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp!{host}!{port}"),
            Self::Unix(path) => write!(f, "unix!{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Dial>().unwrap_err().to_string()
    }

    #[test]
    fn a_dial_string_prints_as_it_was_read() {
        for text in ["tcp!node01!564", "tcp!::1!564", "tcp!*!0", "unix!/run/uem/a!b", "unix!rel.sock"] {
            assert_eq!(text.parse::<Dial>().unwrap().to_string(), text);
        }
        assert_eq!("tcp![::1]!564".parse::<Dial>().unwrap().to_string(), "tcp!::1!564");
        let host = "::1".to_owned();
        assert_eq!("tcp!::1!564".parse(), Ok(Dial::Tcp { host, port: 564 }));
    }

    #[test]
    fn a_refusal_says_what_would_be_right() {
        assert_eq!(refusal("tcp!x"), "dial string 'tcp!x': want tcp!host!port or unix!path");
        assert_eq!(refusal("/run/x"), "dial string '/run/x': want tcp!host!port or unix!path");
        assert_eq!(refusal("udp!x!1"), "dial string 'udp!x!1': want tcp!host!port or unix!path");
        assert_eq!(refusal("tcp!!564"), "dial string 'tcp!!564': no host: want tcp!host!port");
        let port = "port is not a number from 0 to 65535: want tcp!host!port";
        for text in ["tcp!x!", "tcp!x!65536", "tcp!x!+5", "tcp!x!9fs"] {
            assert_eq!(refusal(text), format!("dial string '{text}': {port}"));
        }
        assert_eq!(refusal("unix!"), "dial string 'unix!': no path: want unix!path");
    }

    #[test]
    fn a_unix_path_of_107_bytes_is_the_longest() {
        let fits = format!("unix!/{}", "p".repeat(106));
        assert!(fits.parse::<Dial>().is_ok());
        let long = format!("unix!/{}", "p".repeat(107));
        assert!(
            refusal(&long).ends_with("path of 108 bytes: a unix socket's is at most 107"),
            "{}",
            refusal(&long)
        );
    }
}
