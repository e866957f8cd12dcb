//! Days of the Chinese calendar, as a table: its months begin with new moons in Beijing, which is no arithmetic for a checker.
//!
//! GB/T 33661-2017 defines the calendar. The dates were computed with ICU 78 and compared with the Python packages holidays 0.105
//! (all but Qixi) and lunardate 0.3.0 (all), which agree with each other everywhere. ICU differs from both in two entries, where they
//! are right: the new moons before the Spring Festivals of 2027 and 2030 are minutes from midnight in Beijing. The tests compute the
//! new moon of each month again, from Meeus.

use jiff::civil::Date;

/// Festivals on a day of the Chinese calendar. The Lantern Festival is two weeks after the Spring Festival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Festival {
    /// Day 1 of month 1.
    Spring,
    /// Day 5 of month 5.
    DragonBoat,
    /// Day 7 of month 7.
    Qixi,
    /// Day 15 of month 8.
    MidAutumn,
    /// Day 9 of month 9.
    DoubleNinth,
}

/// The years of the table.
pub(super) const YEARS: std::ops::RangeInclusive<i64> = 2025..=2035;

/// Year; month and day of Spring Festival, Dragon Boat, Qixi, Mid-Autumn, Double Ninth.
#[rustfmt::skip]
const TABLE: [(i16, [(i8, i8); 5]); 11] = [
    (2025, [(1, 29), (5, 31), (8, 29), (10, 6), (10, 29)]),
    (2026, [(2, 17), (6, 19), (8, 19), (9, 25), (10, 18)]),
    (2027, [(2, 6),  (6, 9),  (8, 8),  (9, 15), (10, 8)]),
    (2028, [(1, 26), (5, 28), (8, 26), (10, 3), (10, 26)]),
    (2029, [(2, 13), (6, 16), (8, 16), (9, 22), (10, 16)]),
    (2030, [(2, 3),  (6, 5),  (8, 5),  (9, 12), (10, 5)]),
    (2031, [(1, 23), (6, 24), (8, 24), (10, 1), (10, 24)]),
    (2032, [(2, 11), (6, 12), (8, 12), (9, 19), (10, 12)]),
    (2033, [(1, 31), (6, 1),  (8, 1),  (9, 8),  (10, 1)]),
    (2034, [(2, 19), (6, 20), (8, 20), (9, 27), (10, 20)]),
    (2035, [(2, 8),  (6, 10), (8, 10), (9, 16), (10, 9)]),
];

