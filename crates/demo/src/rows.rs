//! Streams the shop's rows, dirt included, and keeps the truth about them as it goes.

mod catalogue;
mod events;
mod identities;
mod people;
mod said;

use crate::calendar::{DAY_S, Instant};
use crate::campaign::CAMPAIGNS;
use crate::catalogue::{Category, Item};
use crate::csv::{decimal, record};
use crate::customer::Customer;
use crate::dirt::{DirtCounts, LineDirt, draw_line_dirt, draw_order_dirt};
use crate::draw::{Draw, Purpose};
use crate::history::{History, Line, Order};
use crate::offers::offer_id;
use crate::shop::{CURRENCY, DemoShop, PERIOD_DAYS};
use crate::taste::{N_TASTES, TASTES};
use crate::truth::{FileTruth, IdentityTruth, LifetimeTruth, OrderTotals, Sample, TasteTruth, Truth, UNKNOWN_VISITOR};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Where the files that grow with the shop are written to.
#[derive(Debug)]
pub struct Writers<W> {
    /// `orders.csv`: order rows in the canonical columns.
    pub orders: W,
    /// `events.jsonl`: what happened on pages and in the app, reviews and chats.
    pub events: W,
    /// `customers.csv`: customers, as the shop knows them.
    pub customers: W,
    /// `customers_gb18030.csv`: the same as Chinese software writes it.
    pub customers_gb18030: W,
    /// `surveys.csv`: answers to questions.
    pub surveys: W,
    /// `contacts.csv`: calls, mails and visits with a question or complaint.
    pub contacts: W,
    /// `identities.csv`: links of anonymous ids to customers.
    pub identities: W,
    /// `partner.csv`: what a partner sold, whose licence has run out.
    pub partner: W,
    /// `truth_customers.csv`: customers, as they truly are.
    pub truth_customers: W,
    /// `truth_identities.csv`: whose the anonymous ids truly are.
    pub truth_identities: W,
}

impl<W> Writers<W> {
    /// A writer for each file, by its name.
    ///
    /// # Errors
    /// The first that `open` gives.
    pub fn open<E>(mut open: impl FnMut(&'static str) -> Result<W, E>) -> Result<Self, E> {
        Ok(Self {
            orders: open("orders.csv")?,
            events: open("events.jsonl")?,
            customers: open("customers.csv")?,
            customers_gb18030: open("customers_gb18030.csv")?,
            surveys: open("surveys.csv")?,
            contacts: open("contacts.csv")?,
            identities: open("identities.csv")?,
            partner: open("partner.csv")?,
            truth_customers: open("truth_customers.csv")?,
            truth_identities: open("truth_identities.csv")?,
        })
    }

    /// The writers, in the order in which [`Writers::open`] opens them.
    pub fn into_all(self) -> [W; 10] {
        [
            self.orders,
            self.events,
            self.customers,
            self.customers_gb18030,
            self.surveys,
            self.contacts,
            self.identities,
            self.partner,
            self.truth_customers,
            self.truth_identities,
        ]
    }
}

impl DemoShop {
    /// Streams everything that grows with the shop, customer by customer, and tells the truth about it. Rows are ordered by
    /// customer, not by time. Memory: one customer.
    ///
    /// # Errors
    /// Those of the writers.
    pub fn write<W: Write>(&self, out: &mut Writers<W>, mut progress: impl FnMut(u32, u32)) -> io::Result<Truth> {
        write_heads(out)?;
        let mut ledger = Ledger::default();
        for idx in 0..self.n_customers {
            let customer = self.customer(idx);
            let history = self.history(idx, &customer);
            let mut dirt = Draw::new(self.seed, Purpose::Dirt, u64::from(idx));
            let rows = self.write_orders(&mut out.orders, &customer, &history, &mut dirt, &mut ledger)?;
            let mut dirt = Draw::new(self.seed, Purpose::EventDirt, u64::from(idx));
            self.write_events(&mut out.events, &customer, &history, &rows.order_ids, &mut dirt, &mut ledger)?;
            self.write_identities(out, &customer, &history, &mut ledger)?;
            let mut dirt = Draw::new(self.seed, Purpose::CustomerDirt, u64::from(idx));
            people::write_customer(out, &customer, &mut dirt, &mut ledger)?;
            said::write_surveys(&mut out.surveys, &customer, &history, &mut dirt, &mut ledger.surveys)?;
            said::write_contacts(&mut out.contacts, &customer, &history, &mut dirt, &mut ledger.contacts)?;
            people::write_partner(&mut out.partner, &customer, &mut dirt, &mut ledger.partner)?;
            people::write_truth(&mut out.truth_customers, &customer, &history)?;
            ledger.count_lifetime(&history);
            if rows.clean && !self.erased().contains(&idx) {
                self.consider_sample(&customer, &history, &mut ledger);
            }
            progress(idx + 1, self.n_customers);
        }
        Ok(self.truth(ledger))
    }

