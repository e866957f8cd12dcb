//! Customers: as the shop knows them, the same as Chinese software writes it, as a partner scored them, and as they are.

use super::{Ledger, Writers};
use crate::calendar::{DAY_S, Instant};
use crate::csv::record;
use crate::customer::Customer;
use crate::draw::{Choice, Draw};
use crate::goods::BRANDS;
use crate::habits::daypart;
use crate::history::History;
use crate::person::{INCOME_BANDS, age_band, regions};
use crate::shop::PERIOD_DAYS;
use crate::taste::TASTES;
use crate::truth::FileTruth;
use encoding_rs::GB18030;
use std::io::{self, Write};

const COLUMNS: [&str; 14] = [
    "customer_id",
    "country",
    "registered_on",
    "age",
    "age_band",
    "sex",
    "region",
    "occupation",
    "education",
    "income_band",
    "email",
    "phone",
    "declared_on",
    "is_inferred",
];

/// The same columns as Chinese software names them.
const COLUMNS_ZH: [&str; 14] = [
    "客户编号",
    "国家",
    "注册日期",
    "年龄",
    "年龄段",
    "性别",
    "地区",
    "职业",
    "学历",
    "收入水平",
    "邮箱",
    "手机号",
    "申报日期",
    "是否推断",
];

const PARTNER_COLUMNS: [&str; 4] = ["customer_id", "lifestyle", "household", "scored_on"];

const TRUTH_COLUMNS: [&str; 24] = [
    "has_left",
    "left_on",
    "n_orders",
    "next_90d_orders",
    "next_90d_minor",
    "discount_class",
    "discount_chance",
    "device",
    "channel",
    "daypart",
    "hour",
    "weekend_chance",
    "brand",
    "contentment",
    "age",
    "age_band",
    "sex",
    "region",
    "occupation",
    "education",
    "income_band",
    "country",
    "first_order_on",
    "last_order_on",
];

pub(super) fn write_heads<W: Write>(out: &mut Writers<W>) -> io::Result<()> {
    record(&mut out.customers, &COLUMNS)?;
    write_gb18030(&mut out.customers_gb18030, &COLUMNS_ZH)?;
    record(&mut out.partner, &PARTNER_COLUMNS)?;
    let mut head = vec!["customer_id", "top_taste", "orders_per_year", "leaving_chance"];
    head.extend(TASTES.iter().map(|taste| taste.id));
    head.extend(TRUTH_COLUMNS);
    record(&mut out.truth_customers, &head)
}

/// A row of the customer file, in the order of [`COLUMNS`].
type Cells = [String; 14];

/// Writes what the shop believes of a customer, to both customer files.
pub(super) fn write_customer<W: Write>(
    out: &mut Writers<W>,
    customer: &Customer,
    draw: &mut Draw,
    ledger: &mut Ledger,
) -> io::Result<()> {
    let truth = &mut ledger.customers;
    let cells = believed(customer, draw, truth);
    let write = |out: &mut Writers<W>, cells: &Cells, truth: &mut FileTruth| {
        truth.rows += 1;
        record(&mut out.customers, &cells.each_ref().map(String::as_str))?;
        write_gb18030(&mut out.customers_gb18030, &in_chinese(cells).each_ref().map(String::as_str))
    };
    match Choice::new([985, 5, 5, 5]).pick(draw) {
        1 => {
            // Moved house and declared it anew: the later row is right.
            let mut old = cells.clone();
            old[6] = regions(customer.country)[0].to_owned();
            old[12] = Instant::at(0, 0).day();
            if old != cells {
                truth.key_duplicates += 1;
                write(out, &old, truth)?;
            }
        }
        2 => {
            truth.exact_duplicates += 1;
            write(out, &cells, truth)?;
        }
        3 => {
            let mut nobody = cells.clone();
            nobody[0].clear();
            truth.missing_keys += 1;
            write(out, &nobody, truth)?;
        }
        _ => {}
    }
    truth.clean_rows += 1;
    write(out, &cells, truth)
}

