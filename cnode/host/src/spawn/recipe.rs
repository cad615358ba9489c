//! From a session's parameters to the arguments of execve: parsed once for a session, expanded for each
//! member.

use std::ffi::c_char;
use std::io;
use std::ptr;

use super::child::{LIMITS_MAX, Recipe, User};
use super::cpus::{Cpus, Mask};
use super::ns::{Lines, Op};
use super::strings::{Strings, push_decimal};
use super::terminal::Size;
use super::users::Users;
use super::{Plan, Unready};
use crate::params::{Kind, Lexer, Params};
use protocol::failure::{Failure, Fault};

/// Variables of an env file, few enough that finding double names stays cheap.
const NAMES_MAX: usize = 4096;

/// Bytes of the variables that every member gets, and by which its words may grow.
const GIVEN_ROOM: usize = 4096;

/// Where programs are searched if the member has no PATH.
const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/bin:/usr/bin";

/// Variables that every member gets; they replace values from elsewhere.
const GIVEN: [&[u8]; 6] = [b"UEM_SESSION", b"UEM_MEMBER", b"UEM_SIZE", b"UEM_NODE", b"UEM_AT", b"UEM_ROOT"];

/// Names of rlimits as in getrlimit(2), without RLIMIT_, in lower case.
#[allow(clippy::unnecessary_cast, reason = "their type differs between C libraries")]
const LIMITS: [(&[u8], u32); LIMITS_MAX] = [
    (b"as", libc::RLIMIT_AS as u32),
    (b"core", libc::RLIMIT_CORE as u32),
    (b"cpu", libc::RLIMIT_CPU as u32),
    (b"data", libc::RLIMIT_DATA as u32),
    (b"fsize", libc::RLIMIT_FSIZE as u32),
    (b"locks", libc::RLIMIT_LOCKS as u32),
    (b"memlock", libc::RLIMIT_MEMLOCK as u32),
    (b"msgqueue", libc::RLIMIT_MSGQUEUE as u32),
    (b"nice", libc::RLIMIT_NICE as u32),
    (b"nofile", libc::RLIMIT_NOFILE as u32),
    (b"nproc", libc::RLIMIT_NPROC as u32),
    (b"rss", libc::RLIMIT_RSS as u32),
    (b"rtprio", libc::RLIMIT_RTPRIO as u32),
    (b"rttime", libc::RLIMIT_RTTIME as u32),
    (b"sigpending", libc::RLIMIT_SIGPENDING as u32),
    (b"stack", libc::RLIMIT_STACK as u32),
];

/// A session's parameters, parsed.
#[derive(Default)]
pub(super) struct Template {
    args: Strings,
    env: Strings,
    /// The words of the set-up lines; they are referred to by number.
    setup: Strings,
    dir: Option<usize>,
    umask: Option<u16>,
    nice: Option<u8>,
    limits: Vec<(u32, u64)>,
    files: [Option<usize>; 3],
    /// The member gets a terminal of that size.
    pub(super) terminal: Option<Size>,
    ns: Lines,
    pub(super) cpus: Cpus,
    user: Option<usize>,
    users: Users,
    /// The session is root's: `ns` is carried out with root's rights, whatever user the members run as.
    is_roots: bool,
}

fn name_of(entry: &[u8]) -> &[u8] {
    let end = entry.iter().position(|b| *b == b'=').unwrap_or(entry.len());
    &entry[..end]
}

impl Template {
    pub(super) fn has_file(&self, fd: usize) -> bool {
        self.files[fd].is_some()
    }

    /// Whether the members run as another user than this process.
    pub(super) fn changes_user(&self) -> bool {
        self.users.who().is_some()
    }

    pub(super) fn parse(
        &mut self,
        (params, owner): (&Params, &str),
        own_env: &[Vec<u8>],
    ) -> Result<(), Unready> {
        (self.dir, self.umask, self.files, self.user) = (None, None, [None; 3], None);
        (self.terminal, self.nice) = (None, None);
        self.setup.clear();
        self.limits.clear();
        self.cpus.clear();
        if let Some(map) = params.map(Kind::Setup)? {
            self.parse_setup(&map)?;
        }
        self.cpus.check()?;
        // SAFETY: neither call takes a pointer.
        let own = unsafe { (libc::geteuid(), libc::getegid()) };
        self.users.resolve(owner, self.user.map(|word| self.setup.get(word)), own)?;
        self.is_roots = owner == "root";
        self.args.clear();
        if let Some(map) = params.map(Kind::Args)? {
            self.parse_args(&map)?;
        }
        if self.args.starts.is_empty() {
            return Err(Lexer::new(Kind::Args, &[]).bad(Fault::NoProgram).into());
        }
        self.env.clear();
        if params.exists(Kind::Env) {
            if let Some(map) = params.map(Kind::Env)? {
                self.parse_env(&map)?;
            }
        } else {
            self.inherit_env(own_env);
        }
        self.ns.clear();
        if let Some(map) = params.map(Kind::Ns)? {
            self.ns.parse(&map, owner)?;
        }
        Ok(())
    }