/// The day of a festival; `None` for a year out of [`YEARS`].
pub(super) fn day(festival: Festival, year: i16) -> Option<Date> {
    let (_, [spring, dragon_boat, qixi, mid_autumn, double_ninth]) = TABLE.iter().find(|(it, _)| *it == year)?;
    let (month, day) = *match festival {
        Festival::Spring => spring,
        Festival::DragonBoat => dragon_boat,
        Festival::Qixi => qixi,
        Festival::MidAutumn => mid_autumn,
        Festival::DoubleNinth => double_ninth,
    };
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Day of the Gregorian calendar in Beijing on which the `k`-th new moon since 2000 falls.
    ///
    /// Source: Meeus, Astronomical Algorithms, chapter 49 (mean phase, periodic terms of the new moon, planetary terms). Dynamical
    /// time is ahead of civil time by about 70 seconds in these years.
    fn new_moon(k: f64) -> Date {
        let t = k / 1236.85;
        let radians = |degrees: f64| degrees.rem_euclid(360.0).to_radians();
        let mean = 2_451_550.097_66 + 29.530_588_861 * k + 0.000_154_37 * t * t;
        let e = 1.0 - 0.002_516 * t - 0.000_007_4 * t * t;
        let sun = radians(2.5534 + 29.105_356_70 * k);
        let moon = radians(201.5643 + 385.816_935_28 * k + 0.010_758_2 * t * t);
        let latitude = radians(160.7108 + 390.670_502_84 * k - 0.001_611_8 * t * t);
        let node = radians(124.7746 - 1.563_755_88 * k + 0.002_067_2 * t * t);
        let terms = [
            (-0.407_20, moon),
            (0.172_41 * e, sun),
            (0.016_08, 2.0 * moon),
            (0.010_39, 2.0 * latitude),
            (0.007_39 * e, moon - sun),
            (-0.005_14 * e, moon + sun),
            (0.002_08 * e * e, 2.0 * sun),
            (-0.001_11, moon - 2.0 * latitude),
            (-0.000_57, moon + 2.0 * latitude),
            (0.000_56 * e, 2.0 * moon + sun),
            (-0.000_42, 3.0 * moon),
            (0.000_42 * e, sun + 2.0 * latitude),
            (0.000_38 * e, sun - 2.0 * latitude),
            (-0.000_24 * e, 2.0 * moon - sun),
            (-0.000_17, node),
            (-0.000_07, moon + 2.0 * sun),
            (0.000_04, 2.0 * moon - 2.0 * latitude),
            (0.000_04, 3.0 * sun),
            (0.000_03, moon + sun - 2.0 * latitude),
            (0.000_03, 2.0 * moon + 2.0 * latitude),
            (-0.000_03, moon + sun + 2.0 * latitude),
            (0.000_03, moon - sun + 2.0 * latitude),
            (-0.000_02, moon - sun - 2.0 * latitude),
            (-0.000_02, 3.0 * moon + sun),
            (0.000_02, 4.0 * moon),
            (0.000_325, radians(299.77 + 0.107_408 * k - 0.009_173 * t * t)),
            (0.000_165, radians(251.88 + 0.016_321 * k)),
            (0.000_164, radians(251.83 + 26.651_886 * k)),
            (0.000_126, radians(349.42 + 36.412_478 * k)),
            (0.000_110, radians(84.66 + 18.206_239 * k)),
            (0.000_062, radians(141.74 + 53.303_771 * k)),
            (0.000_060, radians(207.14 + 2.453_732 * k)),
            (0.000_056, radians(154.84 + 7.306_860 * k)),
        ];
        let dynamical = mean + terms.iter().map(|(size, angle)| size * angle.sin()).sum::<f64>();
        let beijing = dynamical - 70.0 / 86_400.0 + 8.0 / 24.0;
        // Julian days begin at noon; 1970-01-01 began at 2440587.5.
        let days = (beijing - 2_440_587.5).floor() as i64;
        super::super::later_by(Date::constant(1970, 1, 1), days).unwrap()
    }

    #[test]
    fn every_month_of_a_festival_begins_with_a_new_moon() {
        let months: Vec<Date> = (300..460).map(|k| new_moon(f64::from(k))).collect();
        assert!(months[0] < Date::constant(2025, 1, 1) && months[159] > Date::constant(2036, 1, 1));
        let festivals = [
            (Festival::Spring, 1),
            (Festival::DragonBoat, 5),
            (Festival::Qixi, 7),
            (Festival::MidAutumn, 15),
            (Festival::DoubleNinth, 9),
        ];
        let mut n_days = 0;
        for (year, _) in TABLE {
            for (festival, day_of_month) in festivals {
                let day = day(festival, year).unwrap();
                let begin = super::super::later_by(day, 1 - day_of_month).unwrap();
                assert!(months.contains(&begin), "{festival:?} {year}: month begins on {begin}");
                n_days += 1;
            }
        }
        assert_eq!(n_days, 55);
    }

    /// The Spring Festival is the second new moon after the winter solstice, or the third if a month is put in before.
    #[test]
    fn the_spring_festival_is_in_its_season() {
        for (year, _) in TABLE {
            let day = day(Festival::Spring, year).unwrap();
            let season = Date::new(year, 1, 21).unwrap()..=Date::new(year, 2, 20).unwrap();
            assert!(season.contains(&day), "{day}");
        }
    }
}
