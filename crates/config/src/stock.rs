//! A stock feed: which items there are, and how many of each. CSV with a header, or one JSON object a line.
//!
//! It is taken whole or not at all: every row that cannot be read is told with its line and column (from 1; of JSON and of quoted
//! fields, the column of the first character).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Most faults that are told at once.
const FAULTS_MAX: usize = 20;
/// Longest id of an item. Unit: bytes.
const ITEM_BYTES_MAX: usize = 256;
/// What the column of ids may be called.
const ITEM_NAMES: [&str; 4] = ["item", "item_id", "sku", "id"];
/// What the column of numbers may be called.
const STOCK_NAMES: [&str; 4] = ["stock", "quantity", "qty", "available"];

/// What a feed comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StockFeed {
    /// How many items it tells of.
    pub n_items: usize,
    /// Ids of those of which there is nothing left: a stock of 0, or less where it was sold twice. Ascending.
    pub sold_out: Vec<String>,
}

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockFault {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for StockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// A field and where it begins.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    line: usize,
    column: usize,
}

impl Field {
    fn fault(&self, message: impl Into<String>) -> StockFault {
        StockFault { line: self.line, column: self.column, message: message.into() }
    }
}

/// Reads a feed: one that begins with `{` is JSON lines, everything else CSV (fields set apart by `,`, `;` or tabs, whichever the
/// header has).
///
/// Errors: at least one fault, and at most 20.
pub fn read_stock(bytes: &[u8]) -> Result<StockFeed, Vec<StockFault>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|it| **it == b'\n').count().saturating_add(1);
        let column = before.iter().rev().take_while(|it| **it != b'\n').count().saturating_add(1);
        vec![StockFault { line, column, message: "not UTF-8".to_owned() }]
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = Rows::default();
    if text.trim_start().starts_with('{') {
        for (line, number) in text.lines().zip(1..) {
            if !line.trim().is_empty() {
                rows.json(line, number);
            }
        }
    } else {
        rows.csv(text);
    }
    rows.finish()
}

/// Rows as they come.
#[derive(Default)]
struct Rows {
    /// By item: whether there is nothing left, and the line that said so.
    items: BTreeMap<String, (bool, usize)>,
    faults: Vec<StockFault>,
}

impl Rows {
    fn fault(&mut self, fault: StockFault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn json(&mut self, line: &str, number: usize) {
        let at = |column: usize, message: String| StockFault { line: number, column, message };
        let object = match serde_json::from_str(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => {
                return self.fault(at(1, "expected an object such as {\"item\":\"tea-1\",\"stock\":3}".to_owned()));
            }
            Err(error) => return self.fault(at(error.column().max(1), "this is not JSON".to_owned())),
        };
        // The column of a member is where its name stands.
        let column = |name: &str| {
            let before = line.find(&format!("\"{name}\"")).and_then(|it| line.get(..it));
            before.map_or(1, |it| it.chars().count().saturating_add(1))
        };
        let member = |names: &[&str]| names.iter().find_map(|name| Some((column(name), object.get(*name)?.clone())));
        let item = match member(&ITEM_NAMES) {
            Some((column, Value::String(text))) => Field { text, line: number, column },
            Some((column, Value::Number(it))) => Field { text: it.to_string(), line: number, column },
            Some((column, _)) => return self.fault(at(column, "an item is a text".to_owned())),
            None => return self.fault(at(1, format!("no item: name it by one of {}", ITEM_NAMES.join(", ")))),
        };
        let stock = match member(&STOCK_NAMES) {
            Some((column, Value::Number(it))) => Field { text: it.to_string(), line: number, column },
            Some((column, Value::String(text))) => Field { text, line: number, column },
            Some((column, _)) => return self.fault(at(column, "a stock is a number".to_owned())),
            None => return self.fault(at(1, format!("no stock: name it by one of {}", STOCK_NAMES.join(", ")))),
        };
        self.row(&item, &stock);
    }

    fn csv(&mut self, text: &str) {
        let head = text.lines().next().unwrap_or_default();
        let separator =
            [',', ';', '\t'].into_iter().max_by_key(|it| (head.matches(*it).count(), *it == ',')).unwrap_or(',');
        let mut records = records(text, separator, &mut self.faults).into_iter();
        let Some(header) = records.next() else {
            let message = "the feed is empty; if nothing is sold out, it still has its header and all items";
            return self.fault(StockFault { line: 1, column: 1, message: message.to_owned() });
        };
        let place =
            |names: &[&str]| header.iter().position(|it| names.contains(&it.text.trim().to_ascii_lowercase().as_str()));
        let (Some(item_at), Some(stock_at)) = (place(&ITEM_NAMES), place(&STOCK_NAMES)) else {
            let message = format!(
                "the header needs a column with the item ({}) and one with the stock ({})",
                ITEM_NAMES.join(", "),
                STOCK_NAMES.join(", ")
            );
            return self.fault(StockFault { line: 1, column: 1, message });
        };
        for record in records {
            match (record.get(item_at), record.get(stock_at), record.first()) {
                (Some(item), Some(stock), _) => self.row(item, stock),
                (_, _, Some(first)) => {
                    self.fault(first.fault(format!("{} fields, but the header has {}", record.len(), header.len())));
                }
                (_, _, None) => {}
            }
        }
    }

    fn row(&mut self, item: &Field, stock: &Field) {
        let id = item.text.trim();
        if id.is_empty() || id.len() > ITEM_BYTES_MAX || id.contains(char::is_control) {
            return self.fault(item.fault(format!("an item is named by 1 to {ITEM_BYTES_MAX} bytes in one line")));
        }
        let number: f64 = match stock.text.trim().parse() {
            Ok(number) if f64::is_finite(number) => number,
            _ => return self.fault(stock.fault(format!("{:?} is not a number", stock.text.trim()))),
        };
        if let Some((_, line)) = self.items.get(id) {
            let message = format!("the item {id:?} stands in line {line} already");
            return self.fault(item.fault(message));
        }
        self.items.insert(id.to_owned(), (number <= 0.0, item.line));
    }

    fn finish(self) -> Result<StockFeed, Vec<StockFault>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let n_items = self.items.len();
        let sold_out = self.items.into_iter().filter(|(_, (is_sold_out, _))| *is_sold_out).map(|(id, _)| id);
        Ok(StockFeed { n_items, sold_out: sold_out.collect() })
    }
}