    /// Writes a customer's order rows with their dirt.
    fn write_orders(
        &self,
        out: &mut impl Write,
        customer: &Customer,
        history: &History,
        draw: &mut Draw,
        ledger: &mut Ledger,
    ) -> io::Result<CustomerRows> {
        let dirt_before = ledger.dirt.total();
        let mut order_ids = Vec::with_capacity(history.orders.len());
        for order in &history.orders {
            let order_id = ledger.next_order_id();
            ledger.totals.orders += 1;
            for line in &order.lines {
                let row = self.row(order_id.clone(), order, line, customer);
                row.write(out)?;
                ledger.totals.clean_rows += 1;
                ledger.totals.gross_minor += line.quantity * line.unit_price_minor;
                match draw_line_dirt(line.quantity, draw) {
                    LineDirt::Clean => {}
                    LineDirt::Duplicate => {
                        row.write(out)?;
                        ledger.dirt.exact_duplicates += 1;
                    }
                    LineDirt::Cancelled { quantity, after_days } => {
                        let at = order.at.plus_s(after_days * DAY_S + 60);
                        // What is sent back after the records end is not in them.
                        if at < Instant::at(PERIOD_DAYS, 0) {
                            let order_id = format!("C{order_id}");
                            Row { order_id, quantity: -quantity, ordered_at: at.to_string(), ..row }.write(out)?;
                            ledger.dirt.cancellations += 1;
                            ledger.totals.cancelled_minor += quantity * line.unit_price_minor;
                        }
                    }
                }
            }
            self.write_order_dirt(out, customer, order, &order_id, draw, ledger)?;
            order_ids.push(order_id);
        }
        Ok(CustomerRows { order_ids, clean: ledger.dirt.total() == dirt_before })
    }

    /// Writes the dirty rows that hang on an order rather than on one of its lines.
    fn write_order_dirt(
        &self,
        out: &mut impl Write,
        customer: &Customer,
        order: &Order,
        order_id: &str,
        draw: &mut Draw,
        ledger: &mut Ledger,
    ) -> io::Result<()> {
        let dirt = draw_order_dirt(order, self.catalogue.items().len(), draw);
        if let Some(item_idx) = dirt.sample {
            let list_price_minor = self.catalogue.items()[item_idx].price_minor;
            let line = Line { item_idx, quantity: 1, unit_price_minor: 0, list_price_minor };
            self.row(order_id.to_owned(), order, &line, customer).write(out)?;
            ledger.dirt.zero_price += 1;
        }
        if dirt.guest {
            let order_id = ledger.next_order_id();
            for line in &order.lines {
                Row { customer_id: "", ..self.row(order_id.clone(), order, line, customer) }.write(out)?;
                ledger.dirt.missing_customer += 1;
            }
        }
        if let (Some(bad), Some(line)) = (dirt.bad_date, order.lines.first()) {
            let order_id = ledger.next_order_id();
            Row { ordered_at: bad.to_owned(), ..self.row(order_id, order, line, customer) }.write(out)?;
            ledger.dirt.bad_date += 1;
        }
        Ok(())
    }

