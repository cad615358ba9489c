//! What is asked of a server: one table, a row a behaviour.

use crate::subject::Subject;
use crate::talk::Outcome;
use crate::wire::Dialect;
use crate::{begin, clunk, limits, open, read, stat, walk, write};

/// In which dialects a row is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Both,
    Plain,
    Linux,
}
use Where::{Both, Linux, Plain};

/// A behaviour: its group and claim, where it is asked, and how.
pub(crate) struct Row(pub(crate) &'static str, pub(crate) Where, pub(crate) fn(&Subject) -> Outcome);

impl Row {
    /// It is asked in this dialect.
    pub(crate) fn is_of(&self, dialect: Dialect) -> bool {
        match self.1 {
            Both => true,
            Plain => dialect == Dialect::Plain,
            Linux => dialect == Dialect::Linux,
        }
    }

    /// Its name is this, or its group.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.0 == name || self.0.split_once('/').is_some_and(|(group, _)| group == name)
    }

    /// How it is listed.
    pub(crate) fn dialects(&self) -> &'static str {
        match self.1 {
            Both => "9P2000 9P2000.L",
            Plain => "9P2000",
            Linux => "9P2000.L",
        }
    }
}

/// All rows, in the order in which they are asked.
pub(crate) const ROWS: &[Row] = &[
    Row("version/is-agreed", Both, begin::version_agreed),
    Row("version/small-msize", Both, begin::version_small),
    Row("version/large-msize", Both, begin::version_large),
    Row("version/unknown-dialect", Both, begin::version_unknown),
    Row("version/unknown-suffix", Both, begin::version_suffix),
    Row("version/again-clunks-all", Both, begin::version_again_clunks),
    Row("version/again-aborts-all", Both, begin::version_again_aborts),
    Row("attach/root-is-a-directory", Both, begin::attach_root),
    Row("attach/again-is-the-same-root", Both, begin::attach_twice),
    Row("attach/fid-in-use", Both, begin::attach_fid_in_use),
    Row("attach/by-number", Linux, begin::attach_number),
    Row("attach/auth-is-answered", Both, begin::auth_answered),
    Row("walk/no-names-copy", Both, walk::copies),
    Row("walk/qids-are-the-files", Both, walk::qids),
    Row("walk/first-name-unknown", Both, walk::first_unknown),
    Row("walk/later-name-unknown", Both, walk::later_unknown),
    Row("walk/up-from-the-root", Both, walk::dotdot_of_the_root),
    Row("walk/up-and-down", Both, walk::dotdot),
    Row("walk/a-fid-moves", Both, walk::moves),
    Row("walk/newfid-in-use", Both, walk::newfid_in_use),
    Row("walk/unknown-fid", Both, walk::unknown_fid),
    Row("walk/to-no-fid", Both, walk::nofid),
    Row("walk/sixteen-names", Both, walk::sixteen),
    Row("walk/seventeen-names", Both, walk::seventeen),
    Row("walk/from-an-open-fid", Both, walk::from_open),
    Row("walk/an-open-fid-stays", Both, walk::open_stays),
    Row("walk/through-a-file", Both, walk::through_a_file),
    Row("walk/bad-names", Both, walk::bad_names),
    Row("open/qid-and-iounit", Both, open::qid),
    Row("open/twice", Both, open::twice),
    Row("open/two-fids", Both, open::two_fids),
    Row("open/directory-for-writing", Both, open::directory_for_writing),
    Row("open/unknown-fid", Both, open::unknown_fid),
    Row("open/empties", Both, open::truncates),
    Row("open/with-o-creat", Linux, open::with_creation),
    Row("open/directory-flags", Linux, open::unknown_flags),
    Row("create/directory", Both, open::makes_a_directory),
    Row("create/name-in-use", Both, open::name_in_use),
    Row("create/bad-names", Both, open::bad_names),
    Row("create/in-a-file", Both, open::in_a_file),
    Row("create/file-or-refusal", Both, open::makes_a_file_or_not),
    Row("read/in-pieces", Both, read::in_pieces),
    Row("read/at-any-offset", Both, read::anywhere),
    Row("read/at-the-end", Both, read::at_the_end),
    Row("read/count-0", Both, read::of_nothing),
    Row("read/count-above-msize", Both, read::of_all),
    Row("read/not-open", Both, read::unopened),
    Row("read/open-for-writing", Both, read::of_write_only),
    Row("read/unknown-fid", Both, read::unknown_fid),
    Row("read/waits-alone", Both, read::waits_alone),
    Row("read/of-a-directory", Linux, read::of_a_directory),
    Row("readdir/whole-entries", Plain, read::whole_entries),
    Row("readdir/no-room-for-one", Plain, read::too_small),
    Row("readdir/no-seeking", Plain, read::no_seeking),
    Row("readdir/begins-again", Both, read::begins_again),
    Row("readdir/names-are-walked", Both, read::names_are_walked),
    Row("readdir/no-dots", Both, read::no_dots),
    Row("readdir/cookies", Linux, read::cookies),
    Row("readdir/whole-dirents", Linux, read::whole_dirents),
    Row("readdir/types", Linux, read::types_of_entries),
    Row("readdir/end-stays", Linux, read::end_stays),
    Row("readdir/of-others", Linux, read::readdir_of_others),
    Row("write/is-read-back", Both, write::is_read_back),
    Row("write/count-0", Both, write::of_nothing),
    Row("write/whole-message", Both, write::of_a_whole_message),
    Row("write/not-open", Both, write::unopened),
    Row("write/open-for-reading", Both, write::of_read_only),
    Row("write/of-a-directory", Both, write::of_a_directory),
    Row("write/unknown-fid", Both, write::unknown_fid),
    Row("write/refused-changes-nothing", Both, write::refused_leaves_the_file),
    Row("flush/of-no-request", Both, write::of_nobody),
    Row("flush/of-what-is-answered", Both, write::of_what_is_answered),
    Row("flush/of-a-read", Both, write::of_a_read),
    Row("flush/twice", Both, write::twice),
    Row("flush/one-of-two", Both, write::of_one_of_two),
    Row("stat/of-a-file", Plain, stat::of_a_file),
    Row("stat/of-the-root", Plain, stat::of_the_root),
    Row("stat/of-an-entry", Plain, stat::of_an_entry),
    Row("stat/unknown-fid", Plain, stat::unknown_fid),
    Row("stat/change-of-nothing", Plain, stat::wstat_of_nothing),
    Row("stat/length-0-empties", Plain, stat::wstat_truncates),
    Row("stat/bad-names", Plain, stat::wstat_bad_name),
    Row("stat/broken", Plain, stat::wstat_broken),
    Row("stat/attributes", Linux, stat::attributes),
    Row("stat/size-can-be-read", Linux, stat::size_is_there),
    Row("stat/attributes-unknown-fid", Linux, stat::attributes_unknown_fid),
    Row("stat/size-0-empties", Linux, stat::empties),
    Row("stat/times", Linux, stat::touched),
    Row("stat/file-system", Linux, stat::file_system),
    Row("stat/fsync", Linux, stat::synced),
    Row("stat/no-extended-attributes", Linux, stat::no_extended),
    Row("stat/locks", Linux, stat::locked),
    Row("stat/links-or-refusals", Linux, stat::links_or_not),
    Row("stat/rename-or-refusal", Linux, stat::renamed_or_not),
    Row("stat/unlink", Linux, stat::unlinked),
    Row("stat/no-symbolic-link", Linux, stat::no_link),
    Row("errors/no-such-file", Both, limits::not_found),
    Row("errors/unknown-fid", Both, limits::bad_fid),
    Row("errors/fit-linux", Both, limits::fit_linux),
    Row("limits/many-fids", Both, limits::many_fids),
    Row("limits/largest-numbers", Both, limits::ends_of_numbers),
    Row("limits/many-tags", Both, limits::many_tags),
    Row("limits/byte-by-byte", Both, limits::in_pieces),
    Row("limits/back-to-back", Both, limits::back_to_back),
    Row("malformed/small-sizes", Both, limits::sizes),
    Row("malformed/large-sizes", Both, limits::too_large),
    Row("malformed/unknown-types", Both, limits::types),
    Row("malformed/short", Both, limits::short),
    Row("malformed/trailing-byte", Both, limits::trailing),
    Row("malformed/strings", Both, limits::strings),
    Row("malformed/write-count", Both, limits::write_count),
    Row("malformed/no-tag", Both, limits::no_tag),
    Row("malformed/before-version", Both, limits::before_version),
    Row("malformed/tag-in-use", Both, limits::tag_in_use),
    Row("malformed/half-a-message", Both, limits::half_and_gone),
    Row("clunk/frees", Both, clunk::frees),
    Row("clunk/unknown-fid", Both, clunk::unknown),
    Row("clunk/leaves-others", Both, clunk::leaves_others),
    Row("clunk/while-a-read-waits", Both, clunk::while_a_read_waits),
    Row("clunk/by-a-refused-removal", Both, clunk::removal_refused),
    Row("clunk/by-a-removal", Both, clunk::removal),
    Row("clunk/removal-of-unknown-fid", Both, clunk::removal_unknown),
    // Last: it ends diod 1.0.24, which others are asked about before.
    Row("malformed/answers", Both, limits::answers),
];
