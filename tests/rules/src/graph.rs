//! Which module of a crate imports which: read from `use` lines and from paths that stand in the code.
//!
//! A name that a module passes on counts where it is declared. Tests are not read; names from macros and from
//! `use …::*` are not followed.

use crate::source::Source;
use crate::token::{Token, closing, shipped};
use std::collections::{BTreeMap, BTreeSet};

/// How often a name may be passed on from module to module.
const HOPS_MAX: usize = 8;

/// The modules of one crate by path from its root (`ctl::line`), which is called after its file: `lib` or
/// `main`.
pub struct Graph {
    /// The root's name.
    pub root: String,
    /// What each module imports.
    pub imports: BTreeMap<String, BTreeSet<String>>,
}

/// A module before its imports are known.
#[derive(Default)]
struct Module {
    /// Names that its `use` lines bring in, and the paths that they stand for.
    uses: BTreeMap<String, Vec<String>>,
    /// Every path that it names, seen from its own place.
    paths: Vec<Vec<String>>,
}

impl Graph {
    /// Reads the crate whose first file is `root`, out of all files of the tree.
    pub fn read(sources: &[Source], root: &str) -> Self {
        let by_path: BTreeMap<&str, &Source> =
            sources.iter().map(|source| (source.path.as_str(), source)).collect();
        let name = root.rsplit('/').next().unwrap_or(root).trim_end_matches(".rs").to_owned();
        let mut modules = BTreeMap::new();
        let mut open = vec![(String::new(), root.to_owned())];
        while let Some((module, path)) = open.pop() {
            let Some(source) = by_path.get(path.as_str()) else { continue };
            for (child, files) in source.shipped_modules(path == root) {
                let inner = if module.is_empty() { child } else { format!("{module}::{child}") };
                let file = files.into_iter().find(|file| by_path.contains_key(file.as_str()));
                open.extend(file.map(|file| (inner, file)));
            }
            modules.insert(module, Module::read(source));
        }
        let imports = modules.iter().map(|(at, module)| {
            let targets = module.paths.iter().filter_map(|path| resolve(&modules, at, path, 0));
            let named = |module: String| if module.is_empty() { name.clone() } else { module };
            (named(at.clone()), targets.filter(|target| target != at).map(named).collect())
        });
        Self { imports: imports.collect(), root: name.clone() }
    }

    /// The count of pairs of a module and one that it imports.
    pub fn arrows(&self) -> usize {
        self.imports.values().map(BTreeSet::len).sum()
    }

    /// Sets of modules that import each other in a circle.
    pub fn circles(&self) -> Vec<BTreeSet<String>> {
        circles(&self.imports)
    }

    /// The same graph with all that lies below a module of the root taken as that module.
    pub fn folded(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut folded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, imports) in &self.imports {
            let own = top(module);
            let others = imports.iter().map(|import| top(import)).filter(|import| *import != own);
            folded.entry(own.to_owned()).or_default().extend(others.map(str::to_owned));
        }
        folded
    }
}

/// The module of the root that another lies in.
pub fn top(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// Sets of more than one that reach each other.
pub fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reach = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            for next in imports.get(at).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        imports.keys().map(|module| (module, reach(module))).collect();
    let mut found: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for (module, own) in &reached {
        if own.contains(*module) {
            let back = own.iter().filter(|other| reached.get(other).is_some_and(|set| set.contains(*module)));
            found.insert(back.cloned().collect());
        }
    }
    found.into_iter().collect()
}

impl Module {
    fn read(source: &Source) -> Self {
        let tokens = shipped(source);
        let mut module = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            at = if tokens[at].text == "use" && starts_item(&tokens, at) {
                module.read_use(&tokens, at + 1, &[])
            } else if begins_path(&tokens, at) {
                let (path, end) = path_at(&tokens, at);
                module.paths.push(path);
                end
            } else {
                at + 1
            };
        }
        module
    }

    /// Reads one tree of a `use` from `at`, below `before`: where it ends.
    fn read_use(&mut self, tokens: &[Token<'_>], at: usize, before: &[String]) -> usize {
        let (mut path, mut at) = (before.to_vec(), at);
        while let Some(token) = tokens.get(at) {
            match token.text {
                "{" => {
                    let end = closing(tokens, at);
                    at += 1;
                    while at < end {
                        at = self.read_use(&tokens[..end], at, &path) + 1;
                    }
                    return end + 1;
                }
                "," | ";" | "}" => break,
                "as" => {
                    self.bring(tokens[at + 1].text, path);
                    return at + 2;
                }
                "::" => {}
                word => path.push(word.to_owned()),
            }
            at += 1;
        }
        if path.last().is_some_and(|last| last == "self") && !before.is_empty() {
            path.pop();
        }
        if let Some(name) = path.last().cloned() {
            self.bring(&name, path);
        }
        at
    }

    fn bring(&mut self, name: &str, path: Vec<String>) {
        self.paths.push(path.clone());
        self.uses.insert(name.to_owned(), path);
    }
}

