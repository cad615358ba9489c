//! What shells complete: the words of `uem`, and nodes, sessions, paths and verbs as a live tree has them.

use std::process::Command;
use tests::{Cluster, uem};

/// A shell, what runs a script in it, and what is to be done for it to print what it offers for a line.
struct Shell {
    name: &'static str,
    ask: fn(&str) -> String,
}

const BASH: Shell = Shell {
    name: "bash",
    ask: |line| {
        format!(
            "source <(uem completions bash); COMP_WORDS=({line}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _uem_live; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
    },
};

const FISH: Shell = Shell {
    name: "fish",
    ask: |line| {
        format!("uem completions fish | source; complete -C \"{line}\" | string replace -r '\\t.*' ''; true")
    },
};

/// What the shell offers for a line, the last word of which is being typed.
fn offered(partition: &Cluster, shell: &Shell, line: &str) -> Vec<String> {
    let mut command = Command::new(shell.name);
    let bin = uem().parent().expect("a directory").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let at = format!("unix!{}", partition.socket("io").display());
    command.args(["-c", &(shell.ask)(line)]).env("PATH", format!("{bin}:{path}")).env("UEM_AT", at);
    let output = command.output().unwrap_or_else(|why| panic!("{} starts: {why}", shell.name));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.is_empty(), "{}: {err}", shell.name);
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn nodes_sessions_paths_and_verbs_are_those_of_the_tree() {
    let partition = Cluster::up(3);
    assert_eq!(partition.run(&["mkdir", "job1", "job2"]).code, 0);
    let nodes = ["node01", "node02", "node03"];
    for shell in [BASH, FISH] {
        for (line, want) in [
            ("uem stat", &["status"][..]),
            ("uem run --timeo", &["--timeout"]),
            ("uem run -n 2 -w node0", &nodes),
            ("uem drain node01,node02,node03,node01", &["node01,node02,node03,node01"]),
            ("uem shell node03", &["node03"]),
            ("uem kill job", &["job1", "job2"]),
            ("uem cat summ", &["summary"]),
            ("uem cat net/node02/inf", &["net/node02/info"]),
            ("uem ls job1/deb", &["job1/debug/"]),
            ("uem write job1/ctl killonc", &["killonclose"]),
            ("uem write ctl exi", &["exit"]),
        ] {
            assert_eq!(offered(&partition, &shell, line), want, "{}: {line}", shell.name);
        }
        assert_eq!(offered(&partition, &shell, "uem complete"), [""; 0], "{}", shell.name);
    }
}

#[test]
fn zsh_takes_its_script_and_a_tree_that_is_gone_offers_nothing() {
    let script = Command::new(uem()).args(["completions", "zsh"]).output().expect("uem starts");
    let path = std::env::temp_dir().join(format!("uem-zsh-{}", std::process::id()));
    std::fs::write(&path, &script.stdout).expect("it can be written");
    let checked = Command::new("zsh").arg("-n").arg(&path).output().expect("zsh starts");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    std::fs::remove_file(&path).expect("it is ours");
    let mut gone = Command::new(uem());
    gone.args(["complete", "shell", ""]).env("UEM_AT", "unix!/no/such/socket");
    let gone = gone.output().expect("uem starts");
    assert!(gone.status.success() && gone.stdout.is_empty() && gone.stderr.is_empty());
}
