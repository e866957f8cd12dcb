//! Customer value from outside: published results, made-up shops with known truth, and wrong input.

#[path = "value/bad_input.rs"]
mod bad_input;
#[path = "value/cdnow.rs"]
mod cdnow;
#[path = "value/holdout.rs"]
mod holdout;
#[path = "value/made_up.rs"]
mod made_up;
#[path = "value/worked_out.rs"]
mod worked_out;

use vitrine_learn::value::Repeat;

fn repeat(x: u32, t_x: f64, t: f64) -> Repeat {
    Repeat { x, t_x, t }
}

#[track_caller]
fn near(what: &str, found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: found {found}, expected {expected}");
}

#[track_caller]
fn within(what: &str, found: f64, expected: f64, absolute: f64) {
    assert!((found - expected).abs() <= absolute, "{what}: found {found}, expected {expected}");
}
