//! What is true: the chance of a click by segment and offer, made up or read from a file.

use std::collections::BTreeMap;
use vitrine_demo::{CATEGORIES, Item, TASTES};
use vitrine_engine::{Bundle, Offer, OfferIdx, Placement};

use crate::person::Segmentation;
use crate::shop::Shop;

/// Chance of a click on what nobody has a taste for.
const CLICK_LEAST: f64 = 0.02;
/// What is added where all that somebody buys is what the offer promotes.
const CLICK_BY_TASTE: f64 = 0.10;
/// How much of everybody's taste an offer meets that promotes no goods.
const AFFINITY_WITHOUT_GOODS: f64 = 0.1;
/// So many of a hundred clicks end in an order of one of the goods, where an offer has no margin.
const ORDERS_A_CLICK: f64 = 0.05;
/// Greatest value of a click that a file may say. Unit: units of the currency.
const VALUE_MAX: f64 = 1e6;
/// Stands for every segment that a file does not name for an offer.
const EVERYBODY: &str = "*";

/// Chances of a click, and what a click is worth. They hold for each showing, whatever was shown before.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    by: Segmentation,
    n_offers: usize,
    /// By segment and offer. Range: 0..=1.
    click: Vec<f64>,
    /// By segment and offer. Unit: minor units.
    value_minor: Vec<f64>,
}

/// Why a file is no truth. Lines count from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TruthError {
    /// Nothing in it.
    #[error(
        "the truth has no rows; its first line is segment,offer,click, and each other one a segment, an offer and a chance"
    )]
    Empty,
    /// The head line lacks a column.
    #[error("line 1: there is no column {missing:?}; the columns are segment, offer, click and, if you like, value")]
    MissingColumn {
        /// The column.
        missing: &'static str,
    },
    /// The head line has a column that means nothing, or one twice.
    #[error(
        "line 1: the column {found:?} is unknown or there twice; the columns are segment, offer, click and, if you like, value"
    )]
    UnknownColumn {
        /// The column.
        found: String,
    },
    /// More or fewer cells than the head line has.
    #[error("line {line}: {found} cells, and the head line has {expected}")]
    Cells {
        /// The line.
        line: usize,
        /// Its cells.
        found: usize,
        /// Those of the head line.
        expected: usize,
    },
    /// No such segment.
    #[error("line {line}: there is no segment {found:?}; by {by} there are {known}, and * for all that are not named")]
    UnknownSegment {
        /// The line.
        line: usize,
        /// The name.
        found: String,
        /// What visitors are told apart by.
        by: &'static str,
        /// The segments.
        known: String,
    },
    /// No such offer.
    #[error("line {line}: the configuration has no offer {found:?}")]
    UnknownOffer {
        /// The line.
        line: usize,
        /// The id.
        found: String,
    },
    /// Not a chance.
    #[error("line {line}: the chance of a click {found:?} is not a number from 0 to 1")]
    Click {
        /// The line.
        line: usize,
        /// The cell.
        found: String,
    },
    /// Not a value.
    #[error("line {line}: the value of a click {found:?} is not a number from 0 to 1000000")]
    Value {
        /// The line.
        line: usize,
        /// The cell.
        found: String,
    },
    /// Said twice.
    #[error("line {line}: segment {segment:?} and offer {offer:?} are there already")]
    Twice {
        /// The line.
        line: usize,
        /// The segment.
        segment: String,
        /// The offer.
        offer: String,
    },
    /// Not said.
    #[error("nothing is said of offer {offer:?} in segment {segment:?}, which the placement may show")]
    Missing {
        /// The segment.
        segment: &'static str,
        /// The offer.
        offer: String,
    },
}

