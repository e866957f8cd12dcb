//! `audiences`: named conditions that offers refer to.

use vitrine_engine::Audience;

use crate::compile::Compiler;
use crate::limits::AUDIENCES_MAX;
use crate::source::At;

const KEYS: [&str; 3] = ["id", "description", "when"];

impl<'t> Compiler<'t, '_> {
    pub fn audiences(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "audiences", "too_many_audiences", AUDIENCES_MAX).enumerate() {
            let audience = self.audience(at, idx);
            self.parts.audiences.push(audience);
        }
    }

    fn audience(&mut self, at: At<'t>, idx: usize) -> Audience {
        let nobody = || Audience { id: String::new(), condition: vitrine_engine::Condition::Any(Vec::new()) };
        let Some(at) = self.report.object(at, &KEYS) else { return nobody() };
        let id = self.audiences.declare(at, idx, self.report);
        if let Some(at) = at.get("description") {
            self.report.text(at);
        }
        let help = "say whom the audience admits, for example when: { profile.segment: loyal }";
        let when = self.report.required(at, "when", help);
        let condition = when.map(|at| self.attributes.condition(at, self.report));
        match (id, condition) {
            (Some(id), Some(condition)) => Audience { id: id.to_owned(), condition },
            _ => nobody(),
        }
    }
}
