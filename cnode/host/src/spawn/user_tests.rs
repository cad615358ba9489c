//! Whom a member runs as and where, as it sees it itself.

use super::ns::{Place, is_root};
use super::*;

/// The output of one member of `owner`'s session, or why it never ran.
fn told(owner: &str, args: &str, setup: &str, ns: &str) -> Result<String, String> {
    let mut params = params(args, None, setup);
    params.append(Kind::Ns, ns.as_bytes()).unwrap();
    let mut spawner = Spawner::new().unwrap();
    spawner.prepare(&params, owner).map_err(|unready| unready.to_string())?;
    let mut child = spawner.start(&PLAN).unwrap();
    child.stdin = None;
    let outputs = [&child.stdout, &child.stderr].into_iter().filter(|output| output.is_some());
    let text: String = outputs.map(|output| all_of(output.as_ref())).collect();
    let outcome = outcome(&mut spawner, &mut child);
    let end = exit(&mut spawner, &mut child).end;
    match outcome {
        Outcome::Running => {
            assert_eq!(end, End::Code(0), "{text}");
            Ok(text)
        }
        Outcome::Failed(failure) => Err(failure.to_string()),
        Outcome::Starting | Outcome::Ready => panic!("it has ended"),
    }
}

/// The user without rights that every system has, by name and number; said where it cannot be.
fn nobody() -> Option<(String, u32, u32)> {
    let text = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = text.lines().find(|line| line.starts_with("nobody:")).filter(|_| is_root());
    if line.is_none() {
        eprintln!("not run: only root can start a member as nobody");
    }
    let mut fields = line?.split(':');
    let (name, uid, gid) = (fields.next()?, fields.nth(1)?, fields.next()?);
    Some((name.to_owned(), uid.parse().unwrap(), gid.parse().unwrap()))
}

#[test]
fn members_of_another_users_session_are_his() {
    let Some((name, uid, gid)) = nobody() else { return };
    let script = "sh -c 'id -u; id -g; id -G; echo by name >/dev/stderr; echo $USER $LOGNAME; env | wc -l'";
    // What the member is given, PATH, and three names; a shell adds PWD.
    let want = format!("{uid}\n{gid}\n{gid}\nnobody nobody\n{}\nby name\n", 6 + 1 + 3 + 1);
    assert_eq!(told(&name, script, "", ""), Ok(want.clone()));
    assert_eq!(told(&name, script, "user nobody\n", ""), Ok(want.clone()));
    assert_eq!(told("root", script, "user nobody\n", ""), Ok(want));
    assert_eq!(told("root", "id -u", "", ""), Ok("0\n".into()));
    assert_eq!(
        told("root", "sh -c 'id -u; id -g; id -G'", "user 4711:4712\n", ""),
        Ok("4711\n4712\n4712\n".into())
    );
    let refused = Err("user: only root may ask for another user".into());
    assert_eq!(told(&name, "id", "user root\n", ""), refused);
    assert_eq!(told("nosuchuser", "id", "", ""), Err("user: no such user on this node".into()));
}

#[test]
fn a_member_of_another_user_has_none_of_our_rights_and_none_of_our_memory() {
    let Some((name, ..)) = nobody() else { return };
    let text = told(&name, "cat /proc/self/status", "", "").unwrap();
    for line in ["CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000"] {
        assert!(text.contains(line), "{text}");
    }
    let mut spawner = Spawner::new().unwrap();
    spawner.prepare(&params("cat", None, ""), &name).unwrap();
    let mut child = spawner.start(&PLAN).unwrap();
    assert!(child.slot.is_none(), "it has a copy, as fork makes it");
    child.stdin = None;
    assert_eq!(exit(&mut spawner, &mut child).end, End::Code(0));
}

#[test]
fn a_directory_and_files_are_opened_as_the_user_who_runs() {
    let Some((name, ..)) = nobody() else { return };
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("user");
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(place.0.join("full"), mode(0o700)).unwrap();
    let full = place.at("full");
    assert_eq!(told(&name, "pwd", &format!("dir {full}\n"), ""), Err("dir: Permission denied".into()));
    let redir = format!("redir stdout {full}/out\n");
    assert_eq!(told(&name, "true", &redir, ""), Err("redir stdout: Permission denied".into()));
    assert_eq!(
        told("root", "pwd", &format!("user {name}\ndir {full}\n"), ""),
        Err("dir: Permission denied".into())
    );
}