/// What the shop believes of a customer: cells are missing, inferred, wrong.
fn believed(customer: &Customer, draw: &mut Draw, truth: &mut FileTruth) -> Cells {
    let person = &customer.person;
    let inferred = draw.chance(0.15);
    let first = customer.first_day;
    let declared = Instant::at((first + i64::from(draw.below(200))).min(PERIOD_DAYS - 1), 0).day();
    let mut age = person.age.to_string();
    let (mut sex, mut region) = (person.sex.to_owned(), person.region.to_owned());
    let mut income = person.income_band.to_owned();
    let mut email = format!("{}@customers.example", customer.id);
    let mut phone = format!("+49 30 {:07}", draw.below(10_000_000));
    let mut declared_on = declared;

    // What is inferred is wrong more often than what was declared.
    let wrong = if inferred { 0.2 } else { 0.02 };
    if draw.chance(wrong) {
        sex = if sex == "f" { "m" } else { "f" }.to_owned();
    }
    if draw.chance(wrong) {
        income = draw.one_of(&INCOME_BANDS).to_owned();
    }
    let mut break_cell = |chance: f64, cell: &mut String, bad: &[&str], count: &mut u64| {
        if draw.chance(chance) {
            *cell = draw.one_of(bad).to_owned();
            *count += 1;
        }
    };
    break_cell(0.003, &mut age, &["0", "140", "199", "-5"], &mut truth.outliers);
    break_cell(0.005, &mut sex, &["x9", "?"], &mut truth.unknown_codes);
    break_cell(0.004, &mut region, &["ZZ-99"], &mut truth.unknown_codes);
    break_cell(0.004, &mut declared_on, &["2025-02-30", "soon", "0000-00-00"], &mut truth.bad_dates);
    break_cell(0.01, &mut email, &["nobody", "a@@b", "c(at)example"], &mut truth.bad_contacts);
    break_cell(0.01, &mut phone, &["12", "+49 x", "call me"], &mut truth.bad_contacts);

    let mut cells = [
        customer.id.clone(),
        customer.country.to_owned(),
        Instant::at(first, 0).day(),
        age,
        age_band(person.age).to_owned(),
        sex,
        region,
        person.occupation.to_owned(),
        person.education.to_owned(),
        income,
        email,
        phone,
        declared_on,
        inferred.to_string(),
    ];
    // Age, band, sex, region, occupation, education, income, mail, phone: what people leave empty. A cell that is broken stays.
    let missing = [0.25, 0.20, 0.15, 0.10, 0.40, 0.50, 0.60, 0.05, 0.50];
    for (cell, chance) in cells[3..12].iter_mut().zip(missing) {
        if draw.chance(chance) && !is_broken(cell) {
            cell.clear();
            truth.missing_values += 1;
        }
    }
    let lie = |cell: &str, true_value: &str| !cell.is_empty() && cell != true_value && !is_broken(cell);
    truth.wrong_values += u64::from(lie(&cells[5], person.sex)) + u64::from(lie(&cells[9], person.income_band));
    cells
}

/// Cells that were counted as wrong must still be there to be found.
fn is_broken(cell: &str) -> bool {
    const BROKEN: [&str; 13] =
        ["0", "140", "199", "-5", "x9", "?", "ZZ-99", "nobody", "a@@b", "c(at)example", "12", "+49 x", "call me"];
    BROKEN.contains(&cell)
}

/// The row in Chinese: codes translated, dates as they are written there.
fn in_chinese(cells: &Cells) -> Cells {
    let mut zh = cells.clone();
    for (idx, cell) in zh.iter_mut().enumerate() {
        *cell = match idx {
            2 | 12 => date_zh(cell),
            _ => word_zh(cell).map_or_else(|| core::mem::take(cell), str::to_owned),
        };
    }
    zh
}

/// `2025-03-08` as `2025年3月8日`; what is no such date stays.
fn date_zh(date: &str) -> String {
    let mut parts = date.split('-').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) if year > 0 => format!("{year}年{month}月{day}日"),
        _ => date.to_owned(),
    }
}

