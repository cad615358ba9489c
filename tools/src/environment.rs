//! What a job takes along from where it is started, as srun does: directory, environment, umask and soft
//! limits.

use protocol::quote::Quoted;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A ctl word that the members see as it is: quoted, with its dollars doubled.
pub(crate) fn word(text: &str) -> String {
    Quoted(&text.replace('$', "$$")).to_string()
}

/// The lines of `env`, with those given on the command line last.
pub(crate) fn env_lines(given: &[String], clean: bool) -> Vec<u8> {
    let mut lines = Vec::new();
    let own: Vec<(OsString, OsString)> = if clean { Vec::new() } else { std::env::vars_os().collect() };
    for (name, value) in own {
        if !name.as_bytes().starts_with(b"UEM_") && is_name(name.as_bytes()) {
            push_line(&mut lines, name.as_bytes(), value.into_vec().as_slice());
        }
    }
    if clean {
        // An empty `env` would leave them the stub's.
        push_line(&mut lines, b"PATH", b"/usr/local/bin:/usr/bin:/bin");
    }
    for pair in given {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        push_line(&mut lines, name.as_bytes(), value.as_bytes());
    }
    lines
}

/// What stands before the `=`: anything that a line of `env` can begin with.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'\'' | b'\n'))
}

/// It is NAME=VALUE.
pub(crate) fn is_assignment(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, _)| is_name(name.as_bytes()))
}

fn push_line(lines: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    lines.extend_from_slice(name);
    lines.push(b'=');
    if value.contains(&b'\n') || value.contains(&b'\'') {
        lines.push(b'\'');
        for byte in value {
            if *byte == b'\'' {
                lines.push(b'\'');
            }
            lines.push(*byte);
        }
        lines.push(b'\'');
    } else {
        lines.extend_from_slice(value);
    }
    lines.push(b'\n');
}

/// The ctl lines for umask and soft limits.
pub(crate) fn process_lines() -> String {
    // SAFETY: umask cannot fail; the old mask is put back at once, and this program has one thread.
    let mask = unsafe {
        let mask = libc::umask(0o077);
        libc::umask(mask);
        mask
    };
    let mut lines = format!("umask {mask:03o}\n");
    for (name, resource) in [
        ("as", libc::RLIMIT_AS),
        ("core", libc::RLIMIT_CORE),
        ("cpu", libc::RLIMIT_CPU),
        ("data", libc::RLIMIT_DATA),
        ("fsize", libc::RLIMIT_FSIZE),
        ("memlock", libc::RLIMIT_MEMLOCK),
        ("nofile", libc::RLIMIT_NOFILE),
        ("nproc", libc::RLIMIT_NPROC),
        ("rss", libc::RLIMIT_RSS),
        ("stack", libc::RLIMIT_STACK),
    ] {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the call writes one rlimit that outlives it.
        if unsafe { libc::getrlimit(resource, &raw mut limit) } != 0 {
            continue;
        }
        let soft = match limit.rlim_cur {
            libc::RLIM_INFINITY => "unlimited".to_owned(),
            soft => soft.to_string(),
        };
        lines += &format!("limit {name} {soft}\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_quotes_and_newlines_survive_their_line() {
        let lines = env_lines(&["A=it's".to_owned(), "B=x y".to_owned(), "C=1\n2".to_owned()], true);
        let path = "PATH=/usr/local/bin:/usr/bin:/bin\n";
        assert_eq!(String::from_utf8_lossy(&lines), format!("{path}A='it''s'\nB=x y\nC='1\n2'\n"));
    }

    #[test]
    fn an_assignment_has_a_name() {
        for (pair, is_one) in [("A=b", true), ("A=", true), ("A", false), ("=b", false), ("a'b=c", false)] {
            assert_eq!(is_assignment(pair), is_one, "{pair}");
        }
    }

    #[test]
    fn dollars_of_a_shell_line_reach_the_shell() {
        assert_eq!(word("exit $((UEM_MEMBER % 3))"), "'exit $$((UEM_MEMBER % 3))'");
    }
}
