//! Rules on the shape of types, functions and matches, each with a count that may be excepted.
//!
//! Reads the code that ships, as tokens; knows no exception.

use crate::finding::Finding;
use crate::source::{Source, declared};
use crate::token::{Token, closing, shipped};

/// Most fields of a struct.
const FIELDS_MAX: usize = 20;
/// What the doc comment of a struct says that is a row of a table, and so may have more.
const ROW: &str = "row of a table";
/// Enums whose every match names every variant: one that is added is an error wherever it is forgotten.
pub const CLOSED: &[&str] = &["Command", "NodeCommand", "Deed", "Ask", "Question"];

/// Every rule of this file.
pub fn findings(source: &Source) -> Vec<Finding> {
    let tokens = shipped(source);
    let mut found = fields(source, &tokens);
    found.extend(nested_tuples(source, &tokens));
    found.extend(open_matches(source, &tokens));
    found
}

/// The structs of a file: the line of each, its name, and how many named fields it has.
pub fn structs(tokens: &[Token<'_>]) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for at in declarations(tokens, "struct") {
        let ends = |token: &Token<'_>| matches!(token.text, "{" | ";" | "(");
        let Some(open) = tokens[at..].iter().position(ends).map(|open| at + open) else { continue };
        let fields =
            if tokens[open].text == "{" { count_fields(&tokens[open + 1..closing(tokens, open)]) } else { 0 };
        found.push((tokens[at].line, tokens[at + 1].text.to_owned(), fields));
    }
    found
}

fn declarations<'a>(tokens: &'a [Token<'_>], keyword: &'a str) -> impl Iterator<Item = usize> + 'a {
    (0..tokens.len().saturating_sub(1))
        .filter(move |&at| tokens[at].text == keyword && tokens[at + 1].is_word())
}

fn count_fields(body: &[Token<'_>]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < body.len() {
        match body[at].text {
            "(" | "[" | "{" => at = closing(body, at),
            ":" => count += 1,
            _ => {}
        }
        at += 1;
    }
    count
}

fn fields(source: &Source, tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (line, name, fields) in structs(tokens) {
        if fields > FIELDS_MAX && !is_row(source, line) {
            let text = format!("struct {name} has {fields} fields; at most {FIELDS_MAX}, or it is a {ROW}");
            found.push(Finding::new("fields", source, line, &name, fields, text));
        }
    }
    found
}

/// Whether the comment above a struct says that it is a row of a table.
fn is_row(source: &Source, line: usize) -> bool {
    let lines: Vec<&str> = source.text.lines().take(line - 1).collect();
    let above = lines.iter().rev().map(|text| text.trim());
    let mut comment = above.take_while(|text| text.starts_with("//") || text.starts_with("#["));
    comment.any(|text| text.contains(ROW))
}

fn nested_tuples(source: &Source, tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for at in declarations(tokens, "fn") {
        let open = behind_generics(tokens, at + 2);
        let parameters = &tokens[open..closing(tokens, open).min(tokens.len())];
        let name = tokens[at + 1].text;
        if (1..parameters.len()).any(|at| is_nested(parameters, at)) || count_tuples(parameters) > 1 {
            let text = format!("`{name}` takes tuples of tuples: name the parts as a struct");
            found.push(Finding::new("tuples", source, tokens[at].line, name, 1, text));
        }
    }
    found
}

