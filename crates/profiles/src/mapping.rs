//! The mapping file: how the columns of a shop's order files become order lines.
//!
//! `docs/guides/profiles.md` describes the keys. A [`Mapping`] is checked: what the files hold is the only thing left
//! that can contradict it.

mod dates;
mod wire;

use crate::{AsOf, MappingError};
pub(crate) use dates::DateFormat;
use std::path::Path;

/// The mappings that are built in, by name.
pub const BUILTIN_MAPPINGS: [&str; 2] = ["online-retail", "vitrine-demo"];

/// How the columns of order files become order lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub(crate) name: String,
    pub(crate) currency: String,
    pub(crate) minor_digits: u8,
    pub(crate) fields: Fields,
    /// Never empty; the first that fits a text wins.
    pub(crate) date_formats: Vec<DateFormat>,
    pub(crate) earliest: AsOf,
    pub(crate) latest: Option<AsOf>,
    pub(crate) cancellations: Cancellations,
    pub(crate) drop_duplicates: bool,
    /// Columns that tell lines apart which are equal otherwise.
    pub(crate) line_columns: Vec<String>,
    pub(crate) delimiter: u8,
    pub(crate) decimal_comma: bool,
}

/// Where the value of a field comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldSource {
    /// A column of the file.
    Column(String),
    /// An SQL expression over the columns of the file.
    Sql(String),
}

/// The canonical fields of an order line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields {
    pub(crate) order_id: FieldSource,
    pub(crate) item_id: FieldSource,
    pub(crate) item_name: Option<FieldSource>,
    pub(crate) category: Option<FieldSource>,
    pub(crate) quantity: FieldSource,
    pub(crate) ordered_at: FieldSource,
    pub(crate) unit_price: FieldSource,
    pub(crate) customer_id: FieldSource,
    pub(crate) country: Option<FieldSource>,
    pub(crate) is_goods: Option<FieldSource>,
}

/// Which rows take earlier purchases back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cancellations {
    /// None does.
    Never,
    /// Rows whose order id starts with this text.
    OrderIdPrefix(String),
    /// Rows with a quantity below 0.
    NegativeQuantity,
}

impl Mapping {
    /// Reads a mapping file (TOML).
    ///
    /// Errors: the file cannot be read, or [`Mapping::parse`] refuses it.
    pub fn from_file(path: &Path) -> Result<Self, MappingError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| MappingError::Read { name: name.clone(), reason: error.to_string() })?;
        Self::parse(&name, &text)
    }

    /// Reads the text of a mapping; `name` (a file name, say) stands in messages.
    ///
    /// Errors: what is no TOML, unknown or missing keys, values that make no sense.
    pub fn parse(name: &str, text: &str) -> Result<Self, MappingError> {
        wire::parse(name, text)
    }

    /// A mapping that is built in, see [`BUILTIN_MAPPINGS`].
    ///
    /// Errors: there is none of that name.
    pub fn builtin(name: &str) -> Result<Self, MappingError> {
        let text = match name {
            "online-retail" => include_str!("../mappings/online-retail.toml"),
            "vitrine-demo" => include_str!("../mappings/vitrine-demo.toml"),
            _ => {
                return Err(MappingError::Unknown { name: name.to_owned(), known: BUILTIN_MAPPINGS.join(", ") });
            }
        };
        Self::parse(name, text)
    }

    /// The name that the mapping gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// ISO 4217 code of the currency of its prices.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Decimal digits of the minor unit of its currency. Range: 0..=4.
    pub fn minor_digits(&self) -> u8 {
        self.minor_digits
    }
}

impl Fields {
    /// Every field that is mapped, with its key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &FieldSource)> {
        [
            ("order_id", Some(&self.order_id)),
            ("item_id", Some(&self.item_id)),
            ("item_name", self.item_name.as_ref()),
            ("category", self.category.as_ref()),
            ("quantity", Some(&self.quantity)),
            ("ordered_at", Some(&self.ordered_at)),
            ("unit_price", Some(&self.unit_price)),
            ("customer_id", Some(&self.customer_id)),
            ("country", self.country.as_ref()),
            ("is_goods", self.is_goods.as_ref()),
        ]
        .into_iter()
        .filter_map(|(key, source)| Some((key, source?)))
    }
}
