//! The tables of docs/namespace.md as values.

use protocol::stat::{DMAPPEND, DMDIR};
use std::collections::BTreeSet;

/// A row of the table of files, for one of the places that it names.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// `root`, `session`, …
    pub place: String,
    /// `<…>` where it stands for any number of files.
    pub name: String,
    /// Permissions, and the bits of directories and of files that append.
    pub mode: u32,
    pub at: String,
    pub behaves: String,
}

impl Row {
    pub(crate) fn is_dir(&self) -> bool {
        self.mode & DMDIR != 0
    }

    /// It stands for files that have names of their own.
    pub(crate) fn is_any(&self) -> bool {
        self.name.contains('<')
    }

    pub(crate) fn is_listed(&self) -> bool {
        !self.behaves.contains("not listed")
    }

    /// It is a file of a node of that height.
    pub(crate) fn is_at(&self, height: usize) -> bool {
        match self.at.as_str() {
            "both" => true,
            "ionode" => height > 0,
            "compute node" => height == 0,
            other => panic!("{}: at {other}", self.name),
        }
    }

    fn of(cells: &[&str]) -> Vec<Self> {
        let [places, name, mode, at, holds, behaves] = cells else { panic!("six cells: {cells:?}") };
        assert!(!holds.is_empty() && !behaves.is_empty(), "{cells:?}");
        let name = name.trim_matches('`');
        let mut mode = u32::from_str_radix(mode, 8).expect("a mode is octal");
        if name.ends_with('/') {
            mode |= DMDIR;
        }
        assert_eq!(mode & DMDIR != 0, behaves.starts_with("directory"), "{cells:?}");
        if behaves.contains("appends") {
            mode |= DMAPPEND;
        }
        let row = |place: &str| Self {
            place: place.trim().to_owned(),
            name: name.trim_end_matches('/').to_owned(),
            mode,
            at: (*at).to_owned(),
            behaves: (*behaves).to_owned(),
        };
        places.split(',').map(row).collect()
    }
}

/// The lines of a chapter.
fn chapter(title: &str) -> Vec<String> {
    let path = tests::root().join("docs/namespace.md");
    let text = std::fs::read_to_string(path).expect("it is there");
    let lines = text.lines().skip_while(|line| *line != title).skip(1);
    let lines: Vec<String> = lines.take_while(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert!(!lines.is_empty(), "docs/namespace.md has {title}");
    lines
}

/// The rows of a chapter's table, without its head.
fn rows(title: &str) -> Vec<Vec<String>> {
    let lines = chapter(title).into_iter().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: String| {
        let inner = line.trim_matches('|').to_owned();
        inner.split(" | ").map(|cell| cell.trim().to_owned()).collect()
    };
    lines.map(cells).collect()
}

/// Every served file.
pub(crate) fn files() -> Vec<Row> {
    let cells = rows("# The name space");
    let files: Vec<Row> =
        cells.iter().flat_map(|row| Row::of(&row.iter().map(String::as_str).collect::<Vec<_>>())).collect();
    assert!(files.len() > 30, "only {} rows", files.len());
    files
}

/// The verbs of a ctl's table: the first word of each form in the left column.
pub(crate) fn verbs(title: &str) -> BTreeSet<String> {
    let forms = |row: Vec<String>| {
        let odd = row[0].split('`').skip(1).step_by(2).map(str::to_owned);
        odd.collect::<Vec<_>>()
    };
    let all = rows(title).into_iter().flat_map(forms);
    all.map(|form| form.split(' ').next().unwrap_or("").to_owned()).collect()
}
