//! Flags side by side: this project, `growthbook-rust` and `unleash-yggdrasil`, in one process, on the same flags.
//!
//! Prints a table of times and ratios. Before anything is measured, both crates that speak GrowthBook's format must agree on
//! every flag for a thousand visitors.

mod clock;
mod flags;
mod growthbook;
mod unleash;

use clock::Clock;
use flags::Visitor;
use std::hint::black_box;
use vitrine_flags::{Evaluation, Payload};

/// Numbers of flags on a page.
const BULKS: [usize; 2] = [20, 200];

fn main() {
    let mut clock = Clock::new();
    one(&mut clock);
    for n in BULKS {
        bulk(&mut clock, n);
    }
    loading(&mut clock);
    clock.print();
}

/// One visitor assigned a variation of one experiment.
fn one(clock: &mut Clock) {
    let (payload, visitor) = (flags::growthbook(1), Visitor::new(7));
    let (context, compiled) = (visitor.context(), Payload::parse(payload.as_bytes()).unwrap());
    let theirs = growthbook::Client::new(&payload, &visitor);
    let engine = unleash::engine(&flags::unleash(1));
    let user = unleash::user(&visitor);
    clock.round("one experiment assigned");
    clock.measure(clock::OURS, || {
        black_box(Evaluation::new(black_box(&compiled), &context).feature("flag-0").value);
    });
    clock.measure(growthbook::NAME, || {
        black_box(theirs.feature("flag-0"));
    });
    clock.measure(growthbook::NAME_WITH_ATTRIBUTES, || {
        black_box(theirs.feature_for("flag-0", &visitor));
    });
    clock.measure(unleash::NAME, || {
        black_box(engine.get_variant("flag-0", &user, &None));
    });
}

/// All flags of a page for one visitor.
fn bulk(clock: &mut Clock, n: usize) {
    let (payload, visitor) = (flags::growthbook(n), Visitor::new(7));
    let (context, compiled) = (visitor.context(), Payload::parse(payload.as_bytes()).unwrap());
    let theirs = growthbook::Client::new(&payload, &visitor);
    let engine = unleash::engine(&flags::unleash(n));
    let user = unleash::user(&visitor);
    let keys: Vec<String> = (0..n).map(|at| format!("flag-{at}")).collect();
    agree(&compiled, &theirs, &keys);
    clock.round(&format!("{n} flags"));
    clock.measure(clock::OURS, || {
        let mut evaluation = Evaluation::new(black_box(&compiled), &context);
        for key in &keys {
            black_box(evaluation.feature(key).value);
        }
    });
    clock.measure(growthbook::NAME, || keys.iter().for_each(|key| drop(black_box(theirs.feature(key)))));
    clock.measure(growthbook::NAME_WITH_ATTRIBUTES, || {
        keys.iter().for_each(|key| drop(black_box(theirs.feature_for(key, &visitor))));
    });
    clock.measure(unleash::NAME, || {
        for (at, key) in keys.iter().enumerate() {
            match flags::has_variants(at) {
                true => drop(black_box(engine.get_variant(key, &user, &None))),
                false => drop(black_box(engine.is_enabled(key, &user, &None))),
            }
        }
    });
}

/// From the bytes of a payload to the first answer.
fn loading(clock: &mut Clock) {
    let (payload, toggles) = (flags::growthbook(200), flags::unleash(200));
    clock.round("200 flags loaded");
    clock.measure(clock::OURS, || drop(black_box(Payload::parse(black_box(payload.as_bytes())).unwrap())));
    let visitor = Visitor::new(7);
    clock.measure(growthbook::NAME, || drop(black_box(growthbook::Client::new(black_box(&payload), &visitor))));
    clock.measure(unleash::NAME, || drop(black_box(unleash::engine(black_box(&toggles)))));
}

/// The two that speak the same format must say the same.
fn agree(ours: &Payload, theirs: &growthbook::Client, keys: &[String]) {
    for visitor in (0..1_000).map(Visitor::new) {
        let context = visitor.context();
        let mut evaluation = Evaluation::new(ours, &context);
        for key in keys {
            let found = evaluation.feature(key).value.to_string();
            assert_eq!(found, theirs.feature_for(key, &visitor).value.to_string(), "{key} for {visitor:?}");
        }
    }
}