impl Truth {
    /// The truth of the made-up shop: who buys much of what an offer promotes clicks it more often, from 2 of 100 showings to 12. Segments
    /// are tastes. A click is worth the offer's margin, or else a twentieth of the mean price of what it promotes.
    pub fn made_up(shop: &Shop, bundle: &Bundle) -> Self {
        let goods: Vec<Vec<&Item>> = bundle.offers().iter().map(|it| goods(shop, it)).collect();
        let click = |taste: &vitrine_demo::Taste, goods: &[&Item]| {
            let liking = |item: &&Item| {
                let found = taste.categories.iter().find(|(category, _)| *category == item.category);
                found.map_or(0.0, |(_, percent)| f64::from(*percent) / 100.0)
            };
            CLICK_LEAST + CLICK_BY_TASTE * affinity(goods, liking)
        };
        let all: Vec<&Item> = shop.demo.catalogue().items().iter().collect();
        let value = |offer: &Offer, goods: &[&Item]| match offer.margin_minor {
            Some(margin) => f64::from(margin),
            None => ORDERS_A_CLICK * mean_price(if goods.is_empty() { &all } else { goods }),
        };
        let values: Vec<f64> = bundle.offers().iter().zip(&goods).map(|(offer, goods)| value(offer, goods)).collect();
        Self {
            by: Segmentation::Taste,
            n_offers: bundle.offers().len(),
            click: TASTES.iter().flat_map(|taste| goods.iter().map(move |goods| click(taste, goods))).collect(),
            value_minor: TASTES.iter().flat_map(|_| values.iter().copied()).collect(),
        }
    }

    /// Reads a truth from CSV: a head line, and a row for each segment and offer. Cells are parted by commas, semicolons or tabs. `*` as the
    /// segment speaks for all that have no row of their own for the offer. Without a column `value` (units of the currency) a click is
    /// worth the offer's margin, or 1.
    ///
    /// # Errors
    /// [`TruthError`], the first found. Every offer that `placement` may show must have its chances.
    pub fn read(text: &str, by: Segmentation, bundle: &Bundle, placement: &Placement) -> Result<Self, TruthError> {
        let rows = Rows::read(text, by, bundle)?;
        let (segments, offers) = (by.segments(), bundle.offers());
        let shown: Vec<OfferIdx> = placement.offers.iter().copied().chain([placement.fallback]).collect();
        let (mut click, mut value_minor) = (Vec::new(), Vec::new());
        for segment in &segments {
            for (idx, offer) in (0..=u16::MAX).map(OfferIdx).zip(offers) {
                let row = rows.0.get(&(*segment, idx.0)).or_else(|| rows.0.get(&(EVERYBODY, idx.0)));
                if row.is_none() && shown.contains(&idx) {
                    return Err(TruthError::Missing { segment, offer: offer.id.clone() });
                }
                let (chance, value) = row.copied().unwrap_or((0.0, None));
                click.push(chance);
                let worth = || offer.margin_minor.map_or(100.0, f64::from);
                value_minor.push(value.map_or_else(worth, |it| it * 100.0));
            }
        }
        Ok(Self { by, n_offers: offers.len(), click, value_minor })
    }

    /// What visitors are told apart by.
    pub fn by(&self) -> Segmentation {
        self.by
    }

    /// Chance of a click of a segment (a position in [`Segmentation::segments`]) on an offer. 0 of what it does not know.
    pub fn click(&self, segment: usize, offer: OfferIdx) -> f64 {
        self.at(&self.click, segment, offer)
    }

    /// What such a click is worth. Unit: minor units.
    pub fn value_minor(&self, segment: usize, offer: OfferIdx) -> f64 {
        self.at(&self.value_minor, segment, offer)
    }

    fn at(&self, of: &[f64], segment: usize, offer: OfferIdx) -> f64 {
        of.get(segment * self.n_offers + usize::from(offer.0)).copied().unwrap_or(0.0)
    }
}

/// The items that an offer promotes.
fn goods<'s>(shop: &'s Shop, offer: &Offer) -> Vec<&'s Item> {
    let is_promoted =
        |item: &&Item| offer.items.contains(&item.id) || offer.categories.iter().any(|id| id == item.category.id());
    shop.demo.catalogue().items().iter().filter(is_promoted).collect()
}