    fn row<'a>(&'a self, order_id: String, order: &Order, line: &Line, customer: &'a Customer) -> Row<'a> {
        Row {
            order_id,
            item: &self.catalogue.items()[line.item_idx],
            quantity: line.quantity,
            ordered_at: order.at.to_string(),
            unit_price_minor: line.unit_price_minor,
            customer_id: &customer.id,
            country: customer.country,
            channel: order.channel.id(),
            campaign: order.campaign.map_or("", |idx| CAMPAIGNS[idx].id),
            list_price_minor: line.list_price_minor,
        }
    }

    /// Keeps a customer as the sample of their taste if they show it better than the one before: many lines (beyond
    /// a dozen no longer better) in the taste's strongest category, the last order not long ago.
    fn consider_sample(&self, customer: &Customer, history: &History, ledger: &mut Ledger) {
        let Some(last) = history.orders.last() else { return };
        let items = self.catalogue.items();
        let top = customer.top_taste();
        let lines = || history.orders.iter().flat_map(|order| &order.lines);
        let share_permille = |categories: &[(Category, u32)]| {
            let liked = |line: &&Line| categories.iter().any(|(c, _)| *c == items[line.item_idx].category);
            (lines().filter(liked).count() * 1000 / lines().count().max(1)) as u16
        };
        let in_top_category_permille = share_permille(&TASTES[top].categories[..1]);
        let recent = last.at >= Instant::at(PERIOD_DAYS - 60, 0);
        let n_lines = lines().count().min(12) as u64;
        let score = n_lines * u64::from(in_top_category_permille).pow(2) * if recent { 5 } else { 4 };
        if ledger.samples[top].as_ref().is_some_and(|(best, _)| *best >= score) {
            return;
        }
        let taste_permille = TASTES
            .iter()
            .zip(customer.taste_permille)
            .filter(|(_, w)| *w > 0)
            .map(|(taste, w)| (taste.id, w))
            .collect();
        let sample = Sample {
            visitor: customer.id.clone(),
            taste: TASTES[top].id,
            expected_offer: offer_id(&TASTES[top]),
            taste_permille,
            n_orders: history.orders.len() as u64,
            spent_minor: lines().map(|line| line.quantity * line.unit_price_minor).sum(),
            last_order_at: last.at.to_string(),
            in_taste_permille: share_permille(TASTES[top].categories),
            in_top_category_permille,
            last_items: last.lines.iter().map(|line| items[line.item_idx].id.clone()).collect(),
        };
        ledger.samples[top] = Some((score, sample));
    }