/// What root makes of the name space holds for whom he runs; others have no more rights in it than they have.
#[test]
fn a_name_space_is_made_with_the_rights_of_whose_session_it_is() {
    let Some((name, uid, _)) = nobody() else { return };
    let place = Place::new("whose");
    let ns = format!("mount tmpfs none {}\n", place.at("empty"));
    let script = format!("sh -c 'id -u; stat -c %u {}; wc -l </proc/self/uid_map'", place.at("empty"));
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    assert_eq!(
        told("root", &script, &format!("user {name}\n"), &ns),
        Ok(format!("{uid}\n0\n{}\n", map.lines().count()))
    );
    let theirs = told(&name, &script, "", &ns);
    let allowed = Ok(format!("{uid}\n{uid}\n1\n"));
    let refused = Err("ns: line 1: unshare: Operation not permitted".into());
    // A system may forbid it.
    assert!(theirs == allowed || theirs == refused, "{theirs:?}");
}

/// With mounts of his own a user could show `su` a password file of his own.
#[test]
fn a_program_that_lifts_rights_lifts_none_in_a_name_space_that_its_user_has_made() {
    use std::os::unix::fs::PermissionsExt;
    let Some((name, uid, _)) = nobody() else { return };
    let place = Place::new("lift");
    std::fs::copy("/usr/bin/id", place.0.join("full/id")).unwrap();
    std::fs::set_permissions(place.0.join("full/id"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let id = format!("{}/id -u", place.at("full"));
    if told(&name, &id, "", "") != Ok("0\n".into()) {
        eprintln!("not run: no program lifts rights from {}", place.at("full"));
        return;
    }
    let lifted = told(&name, &id, "", "unshare\n");
    assert!(
        lifted == Ok(format!("{uid}\n")) || lifted.is_err_and(|e| e.starts_with("ns: line 1: unshare: "))
    );
}

#[test]
fn cpus_are_given_in_turn() {
    let list = |text: Result<String, String>| {
        let text = text.unwrap();
        text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t").map(str::to_owned)).unwrap()
    };
    let all = list(told("root", "cat /proc/self/status", "", ""));
    assert_eq!(list(told("root", "cat /proc/self/status", "cpus 0\n", "")), all);
    let here: Vec<u32> = protocol::memberset::MemberSet::parse(&all).unwrap().iter().collect();
    let want = here.iter().map(u32::to_string).cycle();
    let mut spawner = Spawner::new().unwrap();
    spawner.prepare(&params("cat /proc/self/status", None, "cpus 1\n"), "root").unwrap();
    for want in want.take(2 * here.len() + 1) {
        let mut child = spawner.start(&PLAN).unwrap();
        assert_eq!(list(Ok(all_of(child.stdout.as_ref()))), want);
        assert_eq!(exit(&mut spawner, &mut child).end, End::Code(0));
    }
    let first = here[0].to_string();
    let one = format!("cpus {first}-{first}\n");
    assert_eq!(list(told("root", "cat /proc/self/status", &one, "")), first);
    let many = format!("cpus {}\n", here.len() + 1);
    assert_eq!(told("root", "true", &many, ""), Err("cpus: more than this node has".into()));
    assert_eq!(
        told("root", "true", "cpus 4095,0\n", ""),
        Err("cpus: this node does not have all of them".into())
    );
}

#[test]
fn a_directory_and_files_are_named_as_the_member_reads_them() {
    let place = Place::new("expand");
    std::fs::create_dir_all(place.0.join("full/cn05-3")).unwrap();
    let setup = format!("dir {}/$node-$m\nredir stdout '$m of $n$$'\n", place.at("full"));
    each_way(&params("pwd", None, &setup), |spawner, mut child| {
        assert_eq!(outcome(spawner, &mut child), Outcome::Running);
        assert_eq!(exit(spawner, &mut child).end, End::Code(0));
        let out = place.0.join("full/cn05-3/3 of 64$");
        assert_eq!(std::fs::read_to_string(&out).unwrap(), place.at("full/cn05-3") + "\n");
        std::fs::remove_file(out).unwrap();
    });
}
