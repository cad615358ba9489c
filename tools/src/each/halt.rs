//! When to stop before all is done: `--halt`.

use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Fail,
    Success,
    Done,
}

/// When to stop, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Never,
    /// At so many tasks that ended in that way.
    At(When, Count),
}

/// What becomes of tasks on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// They are killed.
    Now,
    /// They may end; none is begun.
    Soon,
}

/// So many tasks that ended in some way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    what: What,
    most: u64,
}

impl FromStr for Halt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (when, rest) = text.split_once(',')?;
            let (what, most) = rest.split_once('=')?;
            let when = match when {
                "now" => When::Now,
                "soon" => When::Soon,
                _ => return None,
            };
            let what = match what {
                "fail" => What::Fail,
                "success" => What::Success,
                "done" => What::Done,
                _ => return None,
            };
            let most = most.parse().ok().filter(|most| *most > 0)?;
            Some(Self::At(when, Count { what, most }))
        };
        if text == "never" {
            return Ok(Self::Never);
        }
        parsed().ok_or_else(|| "want never, or now,fail=1, soon,fail=1 and the like".to_owned())
    }
}

impl Halt {
    /// After so many that went well and that failed: whether to stop.
    pub(crate) fn is_due(self, good: u64, failed: u64) -> Option<When> {
        let Self::At(when, Count { what, most }) = self else { return None };
        let count = match what {
            What::Fail => failed,
            What::Success => good,
            What::Done => good + failed,
        };
        (count >= most).then_some(when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_stop_at_is_counted() {
        let due = |text: &str, good, failed| text.parse::<Halt>().map(|halt| halt.is_due(good, failed));
        assert_eq!(due("never", 9, 9), Ok(None));
        assert_eq!(due("now,fail=1", 9, 0), Ok(None));
        assert_eq!(due("now,fail=1", 0, 1), Ok(Some(When::Now)));
        assert_eq!(due("soon,success=2", 2, 0), Ok(Some(When::Soon)));
        assert_eq!(due("soon,done=3", 1, 2), Ok(Some(When::Soon)));
        for text in ["", "now", "now,fail", "now,fail=0", "later,fail=1", "now,fails=1"] {
            assert!(text.parse::<Halt>().is_err(), "{text}");
        }
    }
}