    /// The environment of this process; another user gets only PATH of it.
    fn inherit_env(&mut self, own_env: &[Vec<u8>]) {
        let who = self.users.who();
        let keeps = |name: &[u8]| who.is_none() || name == b"PATH";
        for entry in own_env.iter().filter(|e| keeps(name_of(e)) && !GIVEN.contains(&name_of(e))) {
            self.env.push(&[entry]);
        }
        if let Some(who) = who.filter(|who| !who.name.is_empty()) {
            self.env.push(&[b"HOME=", &who.home]);
            self.env.push(&[b"USER=", &who.name]);
            self.env.push(&[b"LOGNAME=", &who.name]);
        }
    }

    fn parse_args(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut lexer = Lexer::new(Kind::Args, bytes);
        while lexer.skip(b" \t\r\n") {
            let start = self.args.bytes.len();
            lexer.word(b" \t\r\n", &mut self.args.bytes)?;
            self.args.end(start);
        }
        Ok(())
    }

    /// A repeated name replaces the earlier value, as in a shell.
    fn parse_env(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut lexer = Lexer::new(Kind::Env, bytes);
        // Most names are new, which one bit shows; only the others are searched for.
        let mut seen = [0_u64; 64];
        let mut doubled = false;
        while lexer.skip(b"\n") {
            let refused = lexer.bad(Fault::NoName);
            let start = self.env.bytes.len();
            lexer.word(b"\n", &mut self.env.bytes)?;
            let name = name_of(&self.env.bytes[start..]);
            if name.is_empty() || start + name.len() == self.env.bytes.len() {
                return Err(refused);
            }
            if GIVEN.contains(&name) {
                self.env.bytes.truncate(start);
                continue;
            }
            let hash = name.iter().fold(0, |h: usize, b| h.wrapping_mul(31) + usize::from(*b));
            let (word, bit) = (hash / 64 % 64, 1 << (hash % 64));
            doubled |= seen[word] & bit != 0;
            seen[word] |= bit;
            if self.env.starts.len() == NAMES_MAX {
                return Err(lexer.bad(Fault::ManyNames));
            }
            self.env.end(start);
        }
        if doubled {
            self.drop_doubled();
        }
        Ok(())
    }

    fn drop_doubled(&mut self) {
        let all: Vec<&[u8]> = self.env.iter().collect();
        let mut last = Strings::default();
        for (i, entry) in all.iter().enumerate() {
            if !all[i + 1..].iter().any(|later| name_of(later) == name_of(entry)) {
                last.push(&[entry]);
            }
        }
        self.env = last;
    }

    fn parse_setup(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut lexer = Lexer::new(Kind::Setup, bytes);
        while lexer.skip(b" \t\n") {
            let refused = lexer.bad(Fault::Setup);
            let first = self.setup.starts.len();
            while lexer.skip_in_line() {
                let start = self.setup.bytes.len();
                lexer.word(b" \t\n", &mut self.setup.bytes)?;
                self.setup.end(start);
            }
            self.set(first).ok_or(refused)?;
        }
        Ok(())
    }

