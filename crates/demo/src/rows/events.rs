//! The event file: one JSON object a line, without the members that an event does not have.

use super::Ledger;
use crate::browsing::{Event, EventDetail, EventKind};
use crate::calendar::Instant;
use crate::campaign::CAMPAIGNS;
use crate::customer::Customer;
use crate::draw::{Choice, Draw};
use crate::habits::Channel;
use crate::history::History;
use crate::offers::{HERO_PLACEMENT, offer_id};
use crate::shop::DemoShop;
use crate::taste::TASTES;
use serde::Serialize;
use std::io::{self, Write};

/// One line of the event file.
#[derive(Clone, Serialize)]
struct EventRow<'a> {
    event_id: String,
    at: String,
    customer_id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    channel: &'a str,
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    /// In the currency, such as 19.99.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentiment: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
}

impl EventRow<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

impl DemoShop {
    pub(super) fn write_events(
        &self,
        out: &mut impl Write,
        customer: &Customer,
        history: &History,
        order_ids: &[String],
        draw: &mut Draw,
        ledger: &mut Ledger,
    ) -> io::Result<()> {
        let dirt = Choice::new([9_900, 40, 10, 10, 10, 10, 10, 10]);
        for event in &history.events {
            let row = self.event_row(event, customer, history, order_ids, ledger);
            row.write(out)?;
            let is_anonymous = row.customer_id != customer.id;
            let truth = &mut ledger.events;
            truth.clean_rows += 1;
            ledger.aliases.anonymous_events += u64::from(is_anonymous);
            let kind = dirt.pick(draw);
            let dirty = match kind {
                0 => continue,
                1 => {
                    truth.exact_duplicates += 1;
                    row
                }
                2 => {
                    truth.key_duplicates += 1;
                    EventRow { at: event.at.plus_s(1).iso(), ..row }
                }
                kind => {
                    let row = EventRow { event_id: ledger.next_event_id(), ..row };
                    let truth = &mut ledger.events;
                    match kind {
                        3 => {
                            truth.unknown_codes += 1;
                            EventRow { channel: "fax", ..row }
                        }
                        4 => {
                            truth.unknown_codes += 1;
                            EventRow { kind: "teleport", ..row }
                        }
                        5 => {
                            truth.bad_dates += 1;
                            EventRow { at: draw.one_of(&["2026-02-30T10:00:00Z", "yesterday", ""]).to_owned(), ..row }
                        }
                        6 => {
                            truth.missing_keys += 1;
                            EventRow { customer_id: "", ..row }
                        }
                        _ => {
                            truth.outliers += 1;
                            EventRow { kind: "review", rating: Some(99), ..row }
                        }
                    }
                }
            };
            dirty.write(out)?;
        }
        Ok(())
    }

    fn event_row<'a>(
        &'a self,
        event: &Event,
        customer: &'a Customer,
        history: &'a History,
        order_ids: &'a [String],
        ledger: &mut Ledger,
    ) -> EventRow<'a> {
        let session = event.session_idx.map(|idx| (idx, &history.sessions[idx]));
        let alias = session.and_then(|(_, session)| session.alias_idx).map(|idx| history.aliases[idx].id.as_str());
        let item = event.item_idx.map(|idx| &self.catalogue.items()[idx]);
        let mut row = EventRow {
            event_id: ledger.next_event_id(),
            at: event.at.iso(),
            customer_id: alias.unwrap_or(&customer.id),
            kind: event.kind.id(),
            session_id: session.map(|(idx, session)| session_id(customer, idx, session.at)),
            item_id: item.map(|item| item.id.as_str()),
            category: item.map(|item| item.category.id()),
            channel: session.map_or(Channel::Web, |(_, session)| session.channel).id(),
            device: session.map_or(customer.habits.device, |(_, session)| session.device).id(),
            source: session.filter(|_| event.kind == EventKind::Visit).map(|(_, session)| session.source),
            campaign: session.and_then(|(_, session)| session.campaign).map(|idx| CAMPAIGNS[idx].id),
            placement: None,
            offer_id: None,
            order_id: event.order_idx.map(|idx| order_ids[idx].as_str()),
            value: None,
            rating: None,
            sentiment: None,
            reason: None,
            outcome: None,
        };
        if let (EventKind::Purchase, Some(order_idx)) = (event.kind, event.order_idx) {
            let line = history.orders[order_idx].lines.iter().find(|line| Some(line.item_idx) == event.item_idx);
            row.value = line.map(|line| (line.quantity * line.unit_price_minor) as f64 / 100.0);
        }
        match event.detail {
            EventDetail::None => {}
            EventDetail::Search(category) => row.category = Some(category.id()),
            EventDetail::Dismiss { taste } => {
                row.placement = Some(HERO_PLACEMENT);
                row.offer_id = Some(offer_id(&TASTES[taste]));
            }
            EventDetail::Review { rating, sentiment_milli } => {
                row.rating = Some(rating);
                row.sentiment = Some(f64::from(sentiment_milli) / 1000.0);
            }
            EventDetail::Contact { reason, outcome } => {
                row.reason = Some(reason);
                row.outcome = Some(outcome);
            }
        }
        row
    }
}

/// Sessions have ids that do not tell the customer, as a browser makes them.
fn session_id(customer: &Customer, session_idx: usize, at: Instant) -> String {
    let text = customer.id.bytes().fold(at.0 as u64 ^ 0x9e37_79b9_7f4a_7c15, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("s{:012x}", (text.wrapping_add(session_idx as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9)) >> 16)
}

impl Ledger {
    fn next_event_id(&mut self) -> String {
        self.n_event_ids += 1;
        format!("e{:09}", self.n_event_ids)
    }
}
