//! From a checked document to what is published.

use vitrine_bundle::{Group, Groups, Stored};

use crate::Checked;

impl Checked {
    /// The compiled configuration, as it is stored and as decisions are made from it.
    pub fn stored(&self) -> Stored {
        let group = |it: &crate::Group| (it.id.clone(), Group::new(it.attribute.clone(), it.hashes.clone()));
        let groups: Groups = self.groups.iter().map(group).collect();
        Stored { bundle: self.bundle.clone(), flags: self.flags.to_string(), groups }
    }
}