    /// Parses the line whose words begin with number `first`.
    fn set(&mut self, first: usize) -> Option<()> {
        let mut words = self.setup.iter().skip(first);
        let (verb, what, value) = (words.next()?, words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        match (verb, value) {
            (b"dir", None) => self.dir = Some(first + 1),
            (b"user", None) => self.user = Some(first + 1),
            (b"cpus", None) => self.cpus.parse(what)?,
            (b"umask", None) => {
                let umask = u16::from_str_radix(std::str::from_utf8(what).ok()?, 8).ok()?;
                self.umask = Some(umask).filter(|u| *u <= 0o777);
                self.umask?;
            }
            (b"limit", Some(value)) => {
                let (_, resource) = LIMITS.iter().find(|(name, _)| *name == what)?;
                let resource = *resource;
                let soft = match value {
                    b"unlimited" => u64::MAX,
                    digits => std::str::from_utf8(digits).ok()?.parse().ok()?,
                };
                self.limits.retain(|(r, _)| *r != resource);
                self.limits.push((resource, soft));
            }
            (b"nice", None) => self.nice = Some(std::str::from_utf8(what).ok()?.parse().ok()?),
            (b"winsize", Some(cols)) => {
                let side = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
                self.terminal = Some([side(what)?, side(cols)?]);
            }
            (b"redir", Some(_)) => {
                let names: [&[u8]; 3] = [b"stdin", b"stdout", b"stderr"];
                let fd = names.iter().position(|n| *n == what)?;
                self.files[fd] = Some(first + 2);
            }
            _ => return None,
        }
        Some(())
    }
}

/// The memory of one start: the strings and pointers of its recipe.
pub(super) struct Scratch {
    strings: Strings,
    pointers: Vec<*const c_char>,
    ops: Vec<Op>,
    recipe: Recipe,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let recipe = Recipe {
            parent: 0,
            argv: ptr::null(),
            envp: ptr::null(),
            paths: ptr::null(),
            dir: ptr::null(),
            ops: ptr::null(),
            op_count: 0,
            maps: [ptr::null(); 2],
            user: None,
            is_ns_first: false,
            cpus: None,
            umask: -1,
            nice: None,
            limits: [(0, 0); LIMITS_MAX],
            limit_count: 0,
            stdio: [-1; 3],
            files: [ptr::null(); 3],
            is_joined: false,
            waits: false,
            is_terminal: false,
            status: -1,
            handled: 0,
        };
        Self { strings: Strings::default(), pointers: Vec::new(), ops: Vec::new(), recipe }
    }

    /// What [`Scratch::fill`] made; valid until the next call.
    pub(super) const fn recipe(&self) -> *const Recipe {
        &raw const self.recipe
    }

    /// Reserves what members of a session usually need.
    pub(super) fn reserve(&mut self, template: &Template) {
        // Each string once, the paths made of PATH, and the variables that every member gets.
        let all = [&template.args, &template.env, &template.setup, template.ns.words()];
        let bytes = 2 * all.iter().map(|strings| strings.bytes.len()).sum::<usize>() + GIVEN_ROOM;
        let count = all.iter().map(|strings| strings.starts.len()).sum::<usize>() + 16;
        self.strings.clear();
        self.strings.bytes.reserve(bytes);
        self.strings.starts.reserve(count);
        self.pointers.clear();
        self.pointers.reserve(count);
        self.ops.clear();
        self.ops.reserve(template.ns.count());
    }

    /// Writes one member's strings and the pointers to them.
    pub(super) fn fill(&mut self, template: &Template, plan: &Plan<'_>, handled: u64) {
        let strings = &mut self.strings;
        strings.clear();
        for word in template.args.iter() {
            strings.push_expanded(word, plan);
        }
        let args_count = strings.starts.len();
        push_env(strings, &template.env, plan);
        let strings_count = strings.starts.len();
        let paths = push_paths(strings, args_count);
        let dir = template.dir.map(|dir| strings.push_expanded(template.setup.get(dir), plan));
        let mut files = [None; 3];
        for (at, file) in files.iter_mut().zip(&template.files) {
            *at = file.map(|path| strings.push_expanded(template.setup.get(path), plan));
        }
        let ns_first = strings.starts.len();
        template.ns.expand(plan, strings);
        let user = template.users.who().map(|who| User {
            uid: who.uid,
            gid: who.gid,
            groups: who.groups.as_ptr(),
            group_count: who.groups.len(),
        });
        // SAFETY: neither call takes a pointer.
        let own = unsafe { (libc::geteuid(), libc::getegid()) };
        // The name space is made with the rights of the session's owner.
        let user_there = user.as_ref().filter(|_| !template.is_roots);
        let (uid, gid) = user_there.map_or(own, |user| (user.uid, user.gid));
        let maps = [uid, gid].map(|id| push_map(strings, id));
        // From here on the bytes do not move.
        let at = |start: usize| strings.bytes[start..].as_ptr().cast::<c_char>();
        self.pointers.clear();
        self.pointers.extend(strings.starts[..args_count].iter().map(|s| at(*s)));
        self.pointers.push(ptr::null());
        self.pointers.extend(strings.starts[args_count..strings_count].iter().map(|s| at(*s)));
        self.pointers.push(ptr::null());
        template.ns.ops(&strings.starts[ns_first..], at, &mut self.ops);
        let path = |fd: usize| template.files[fd].map(|path| template.setup.get(path));
        let joined = path(1).is_some() && path(1) == path(2);
        let mut limits = [(0, 0); LIMITS_MAX];
        limits.iter_mut().zip(&template.limits).for_each(|(to, from)| *to = *from);
        self.recipe = Recipe {
            argv: self.pointers.as_ptr(),
            envp: self.pointers[args_count + 1..].as_ptr(),
            paths: at(paths),
            dir: dir.map_or(ptr::null(), at),
            ops: self.ops.as_ptr(),
            op_count: self.ops.len(),
            maps: maps.map(at),
            user,
            is_ns_first: template.is_roots,
            cpus: None,
            umask: template.umask.map_or(-1, i32::from),
            nice: template.nice,
            limits,
            limit_count: template.limits.len(),
            files: files.map(|f| f.map_or(ptr::null(), at)),
            is_joined: joined,
            waits: plan.waits,
            is_terminal: template.terminal.is_some(),
            handled,
            parent: std::process::id() as i32,
            stdio: [-1; 3],
            status: -1,
        };
    }

