//! `settings`: what holds for the whole document.

use vitrine_engine::ConsentRule;

use crate::compile::Compiler;
use crate::source::At;

const KEYS: [&str; 1] = ["consent"];

impl Compiler<'_, '_> {
    pub fn settings(&mut self, at: At<'_>) {
        let Some(at) = self.report.object(at, &KEYS) else { return };
        if let Some(at) = at.get("consent") {
            let choice = [("required", ConsentRule::Required), ("assumed", ConsentRule::Assumed)];
            self.parts.settings.consent = self.report.word(at, &choice).unwrap_or_default();
        }
    }
}
