//! Manual pages, from the definitions that the parser and `--help` are made of.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo};
use roff::{Inline, Roff, bold, italic, line_break, roman};

/// The commands that are daemons, and programs of their own under these names.
const DAEMONS: &[&str] = &["ionode", "cnode"];
/// Environment variables that every command uses.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("UEM_AT", "dial string of the partition, without --at; for members, their nearest node"),
    ("UEM_ROOT", "path from the node at UEM_AT to the root of all paths; set for members if that is above"),
    ("XDG_RUNTIME_DIR", "uem up keeps its partition in the directory uem below it"),
];
const FILES: &[(&str, &str)] = &[
    ("$XDG_RUNTIME_DIR/uem/io, /tmp/uem-UID/io", "socket of the partition that uem up has started"),
    ("/run/uem/*", "sockets of a site's partitions; if there is only one, uem uses it"),
    ("/etc/uem", "if it exists, uem run starts nodes on this machine only with --local"),
];

/// The exit codes of a command that has no others.
pub(crate) fn plain_codes() -> &'static [(i32, &'static str)] {
    &[(0, "done"), (100, "the command line is wrong"), (125, "uem itself failed")]
}

/// One page.
pub(crate) struct Page {
    name: String,
    pub(crate) section: u8,
    pub(crate) text: String,
}

impl Page {
    /// The name of its file.
    pub(crate) fn file(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// All pages: of the program, of each command, and of the daemons.
pub(crate) fn pages(uem: &CommandInfoWithArgs) -> Vec<Page> {
    let mut pages = vec![program(uem)];
    for command in &uem.commands {
        let is_daemon = DAEMONS.contains(&command.name);
        let (name, call, section) = match is_daemon {
            true => (command.name.to_owned(), command.name.to_owned(), 8),
            false => (format!("uem-{}", command.name), format!("uem {}", command.name), 1),
        };
        let mut roff = begin(&name, section, &command.command);
        synopsis(&mut roff, &call, &command.command);
        describe(&mut roff, &command.command);
        arguments(&mut roff, &command.command);
        end(&mut roff, &command.command);
        see_also(&mut roff, if is_daemon { &["uem(1)"] } else { &["uem(1)", "ionode(8)", "cnode(8)"] });
        pages.push(Page { name, section, text: roff.render() });
    }
    pages
}

/// uem(1): which commands there are, and what all of them have.
fn program(uem: &CommandInfoWithArgs) -> Page {
    let mut roff = begin("uem", 1, uem);
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold("uem"), roman(" "), italic("COMMAND"), roman(" ["), italic("ARGUMENT"), roman("...]")]);
    describe(&mut roff, uem);
    for (title, are_daemons) in [("COMMANDS", false), ("DAEMONS", true)] {
        roff.control("SH", [title]);
        for command in uem.commands.iter().filter(|command| DAEMONS.contains(&command.name) == are_daemons) {
            let page = if are_daemons { "(8)" } else { "(1)" };
            let prefix = if are_daemons { "" } else { "uem-" };
            let head = vec![bold(format!("{prefix}{}", command.name)), roman(page)];
            item(&mut roff, head, &plain(command.command.description));
        }
    }
    for (title, rows) in [("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        roff.control("SH", [title]);
        rows.iter().for_each(|(name, what)| item(&mut roff, vec![bold(*name)], what));
    }
    end(&mut roff, uem);
    see_also(&mut roff, &["uem-run(1)", "uem-up(1)", "ionode(8)", "cnode(8)"]);
    Page { name: "uem".to_owned(), section: 1, text: roff.render() }
}

/// The braces that a help text has twice are meant once.
fn plain(text: &str) -> String {
    text.replace("{{", "{").replace("}}", "}")
}

fn begin(name: &str, section: u8, command: &CommandInfoWithArgs) -> Roff {
    let mut roff = Roff::new();
    let section = section.to_string();
    let version = concat!("uem ", env!("CARGO_PKG_VERSION"));
    roff.control(
        "TH",
        [&name.to_uppercase(), section.as_str(), version, "uem", "A cluster as one file system"],
    );
    let whole = plain(command.description);
    let sentence = whole.split(['.', ';', ':']).next().unwrap_or(&whole).to_owned();
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    let lower = first.into_iter().chain(letters).collect::<String>();
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {lower}"))]);
    roff
}

fn synopsis(roff: &mut Roff, call: &str, command: &CommandInfoWithArgs) {
    let mut line = vec![bold(call)];
    for flag in shown(command) {
        line.push(roman(" ["));
        let short = flag.short.map(|letter| format!("-{letter}"));
        line.push(bold(short.unwrap_or_else(|| flag.long.to_owned())));
        line.extend(value(flag));
        line.push(roman(if flag.optionality == Optionality::Repeating { "]..." } else { "]" }));
    }
    for word in command.positionals {
        line.push(roman(" "));
        line.extend(positional(word));
    }
    roff.control("SH", ["SYNOPSIS"]).text(line);
}

/// Its options but for --help, which all have.
fn shown<'a>(command: &CommandInfoWithArgs) -> impl Iterator<Item = &'a FlagInfo<'static>> + use<'a> {
    command.flags.iter().filter(|flag| !flag.hidden && flag.long != "--help")
}

fn value(flag: &FlagInfo<'_>) -> Vec<Inline> {
    match flag.kind {
        FlagInfoKind::Option { arg_name } => vec![roman(" "), italic(arg_name.to_uppercase())],
        FlagInfoKind::Switch => Vec::new(),
    }
}

fn positional(word: &PositionalInfo<'_>) -> Vec<Inline> {
    let name = italic(word.name.to_uppercase());
    match word.optionality {
        Optionality::Required => vec![name],
        Optionality::Optional => vec![roman("["), name, roman("]")],
        Optionality::Repeating | Optionality::Greedy => vec![roman("["), name, roman("...]")],
    }
}

fn describe(roff: &mut Roff, command: &CommandInfoWithArgs) {
    roff.control("SH", ["DESCRIPTION"]).text([roman(plain(command.description))]);
    for note in command.notes {
        let joined = plain(note).split_whitespace().collect::<Vec<_>>().join(" ");
        roff.control("PP", []).text([roman(joined)]);
    }
}

fn arguments(roff: &mut Roff, command: &CommandInfoWithArgs) {
    if !command.positionals.is_empty() {
        roff.control("SH", ["ARGUMENTS"]);
        for word in command.positionals {
            item(roff, vec![italic(word.name.to_uppercase())], &plain(word.description));
        }
    }
    roff.control("SH", ["OPTIONS"]);
    for flag in shown(command) {
        let mut head = Vec::new();
        if let Some(letter) = flag.short {
            head.extend([bold(format!("-{letter}")), roman(", ")]);
        }
        head.push(bold(flag.long));
        head.extend(value(flag));
        item(roff, head, &plain(flag.description));
    }
    item(roff, vec![bold("--help")], "print a summary of the options");
}

/// Examples and exit codes.
fn end(roff: &mut Roff, command: &CommandInfoWithArgs) {
    if !command.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]).control("EX", []);
        for example in command.examples {
            roff.text([roman(plain(example)), line_break()]);
        }
        roff.control("EE", []);
    }
    roff.control("SH", ["EXIT STATUS"]);
    let own: Vec<(i32, &str)> =
        command.error_codes.iter().map(|code| (code.code, code.description)).collect();
    let codes = if own.is_empty() { plain_codes() } else { &own };
    codes.iter().for_each(|(code, what)| item(roff, vec![bold(code.to_string())], what));
}

