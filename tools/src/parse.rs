//! From the words of a command line to a command: help where it is asked for, and what was probably meant
//! where they are wrong.

use crate::command::{Command, Uem, rsh};
use crate::exit::{Fault, SSH_OWN, USAGE, print};
use crate::manual::plain_codes;
use crate::words::{Options, nearest, part_signal};
use argh::{ArgsInfo, FromArgs};

/// The command, or none where only help was asked for and given.
pub(crate) fn parse(args: &[String]) -> Result<Option<Command>, Fault> {
    let all = Uem::get_args_info();
    let Some((name, rest)) = args.split_first() else {
        return Err(Fault::usage(format!("what?\n\n{}", help(&[]))));
    };
    if name == "--version" || name == "-V" {
        return print(concat!("uem ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()).map(|()| None);
    }
    let names: Vec<&str> = all.commands.iter().map(|command| command.name).collect();
    if name == "help" || name == "--help" || name == "-h" {
        // `uem help run` is `uem run --help`.
        let about: Vec<&str> = rest.iter().map(String::as_str).filter(|word| names.contains(word)).collect();
        return print((help(&about[..about.len().min(1)]) + "\n").as_bytes()).map(|()| None);
    }
    let Some(info) = all.commands.iter().find(|command| command.name == name) else {
        let meant = nearest(name, names.iter().copied());
        let meant = meant.map_or(";".to_owned(), |meant| format!(": did you mean {meant}?"));
        return Err(Fault::usage(format!("no command '{name}'{meant} there are {}", names.join(" "))));
    };
    let options = Options::of(&info.command);
    let rest = match name.as_str() {
        "kill" => part_signal(rest),
        "rsh" => rsh::part(rest),
        _ => rest.to_vec(),
    };
    let parted = options.part(&rest);
    let parsed: Vec<&str> = std::iter::once(name.as_str()).chain(parted.iter().map(String::as_str)).collect();
    match Uem::from_args(&["uem"], &parsed) {
        Ok(uem) => Ok(Some(uem.command)),
        Err(early) if early.status.is_ok() => print((help(&[name]) + "\n").as_bytes()).map(|()| None),
        Err(early) => {
            let code = if name == "rsh" { SSH_OWN } else { USAGE };
            Err(Fault { told: explain(name, &options, &early.output), code })
        }
    }
}

/// The help of the program or of a command: the parser's, with the codes that all commands exit with.
fn help(about: &[&str]) -> String {
    let words: Vec<&str> = about.iter().copied().chain(["--help"]).collect();
    let told = Uem::from_args(&["uem"], &words).map_or_else(|early| early.output, |_| String::new());
    let mut told = told.trim_end().replace("\nError codes:\n", "\nExit codes:\n");
    if !told.contains("\nExit codes:\n") {
        told += "\n\nExit codes:";
        plain_codes().iter().for_each(|(code, what)| told += &format!("\n  {code} {what}"));
    }
    told
}

/// What the parser has against a command line, in one line, and what would be right.
fn explain(name: &str, options: &Options, output: &str) -> String {
    let see = format!("see uem {name} --help");
    if let Some(word) = output.strip_prefix("Unrecognized argument: ") {
        let word = word.lines().next().unwrap_or("");
        let what = if word.starts_with('-') { "no option" } else { "one word too many:" };
        return match options.nearest(word) {
            Some(meant) => format!("{name}: {what} {word}: did you mean {meant}? {see}"),
            None => format!("{name}: {what} {word}; {see}"),
        };
    }
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told =
        lines.iter().take_while(|line| !line.starts_with("Run ")).copied().collect::<Vec<_>>().join(" ");
    // What the type of a value has against it is said in its own words.
    let told = told.replace(": invalid digit found in string", ": want a number").replace("\'.", "\'");
    let mut letters = told.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    format!("{name}: {}{}; {see}", first.into_iter().collect::<String>(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slip(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&words).err().map_or(String::new(), |fault| fault.told)
    }

    #[test]
    fn every_command_has_help_with_its_options_an_example_and_its_exit_codes() {
        let all = help(&[]);
        let info = Uem::get_args_info();
        assert_eq!(info.commands.len(), 26, "{all}");
        for command in &info.commands {
            let name = command.name;
            assert!(all.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {all}");
            let help = help(&[name]);
            assert!(help.starts_with(&format!("Usage: uem {name}")), "{help}");
            assert!(!help.contains("{{"), "braces are as they are typed: {help}");
            assert!(command.command.flags.iter().all(|flag| help.contains(flag.long)), "{help}");
            assert!(help.contains("\nExamples:\n  ") && help.contains("\nExit codes:\n  "), "{help}");
        }
        assert!(help(&["each"]).contains("In the command, {} is the argument"), "and said once");
        let words = ["run", "-n4", "-bw", "n[1-9]", "--timeout=3", "ls", "-l", "help"].map(str::to_owned);
        assert!(matches!(parse(&words), Ok(Some(Command::Run(_)))));
    }

    #[test]
    fn slips_are_answered_with_what_was_meant() {
        assert!(slip("rnu x").starts_with("no command 'rnu': did you mean run?"));
        assert_eq!(
            slip("run --timout 3 ls"),
            "run: no option --timout: did you mean --timeout? see uem run --help"
        );
        assert_eq!(slip("down x"), "down: one word too many: x; see uem down --help");
        assert!(slip("run -n x ls").starts_with("run: error parsing option '-n' with value 'x'"));
        assert!(slip("wait").starts_with("wait: required positional arguments not provided: session;"));
    }
}
