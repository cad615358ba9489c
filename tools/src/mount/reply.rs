//! What the kernel is told about files: attributes, entries of directories, an opened file.

use super::link::Meta;
use super::op::Entry;
use super::user::Users;
use polyfuse_kernel as kernel;
use protocol::limits::NODE_NAME_MAX;
use protocol::stat::DMDIR;
use zerocopy::IntoBytes;

/// The number of a file whose qid has none: programs take 0 for no file.
const UNNUMBERED: u64 = 1 << 62;
/// Bytes of a record of a directory before its name.
const RECORD: usize = 24;

/// The number of a file, as stat(2) and readdir(3) say it.
fn number(qid_path: u64) -> u64 {
    if qid_path == 0 { UNNUMBERED } else { qid_path }
}

fn attributes(meta: &Meta, users: &mut Users) -> kernel::fuse_attr {
    let kind = if meta.mode & DMDIR == 0 { libc::S_IFREG } else { libc::S_IFDIR };
    kernel::fuse_attr {
        ino: number(meta.qid.path),
        size: meta.length,
        blocks: meta.length.div_ceil(512),
        atime: u64::from(meta.atime),
        mtime: u64::from(meta.mtime),
        ctime: u64::from(meta.mtime),
        mode: kind | meta.mode & 0o777,
        // 1 of a directory too: how many are in it is not known.
        nlink: 1,
        uid: users.uid(&meta.user),
        gid: users.gid(&meta.group),
        blksize: 4096,
        ..Default::default()
    }
}

/// The attributes of a file, true for now only.
pub(crate) fn attr(meta: &Meta, users: &mut Users) -> Vec<u8> {
    let out = kernel::fuse_attr_out { attr: attributes(meta, users), ..Default::default() };
    out.as_bytes().to_vec()
}

/// A file by its node's number, true for now only.
pub(crate) fn entry(node: u64, meta: &Meta, users: &mut Users) -> Vec<u8> {
    let attr = attributes(meta, users);
    let out = kernel::fuse_entry_out { nodeid: node, attr, ..Default::default() };
    out.as_bytes().to_vec()
}

/// An opened file or directory.
pub(crate) fn opened(fh: u64, open_flags: u32) -> Vec<u8> {
    kernel::fuse_open_out { fh, open_flags, ..Default::default() }.as_bytes().to_vec()
}

/// How much was written.
pub(crate) fn wrote(size: u32) -> Vec<u8> {
    kernel::fuse_write_out { size, ..Default::default() }.as_bytes().to_vec()
}

/// A file system without blocks, as those in memory have it.
pub(crate) fn statfs() -> Vec<u8> {
    let (bsize, frsize, namelen) = (4096, 4096, NODE_NAME_MAX as u32);
    let st = kernel::fuse_kstatfs { bsize, frsize, namelen, ..Default::default() };
    kernel::fuse_statfs_out { st }.as_bytes().to_vec()
}

/// At most `size` bytes of a directory from its `offset`th file on; the first two are `.` and `..`.
pub(crate) fn listed(own: u64, entries: &[Entry], offset: u64, size: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let dots = [(".", own), ("..", own)].map(|(name, qid_path)| (name, qid_path, true));
    let files = entries.iter().map(|entry| (entry.name.as_str(), entry.qid_path, entry.is_dir));
    let all = dots.into_iter().chain(files).enumerate();
    for (index, (name, qid_path, is_dir)) in all.skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
        let len = (RECORD + name.len()).next_multiple_of(8);
        if out.len() + len > size as usize {
            break;
        }
        let typ = u32::from(if is_dir { libc::DT_DIR } else { libc::DT_REG });
        let (off, namelen) = (index as u64 + 1, name.len() as u32);
        let record = kernel::fuse_dirent { ino: number(qid_path), off, namelen, typ, name: [] };
        out.extend_from_slice(record.as_bytes());
        out.extend_from_slice(name.as_bytes());
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromBytes;

    #[test]
    fn a_directory_is_listed_whole_through_any_buffer() {
        let file = |n: u64| Entry { qid_path: n, is_dir: n == 0, name: format!("file{n}") };
        let entries: Vec<Entry> = (0..9).map(file).collect();
        for size in [32, 40, 64, 4096] {
            let (mut offset, mut count) = (0, 0);
            loop {
                let page = listed(7, &entries, offset, size);
                assert!(page.len() <= size as usize);
                let mut rest = page.as_slice();
                while let Ok((record, _)) = kernel::fuse_dirent::read_from_prefix(rest) {
                    offset += 1;
                    count += 1;
                    rest = &rest[(RECORD + record.namelen as usize).next_multiple_of(8)..];
                }
                if page.is_empty() {
                    break;
                }
            }
            assert_eq!(count, 11, "through {size} bytes");
        }
    }

    #[test]
    fn no_file_has_the_number_0() {
        assert_ne!(number(0), 0);
        assert_eq!(number(5), 5);
    }
}