/// How many of a function's arguments are tuples: two are one argument list in pieces.
fn count_tuples(parameters: &[Token<'_>]) -> usize {
    let (mut at, mut count, mut is_tuple) = (1, 0, false);
    while at < parameters.len() {
        match parameters[at].text {
            "," => (count, is_tuple) = (count + usize::from(is_tuple), false),
            "(" | "[" | "{" => {
                is_tuple |= parts_of_tuple(parameters, at).is_some();
                at = closing(parameters, at);
            }
            _ => {}
        }
        at += 1;
    }
    count + usize::from(is_tuple)
}

/// The first token behind `<…>`, if that is what stands at `at`.
fn behind_generics(tokens: &[Token<'_>], at: usize) -> usize {
    let (mut depth, mut end) = (0, at);
    while let Some(token) = tokens.get(end) {
        match token.text {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if tokens[at].text == "<" { end + 1 } else { at };
        }
        end += 1;
    }
    at
}

/// Whether a tuple opens here that has another tuple as one of its parts.
fn is_nested(tokens: &[Token<'_>], at: usize) -> bool {
    let Some(inner) = parts_of_tuple(tokens, at) else { return false };
    inner.into_iter().any(|part| parts_of_tuple(tokens, part).is_some())
}

/// Where the parts of the tuple that opens here begin; nothing where none opens.
fn parts_of_tuple(tokens: &[Token<'_>], open: usize) -> Option<Vec<usize>> {
    let is_call = |before: &Token<'_>| before.is_word() && !matches!(before.text, "mut" | "dyn" | "ref");
    if tokens[open].text != "(" || open.checked_sub(1).is_some_and(|before| is_call(&tokens[before])) {
        return None;
    }
    let (mut parts, mut at) = (vec![open + 1], open + 1);
    let end = closing(tokens, open);
    while at < end {
        match tokens[at].text {
            "(" | "[" | "{" => at = closing(tokens, at),
            "," => parts.push(at + 1),
            _ => {}
        }
        at += 1;
    }
    (parts.len() > 1).then_some(parts)
}

fn open_matches(source: &Source, tokens: &[Token<'_>]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut function = "";
    for at in 0..tokens.len() {
        if tokens[at].text == "fn" && tokens.get(at + 1).is_some_and(Token::is_word) {
            function = tokens[at + 1].text;
        }
        if tokens[at].text != "match" {
            continue;
        }
        let arms = arms(tokens, at + 1);
        let closed = CLOSED.iter().find(|name| arms.iter().any(|arm| names(arm, name)));
        if let (Some(name), Some(rest)) = (closed, arms.iter().find(|arm| takes_the_rest(arm))) {
            let text =
                format!("`{function}`: `{}` takes what is left of {name}: name every variant", rest[0].text);
            found.push(Finding::new("arms", source, rest[0].line, function, 1, text));
        }
    }
    found
}

/// Whether a pattern, without its `if`, names a variant of an enum.
fn names(arm: &[Token<'_>], name: &str) -> bool {
    let end = arm.iter().position(|token| token.text == "if").unwrap_or(arm.len());
    arm[..end].windows(2).any(|pair| pair[0].text == name && pair[1].text == "::")
}

/// Whether a pattern is `_` or a lone name, with or without an `if`.
fn takes_the_rest(arm: &[Token<'_>]) -> bool {
    let is_name = |token: &Token<'_>| token.is_word() && !token.text.starts_with(|c: char| c.is_uppercase());
    let is_alone = arm.get(1).is_none_or(|next| next.text == "if");
    arm.first().is_some_and(is_name) && is_alone && !matches!(arm[0].text, "true" | "false")
}

/// The patterns of the match whose subject begins at `at`.
fn arms<'a, 'b>(tokens: &'a [Token<'b>], mut at: usize) -> Vec<&'a [Token<'b>]> {
    while at < tokens.len() && tokens[at].text != "{" {
        at = if matches!(tokens[at].text, "(" | "[") { closing(tokens, at) + 1 } else { at + 1 };
    }
    let end = closing(tokens, at.min(tokens.len() - 1));
    let mut arms = Vec::new();
    at += 1;
    while at < end {
        let begin = at;
        while at < end && tokens[at].text != "=>" {
            at = if matches!(tokens[at].text, "(" | "[" | "{") { closing(tokens, at) + 1 } else { at + 1 };
        }
        arms.push(&tokens[begin..at.min(end)]);
        at += 1;
        if at < end && tokens[at].text == "{" {
            at = closing(tokens, at) + 1;
        } else {
            while at < end && tokens[at].text != "," {
                at =
                    if matches!(tokens[at].text, "(" | "[" | "{") { closing(tokens, at) + 1 } else { at + 1 };
            }
        }
        at += usize::from(at < end && tokens[at].text == ",");
    }
    arms
}

/// The type with most functions in its own `impl` blocks, over all files of a crate.
pub fn largest_type(sources: &[&Source]) -> (String, usize) {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for source in sources {
        let tokens = shipped(source);
        for at in (0..tokens.len()).filter(|&at| tokens[at].text == "impl") {
            let Some(open) = tokens[at..].iter().position(|token| token.text == "{").map(|open| at + open)
            else {
                continue;
            };
            let head = &tokens[behind_generics(&tokens, at + 1)..open];
            if head.iter().any(|token| token.text == "for") {
                continue;
            }
            let body = &tokens[open..closing(&tokens, open)];
            if let Some(name) = head.iter().find(|token| token.text.starts_with(|c: char| c.is_uppercase())) {
                *counts.entry(name.text.to_owned()).or_default() += declarations(body, "fn").count();
            }
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or_default()
}

/// The functions of a file that are longer than they may be, and its own length where that is too much.
pub fn lengths(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines = source.code().count().max(source.shipped().count());
    let counted = if source.is_test_file() { lines } else { source.shipped().count() };
    if counted > FILE_LINES_MAX {
        let name = source.path.rsplit('/').next().unwrap_or(&source.path);
        let text = format!("{counted} lines; at most {FILE_LINES_MAX}: is there more than one noun in it?");
        found.push(Finding::new("lines", source, 1, name, counted, text));
    }
    for (line, code) in source.code() {
        let Some(name) = declared(code, &["fn"]) else { continue };
        let Some(end) = function_end(source, line) else { continue };
        let lines = end - line + 1;
        if lines > FUNCTION_LINES_MAX {
            let text = format!("`{name}` has {lines} lines; at most {FUNCTION_LINES_MAX}");
            found.push(Finding::new("functions", source, line, name, lines, text));
        }
    }
    found
}

/// Longest file, in lines; those of its unit tests are not counted.
pub const FILE_LINES_MAX: usize = 500;
/// Longest function, from its `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;

/// The line of the brace that closes the function declared on `line`; none for a declaration without a body.
fn function_end(source: &Source, line: usize) -> Option<usize> {
    let (mut brackets, mut braces) = (0, 0);
    for (line, char) in source.code_from(line) {
        match char {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' if brackets == 0 || braces > 0 => braces += 1,
            '}' if braces == 1 => return Some(line),
            '}' if braces > 0 => braces -= 1,
            ';' if brackets == 0 && braces == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let source = Source::new("a/src/b.rs", text);
        findings(&source)
            .iter()
            .map(|found| format!("{} {} {}", found.rule, found.what, found.count))
            .collect()
    }

    #[test]
    fn a_struct_of_many_fields_is_found_unless_it_is_a_row() {
        let many: String = (0..=FIELDS_MAX).map(|at| format!("    pub f{at}: [(u8, u8); 2],\n")).collect();
        assert_eq!(found(&format!("pub struct Wide<'a> {{\n{many}}}\n")), ["fields Wide 21"]);
        assert_eq!(
            found(&format!("/// A row of a table.\n#[derive(Debug)]\nstruct Wide {{\n{many}}}\n")),
            [""; 0]
        );
        assert_eq!(found("struct A;\nstruct B(u8, u8);\nstruct C { a: u8 }\n"), [""; 0]);
    }

    #[test]
    fn a_tuple_of_tuples_as_an_argument_is_found() {
        assert_eq!(found("fn e(&self, (a, b): (u8, u8), c: u8, d: (u8, [u8; 2])) {}\n"), ["tuples e 1"]);
        assert_eq!(found("fn f(((a, b), c): ((u8, u8), u8)) {}\n"), ["tuples f 1"]);
        assert_eq!(
            found("fn g<F: Fn((u8, u8), u8)>(x: F, (y, z): (u8, [u8; 2])) -> ((u8, u8), u8) {}\n"),
            [""; 0]
        );
        assert_eq!(found("fn h(x: &mut (A, (B, C))) {}\nfn i(x: (), y: Vec<(A, B)>) {}\n"), ["tuples h 1"]);
    }

    #[test]
    fn a_match_that_leaves_variants_unnamed_is_found() {
        let with =
            |arms: &str| found(&format!("fn f() {{\n    match x.get(|y| {{ y }}) {{\n{arms}    }}\n}}\n"));
        assert_eq!(with("Command::A { a, .. } => { b }\n_ => match y { Z => 1 },\n"), ["arms f 1"]);
        assert_eq!(with("(Deed::A, 1) => b,\nother if c => d,\n"), ["arms f 1"]);
        assert_eq!(with("Command::A(_) | Command::B => b,\nCommand::C { .. } if x => y,\n"), [""; 0]);
        assert_eq!(with("Other::A if x == Ask::B => b,\n_ => c,\n"), [""; 0]);
    }

    #[test]
    fn long_files_and_functions_are_found_unit_tests_not_counted() {
        let of = |path: &str, text: &str| -> Vec<String> {
            lengths(&Source::new(path, text))
                .iter()
                .map(|found| format!("{} {}", found.what, found.count))
                .collect()
        };
        let full = "//\n".repeat(FILE_LINES_MAX);
        assert_eq!(of("a/src/b.rs", &format!("{full}//\n")), ["b.rs 501"]);
        assert_eq!(of("a/src/b.rs", &format!("{full}#[cfg(test)]\nmod t {{\n}}\n")), [""; 0]);
        assert_eq!(of("tests/tests/b.rs", &format!("{full}//\n")), ["b.rs 501"]);
        let body = "        x();\n".repeat(FUNCTION_LINES_MAX - 2);
        let text = |body: &str| {
            format!(
                "mod m {{\n    fn a(b: [u8; 2])\n    where\n        Self: B;\n\
                    pub(crate) const fn c() {{\n{body}    }}\n}}\n"
            )
        };
        assert_eq!(of("a/src/b.rs", &text(&body)), [""; 0]);
        assert_eq!(of("a/src/b.rs", &text(&format!("{body}        // One more.\n"))), ["c 71"]);
    }
}
