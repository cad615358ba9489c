//! Scripts with which shells complete the words of `uem`: commands and options from their definitions, and
//! what the tree has just then from `complete`.

use argh::{CommandInfoWithArgs, FlagInfoKind};
use argh_complete::Generator;
use argh_complete::bash::Bash;
use argh_complete::fish::Fish;
use argh_complete::zsh::Zsh;
use std::str::FromStr;

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl FromStr for Shell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err("want bash, zsh or fish".to_owned()),
        }
    }
}

/// Words that are no options are asked for; where nothing is known of them it is a file.
const BASH: &str = r#"
_uem_live() {
    if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[COMP_CWORD]} != -* ]]; then
        mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    else
        _uem
    fi
}

complete -F _uem_live -o bashdefault -o default uem
"#;

const ZSH: &str = r#"
_uem_live() {
    local -a live
    if (( CURRENT > 2 )) && [[ ${words[CURRENT]} != -* ]]; then
        live=(${(f)"$(${words[1]} complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
        (( ${#live} )) && compadd -Q -a live && return
        _files
    else
        _uem "$@"
    fi
}

compdef _uem_live uem
"#;

const FISH: &str = r#"
function __fish_uem_wants_word
    test (count (commandline -opc)) -gt 1; and not string match -q -- "-*" (commandline -ct)
end

complete -c uem -n __fish_uem_wants_word \
    -a '(uem complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
"#;

/// The script for a shell.
pub(crate) fn script(shell: Shell, uem: &CommandInfoWithArgs) -> String {
    match shell {
        // The command is the second word, whatever a program's arguments are called.
        Shell::Bash => {
            Bash::generate("uem", uem)
                .replace("for i in ${COMP_WORDS[@]}; do", "for i in ${COMP_WORDS[@]:0:2}; do")
                + BASH
        }
        Shell::Zsh => Zsh::generate("uem", uem) + ZSH,
        // `-x` came with fish 4.
        Shell::Fish => {
            let script = Fish::generate("uem", uem);
            script.replace("commandline -xpc", "commandline -opc") + FISH + &fish_values(uem)
        }
    }
}

/// For fish the values of options are completed option by option.
fn fish_values(uem: &CommandInfoWithArgs) -> String {
    let mut lines = String::new();
    for command in &uem.commands {
        for flag in command.command.flags {
            let FlagInfoKind::Option { arg_name: "nodes" | "exclude" | "signal" } = flag.kind else {
                continue;
            };
            let short = flag.short.map_or(String::new(), |letter| format!(" -s {letter}"));
            lines += &format!(
                "complete -c uem -n '__fish_uem_using_command {}' -l {}{short} -r -f \\\n    \
                 -a '(uem complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'\n",
                command.name,
                flag.long.trim_start_matches('-'),
            );
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Uem;
    use argh::ArgsInfo;
    use std::process::Command;

    #[test]
    fn every_command_and_option_is_in_each_script_and_what_is_changed_in_them_is_there() {
        let uem = Uem::get_args_info();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell, &uem);
            for command in &uem.commands {
                assert!(script.contains(command.name), "{shell:?}: {}", command.name);
                for flag in command.command.flags {
                    let long = flag.long.trim_start_matches('-');
                    assert!(script.contains(long), "{shell:?}: {} {long}", command.name);
                }
            }
        }
        assert!(script(Shell::Bash, &uem).contains("${COMP_WORDS[@]:0:2}"));
        assert!(!script(Shell::Fish, &uem).contains("-xpc"));
    }

    /// What bash offers for these words, the last of which is being typed.
    fn offered(words: &str) -> Vec<String> {
        let script = script(Shell::Bash, &Uem::get_args_info());
        let ask = format!(
            "{script}\ncomplete -p uem >/dev/null\nCOMP_WORDS=({words})\n\
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n_uem_live\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &ask]).output().expect("bash runs");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_and_options_without_a_tree() {
        assert_eq!(offered("uem sta"), ["status"]);
        assert_eq!(offered("uem run --timeo"), ["--timeout"]);
        // The options of run, though cat is a command too.
        assert_eq!(offered("uem run cat --timeo"), ["--timeout"]);
    }
}
