//! The command line of each task: a template, and the values that it is filled with.
//!
//! A line is what a shell would run; one that needs no shell is run without.

/// Words that only a shell knows, or knows differently from a program of that name.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo", "elif",
    "else", "esac", "eval", "exec", "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash",
    "if", "jobs", "local", "read", "readonly", "return", "select", "set", "shift", "source", "then", "time",
    "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while", "{", "}",
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `{}`.
    All,
    /// `{2}`, counted from 0.
    Nth(usize),
    /// `{#}`.
    Seq,
    /// `{%}`.
    Slot,
}

/// A command with places for values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Of the words of a command, joined as a shell's words are; none means that the values are the lines.
    pub(crate) fn of(words: &[String]) -> Self {
        let mut pieces = Vec::new();
        let text = words.join(" ");
        let mut rest = text.as_str();
        while let Some(at) = rest.find('{') {
            let mark = rest[at..].find('}').and_then(|end| Some((end + 1, mark(&rest[at + 1..at + end])?)));
            let (text, piece, end) = match mark {
                Some((len, piece)) => (&rest[..at], Some(piece), at + len),
                None => (&rest[..=at], None, at + 1),
            };
            pieces.push(Piece::Text(text.to_owned()));
            pieces.extend(piece);
            rest = &rest[end..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        if !words.is_empty() && pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            pieces.extend([Piece::Text(" ".to_owned()), Piece::All]);
        }
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Self(pieces)
    }

    /// The most values that a place asks for.
    pub(crate) fn most_values(&self) -> usize {
        let wanted = |piece: &Piece| if let Piece::Nth(n) = piece { n + 1 } else { 0 };
        self.0.iter().map(wanted).max().unwrap_or(0)
    }

    /// The line of a task; values are quoted where they stand in a command.
    pub(crate) fn fill(&self, values: &[String], seq: u64, slot: usize) -> String {
        if self.0.is_empty() {
            return values.join(" ");
        }
        let mut line = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => line += text,
                Piece::All => line += &values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(" "),
                Piece::Nth(n) => line += &values.get(*n).map_or(String::new(), |value| quoted(value)),
                Piece::Seq => line += &seq.to_string(),
                Piece::Slot => line += &slot.to_string(),
            }
        }
        line
    }
}

fn mark(name: &str) -> Option<Piece> {
    match name {
        "" => Some(Piece::All),
        "#" => Some(Piece::Seq),
        "%" => Some(Piece::Slot),
        _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
            name.parse::<usize>().ok()?.checked_sub(1).map(Piece::Nth)
        }
        _ => None,
    }
}

/// A character that no shell looks at twice.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c) || (!c.is_ascii() && !c.is_whitespace())
}

/// A value as one word for a shell.
pub(crate) fn quoted(value: &str) -> String {
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The words that are executed for a line.
pub(crate) fn program(line: &str) -> Vec<String> {
    words(line).unwrap_or_else(|| ["sh", "-c", line].map(str::to_owned).to_vec())
}

/// The words of a line that a shell would run as they are; none where it would do more than that.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == ' ' || c == '\t' {
            open = false;
            continue;
        }
        if !open {
            words.push(String::new());
            open = true;
        }
        let word = words.last_mut()?;
        match c {
            '\'' => {
                let (inside, after) = rest.as_str().split_once('\'')?;
                word.push_str(inside);
                rest = after.chars();
            }
            '\\' => word.push(rest.next().filter(|c| *c != '\n')?),
            c if is_plain(c) => word.push(c),
            _ => return None,
        }
    }
    let first = words.first()?;
    let is_shells = first.is_empty() || first.contains('=') || SHELL_WORDS.contains(&first.as_str());
    (!is_shells).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn filled(words: &[&str], values: &[&str]) -> String {
        Template::of(&owned(words)).fill(&owned(values), 7, 3)
    }

    #[test]
    fn values_stand_where_they_are_asked_for_and_else_at_the_end() {
        assert_eq!(filled(&["echo"], &["a"]), "echo a");
        assert_eq!(filled(&["cp", "{}", "{}.old"], &["a b"]), "cp 'a b' 'a b'.old");
        assert_eq!(filled(&["echo", "{#}", "{%}"], &["a"]), "echo 7 3");
        assert_eq!(filled(&["echo {2}-{1}", "{}"], &["a", "b"]), "echo b-a a b");
        assert_eq!(filled(&["awk", "{print $1}", "{}"], &["f"]), "awk {print $1} f");
        assert_eq!(filled(&["echo", "{0} {x"], &["a"]), "echo {0} {x a");
        assert_eq!(filled(&[], &["echo $HOME"]), "echo $HOME");
        assert_eq!(Template::of(&owned(&["{3}", "{1}"])).most_values(), 3);
    }

    #[test]
    fn odd_values_are_one_word_for_a_shell() {
        for value in ["", "it's", "a  b", "$HOME", "x\ny", "`w`", "\\", "*", "\"", "~", "#"] {
            let quoted = quoted(value);
            assert!(quoted.starts_with('\''), "{quoted}");
            assert_eq!(words(&format!("x {quoted}")), Some(owned(&["x", value])), "{quoted}");
        }
    }

    #[test]
    fn a_line_goes_to_a_shell_where_it_says_more_than_words() {
        for line in [
            "a | b", "a; b", "a $b", "a > b", "A=b c", "exit 3", "cd x", "a *", "a \"b\"", "", "'' a", "a 'b",
        ] {
            assert_eq!(program(line), owned(&["sh", "-c", line]));
        }
        assert_eq!(program("  ls\t-l a=b 'c  d'\\ e "), owned(&["ls", "-l", "a=b", "c  d e"]));
    }
}
