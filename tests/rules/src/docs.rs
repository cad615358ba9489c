//! Documents name what there is: each link and each path in a Markdown file leads to a file of the tree.
//!
//! Reads no file. Decisions are history: their links are looked at, their paths are not.

use crate::source::Source;

/// Folders at the root, with which a path in a text begins.
const FOLDERS: &[&str] = &["protocol/", "cnode/", "ionode/", "sim/", "tools/", "tests/", "docs/"];
/// Where old decisions are.
const HISTORY: &str = "docs/decisions/0";

/// Links and paths in documents that lead nowhere, as `file:line: what`.
pub fn dead_links(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".md")) {
        for (line, text) in source.lines() {
            let links = links(text).filter(|target| !leads(sources, &source.path, target));
            found
                .extend(links.map(|target| format!("{}:{line}: no file for the link {target}", source.path)));
            let paths = paths(text).filter(|path| !is_history(source) && !is_there(sources, source, path));
            found.extend(paths.map(|path| format!("{}:{line}: no file {path}", source.path)));
        }
    }
    found
}

fn is_history(source: &Source) -> bool {
    source.path.starts_with(HISTORY)
}

/// Targets of the links in a line, `[text](target)`, within the tree.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://"))
}

/// Words in backquotes that are paths from the root.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        FOLDERS.iter().any(|folder| word.starts_with(folder)) && word.chars().all(is_path)
    })
}

/// A path from the root, or from the document that names it, is a file or a folder.
fn is_there(sources: &[Source], document: &Source, path: &str) -> bool {
    exists(sources, path) || exists(sources, &beside(&document.path, path))
}

fn exists(sources: &[Source], path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let is_it =
        |own: &str| own.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    path.is_empty() || sources.iter().any(|source| is_it(&source.path))
}

/// A link leads to a file, and to one of its headings where it names one.
fn leads(sources: &[Source], document: &str, target: &str) -> bool {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, name)| (path, Some(name)));
    let path = if path.is_empty() { document.to_owned() } else { beside(document, path) };
    let Some(heading) = heading else { return exists(sources, &path) };
    let file = sources.iter().find(|source| source.path == path);
    file.is_some_and(|file| file.lines().any(|(_, text)| anchor(text).as_deref() == Some(heading)))
}

/// The path of a link's target from the root.
fn beside(document: &str, target: &str) -> String {
    let mut names: Vec<&str> = document.split('/').collect();
    names.pop();
    for name in target.split('/') {
        match name {
            "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// What a link calls the heading that a line is.
fn anchor(line: &str) -> Option<String> {
    let text = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_paths_that_lead_nowhere_are_found() {
        let text = "# One two\n[a](b.md) [c](b.md#its-heading) [d](#one-two) [e](https://x/y)\n`sim/src/a.rs` \
            `src/`\n[a](c.md) [b](b.md#none)\n`sim/src/b.rs` `sim/<x>`\n[up](../sim/src/a.rs) `tests/c.rs`\n";
        let sources = [
            Source::new("docs/a.md", text),
            Source::new("docs/b.md", "## Its `heading`\n"),
            Source::new("docs/tests/c.rs", ""),
            Source::new("sim/src/a.rs", ""),
            Source::new("docs/decisions/0001-x.md", "`sim/src/gone.rs`\n"),
        ];
        let found = dead_links(&sources);
        let want = [
            "docs/a.md:4: no file for the link c.md",
            "docs/a.md:4: no file for the link b.md#none",
            "docs/a.md:5: no file sim/src/b.rs",
        ];
        assert_eq!(found, want);
    }
}
