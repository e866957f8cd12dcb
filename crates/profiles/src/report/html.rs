//! The report as a page that people read: `report.html`, made of [`Report`] alone. One file, English and Chinese, readable
//! offline: no script, nothing from elsewhere. Holds no customer id, since the report holds none; equal reports give equal bytes.

mod chinese;
mod customers;
mod data;
mod models;

use super::Report;
use vitrine_charts::{Block, Page, Tone, Words, facts, note, shown};

impl Report {
    /// The page.
    pub fn to_html(&self) -> String {
        let title = Words::new(format!("Profiles of {}", self.mapping), format!("{} 的客户画像", self.mapping));
        Page::new(title)
            .section(Words::new("In short", "概要"), in_short(self))
            .section(Words::new("Segments", "客户细分"), customers::segments(self))
            .section(Words::new("Recency and frequency", "最近购买与购买频率"), customers::rfm_grid(self))
            .section(Words::new("Personas", "人物卡片"), customers::personas(self))
            .section(Words::new("Customer value", "客户价值"), models::value(self))
            .section(Words::new("Groups of customers", "客户群组"), models::groups(self))
            .section(Words::new("Who stays away", "流失预测"), models::churn(self))
            .section(Words::new("Recommendations", "推荐"), models::recommenders(self))
            .section(Words::new("Drift since the build before", "与上次构建相比的漂移"), data::drift(self))
            .section(Words::new("Feeds", "数据源"), data::feeds(self))
            .section(Words::new("Rows put aside", "被隔离的行"), data::quarantine(self))
            .section(Words::new("Missing values", "缺失值"), data::missing(self))
            .section(Words::new("Cleaning policies", "清洗规则"), data::policies(self))
            .section(Words::new("Joins and identities", "关联与身份"), data::joins(self))
            .to_html()
    }
}

fn in_short(report: &Report) -> Vec<Block> {
    let mut blocks = vec![facts(&[
        (Words::new("customers", "客户"), number(report.customers)),
        (Words::new("orders", "订单"), number(report.orders)),
        (Words::new("items", "商品"), number(report.items)),
        (Words::new("sold", "销售额"), money(report, report.money.kept_minor)),
        (
            Words::new("order lines kept", "保留的订单行"),
            Words::same(format!("{} / {}", count(report.rows.kept), count(report.rows.read))),
        ),
        (Words::new("looking back from", "回溯时点"), Words::same(&report.as_of)),
        (
            Words::new("a row of the table", "表中每行"),
            Words::new(format!("{} bytes", report.table.bytes_per_row), format!("{} 字节", report.table.bytes_per_row)),
        ),
    ])];
    if report.warnings.is_empty() {
        blocks.push(note(Tone::Good, &Words::new("Nothing asks for attention.", "没有需要注意的问题。")));
    }
    // Warnings are written for whoever mends the data; they name columns and files, and are not translated.
    blocks.extend(report.warnings.iter().map(|warning| note(Tone::Warning, &Words::same(warning))));
    blocks
}

/// A whole number with its thousands apart.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn number(n: u64) -> Words {
    Words::same(count(n))
}

/// A share as percent.
fn percent(share: f64) -> Words {
    Words::same(if share.is_finite() { format!("{:.1} %", 100.0 * share) } else { "–".to_owned() })
}

/// A figure with the digits that matter.
fn figure(value: f64) -> Words {
    Words::same(shown(value))
}

/// Minor units as an amount of the currency.
fn money(report: &Report, minor: i64) -> Words {
    Words::same(format!("{} {}", shown(major(report, minor as f64)), report.currency))
}

/// Minor units in the currency's major unit.
fn major(report: &Report, minor: f64) -> f64 {
    minor / 10_f64.powi(i32::from(report.minor_digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(percent(0.1234), Words::same("12.3 %"));
        assert_eq!(percent(f64::NAN), Words::same("–"));
    }
}
