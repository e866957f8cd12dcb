//! Surveys and service contacts, with their dirt.

use crate::csv::record;
use crate::customer::Customer;
use crate::draw::{Choice, Draw};
use crate::history::History;
use crate::truth::FileTruth;
use std::io::{self, Write};

pub(super) const SURVEY_COLUMNS: [&str; 6] = ["customer_id", "question", "answer", "score", "score_max", "answered_at"];
pub(super) const CONTACT_COLUMNS: [&str; 6] =
    ["customer_id", "contacted_at", "channel", "reason", "outcome", "is_open"];

/// Somebody who is in no other file.
const STRANGER: &str = "x0000000";

pub(super) fn write_surveys(
    out: &mut impl Write,
    customer: &Customer,
    history: &History,
    draw: &mut Draw,
    truth: &mut FileTruth,
) -> io::Result<()> {
    let dirt = Choice::new([970, 10, 5, 5, 5, 5]);
    for survey in &history.surveys {
        let number = |n: Option<u32>| n.map_or(String::new(), |n| n.to_string());
        let (score, max, at) = (number(survey.score), number(survey.score_max), survey.at.to_string());
        let row = [customer.id.as_str(), survey.question, &survey.answer, &score, &max, &at];
        record(out, &row)?;
        truth.clean_rows += 1;
        let [id, question, answer, score, max, at] = row;
        match dirt.pick(draw) {
            1 => {
                truth.exact_duplicates += 1;
                record(out, &row)?;
            }
            2 => {
                truth.unknown_keys += 1;
                record(out, &[STRANGER, question, answer, score, max, at])?;
            }
            3 => {
                truth.bad_dates += 1;
                record(out, &[id, question, answer, score, max, "31.31.2026"])?;
            }
            4 => {
                truth.outliers += 1;
                record(out, &[id, question, "55", "55", "10", at])?;
            }
            5 => {
                truth.bad_numbers += 1;
                record(out, &[id, question, answer, "very", "10", at])?;
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn write_contacts(
    out: &mut impl Write,
    customer: &Customer,
    history: &History,
    draw: &mut Draw,
    truth: &mut FileTruth,
) -> io::Result<()> {
    let dirt = Choice::new([970, 10, 5, 5, 5, 5]);
    for contact in &history.contacts {
        let at = contact.at.to_string();
        let is_open = if contact.is_open() { "true" } else { "false" };
        let row = [customer.id.as_str(), &at, contact.channel.id(), contact.reason, contact.outcome, is_open];
        record(out, &row)?;
        truth.clean_rows += 1;
        let [id, at, channel, reason, outcome, is_open] = row;
        match dirt.pick(draw) {
            1 => {
                truth.exact_duplicates += 1;
                record(out, &row)?;
            }
            2 => {
                truth.unknown_keys += 1;
                record(out, &[STRANGER, at, channel, reason, outcome, is_open])?;
            }
            3 => {
                truth.bad_dates += 1;
                record(out, &[id, "", channel, reason, outcome, is_open])?;
            }
            4 => {
                truth.missing_keys += 1;
                record(out, &["", at, channel, reason, outcome, is_open])?;
            }
            5 => {
                truth.unknown_codes += 1;
                record(out, &[id, at, "fax", reason, outcome, is_open])?;
            }
            _ => {}
        }
    }
    Ok(())
}
