//! Lines to a ctl, and why one was refused.

use crate::exit::Told;
use client::Client;
use protocol::message::Fid;

/// Opens a ctl and writes lines to it.
pub(crate) fn tell<T: Copy>(client: &mut Client<T>, path: &str, lines: &str) -> Result<(), Told> {
    let fid = client.open(path, 1)?;
    write(client, (fid, path), lines.as_bytes())
}

/// Writes to a file that is open; what is refused is said in the node's words, not only with its errno.
pub(crate) fn write<T: Copy>(
    client: &mut Client<T>,
    (fid, path): (Fid, &str),
    data: &[u8],
) -> Result<(), Told> {
    client.write(fid, data).map_err(|refused| {
        let reason = reason(client, path);
        if reason.is_empty() { refused.to_string() } else { reason }
    })
}

/// The last refusal told by the `error` beside a file, without its time.
fn reason<T: Copy>(client: &mut Client<T>, path: &str) -> String {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let text = client.read_all(&format!("{dir}/error")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or("");
    line.split_once(' ').map_or("", |(_, reason)| reason).to_owned()
}
