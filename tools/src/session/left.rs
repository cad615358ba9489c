//! Sessions that are left running, and waited for later by name.

use super::outcome::Outcomes;
use super::plan::Plan;
use crate::ctl;
use crate::environment::word;
use crate::exit::{Fault, Told, print};
use client::{Client, Error};
use protocol::ename::Ename;
use protocol::message::Tmsg;
use protocol::stat::DMDIR;

/// Starts a persistent session that writes to a file here, prints its name, and leaves.
pub(crate) fn leave<T: Copy>(client: &mut Client<T>, plan: &Plan) -> Result<i32, Fault> {
    let id = make(client)?;
    if let Err(refused) = start(client, plan, &id) {
        let info = client.read_all(&format!("{id}/info")).unwrap_or_default();
        let info = String::from_utf8_lossy(&info).into_owned();
        let state = info.lines().find_map(|line| line.strip_prefix("state=")).unwrap_or("open");
        if !matches!(state, "starting" | "running") {
            // Nothing runs: there is nothing to leave.
            let code = match state {
                "open" | "reserved" => Err(refused),
                _ => settle(client, &id, &plan.program),
            };
            ctl::tell(client, &format!("{id}/ctl"), "wipe\n")?;
            return Ok(code?);
        }
        // Some were refused, the others run: `wait` tells which.
        eprintln!("uem: {refused}");
    }
    print(format!("{id}\n").as_bytes()).map(|()| 0)
}

/// A persistent session with the first free name: an earlier process may have had our number.
fn make<T: Copy>(client: &mut Client<T>) -> Result<String, Told> {
    let own = std::process::id();
    for turn in 0.. {
        let id = if turn == 0 { format!("run{own}") } else { format!("run{own}.{turn}") };
        match make_named(client, "", &id) {
            Ok(()) => return Ok(id),
            Err(error) if error.ename() == Some(Ename::Exists) => {}
            Err(error) => return Err(format!("unable to make a session: {error}")),
        }
    }
    Err("unable to name a session".to_owned())
}

/// Makes a persistent session in a node's directory.
pub(crate) fn make_named<T: Copy>(client: &mut Client<T>, dir: &str, name: &str) -> Result<(), Error> {
    let fid = client.walk(dir)?;
    let made = client.call(&Tmsg::Create { fid, name, perm: DMDIR | 0o700, mode: 0 });
    client.close(fid)?;
    made
}

fn start<T: Copy>(client: &mut Client<T>, plan: &Plan, id: &str) -> Result<(), Told> {
    for (file, data) in [("env", plan.env.as_slice()), ("args", plan.args.as_bytes())] {
        client.fill(&format!("{id}/{file}"), data)?;
    }
    let out = std::env::current_dir().unwrap_or_default().join(format!("uem-{id}.out"));
    // Known to be writable, and without what an earlier session of that name has left.
    std::fs::File::create(&out).map_err(|e| format!("unable to make {}: {e}", out.display()))?;
    let out = word(&out.display().to_string());
    let redirections = format!("redir stdin /dev/null\nredir stdout {out}\nredir stderr {out}\n");
    ctl::tell(client, &format!("{id}/ctl"), &format!("{}{redirections}exec\n", plan.lines))
}

/// Waits for a session's outcomes, prints the failures and makes the exit code.
pub(crate) fn settle<T: Copy>(client: &mut Client<T>, session: &str, program: &str) -> Result<i32, Told> {
    let text = client.read_all(&format!("{session}/wait"))?;
    let mut outcomes = Outcomes::default();
    if !outcomes.take(&String::from_utf8_lossy(&text)) {
        return Err("the node sent a malformed outcome".to_owned());
    }
    outcomes.failures(program).iter().for_each(|line| eprintln!("uem: {line}"));
    Ok(outcomes.code())
}