/// The records of a CSV text (RFC 4180); lines without anything are none.
fn records(text: &str, separator: char, faults: &mut Vec<StockFault>) -> Vec<Vec<Field>> {
    let mut records = Vec::new();
    let mut record: Vec<Field> = Vec::new();
    let mut field = Field { text: String::new(), line: 1, column: 1 };
    let (mut line, mut column) = (1_usize, 0_usize);
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        column = column.saturating_add(1);
        let next_column = column.saturating_add(1);
        if is_quoted {
            if c == '\n' {
                (line, column) = (line.saturating_add(1), 0);
            }
            match c {
                '"' if chars.peek() == Some(&'"') => {
                    chars.next();
                    column = next_column;
                    field.text.push('"');
                }
                '"' => is_quoted = false,
                other => field.text.push(other),
            }
            continue;
        }
        match c {
            '"' if field.text.is_empty() => is_quoted = true,
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                (line, column) = (line.saturating_add(1), 0);
                record.push(std::mem::replace(&mut field, Field { text: String::new(), line, column: 1 }));
                let done = std::mem::take(&mut record);
                if done.iter().any(|it| !it.text.trim().is_empty()) {
                    records.push(done);
                }
            }
            it if it == separator => {
                record.push(std::mem::replace(&mut field, Field { text: String::new(), line, column: next_column }));
            }
            other => field.text.push(other),
        }
    }
    if is_quoted && faults.len() < FAULTS_MAX {
        faults.push(field.fault("the quotation mark is not closed"));
    }
    record.push(field);
    if record.iter().any(|it| !it.text.trim().is_empty()) {
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_are_read() {
        for text in [
            "item,stock\ntea-1,0\n\"tea \"\"2\"\"\",-3\ntea-3,7\n",
            "\u{feff}name;Qty;SKU\r\nGreen; 0 ;tea-1\r\n\"a\nb\";-1;\"tea \"\"2\"\"\"\r\n\r\n;1.5;tea-3",
            "stock\titem\n0\ttea-1\n0\ttea \"2\"\n1\ttea-3\n",
            "{\"item\":\"tea-1\",\"stock\":0}\n\n{\"sku\":\"tea \\\"2\\\"\",\"quantity\":\"-1\"}\n{\"id\":\"tea-3\",\"qty\":2}",
        ] {
            let feed = StockFeed { n_items: 3, sold_out: ["tea \"2\"", "tea-1"].map(str::to_owned).to_vec() };
            assert_eq!(read_stock(text.as_bytes()), Ok(feed), "{text:?}");
        }
        assert_eq!(read_stock(b"item,stock\n"), Ok(StockFeed::default()), "a shop may have nothing");
    }

    #[test]
    fn faults_name_line_and_column() {
        for (text, line, column, part) in [
            ("", 1, 1, "empty"),
            ("a,b\n1,2", 1, 1, "the header needs"),
            ("item,stock\ntea-1", 2, 1, "1 fields, but the header has 2"),
            ("item,stock\ntea-1,many", 2, 7, "\"many\" is not a number"),
            ("item,stock\ntea-1,", 2, 7, "\"\" is not a number"),
            ("item,stock\ntea-1,inf", 2, 7, "not a number"),
            ("item,stock\n,1", 2, 1, "1 to 256 bytes"),
            ("item,stock\ntea-1,1\n\ntea-1,1", 4, 1, "stands in line 2"),
            ("item,stock\ntea-1,1\n\"tea-2,1", 3, 1, "not closed"),
            ("{\"item\":\"a\",\"stock\":1}\n{\"item\":\"b\"", 2, 11, "not JSON"),
            ("{\"item\":\"a\",\"stock\":[]}", 1, 13, "a stock is a number"),
            ("{\"item\":{},\"stock\":1}", 1, 2, "an item is a text"),
            ("{\"stock\":1}", 1, 1, "no item"),
            ("{\"item\":\"a\"}", 1, 1, "no stock"),
            ("{\"item\":\"a\",\"stock\":1}\n[1]", 2, 1, "expected an object"),
        ] {
            let faults = read_stock(text.as_bytes()).unwrap_err();
            let StockFault { line: found_line, column: found_column, message } = &faults[0];
            assert_eq!((*found_line, *found_column), (line, column), "{text:?}: {faults:?}");
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(read_stock(b"item,stock\na,\xff").unwrap_err()[0].to_string(), "line 2, column 3: not UTF-8");
        let many = format!("item,stock\n{}", "x,y\n".repeat(100));
        assert_eq!(read_stock(many.as_bytes()).unwrap_err().len(), FAULTS_MAX);
    }
}
