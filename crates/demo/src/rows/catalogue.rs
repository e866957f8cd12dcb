//! The catalogue file.

use crate::csv::{decimal, record};
use crate::draw::{Choice, Draw, Purpose};
use crate::shop::DemoShop;
use crate::truth::FileTruth;
use std::io::{self, Write};

impl DemoShop {
    /// Writes the items on sale, with a head line: `item_id,item_name,category,price,brand,cost,stock,attributes`. Some cells are
    /// empty or wrong and some rows are there twice; the result counts them.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_catalogue(&self, out: &mut impl Write) -> io::Result<FileTruth> {
        record(out, &["item_id", "item_name", "category", "price", "brand", "cost", "stock", "attributes"])?;
        let mut truth = FileTruth::default();
        let dirt = Choice::new([940, 15, 15, 10, 10, 10]);
        for (idx, item) in self.catalogue.items().iter().enumerate() {
            // Beyond the categories' own streams.
            let mut draw = Draw::new(self.seed, Purpose::Goods, 1000 + idx as u64);
            let goods = &item.goods;
            let (price, mut cost, mut stock) =
                (decimal(item.price_minor), decimal(goods.cost_minor), goods.stock.to_string());
            let kind = dirt.pick(&mut draw);
            match kind {
                1 => {
                    cost = String::new();
                    truth.missing_values += 1;
                }
                2 => {
                    stock = String::new();
                    truth.missing_values += 1;
                }
                3 => {
                    stock = "-1".to_owned();
                    truth.outliers += 1;
                }
                4 => {
                    cost = "ask".to_owned();
                    truth.bad_numbers += 1;
                }
                _ => {}
            }
            let row = [
                item.id.as_str(),
                &item.name,
                item.category.id(),
                &price,
                goods.brand_name(),
                &cost,
                &stock,
                &goods.attributes,
            ];
            record(out, &row)?;
            truth.clean_rows += 1;
            truth.rows += 1;
            if kind == 5 {
                record(out, &row)?;
                truth.exact_duplicates += 1;
                truth.rows += 1;
            }
        }
        Ok(truth)
    }
}
