//! `layers`: experiments in one layer exclude each other, because each has its own part of the visitors.

use crate::compile::Compiler;
use crate::limits::{EXPERIMENT_ID_CHARS_MAX, LAYERS_MAX};
use crate::source::At;

/// Keys of a layer.
pub(crate) const KEYS: [&str; 3] = ["id", "description", "name"];

impl<'t> Compiler<'t, '_> {
    /// Reads the section `layers`.
    pub fn layers(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "layers", "too_many_layers", LAYERS_MAX).enumerate() {
            let Some(at) = self.report.object(at, &KEYS) else { continue };
            self.draft.layers.declare_key(at, idx, EXPERIMENT_ID_CHARS_MAX, self.report);
            for key in ["description", "name"] {
                if let Some(at) = at.get(key) {
                    self.report.text(at);
                }
            }
        }
    }
}