/// Whether the word `use` at this place begins a line of imports; in `impl Trait + use<'a>` it does not.
fn starts_item(tokens: &[Token<'_>], at: usize) -> bool {
    tokens.get(at + 1).is_some_and(|next| next.text != "<")
}

/// Whether a path of several names begins at this word.
fn begins_path(tokens: &[Token<'_>], at: usize) -> bool {
    let is_inside = at > 0 && matches!(tokens[at - 1].text, "::" | ".");
    tokens[at].is_word() && !is_inside && tokens.get(at + 1).is_some_and(|next| next.text == "::")
}

fn path_at(tokens: &[Token<'_>], at: usize) -> (Vec<String>, usize) {
    let (mut path, mut at) = (vec![tokens[at].text.to_owned()], at + 1);
    while at + 1 < tokens.len() && tokens[at].text == "::" && tokens[at + 1].is_word() {
        path.push(tokens[at + 1].text.to_owned());
        at += 2;
    }
    (path, at)
}

/// The module in which what a path names is declared, if it is one of the crate's.
fn resolve(modules: &BTreeMap<String, Module>, at: &str, path: &[String], hops: usize) -> Option<String> {
    let inner = |module: &str, name: &str| {
        let path = if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
        modules.contains_key(&path).then_some(path)
    };
    let (first, rest) = path.split_first()?;
    let mut module = match first.as_str() {
        "crate" => String::new(),
        "self" => at.to_owned(),
        "super" => at.rsplit_once("::").map_or("", |(outer, _)| outer).to_owned(),
        // What a `use` line brought in has been counted there; `std` and other crates are not ours.
        name => inner(at, name)?,
    };
    for (index, name) in rest.iter().enumerate() {
        if name == "super" {
            module = module.rsplit_once("::").map_or("", |(outer, _)| outer).to_owned();
        } else if let Some(below) = inner(&module, name) {
            module = below;
        } else if let Some(passed) = modules[&module].uses.get(name).filter(|_| hops < HOPS_MAX) {
            let whole = [passed, &rest[index + 1..]].concat();
            return resolve(modules, &module, &whole, hops + 1);
        } else {
            break;
        }
    }
    Some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(files: &[(&str, &str)]) -> Graph {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        Graph::read(&sources, "a/src/lib.rs")
    }

    fn arrows(graph: &Graph) -> Vec<String> {
        let of = |(from, to): (&String, &BTreeSet<String>)| {
            to.iter().map(|to| format!("{from} {to}")).collect::<Vec<_>>()
        };
        graph.imports.iter().flat_map(of).collect()
    }

    #[test]
    fn imports_are_read_from_use_lines_and_from_paths() {
        let graph = graph(&[
            (
                "a/src/lib.rs",
                "mod b;\nmod c;\nmod d;\nmod e;\npub use b::{B, inner::Deep};\nfn f() { c::g() }\n",
            ),
            ("a/src/b.rs", "mod inner;\nuse crate::{c::{self, C}, d as other};\n"),
            ("a/src/b/inner.rs", "use super::super::e::E;\nuse std::fmt;\nfn g() { super::h() }\n"),
            ("a/src/c.rs", "fn g() -> crate::e::E { crate::d::h::<crate::e::E>() } // crate::b\n"),
            ("a/src/d.rs", "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n"),
            ("a/src/e.rs", "fn g(x: crate::Deep, y: std::fmt::Error) {}\n"),
        ]);
        assert_eq!(
            arrows(&graph),
            [
                "b c",
                "b d",
                "b::inner b",
                "b::inner e",
                "c d",
                "c e",
                "e b::inner",
                "lib b",
                "lib b::inner",
                "lib c"
            ],
            "what lib passes on is declared in b::inner"
        );
    }

    #[test]
    fn circles_are_found_and_nothing_else() {
        let graph = graph(&[
            ("a/src/lib.rs", "mod b;\nmod c;\nmod d;\nmod e;\nuse b::B;\n"),
            ("a/src/b.rs", "use crate::c::C;\n"),
            ("a/src/c.rs", "use crate::d::D;\n"),
            ("a/src/d.rs", "use crate::b::B;\nuse crate::e::E;\n"),
            ("a/src/e.rs", ""),
        ]);
        assert_eq!(graph.circles(), [BTreeSet::from(["b", "c", "d"].map(str::to_owned))]);
    }
}
