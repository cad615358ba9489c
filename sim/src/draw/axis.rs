//! Scales: where a value is along a line, and at which values there are marks, with their texts.

use super::grouped;

/// How values are spread along a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from 0.
    Linear,
    /// Each factor of ten as wide as the next.
    Decades,
    /// The same of two.
    Doublings,
    /// The same of two, of bytes.
    Bytes,
}

/// Marks on a line, about: more would be crowded.
const MARKS: f64 = 7.0;

/// A scale over the values that it has to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    /// A scale that has room for these values; those that it cannot show are passed over.
    pub(super) fn over(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let shown = values.filter(|value| value.is_finite() && (scale == Scale::Linear || *value > 0.0));
        let (low, high) = shown
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
        match scale {
            Scale::Linear => {
                let step = nice(high.max(0.0) - low.min(0.0));
                let high = if high > 0.0 { (high / step).ceil() * step } else { step };
                Self { scale, low: (low.min(0.0) / step).floor() * step, high }
            }
            Scale::Decades => {
                let (low, high) = (low.log10().floor(), high.log10().ceil());
                Self { scale, low: 10f64.powf(low), high: 10f64.powf(high.max(low + 1.0)) }
            }
            Scale::Doublings | Scale::Bytes => {
                Self { scale, low: low / 1.6, high: high.max(2.0 * low) * 1.6 }
            }
        }
    }

    /// Evenly from one value to another.
    pub(super) fn between(low: f64, high: f64) -> Self {
        Self { scale: Scale::Linear, low, high }
    }

    /// Where a value is, 0 to 1 within the line; none where the scale cannot show it.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let along = |value: f64| if self.scale == Scale::Linear { value } else { value.ln() };
        let part = (along(value) - along(self.low)) / (along(self.high) - along(self.low));
        part.is_finite().then_some(part)
    }

    /// Where there are marks, and what they say.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = match self.scale {
            Scale::Linear => {
                let step = nice(self.high - self.low);
                let [first, last] = [(self.low / step).ceil(), (self.high / step + 1e-9).floor()];
                (0..=(last - first).max(0.0) as u32).map(|at| (first + f64::from(at)) * step).collect()
            }
            Scale::Decades => powers(10.0, self.low, self.high),
            Scale::Doublings | Scale::Bytes => powers(2.0, self.low, self.high),
        };
        let named = |value: f64| Some((self.place(value)?, self.name(value)));
        values.into_iter().filter_map(named).collect()
    }

    /// Where there are lines between marks: at 2 to 9 of each decade, where these are few.
    pub(super) fn minor(&self) -> Vec<f64> {
        if self.scale != Scale::Decades || (self.high / self.low).log10() > 4.5 {
            return Vec::new();
        }
        let within = powers(10.0, self.low, self.high);
        let parts = within.iter().flat_map(|decade| (2..10).map(move |part| decade * f64::from(part)));
        parts.filter(|value| *value < self.high).filter_map(|value| self.place(value)).collect()
    }

    fn name(&self, value: f64) -> String {
        if self.scale == Scale::Bytes {
            let units = [(30, "Gi"), (20, "Mi"), (10, "Ki")];
            let unit = units.into_iter().find(|(bits, _)| value >= f64::from(1u32 << bits));
            return match unit {
                Some((bits, unit)) => format!("{} {unit}", (value / f64::from(1u32 << bits)).round()),
                None => value.round().to_string(),
            };
        }
        if value >= 1e6 {
            return format!("{} M", (value / 1e5).round() / 10.0);
        }
        if value.abs() >= 1000.0 {
            return grouped(value.round() as u64);
        }
        // Steps of 1, 2 and 5 have few digits; what else is there comes from adding.
        let short = (value * 1e9).round() / 1e9 + 0.0;
        short.to_string()
    }
}

/// A step of 1, 2 or 5 at some decade, so that there are not too many.
fn nice(width: f64) -> f64 {
    let least = width / MARKS;
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let decade = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|part| part * decade >= least * 0.999);
    step.unwrap_or(10.0) * decade
}

/// Powers of a base from one value to another, every second, third, ... if there are many.
fn powers(base: f64, low: f64, high: f64) -> Vec<f64> {
    let [first, last] = [low.log(base) - 1e-9, high.log(base) + 1e-9];
    let (first, last) = (first.ceil() as i32, last.floor() as i32);
    let step = (f64::from(last - first) / (MARKS + 5.0)).ceil().max(1.0) as usize;
    (first..=last).step_by(step).map(|exponent| base.powi(exponent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(axis: &Axis) -> String {
        axis.marks().into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn marks_are_round_numbers_of_the_scale() {
        let over = |scale, low, high| Axis::over(scale, [low, high].into_iter());
        assert_eq!(told(&over(Scale::Linear, 0.0, 68.0)), "0 | 10 | 20 | 30 | 40 | 50 | 60 | 70");
        assert_eq!(told(&over(Scale::Linear, 0.1, 0.62)), "0 | 0.1 | 0.2 | 0.3 | 0.4 | 0.5 | 0.6 | 0.7");
        assert_eq!(told(&over(Scale::Decades, 1.2, 6540.0)), "1 | 10 | 100 | 1,000 | 10,000");
        assert_eq!(told(&over(Scale::Decades, 2e5, 3e6)), "100,000 | 1 M | 10 M");
        assert_eq!(told(&over(Scale::Doublings, 64.0, 512.0)), "64 | 128 | 256 | 512");
        let bytes = told(&over(Scale::Bytes, 16.0, 67_108_864.0));
        assert_eq!(
            bytes,
            "16 | 64 | 256 | 1 Ki | 4 Ki | 16 Ki | 64 Ki | 256 Ki | 1 Mi | 4 Mi | 16 Mi | 64 Mi"
        );
    }

    #[test]
    fn every_value_is_on_its_line_and_nothing_else_is_placed() {
        for scale in [Scale::Linear, Scale::Decades, Scale::Doublings, Scale::Bytes] {
            let values = [3.0, 70.0, 900.0];
            let axis = Axis::over(scale, values.into_iter());
            let places = values.map(|value| axis.place(value).expect("it is shown"));
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{scale:?} {places:?}");
            assert!(places.iter().all(|place| (0.0..=1.0).contains(place)), "{scale:?} {places:?}");
            assert_eq!(axis.place(f64::NAN), None);
        }
        assert_eq!(Axis::over(Scale::Decades, [1.0, 10.0].into_iter()).place(0.0), None);
        assert_eq!(Axis::over(Scale::Decades, std::iter::empty()).marks().len(), 2, "no values, but an axis");
    }
}