fn see_also(roff: &mut Roff, pages: &[&str]) {
    roff.control("SH", ["SEE ALSO"]).text([roman(pages.join(", "))]);
}

fn item(roff: &mut Roff, head: Vec<Inline>, what: &str) {
    roff.control("TP", []).text(head).text([roman(what)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Uem;
    use argh::ArgsInfo;

    /// A page as somebody reads it who strips what is for the formatter.
    fn read(page: &Page) -> String {
        let lines = page.text.lines().filter(|line| !line.starts_with("'\\\"") && !line.starts_with(".ie"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let text = ["\\fB", "\\fI", "\\fR", "\\&"].iter().fold(text, |text, code| text.replace(code, ""));
        text.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\e", "\\").replace("\\\\", "\\")
    }

    #[test]
    fn every_command_has_a_page_with_each_of_its_options_words_examples_and_codes() {
        let uem = Uem::get_args_info();
        let pages = pages(&uem);
        assert_eq!(pages.len(), uem.commands.len() + 1);
        let whole = read(&pages[0]);
        for (command, page) in uem.commands.iter().zip(&pages[1..]) {
            let (text, info) = (read(page), &command.command);
            assert!(whole.contains(&page.name), "{} in uem(1)", page.name);
            assert!(text.contains(&format!(".TH {}", page.name.to_uppercase())), "{text}");
            let heads = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"];
            for head in heads {
                let is_head = |line: &str| line.trim_start_matches(".SH ").trim_matches('"') == head;
                assert!(text.lines().any(|line| line.starts_with(".SH") && is_head(line)), "{head}: {text}");
            }
            for flag in info.flags {
                assert!(text.contains(flag.long), "{}: {}", page.name, flag.long);
            }
            for word in info.positionals {
                assert!(text.contains(&word.name.to_uppercase()), "{}: {}", page.name, word.name);
            }
            for example in info.examples {
                assert!(text.contains(&plain(example)), "{}: {example}\n{text}", page.name);
            }
            for code in info.error_codes {
                assert!(text.contains(&format!("{}\n{}", code.code, code.description)), "{text}");
            }
        }
        let daemons: Vec<String> = pages.iter().filter(|page| page.section == 8).map(Page::file).collect();
        assert_eq!(daemons, ["ionode.8", "cnode.8"]);
    }

    #[test]
    fn no_text_is_taken_for_a_request_of_the_formatter() {
        for page in pages(&Uem::get_args_info()) {
            let known = [".SH", ".TH", ".TP", ".PP", ".EX", ".EE", ".br", ".ie", ".el"];
            for line in page.text.lines().filter(|line| line.starts_with(['.', '\''])) {
                let request = line.split_whitespace().next().unwrap_or("");
                assert!(known.contains(&request) || line.starts_with("'\\\""), "{}: {line}", page.name);
            }
        }
    }
}
