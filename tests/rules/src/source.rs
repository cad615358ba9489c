//! One file as the rules see it: its lines, its code without comments and literals, which lines are tests.
//!
//! Knows as much of Rust's grammar as formatted code needs, and no rule.

use std::collections::BTreeMap;

/// A text file of the tree.
pub struct Source {
    /// Its path from the root, `/` between names.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Its lines with comments, strings and characters blanked; nothing for a file that is not Rust.
    code: Vec<String>,
    /// For each line of `code`, whether only tests are built from it.
    test: Vec<bool>,
}

impl Source {
    /// Reads a file's text.
    pub fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs");
        let code: Vec<String> =
            if rust { code_only(text).lines().map(String::from).collect() } else { Vec::new() };
        let test = if is_test_path(path) { vec![true; code.len()] } else { test_lines(&code) };
        Self { path: path.into(), text: text.into(), code, test }
    }

    /// Whether it is a file of tests alone, by where it lies.
    pub fn is_test_file(&self) -> bool {
        is_test_path(&self.path)
    }

    /// Marks all of it as built for tests only: its `mod` line stands under `#[cfg(test)]`.
    pub fn mark_test(&mut self) {
        self.test.fill(true);
    }

    /// Whether it is code.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it lies in one of these folders.
    pub fn is_within(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    /// Its lines as they stand, numbered from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The code of its lines, numbered from 1.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }

    /// The code of its lines outside tests, numbered from 1.
    pub fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().filter(|(line, _)| !self.test[line - 1])
    }

    /// The code of its lines that only tests are built from, numbered from 1.
    pub fn tested(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().filter(|(line, _)| self.test[line - 1])
    }

    /// The code from the start of `line` (from 1) to the end of the file.
    pub fn code_from(&self, line: usize) -> impl Iterator<Item = (usize, char)> {
        self.code().skip(line - 1).flat_map(|(line, code)| code.chars().map(move |char| (line, char)))
    }

    /// The modules that its `mod` lines declare for what ships, each with the files that may have it.
    pub fn shipped_modules(&self, is_root: bool) -> Vec<(String, Vec<String>)> {
        let shipped = self.modules(is_root).into_iter().filter(|(_, _, is_test)| !is_test);
        shipped.map(|(name, files, _)| (name, files)).collect()
    }

    /// What its `mod` lines declare: the name, the files that may have it, and whether only tests do.
    /// A crate's root has its modules beside it, whatever its name.
    fn modules(&self, is_root: bool) -> Vec<(String, Vec<String>, bool)> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or((".", &self.path));
        let base = if is_root || file == "mod.rs" { folder } else { self.path.trim_end_matches(".rs") };
        let mut modules = Vec::new();
        let mut attributes = String::new();
        for ((line, code), (_, text)) in self.code().zip(self.lines()) {
            if code.trim().starts_with("#[") {
                attributes += text;
            } else if let Some(name) = declared_module(code) {
                let named = attributes.split_once("path = \"").and_then(|(_, path)| path.split_once('"'));
                let files = match named {
                    Some((path, _)) => vec![format!("{folder}/{path}")],
                    None => vec![format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")],
                };
                modules.push((name.to_owned(), files, self.test[line - 1]));
                attributes.clear();
            } else if !code.trim().is_empty() {
                attributes.clear();
            }
        }
        modules
    }
}

/// Files reached by `mod` lines from `roots`, and for each whether only tests reach it.
pub fn reached(sources: &[Source], roots: &[String]) -> BTreeMap<String, bool> {
    let by_path: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut reached: BTreeMap<String, bool> = BTreeMap::new();
    let mut open: Vec<(String, bool)> = roots.iter().map(|root| (root.clone(), false)).collect();
    while let Some((path, test)) = open.pop() {
        let Some(source) = by_path.get(path.as_str()) else {
            continue;
        };
        // A file reached both ways ships; it is walked again so that its modules ship too.
        if reached.get(&path).is_some_and(|&known| test || !known) {
            continue;
        }
        reached.insert(path, test);
        for (_, files, gated) in source.modules(roots.contains(&source.path)) {
            open.extend(files.into_iter().map(|file| (file, test || gated)));
        }
    }
    reached
}

fn is_test_path(path: &str) -> bool {
    let inside = path.strip_prefix("tests/").unwrap_or(path);
    inside.split('/').rev().skip(1).any(|folder| folder == "tests" || folder == "benches")
        || inside.ends_with("/tests.rs")
}

fn declared_module(code: &str) -> Option<&str> {
    let mut words = code.trim().strip_suffix(';')?.split_whitespace();
    let mut word = words.next()?;
    if word.starts_with("pub") {
        word = words.next()?;
    }
    if word == "mod" { words.next() } else { None }
}

