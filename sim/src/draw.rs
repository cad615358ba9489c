//! Pictures, as SVG: a partition as a `map`, measured against published as `curves`, where the time of a
//! request goes as a `timeline`.
//!
//! Each is a function from plain data to a text; equal data give equal bytes. Nothing here runs a simulation
//! or writes a file. `page` is what they are drawn on, `palette` the colours, `axis` scales and their ticks.

mod axis;
pub mod curves;
pub mod map;
mod page;
mod palette;
pub mod timeline;

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something, in words.
fn count(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 73_728, 1_000_000].map(grouped).join(" "), "0 999 1,000 73,728 1,000,000");
        assert_eq!((count(1, "rack"), count(2, "rack")), ("1 rack".into(), "2 racks".into()));
    }
}