    fn truth(&self, mut ledger: Ledger) -> Truth {
        for file in
            [&mut ledger.events, &mut ledger.surveys, &mut ledger.contacts, &mut ledger.identities, &mut ledger.partner]
        {
            file.close();
        }
        let files = BTreeMap::from([
            ("events.jsonl", ledger.events),
            ("customers.csv", ledger.customers),
            ("surveys.csv", ledger.surveys),
            ("contacts.csv", ledger.contacts),
            ("identities.csv", ledger.identities),
            ("partner.csv", ledger.partner),
        ]);
        let tastes = TASTES.iter().enumerate().map(|(taste_idx, taste)| {
            let made_for = |item: &&Item| item.made_for == Some(taste_idx);
            TasteTruth {
                id: taste.id,
                offer: offer_id(taste),
                share_percent: taste.share_percent,
                categories: taste.categories.iter().map(|(category, weight)| (category.id(), *weight)).collect(),
                items: self.catalogue.items().iter().filter(made_for).map(|item| item.id.clone()).collect(),
            }
        });
        Truth {
            version: 1,
            seed: self.seed,
            n_customers: self.n_customers,
            n_items: self.catalogue.items().len(),
            currency: CURRENCY,
            first_day: Instant::at(0, 0).to_string(),
            as_of: Instant::at(PERIOD_DAYS, 0).to_string(),
            tastes: tastes.collect(),
            orders: OrderTotals { rows: ledger.totals.clean_rows + ledger.dirt.total(), ..ledger.totals },
            events: ledger.events.clean_rows,
            dirt: ledger.dirt,
            files,
            identities: ledger.aliases,
            lifetimes: ledger.lifetimes,
            erased: self.erased().into_iter().map(|idx| self.customer(idx).id).collect(),
            samples: ledger.samples.into_iter().flatten().map(|(_, sample)| sample).collect(),
            unknown_visitor: UNKNOWN_VISITOR,
        }
    }
}

/// Columns of the order file: the canonical names.
const ORDER_COLUMNS: [&str; 13] = [
    "order_id",
    "item_id",
    "item_name",
    "category",
    "quantity",
    "ordered_at",
    "unit_price",
    "customer_id",
    "country",
    "channel",
    "brand",
    "campaign",
    "list_price",
];

fn write_heads<W: Write>(out: &mut Writers<W>) -> io::Result<()> {
    record(&mut out.orders, &ORDER_COLUMNS)?;
    people::write_heads(out)?;
    record(&mut out.surveys, &said::SURVEY_COLUMNS)?;
    record(&mut out.contacts, &said::CONTACT_COLUMNS)?;
    record(&mut out.identities, &identities::COLUMNS)?;
    record(&mut out.truth_identities, &identities::TRUTH_COLUMNS)
}

/// One row of the order file.
struct Row<'a> {
    order_id: String,
    item: &'a Item,
    quantity: i64,
    ordered_at: String,
    unit_price_minor: i64,
    customer_id: &'a str,
    country: &'a str,
    channel: &'static str,
    campaign: &'static str,
    list_price_minor: i64,
}

impl Row<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let fields = [
            self.order_id.as_str(),
            &self.item.id,
            &self.item.name,
            self.item.category.id(),
            &self.quantity.to_string(),
            &self.ordered_at,
            &decimal(self.unit_price_minor),
            self.customer_id,
            self.country,
            self.channel,
            self.item.goods.brand_name(),
            self.campaign,
            &decimal(self.list_price_minor),
        ];
        record(out, &fields)
    }
}

/// What was written of one customer's orders.
struct CustomerRows {
    /// Ids of the orders, in the order of the history.
    order_ids: Vec<String>,
    /// No row was dirty.
    clean: bool,
}

/// Running counts of what was written.
#[derive(Default)]
struct Ledger {
    n_order_ids: u64,
    totals: OrderTotals,
    dirt: DirtCounts,
    /// Ids of event rows given so far.
    n_event_ids: u64,
    events: FileTruth,
    customers: FileTruth,
    surveys: FileTruth,
    contacts: FileTruth,
    identities: FileTruth,
    partner: FileTruth,
    aliases: IdentityTruth,
    lifetimes: LifetimeTruth,
    /// The best sample of each taste so far, with its score.
    samples: [Option<(u64, Sample)>; N_TASTES],
}

impl Ledger {
    fn next_order_id(&mut self) -> String {
        self.n_order_ids += 1;
        (500_000 + self.n_order_ids).to_string()
    }

    fn count_lifetime(&mut self, history: &History) {
        let has_orders = !history.orders.is_empty();
        let left = history.lifetime.left_at.is_some();
        self.totals.customers += u64::from(has_orders);
        self.lifetimes.left += u64::from(left);
        self.lifetimes.active += u64::from(has_orders && !left);
        self.lifetimes.next_orders += u64::from(history.lifetime.next_orders);
        self.lifetimes.next_minor += history.lifetime.next_minor;
    }
}