/// For each line, whether it belongs to an item under `#[cfg(test)]`; the code is formatted.
fn test_lines(code: &[String]) -> Vec<bool> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut test = vec![false; code.len()];
    let mut index = 0;
    while index < code.len() {
        let start = index;
        index += 1;
        if !code[start].trim_start().starts_with("#[cfg(test)]") {
            continue;
        }
        let margin = indent(&code[start]);
        while index < code.len() {
            let line = code[index].trim_end();
            index += 1;
            if indent(line) == margin && line.ends_with(['}', ';', ',']) {
                break;
            }
        }
        test[start..index].fill(true);
    }
    test
}

/// `text` with its comments, strings and characters turned to spaces; lines stay lines.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let begins_word = at == 0 || !is_word(chars[at - 1]);
        match literal_len(&chars[at..], begins_word) {
            0 => {
                code.push(chars[at]);
                at += 1;
            }
            len => {
                let end = chars.len().min(at + len);
                code.extend(chars[at..end].iter().map(|&char| if char == '\n' { '\n' } else { ' ' }));
                at = end;
            }
        }
    }
    code
}

/// Whether a name may have this character.
pub fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The name that one of `keywords` declares on this line.
pub fn declared<'a>(code: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let before = ["pub", "const", "async", "unsafe", "extern", "default"];
    let mut words = code.split_whitespace().skip_while(|word| {
        before.contains(word) || word.starts_with("pub(") || (word.ends_with(')') && !word.contains('('))
    });
    if !keywords.contains(&words.next()?) {
        return None;
    }
    words.next()?.split(|char| !is_word(char)).next().filter(|name| !name.is_empty())
}

/// Whether `word` stands in the text as a whole word.
pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word))
}

/// Length of the comment, string or character that `rest` begins with; 0 where it begins with code.
fn literal_len(rest: &[char], begins_word: bool) -> usize {
    match rest {
        ['/', '/', ..] => rest.iter().position(|&char| char == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => comment_len(rest),
        ['"', ..] => 1 + quoted_len(&rest[1..], '"'),
        ['\'', '\\', ..] => 1 + quoted_len(&rest[1..], '\''),
        ['\'', _, '\'', ..] => 3,
        ['r', '"' | '#', ..] if begins_word => raw_len(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if begins_word => raw_len(rest, 2),
        _ => 0,
    }
}

fn quoted_len(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn comment_len(rest: &[char]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

/// A raw string whose hashes begin at `prefix`; 0 for a raw identifier.
fn raw_len(rest: &[char], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|&&char| char == '#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&'"') {
        return 0;
    }
    let close: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let tail: String = rest[open + 1..].iter().collect();
    let body = tail.split_once(&close).map_or(tail.as_str(), |(body, _)| body);
    open + 1 + body.chars().count() + close.len()
}

#[cfg(test)]
mod tests {
    use super::{Source, code_only, reached};

    #[test]
    fn only_code_is_left_and_columns_stay() {
        let text = "let a = \"fn // {\"; // no\n\
            let b = 'x'; /* a /* b */ c */ f::<'a>(r#\"\"}\"#, b'\\'', '\"');\n";
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["let", "a", "=", ";", "let", "b", "=", ";", "f::<'a>(", ",", "b", ",", ");"]);
    }

    #[test]
    fn lines_under_cfg_test_are_not_shipped() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n\
            fn c() {}\n#[cfg(test)]\nuse x::y;\nfn d() {}\n";
        let shipped: Vec<usize> = Source::new("a/src/lib.rs", text).shipped().map(|(line, _)| line).collect();
        assert_eq!(shipped, [1, 6, 9]);
    }

    #[test]
    fn modules_are_walked_and_tests_inherited() {
        let sources = [
            Source::new("a/src/lib.rs", "pub mod b;\n#[cfg(test)]\nmod c;\n#[path = \"odd.rs\"]\nmod d;\n"),
            Source::new("a/src/b.rs", "pub mod e;\n"),
            Source::new("a/src/b/e.rs", ""),
            Source::new("a/src/c/mod.rs", "mod f;\n"),
            Source::new("a/src/c/f.rs", ""),
            Source::new("a/src/odd.rs", ""),
            Source::new("a/src/dead.rs", ""),
        ];
        let found: Vec<String> = reached(&sources, &["a/src/lib.rs".into()])
            .into_iter()
            .map(|(path, test)| format!("{path} {test}"))
            .collect();
        assert_eq!(
            found,
            [
                "a/src/b.rs false",
                "a/src/b/e.rs false",
                "a/src/c/f.rs true",
                "a/src/c/mod.rs true",
                "a/src/lib.rs false",
                "a/src/odd.rs false"
            ]
        );
    }
}
