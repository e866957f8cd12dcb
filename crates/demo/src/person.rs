//! Who a customer is outside the shop: age, sex, region, occupation, education, income.

use crate::draw::{Choice, Draw};
use crate::habits::DiscountClass;

/// What is true of a person. The customer file knows some of it, and some of that wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Unit: years. Range: 18..=90. Follows the taste: who likes gardens is older than who likes gadgets.
    pub age: u8,
    /// `f` or `m`.
    pub sex: &'static str,
    /// ISO 3166-2 code of a region of the customer's country.
    pub region: &'static str,
    /// One of [`OCCUPATIONS`].
    pub occupation: &'static str,
    /// One of [`EDUCATIONS`].
    pub education: &'static str,
    /// `low`, `middle` or `high`.
    pub income_band: &'static str,
}

/// Occupations in the customer file.
pub const OCCUPATIONS: [&str; 5] = ["employee", "self_employed", "student", "homemaker", "retired"];
/// Degrees of education in the customer file.
pub const EDUCATIONS: [&str; 4] = ["school", "vocational", "bachelor", "master"];
/// Bands of income in the customer file.
pub const INCOME_BANDS: [&str; 3] = ["low", "middle", "high"];

/// The band of an age in years.
pub fn age_band(age: u8) -> &'static str {
    match age {
        0..=24 => "18-24",
        25..=34 => "25-34",
        35..=44 => "35-44",
        45..=54 => "45-54",
        55..=64 => "55-64",
        _ => "65+",
    }
}

/// Middle age, and women in a hundred, of each taste in [`crate::TASTES`] order.
const BY_TASTE: [(f64, u32); crate::taste::N_TASTES] =
    [(56.0, 55), (44.0, 58), (48.0, 62), (38.0, 70), (37.0, 60), (50.0, 60), (31.0, 45), (29.0, 25)];

/// Regions of a country.
pub(crate) fn regions(country: &str) -> &'static [&'static str] {
    match country {
        "Germany" => &["DE-BE", "DE-BY", "DE-HH", "DE-NW", "DE-SN"],
        "France" => &["FR-IDF", "FR-ARA", "FR-BRE"],
        "Netherlands" => &["NL-NH", "NL-ZH", "NL-UT"],
        "Austria" => &["AT-9", "AT-6", "AT-5"],
        "Ireland" => &["IE-D", "IE-CO"],
        "Belgium" => &["BE-BRU", "BE-VLG"],
        "Spain" => &["ES-MD", "ES-CT"],
        "Italy" => &["IT-25", "IT-62"],
        _ => &["FI-18", "FI-06"],
    }
}

impl Person {
    /// A person of a taste (index into [`crate::TASTES`]) who lives in a country.
    pub(crate) fn draw(taste: usize, country: &str, discount: DiscountClass, draw: &mut Draw) -> Self {
        let (middle_age, women_percent) = BY_TASTE[taste];
        let age = draw.log_normal(middle_age, 0.22).clamp(18.0, 90.0) as u8;
        let sex = if draw.below(100) < women_percent { "f" } else { "m" };
        let region = draw.one_of(regions(country));
        let occupation = match age {
            66.. => "retired",
            0..=24 if draw.chance(0.6) => "student",
            _ => OCCUPATIONS[[0, 1, 3][Choice::new([75, 15, 10]).pick(draw)]],
        };
        let education = EDUCATIONS[Choice::new([20, 35, 25, 20]).pick(draw)];
        let weights = if discount == DiscountClass::Bargain { [50, 40, 10] } else { [20, 50, 30] };
        let income_band = INCOME_BANDS[Choice::new(weights).pick(draw)];
        Self { age, sex, region, occupation, education, income_band }
    }
}
