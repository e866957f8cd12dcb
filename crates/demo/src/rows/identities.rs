//! The links of anonymous ids to customers, and whose they truly are.

use super::{Ledger, Writers};
use crate::csv::record;
use crate::customer::Customer;
use crate::history::History;
use crate::shop::DemoShop;
use std::io::{self, Write};

pub(super) const COLUMNS: [&str; 4] = ["alias", "customer_id", "linked_at", "is_unlinked"];
pub(super) const TRUTH_COLUMNS: [&str; 3] = ["alias", "customer_id", "status"];

impl DemoShop {
    /// Writes a customer's aliases that events have. Of a device that two people share the first owns what was done
    /// before any login; the first such conflict of the shop was noticed and taken back.
    pub(super) fn write_identities<W: Write>(
        &self,
        out: &mut Writers<W>,
        customer: &Customer,
        history: &History,
        ledger: &mut Ledger,
    ) -> io::Result<()> {
        for (alias_idx, alias) in history.aliases.iter().enumerate() {
            if !history.sessions.iter().any(|session| session.alias_idx == Some(alias_idx)) {
                continue;
            }
            ledger.aliases.aliases += 1;
            let mut status = "never_linked";
            if let Some(at) = alias.linked_at {
                status = "linked";
                ledger.aliases.linked += 1;
                ledger.identities.clean_rows += 1;
                record(&mut out.identities, &[&alias.id, &customer.id, &at.iso(), "false"])?;
                if at.0 % 200 == 7 {
                    record(&mut out.identities, &[&alias.id, &customer.id, &at.iso(), "false"])?;
                    ledger.identities.exact_duplicates += 1;
                } else if at.0 % 200 == 8 {
                    record(&mut out.identities, &[&alias.id, "", &at.iso(), "false"])?;
                    ledger.identities.missing_keys += 1;
                } else if at.0 % 200 == 9 {
                    record(&mut out.identities, &[&alias.id, &customer.id, "2026-06-31", "false"])?;
                    ledger.identities.bad_dates += 1;
                }
            }
            if let Some((other, at)) = alias.also {
                status = "conflict";
                let other = self.customer(other);
                ledger.aliases.conflicts += 1;
                ledger.identities.clean_rows += 1;
                record(&mut out.identities, &[&alias.id, &other.id, &at.iso(), "false"])?;
                if ledger.aliases.unlinks == 0 {
                    status = "unlinked";
                    ledger.aliases.unlinks = 1;
                    ledger.identities.clean_rows += 1;
                    record(&mut out.identities, &[&alias.id, &other.id, &at.plus_s(60).iso(), "true"])?;
                }
            }
            record(&mut out.truth_identities, &[&alias.id, &customer.id, status])?;
        }
        Ok(())
    }
}
