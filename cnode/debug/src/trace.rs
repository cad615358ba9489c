//! `trace` of a session: where its members are, equal places are printed once, with the set of members.

use crate::image::{Binaries, Frame};
use crate::mem::Memory;
use crate::process::{self, Subject};
use crate::ptrace;
use crate::stop::Stop;
use protocol::memberset;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Names in a line: the outermost.
const NAMES_MAX: usize = 24;

/// Lines `<member set> <functions of the first thread, outermost first>`, by the first member of each set.
pub(crate) fn print(subjects: &[Subject]) -> io::Result<()> {
    let mut binaries = Binaries::default();
    let mut places = BTreeMap::<String, Vec<u32>>::new();
    let mut looks = Vec::new();
    for subject in subjects {
        let look = subject.pid.map(|pid| Look::prepare(&mut binaries, pid));
        match look {
            None => places.entry(subject.state.clone()).or_default().push(subject.member),
            Some(Err(why)) => places.entry(why.to_owned()).or_default().push(subject.member),
            Some(Ok(look)) => looks.push((subject.member, look)),
        }
    }
    let pids: Vec<i32> = looks.iter().map(|(_, look)| look.pid).collect();
    let mut stop = Stop::of_many(&pids)?;
    for (member, mut look) in looks {
        places.entry(look.place(&mut stop)).or_default().push(member);
    }
    drop(stop);
    process::output()?.write_all(told(places).as_bytes())
}

/// What can be read of a process before it is stopped, so that it stands still only briefly.
struct Look {
    pid: i32,
    image: crate::image::Image,
    memory: Memory,
}

impl Look {
    fn prepare(binaries: &mut Binaries, pid: i32) -> Result<Self, &'static str> {
        process::check_ours(pid).map_err(|_| "gone")?;
        if process::tracer_of(pid) != 0 {
            return Err("traced");
        }
        let image = binaries.image(pid).map_err(|_| "hidden")?;
        let memory = Memory::open(pid).map_err(|_| "hidden")?;
        Ok(Self { pid, image, memory })
    }

    fn place(&mut self, stop: &mut Stop) -> String {
        if !stop.has(self.pid) {
            return "busy".to_owned();
        }
        let regs = ptrace::registers::<libc::user_regs_struct>(self.pid);
        let place = regs.map(|regs| line(&self.image.unwind(&mut self.memory, &regs)));
        stop.release(self.pid);
        place.unwrap_or_else(|_| "gone".to_owned())
    }
}

/// The names of frames from `main` on; recursive calls are printed once, with a star.
fn line(frames: &[Frame]) -> String {
    let mut names: Vec<String> = frames.iter().rev().map(Frame::name).collect();
    if let Some(main) = names.iter().position(|name| name == "main") {
        names.drain(..main);
    }
    let mut told: Vec<String> = Vec::new();
    for name in names {
        match told.last_mut() {
            Some(last) if *last == name => last.push('*'),
            Some(last) if last.strip_suffix('*') == Some(&name) => {}
            _ => told.push(name),
        }
    }
    if told.is_empty() {
        told.push("?".to_owned());
    }
    told.truncate(NAMES_MAX);
    told.join(" ")
}

fn told(places: BTreeMap<String, Vec<u32>>) -> String {
    let mut lines: Vec<(Vec<u32>, String)> = places.into_iter().map(|(place, of)| (of, place)).collect();
    lines.iter_mut().for_each(|(members, _)| members.sort_unstable());
    lines.sort();
    let mut text = String::new();
    for (members, place) in lines {
        let written = memberset::fold(members.into_iter(), &mut text);
        let written = written.and_then(|()| writeln!(text, " {place}"));
        assert!(written.is_ok(), "a string takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(names: &[&str]) -> Vec<Frame> {
        let frame =
            |name: &&str| Frame { address: 0, function: Some((name.to_string(), 0)), file: String::new() };
        names.iter().rev().map(frame).collect()
    }

    #[test]
    fn a_line_begins_at_main_and_tells_recursion_once() {
        assert_eq!(line(&frames(&["_start", "main", "f", "f", "f", "g"])), "main f* g");
        assert_eq!(line(&frames(&["clone", "work"])), "clone work");
        assert_eq!(line(&[]), "?");
    }

    #[test]
    fn equal_places_are_one_line_by_first_member() {
        let places = [("main work", vec![63, 0, 1, 2]), ("main spin", vec![62]), ("done", vec![5])];
        let places = places.map(|(place, of)| (place.to_owned(), of)).into();
        assert_eq!(told(places), "0-2,63 main work\n5 done\n62 main spin\n");
    }
}
