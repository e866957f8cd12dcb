//! `audiences`: named conditions that offers, flags and experiments refer to.
//!
//! Flags and experiments know more operators than offers. Which of the two an audience is checked for depends on who refers to it.

use std::collections::BTreeSet;
use std::rc::Rc;

use vitrine_engine::{Audience, Condition};

use crate::compile::Compiler;
use crate::limits::AUDIENCES_MAX;
use crate::report::{Finding, Report};
use crate::source::At;

const KEYS: [&str; 3] = ["id", "description", "when"];

/// Who refers to audiences, by their ids.
struct Users<'t> {
    flags: BTreeSet<&'t str>,
    offers: BTreeSet<&'t str>,
}

impl<'t> Users<'t> {
    fn of(root: At<'t>) -> Self {
        let mut users = Self { flags: BTreeSet::new(), offers: BTreeSet::new() };
        let audience = |at: At<'t>| at.get("audience").map(At::as_text);
        let inner = |at: At<'t>, key: &str| at.get(key).into_iter().flat_map(At::children);
        for section in root.children() {
            for entry in section.children() {
                match section.key() {
                    "flags" => users.flags.extend(inner(entry, "rules").filter_map(audience)),
                    "experiments" => {
                        users.flags.extend(audience(entry));
                        users.flags.extend(inner(entry, "qa").filter_map(audience));
                    }
                    _ => users.offers.extend(audience(entry)),
                }
            }
        }
        users
    }
}

impl<'t> Compiler<'t, '_> {
    pub fn audiences(&mut self, at: At<'t>, root: At<'t>) {
        let users = Users::of(root);
        for (idx, at) in self.report.list(at, "audiences", "too_many_audiences", AUDIENCES_MAX).enumerate() {
            let audience = self.audience(at, idx, &users);
            self.parts.audiences.push(audience);
        }
    }

    fn audience(&mut self, at: At<'t>, idx: usize, users: &Users<'t>) -> Audience {
        let nobody = || Audience { id: String::new(), condition: Condition::Any(Vec::new()) };
        let Some(at) = self.report.object(at, &KEYS) else { return nobody() };
        let id = self.audiences.declare(at, idx, self.report);
        if let Some(at) = at.get("description") {
            self.report.text(at);
        }
        let help = "say whom the audience admits, for example when: { profile.segment: loyal }";
        let when = self.report.required(at, "when", help);
        let condition = when.map(|at| self.audience_condition(id, at, users));
        match (id, condition) {
            (Some(id), Some(condition)) => Audience { id: id.to_owned(), condition },
            _ => nobody(),
        }
    }

    /// The condition for the engine. What flags and experiments use goes into the draft.
    fn audience_condition(&mut self, id: Option<&'t str>, at: At<'t>, users: &Users<'t>) -> Condition {
        let nobody = || Condition::Any(Vec::new());
        let of_flags = id.filter(|id| users.flags.contains(id));
        let is_of_offers = id.is_some_and(|id| users.offers.contains(id));
        if let (Some(id), false) = (of_flags, is_of_offers) {
            let target = self.target(at);
            self.draft.targets.insert(id, Rc::new(target));
            return nobody();
        }
        let mut found = Report::default();
        let condition = self.attributes.condition(at, &mut found);
        let is_refused = found.has_errors();
        let is_for_flags_only = |it: &Finding| it.code == "operator_not_for_offers";
        match of_flags {
            // Both: what is wrong for flags is wrong for offers too, and is said once.
            Some(id) => {
                let n_before = self.report.n_errors();
                if is_refused {
                    let target = self.target(at);
                    self.draft.targets.insert(id, Rc::new(target));
                } else {
                    let mut again = Report::default();
                    std::mem::swap(self.report, &mut again);
                    let target = self.target(at);
                    std::mem::swap(self.report, &mut again);
                    self.report.absorb(again, |_| true);
                    self.draft.targets.insert(id, Rc::new(target));
                    found = Report::default();
                }
                if self.report.n_errors() == n_before {
                    self.report.absorb(found, |_| true);
                }
            }
            None if is_of_offers => self.report.absorb(found, |_| true),
            None => self.report.absorb(found, |it| !is_for_flags_only(it)),
        }
        if is_refused { nobody() } else { condition }
    }
}
