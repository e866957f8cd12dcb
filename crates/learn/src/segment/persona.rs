//! Persona cards: a group as a person to talk about.

use std::collections::BTreeMap;

use serde::Serialize;

use super::describe::group_sizes;
use super::{Contrast, Description, SegmentError};

/// A label of every customer that is one of several values, such as the favourite category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumn {
    /// Key of the label.
    pub label: String,
    /// Value of each customer; `None` is unknown.
    pub values: Vec<Option<String>>,
}

/// A value that is more frequent in a group than elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopLabel {
    /// Key of the label.
    pub label: String,
    /// The value.
    pub value: String,
    /// Share of the group's customers that have it, of those whose value is known. 0 to 1.
    pub share: f64,
    /// The same of all customers.
    pub overall_share: f64,
    /// `share / overall_share`; above 1.
    pub lift: f64,
}

/// A group as a card: who they are, how many, what is typical, what sets them apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonaCard {
    /// Number of the group.
    pub group: u32,
    /// Suggested name in English.
    pub name: String,
    /// Suggested name in Chinese.
    pub name_zh: String,
    /// Customers.
    pub size: u64,
    /// Share of all customers, 0 to 1.
    pub share: f64,
    /// Values that tell the group, the most telling first.
    pub top_labels: Vec<TopLabel>,
    /// Features that differ most from the average, the most different first.
    pub contrasts: Vec<Contrast>,
}

/// Cards of the described groups, with up to `n_labels` labels each.
///
/// A value ranks by p ln(p / q), p its share in the group and q its share of all: what is both frequent in the group and rarer elsewhere
/// comes first. Only values with p > q are listed, and only with five or more customers of the group, so that a card shows no single
/// person. Labels must not be sensitive ones: the caller decides which to give.
///
/// Errors: [`SegmentError::Length`], [`SegmentError::BadGroup`].
pub fn persona_cards(
    descriptions: &[Description],
    assignment: &[u32],
    labels: &[LabelColumn],
    n_labels: usize,
) -> Result<Vec<PersonaCard>, SegmentError> {
    let k = descriptions.len();
    group_sizes(assignment, k)?;
    let mut tops: Vec<Vec<(f64, TopLabel)>> = vec![Vec::new(); k];
    for column in labels {
        if column.values.len() != assignment.len() {
            return Err(SegmentError::Length {
                what: "values of a label, one a customer",
                expected: assignment.len(),
                found: column.values.len(),
            });
        }
        // Per value: of all, and of each group.
        let mut counts: BTreeMap<&str, (u64, Vec<u64>)> = BTreeMap::new();
        let mut known = (0u64, vec![0u64; k]);
        for (value, group) in column.values.iter().zip(assignment) {
            let Some(value) = value else { continue };
            let count = counts.entry(value).or_insert_with(|| (0, vec![0; k]));
            for (all, by_group) in [&mut known, count] {
                *all += 1;
                if let Some(of_group) = by_group.get_mut(*group as usize) {
                    *of_group += 1;
                }
            }
        }
        for (value, (all, by_group)) in counts {
            let overall_share = all as f64 / known.0 as f64;
            for ((top, count), known) in tops.iter_mut().zip(by_group).zip(&known.1) {
                let share = if *known == 0 { 0.0 } else { count as f64 / *known as f64 };
                if count >= 5 && share > overall_share {
                    let lift = share / overall_share;
                    let label =
                        TopLabel { label: column.label.clone(), value: value.to_owned(), share, overall_share, lift };
                    top.push((share * libm::log(lift), label));
                }
            }
        }
    }
    let cards = descriptions.iter().zip(tops).map(|(description, mut top)| {
        // Equal ones stay in the order of the columns and values.
        top.sort_by(|a, b| b.0.total_cmp(&a.0));
        top.truncate(n_labels);
        PersonaCard {
            group: description.group,
            name: description.name.clone(),
            name_zh: description.name_zh.clone(),
            size: description.size,
            share: description.share,
            top_labels: top.into_iter().map(|(_, label)| label).collect(),
            contrasts: description.contrasts.clone(),
        }
    });
    Ok(cards.collect())
}
