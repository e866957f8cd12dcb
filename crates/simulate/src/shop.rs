//! The made-up shop as it is simulated: its customers as visitors, and its items.

use vitrine_demo::DemoShop;
use vitrine_engine::{TimestampMs, Unit};

use crate::items::{Counts, ShopItems};
use crate::person::{Bought, Person};
use crate::report::SimulateError;
use crate::stream::{Purpose, Stream};

/// Fewest visitors of a simulation; fewer tell nothing.
pub const VISITORS_MIN: u32 = 100;
/// Most visitors of a simulation.
pub const VISITORS_MAX: u32 = 500_000;

/// A made-up shop, ready to be simulated.
#[derive(Debug)]
pub struct Shop {
    pub(crate) seed: u64,
    pub(crate) demo: DemoShop,
    pub(crate) people: Vec<Person>,
    pub(crate) items: ShopItems,
    ends_s: i64,
}

impl Shop {
    /// The shop that `seed` names, with so many visitors. `tick` is called after each with how many there are.
    ///
    /// # Errors
    /// [`SimulateError::Visitors`].
    pub fn new(seed: u64, n_visitors: u32, mut tick: impl FnMut(u32)) -> Result<Self, SimulateError> {
        let out_of_range = SimulateError::Visitors { found: n_visitors };
        let demo = DemoShop::new(seed, n_visitors).map_err(|_| out_of_range.clone())?;
        if !(VISITORS_MIN..=VISITORS_MAX).contains(&n_visitors) {
            return Err(out_of_range);
        }
        let ends_s = demo.ends_at().0;
        let catalogue = demo.catalogue();
        let mut counts = Counts::new(catalogue.items().len());
        let mut people = Vec::with_capacity(n_visitors as usize);
        for idx in 0..n_visitors {
            let customer = demo.customer(idx);
            let history = demo.history(idx, &customer);
            let bought = Bought::new(&history, |item| catalogue.items()[item].category.id(), ends_s);
            counts.add(&bought.positions());
            let unit = Unit(Stream::new(seed, Purpose::Unit, u64::from(idx)).bits());
            people.push(Person::new(unit, &customer, &history, &bought, ends_s));
            tick(idx + 1);
        }
        set_quintiles(&mut people);
        let items = counts.finish(catalogue, seed);
        Ok(Self { seed, people, items, ends_s, demo })
    }

    /// When the records of the shop end, and a simulation starts unless it is told another time.
    pub fn ends_at(&self) -> TimestampMs {
        TimestampMs(self.ends_s * 1_000)
    }

    /// Number of visitors.
    pub fn n_visitors(&self) -> u32 {
        self.people.len() as u32
    }
}

/// Fifths by recency, orders and money: the share of customers who are worse. Equal customers are in the same one.
fn set_quintiles(people: &mut [Person]) {
    let of = |which: usize, person: &Person| {
        let facts = person.facts.as_ref()?;
        Some(match which {
            0 => -i64::from(facts.recency_days),
            1 => i64::from(facts.frequency),
            _ => facts.monetary_minor,
        })
    };
    for which in 0..3 {
        let mut sorted: Vec<i64> = people.iter().filter_map(|it| of(which, it)).collect();
        sorted.sort_unstable();
        for person in people.iter_mut() {
            let Some(value) = of(which, person) else { continue };
            let n_worse = sorted.partition_point(|it| *it < value);
            if let Some(facts) = &mut person.facts {
                facts.quintiles[which] = 1 + (5 * n_worse / sorted.len()) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_engine::ItemGraph;

    #[test]
    fn people_and_items_are_as_made_up() {
        let mut n_ticks = 0;
        let shop = Shop::new(3, 400, |_| n_ticks += 1).unwrap();
        assert_eq!(
            (shop.n_visitors(), n_ticks, shop.ends_at().to_string().as_str()),
            (400, 400, "2026-07-01T00:00:00Z")
        );
        let facts: Vec<_> = shop.people.iter().filter_map(|it| it.facts.as_ref()).collect();
        assert!(facts.len() > 380, "{}", facts.len());
        // Fifths are about even where hardly anybody is equal.
        let n_best = facts.iter().filter(|it| it.quintiles[2] == 5).count();
        assert!((facts.len() / 5 - 2..=facts.len() / 5 + 2).contains(&n_best), "{n_best}");
        let mut most_alike = 0;
        for item in 0..shop.items.n_items() {
            let category = |idx: u32| shop.demo.catalogue().items()[idx as usize].category;
            let mut first = None;
            shop.items.neighbours(vitrine_engine::ItemIdx(item), &mut |it, weight| {
                assert!(weight > 0.0 && weight <= 1.0 && it.0 != item);
                first = first.or(Some(it));
            });
            most_alike += u32::from(first.is_some_and(|it| category(it.0) == category(item)));
        }
        // What is bought together is mostly of one kind.
        assert!(most_alike * 3 > shop.items.n_items(), "{most_alike} of {}", shop.items.n_items());
        assert_eq!(shop.items.find("GAR-0001").map(|it| it.0), Some(0));
    }
}
