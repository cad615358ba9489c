//! What happened, one line an event, and the digest by which two runs are compared.

/// What becomes of the lines of a trace, beside their digest.
#[derive(Debug)]
pub enum Lines {
    /// Nothing.
    Dropped,
    /// They are kept.
    Kept(Vec<String>),
    /// They are printed as they come, so that a core's assertion has all that led to it above it.
    Printed(Shown),
}

/// Which lines of a trace are printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What happens there; anywhere, if it is nowhere.
    pub place: Option<String>,
    /// From that virtual microsecond on.
    pub from: u64,
    /// Up to that one.
    pub to: u64,
}

impl Default for Shown {
    fn default() -> Self {
        Self { place: None, from: 0, to: u64::MAX }
    }
}

impl Shown {
    fn has(&self, now: u64, place: &str) -> bool {
        (self.from..=self.to).contains(&now) && self.place.as_ref().is_none_or(|shown| shown == place)
    }
}

/// The lines of a run.
#[derive(Debug)]
pub struct Trace {
    digest: u64,
    events: u64,
    lines: Lines,
}

impl Trace {
    /// An empty one.
    pub fn new(lines: Lines) -> Self {
        // The offset basis of FNV-1a, 64 bits.
        Self { digest: 0xcbf2_9ce4_8422_2325, events: 0, lines }
    }

    /// Takes one line: virtual microseconds, where, and what.
    pub fn tell(&mut self, now: u64, place: &str, what: &str) {
        let line = format!("{now} {place} {what}");
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.events += 1;
        match &mut self.lines {
            Lines::Dropped => {}
            Lines::Kept(lines) => lines.push(line),
            Lines::Printed(shown) if shown.has(now, place) => println!("{line}"),
            Lines::Printed(_) => {}
        }
    }

    /// The digest of all lines so far.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many lines there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The lines, if they were kept.
    pub fn lines(&self) -> &[String] {
        match &self.lines {
            Lines::Kept(lines) => lines,
            Lines::Dropped | Lines::Printed(_) => &[],
        }
    }
}

/// The burst of the first launch in a trace, each message once, whatever the number of children: how many
/// messages, and how many bytes. It begins with the Tcreate of the session, at one instant.
pub fn launch(lines: &[String]) -> Option<(usize, usize)> {
    let create = lines.iter().position(|line| line.contains(" io sends type 114 of "))?;
    let at = lines[create].split(' ').next();
    let burst = lines[create..].iter().take_while(|line| line.split(' ').next() == at);
    let lens = burst.filter_map(|line| line.split(' ').nth(6)?.parse::<usize>().ok());
    Some(lens.fold((0, 0), |(count, bytes), len| (count + 1, bytes + len)))
}