    pub(super) fn set_cpus(&mut self, cpus: Option<Mask>) {
        self.recipe.cpus = cpus;
    }

    pub(super) fn set_pipes(&mut self, stdio: [i32; 3], status: i32) {
        assert!(stdio.iter().all(|fd| *fd == -1 || *fd > 2), "a pipe end where stdio belongs");
        (self.recipe.stdio, self.recipe.status) = (stdio, status);
    }
}

fn push_env(strings: &mut Strings, env: &Strings, plan: &Plan<'_>) {
    let base = strings.bytes.len();
    strings.bytes.extend_from_slice(&env.bytes);
    strings.starts.extend(env.starts.iter().map(|s| base + s));
    let [session, member, size, node, at, root] = GIVEN;
    for (name, value) in [(session, plan.session), (node, plan.node), (at, plan.at), (root, plan.root)] {
        strings.push(&[name, b"=", value.as_bytes()]);
    }
    for (name, number) in [(member, plan.member), (size, plan.size)] {
        let start = strings.bytes.len();
        strings.bytes.extend_from_slice(name);
        strings.bytes.push(b'=');
        push_decimal(number, &mut strings.bytes);
        strings.end(start);
    }
}

/// Appends the line that maps a user or group to itself in a user name space; returns where it begins.
fn push_map(strings: &mut Strings, id: u32) -> usize {
    let start = strings.bytes.len();
    for _ in 0..2 {
        push_decimal(id, &mut strings.bytes);
        strings.bytes.push(b' ');
    }
    strings.bytes.push(b'1');
    strings.end(start);
    start
}

/// Appends the paths at which the program may be, and an empty one; returns where they begin.
fn push_paths(strings: &mut Strings, args_count: usize) -> usize {
    let first = strings.bytes.len();
    let program_end = strings.starts[1] - 1;
    let has_slash = strings.bytes[..program_end].contains(&b'/');
    if has_slash {
        strings.bytes.extend_from_within(..=program_end);
    } else if program_end > 0 {
        let found =
            strings.starts[args_count..].iter().find(|start| strings.bytes[**start..].starts_with(b"PATH="));
        // The default is copied too, so that both are ranges of the same bytes.
        let mut at = match found {
            Some(start) => start + b"PATH=".len(),
            None => {
                strings.bytes.extend_from_slice(DEFAULT_PATH);
                strings.bytes.push(0);
                first
            }
        };
        let list = strings.bytes.len();
        loop {
            let is_end = |b: &u8| *b == b':' || *b == 0;
            let len = strings.bytes[at..].iter().position(is_end).unwrap_or(0);
            strings.bytes.extend_from_within(at..at + len);
            if len > 0 {
                strings.bytes.push(b'/');
            }
            strings.bytes.extend_from_within(..=program_end);
            if strings.bytes[at + len] == 0 {
                break;
            }
            at += len + 1;
        }
        strings.bytes.push(0);
        return list;
    }
    strings.bytes.push(0);
    first
}

impl From<Failure> for Unready {
    fn from(bad: Failure) -> Self {
        Self::Bad(bad)
    }
}

impl From<io::Error> for Unready {
    fn from(e: io::Error) -> Self {
        Self::Host(e)
    }
}