/// How much of what somebody buys an offer promotes, 0..=1: the sum over its categories, each by its best liked item.
fn affinity(goods: &[&Item], liking: impl Fn(&&Item) -> f64) -> f64 {
    if goods.is_empty() {
        return AFFINITY_WITHOUT_GOODS;
    }
    let of_category = |category| goods.iter().find(|it| it.category == category).map_or(0.0, &liking);
    CATEGORIES.into_iter().map(of_category).sum()
}

fn mean_price(goods: &[&Item]) -> f64 {
    goods.iter().map(|it| it.price_minor as f64).sum::<f64>() / goods.len().max(1) as f64
}

/// Chance and value by segment and offer.
struct Rows(BTreeMap<(&'static str, u16), (f64, Option<f64>)>);

/// Columns of a file: each with its place.
struct Head {
    n_cells: usize,
    segment: usize,
    offer: usize,
    click: usize,
    value: Option<usize>,
}

impl Head {
    fn read(line: &str, separator: char) -> Result<Self, TruthError> {
        let names = cells(line, separator);
        let place = |name: &str| names.iter().position(|it| it.eq_ignore_ascii_case(name));
        for (at, name) in names.iter().enumerate() {
            let is_known = ["segment", "offer", "click", "value"].iter().any(|it| name.eq_ignore_ascii_case(it));
            if !is_known || place(name) != Some(at) {
                return Err(TruthError::UnknownColumn { found: (*name).to_owned() });
            }
        }
        let required = |missing: &'static str| place(missing).ok_or(TruthError::MissingColumn { missing });
        Ok(Self {
            n_cells: names.len(),
            segment: required("segment")?,
            offer: required("offer")?,
            click: required("click")?,
            value: place("value"),
        })
    }
}

impl Rows {
    fn read(text: &str, by: Segmentation, bundle: &Bundle) -> Result<Self, TruthError> {
        let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines()).filter(|(_, it)| !it.trim().is_empty());
        let (_, head) = lines.next().ok_or(TruthError::Empty)?;
        let separator = [';', '\t'].into_iter().find(|it| head.contains(*it)).unwrap_or(',');
        let head = Head::read(head, separator)?;
        let segments = by.segments();
        let mut rows = BTreeMap::new();
        for (line, text) in lines {
            let cells = cells(text, separator);
            if cells.len() != head.n_cells {
                return Err(TruthError::Cells { line, found: cells.len(), expected: head.n_cells });
            }
            let (segment, offer) = (cells[head.segment], cells[head.offer]);
            let known = segments.iter().copied().chain([EVERYBODY]).find(|it| *it == segment);
            let known = known.ok_or_else(|| TruthError::UnknownSegment {
                line,
                found: segment.to_owned(),
                by: by.as_str(),
                known: segments.join(", "),
            })?;
            let idx = (0..=u16::MAX).zip(bundle.offers()).find(|(_, it)| it.id == offer).map(|(idx, _)| idx);
            let idx = idx.ok_or_else(|| TruthError::UnknownOffer { line, found: offer.to_owned() })?;
            let number = |cell: &str, max: f64| cell.parse::<f64>().ok().filter(|it| (0.0..=max).contains(it));
            let click = cells[head.click];
            let chance = number(click, 1.0).ok_or_else(|| TruthError::Click { line, found: click.to_owned() })?;
            let value = match head.value.map(|at| cells[at]).filter(|it| !it.is_empty()) {
                Some(it) => {
                    Some(number(it, VALUE_MAX).ok_or_else(|| TruthError::Value { line, found: it.to_owned() })?)
                }
                None => None,
            };
            if rows.insert((known, idx), (chance, value)).is_some() {
                return Err(TruthError::Twice { line, segment: segment.to_owned(), offer: offer.to_owned() });
            }
        }
        if rows.is_empty() { Err(TruthError::Empty) } else { Ok(Self(rows)) }
    }
}

/// The cells of a line, without white space and quotes around them. Segments, ids and numbers hold no separator.
fn cells(line: &str, separator: char) -> Vec<&str> {
    line.split(separator).map(unquoted).collect()
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(cell)
}
