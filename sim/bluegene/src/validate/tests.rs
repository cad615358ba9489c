use super::*;

/// Rows that are further off than their gate allows.
fn out(rows: &[Row]) -> Vec<String> {
    rows.iter().filter(|row| row.is_out()).map(Row::to_string).collect()
}

/// Small messages: enough where a claim is not of long ones.
fn small() -> Setup {
    Setup { bytes_max: 1 << 20, ..Setup::default() }
}

#[test]
fn no_row_with_a_gate_is_out() {
    let rows = ladder(&Setup::default());
    assert_eq!(out(&rows), [""; 0]);
    let of = |rung: &str| rows.iter().filter(|row| row.rung == rung).count();
    assert_eq!((of("V1 V2"), of("V6"), of("V7"), of("S12")), (24, 24, 24, 24), "every point of each curve");
    assert_eq!((of("V3"), of("V4"), of("V5"), of("V8"), of("V9")), (3, 3, 2, 2, 3));
    let structure = rows.iter().filter(|row| row.gate == Gate::Exact).count();
    assert_eq!(structure, 7 + 5 + 9 + 4);
}

#[test]
fn curves_have_every_published_point_and_ours_beside_it() {
    let (curves, published) = (curves(&small()), published());
    assert_eq!(curves.len(), published.len());
    for (curve, whole) in curves.iter().zip(&published) {
        let points = || whole.points.iter().filter(|(bytes, _)| *bytes <= 1 << 20);
        assert_eq!((&curve.name, curve.points.len()), (&whole.name, points().count()));
        for ((bytes, [told, ours]), (other, [published, _])) in curve.points.iter().zip(points()) {
            assert_eq!((bytes, told), (other, published), "{}", curve.name);
            let is_near = (ours / told - 1.0).abs() < 1.0;
            assert!(is_near, "{}, {bytes} bytes: {told} and {ours}", curve.name);
        }
    }
}

#[test]
fn every_row_without_a_gate_says_why() {
    for row in ladder(&small()) {
        if let Gate::Printed(why) = row.gate {
            assert!(why.len() > 10, "{row}");
        }
    }
}

#[test]
fn links_that_are_a_tenth_slower_are_out() {
    let rows = ladder(&small().with_slower_links(10));
    let out: Vec<&Row> = rows.iter().filter(|row| row.is_out()).collect();
    let is_found = |rung: &str| out.iter().any(|row| row.rung == rung);
    assert!(is_found("V1 V2") && is_found("V5"), "{out:?}");
    let linux = rows.iter().filter(|row| row.rung == "V8");
    assert!(linux.clone().count() == 2 && linux.clone().all(|row| !row.is_out()), "its core is the bound");
}

#[test]
fn software_of_linux_that_is_a_tenth_slower_is_out() {
    let mut setup = small();
    setup.linux.inject = Ps(setup.linux.inject.0 * 11 / 10);
    let out: Vec<String> = out(&ladder(&setup));
    assert!(out.iter().any(|row| row.starts_with("V8")), "{out:?}");
}

#[test]
fn the_ladder_is_the_same_each_time() {
    assert_eq!(ladder(&small()), ladder(&small()));
}

#[test]
fn a_row_that_is_off_or_no_number_is_out_and_a_printed_one_never() {
    let row = |published, ours, gate| Row::number("V0", "something", "us", (published, ours), gate);
    assert!(!row(100.0, 105.0, Gate::Within(5.0)).is_out());
    assert!(row(100.0, 94.9, Gate::Within(5.0)).is_out());
    assert!(row(100.0, f64::NAN, Gate::Within(5.0)).is_out());
    assert!(!row(100.0, 1.0, Gate::Printed("for a reason")).is_out());
    assert!(Row::exact("S0", "something", "8x8x8", "8x8x9").is_out());
    let text = row(100.0, 106.0, Gate::Within(5.0)).to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words, ["V0", "something", "100.0", "106.0", "us", "+6.0", "%", "5", "%", "OUT"]);
}