fn word_zh(word: &str) -> Option<&'static str> {
    Some(match word {
        "f" => "女",
        "m" => "男",
        "true" => "是",
        "false" => "否",
        "low" => "低",
        "middle" => "中",
        "high" => "高",
        "employee" => "职员",
        "self_employed" => "自由职业",
        "student" => "学生",
        "homemaker" => "家务",
        "retired" => "退休",
        "school" => "中学",
        "vocational" => "职业教育",
        "bachelor" => "本科",
        "master" => "硕士",
        "Germany" => "德国",
        "France" => "法国",
        "Netherlands" => "荷兰",
        "Austria" => "奥地利",
        "Ireland" => "爱尔兰",
        "Belgium" => "比利时",
        "Spain" => "西班牙",
        "Italy" => "意大利",
        "Finland" => "芬兰",
        _ => return None,
    })
}

fn write_gb18030(out: &mut impl Write, fields: &[&str]) -> io::Result<()> {
    let mut line = Vec::new();
    record(&mut line, fields)?;
    let text = String::from_utf8_lossy(&line);
    out.write_all(&GB18030.encode(&text).0)
}

/// What a partner sold of three customers in ten, with dirt.
pub(super) fn write_partner(
    out: &mut impl Write,
    customer: &Customer,
    draw: &mut Draw,
    truth: &mut FileTruth,
) -> io::Result<()> {
    if !draw.chance(0.3) {
        return Ok(());
    }
    let lifestyle = draw.one_of(&["urban", "family", "traditional", "active"]);
    let household = (1 + draw.below(5)).to_string();
    let scored_on = Instant::at(i64::from(draw.below(400)), 0).day();
    let row = [customer.id.as_str(), lifestyle, &household, &scored_on];
    record(out, &row)?;
    truth.clean_rows += 1;
    match Choice::new([980, 10, 10]).pick(draw) {
        1 => {
            truth.exact_duplicates += 1;
            record(out, &row)
        }
        2 => {
            truth.unknown_keys += 1;
            record(out, &["x0000000", lifestyle, &household, &scored_on])
        }
        _ => Ok(()),
    }
}

/// What is true of a customer.
pub(super) fn write_truth(out: &mut impl Write, customer: &Customer, history: &History) -> io::Result<()> {
    let weights = customer.taste_permille.map(|weight| weight.to_string());
    let rate = format!("{:.3}", customer.orders_per_year);
    let leaving = format!("{:.4}", customer.leaving_chance);
    let mut fields = vec![customer.id.as_str(), customer.top().0, &rate, &leaving];
    fields.extend(weights.iter().map(String::as_str));

    let (habits, person, lifetime) = (&customer.habits, &customer.person, &history.lifetime);
    let day = |at: Option<Instant>| at.map_or(String::new(), |at| Instant(at.0.div_euclid(DAY_S) * DAY_S).day());
    let more = [
        lifetime.left_at.is_some().to_string(),
        day(lifetime.left_at),
        history.orders.len().to_string(),
        lifetime.next_orders.to_string(),
        lifetime.next_minor.to_string(),
        habits.discount.id().to_owned(),
        format!("{:.2}", habits.discount.chance()),
        habits.device.id().to_owned(),
        habits.channel.id().to_owned(),
        daypart(customer.hour).to_owned(),
        customer.hour.to_string(),
        format!("{:.2}", customer.weekend_chance),
        habits.brand.map_or("", |brand| BRANDS[brand]).to_owned(),
        format!("{:.3}", habits.contentment),
        person.age.to_string(),
        age_band(person.age).to_owned(),
        person.sex.to_owned(),
        person.region.to_owned(),
        person.occupation.to_owned(),
        person.education.to_owned(),
        person.income_band.to_owned(),
        customer.country.to_owned(),
        day(history.orders.first().map(|order| order.at)),
        day(history.orders.last().map(|order| order.at)),
    ];
    fields.extend(more.iter().map(String::as_str));
    record(out, &fields)
}
