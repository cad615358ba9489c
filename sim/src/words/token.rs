//! The words of a line of a script, each with its column.

/// A word and where it begins, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

/// What can stand in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    /// What stood in quotes.
    Text(String),
    /// At the end of a word.
    Comma,
    /// At the end of a word.
    Colon,
}

/// A place in a line that cannot be read: its column, what is wrong, and what would be right.
pub(super) type Unreadable = (usize, String, &'static str);

/// The words of a line, up to a `#` that begins one.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, Unreadable> {
    let chars: Vec<char> = line.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let column = at + 1;
        match chars[at] {
            c if c.is_whitespace() => at += 1,
            '#' => break,
            '"' => {
                let (text, next) = quoted(&chars, at)?;
                tokens.push(Token { column, kind: Kind::Text(text) });
                at = next;
            }
            c @ (',' | ':') if ends(&chars, at + 1) => {
                tokens.push(Token { column, kind: if c == ',' { Kind::Comma } else { Kind::Colon } });
                at += 1;
            }
            _ => {
                let start = at;
                while at < chars.len() && !chars[at].is_whitespace() && !is_mark(&chars, at) {
                    at += 1;
                }
                tokens.push(Token { column, kind: Kind::Word(chars[start..at].iter().collect()) });
            }
        }
    }
    Ok(tokens)
}

fn ends(chars: &[char], at: usize) -> bool {
    chars.get(at).is_none_or(|c| c.is_whitespace())
}

/// Where a word ends though no blank follows: at a quote, and at a comma or colon that ends it.
fn is_mark(chars: &[char], at: usize) -> bool {
    chars[at] == '"' || (matches!(chars[at], ',' | ':') && ends(chars, at + 1))
}

/// A text in quotes that begins there, and where it is over.
fn quoted(chars: &[char], start: usize) -> Result<(String, usize), Unreadable> {
    let mut text = String::new();
    let mut at = start + 1;
    loop {
        match chars.get(at) {
            None => {
                return Err((start + 1, "a quote that is not closed".into(), "\" at the end of the text"));
            }
            Some('"') => return Ok((text, at + 1)),
            Some('\\') => {
                let (c, next) = escaped(chars, at)?;
                text.push(c);
                at = next;
            }
            Some(c) => {
                text.push(*c);
                at += 1;
            }
        }
    }
}

/// The character that an escape stands for, and where it is over.
fn escaped(chars: &[char], at: usize) -> Result<(char, usize), Unreadable> {
    let want = "\\n, \\t, \\r, \\\", \\\\ or \\u{HEX}";
    let c = match chars.get(at + 1) {
        Some('n') => '\n',
        Some('t') => '\t',
        Some('r') => '\r',
        Some(c @ ('"' | '\\')) => *c,
        Some('u') => {
            let hex: String = chars[at + 2..].iter().take_while(|c| **c != '}').collect();
            let code = hex.strip_prefix('{').and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let c = code.and_then(char::from_u32);
            let c = c.ok_or_else(|| (at + 1, format!("\\u{hex} is no character"), want))?;
            return Ok((c, at + 3 + hex.chars().count()));
        }
        Some(c) => return Err((at + 1, format!("\\{c} stands for nothing"), want)),
        None => return Err((at + 1, "\\ at the end of the line".into(), want)),
    };
    Ok((c, at + 2))
}
