//! Takes out of a condition what is known already.
//!
//! For a payload that is made for one visitor of whom only some attributes are known: what is decided needs not be sent,
//! and nobody else needs to see it.

use crate::condition::{Answer, Broken, Compiler, Condition, Path, Scope, Subject, Test, Verdict, ask};
use crate::groups::{Group, Groups};
use crate::json::{Json, Object};
use std::cell::Cell;

/// Longest chain of saved groups, and deepest nesting of conditions through them. Unit: levels.
const NESTING_MAX: usize = 256;
/// Saved groups that one pruning may look into, each counted as often as it is referred to.
const GROUPS_MAX: u32 = 4_096;
/// The same, for all conditions of a payload together. Beyond it, conditions stay as they are written.
const GROUPS_OF_PAYLOAD_MAX: u32 = 65_536;

/// What is left of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Pruned {
    /// Nothing: it is decided.
    Decided(bool),
    /// A condition on attributes that are not known yet.
    Left(Json),
}

/// Evaluates the parts of `condition` that ask for members of `attributes` and takes them out.
///
/// Known are the top-level keys of `attributes` (`null` counts as known); dotted paths never are. `saved_groups` are those of
/// the payload. A condition that cannot be evaluated stays as it is written.
pub fn prune_condition(attributes: &Object, condition: &Json, saved_groups: &Object) -> Pruned {
    let groups = Groups::compile(saved_groups, &mut Compiler::default());
    Pruner::new(attributes, saved_groups, &groups).prune(condition)
}

/// Prunes conditions of one payload for one visitor.
pub(crate) struct Pruner<'p> {
    attributes: &'p Object,
    saved_groups: &'p Object,
    groups: &'p Groups,
    /// Saved groups that may still be looked into.
    n_groups_left: Cell<u32>,
}

/// How far pruning got.
struct Progress {
    /// Ids of the groups that it is inside of.
    trail: Vec<String>,
    nesting: usize,
    n_groups_left: u32,
}

impl<'p> Pruner<'p> {
    pub(crate) fn new(attributes: &'p Object, saved_groups: &'p Object, groups: &'p Groups) -> Self {
        Self { attributes, saved_groups, groups, n_groups_left: Cell::new(GROUPS_OF_PAYLOAD_MAX) }
    }

    pub(crate) fn prune(&self, condition: &Json) -> Pruned {
        let mut progress = Progress { trail: Vec::new(), nesting: 0, n_groups_left: GROUPS_MAX };
        self.condition(condition, &mut progress).unwrap_or_else(|Broken| Pruned::Left(condition.clone()))
    }

    /// What is left of the condition group `id`, or whether its members are known already. `None` if it is no such group.
    pub(crate) fn prune_group(&self, id: &str) -> Option<Pruned> {
        let mut progress = Progress { trail: Vec::new(), nesting: 0, n_groups_left: GROUPS_MAX };
        let condition = self.saved_groups.get(id)?.get("condition")?;
        self.group(id, condition, &mut progress).ok()
    }

    fn condition(&self, condition: &Json, progress: &mut Progress) -> Result<Pruned, Broken> {
        let object = condition.as_object().ok_or(Broken)?;
        progress.nesting = progress.nesting.saturating_add(1);
        if progress.nesting > NESTING_MAX {
            return Err(Broken);
        }
        let mut left = Object::new();
        for (key, value) in object.iter() {
            let pruned = match key {
                "$or" | "$nor" => self.any(value, progress)?,
                "$and" => self.all(value, progress)?,
                "$not" => Some(self.condition(value, progress)?),
                "$savedGroup" => self.reference(value, progress)?.map(Pruned::Decided),
                "$savedGroups" => Some(Pruned::Decided(false)),
                _ => decided(self.attribute(key, value))?,
            };
            match pruned {
                // `$not` and `$nor` pass when what they hold fails.
                Some(Pruned::Decided(passes)) if passes == matches!(key, "$not" | "$nor") => {
                    progress.nesting = progress.nesting.saturating_sub(1);
                    return Ok(Pruned::Decided(false));
                }
                Some(Pruned::Decided(_)) => {}
                Some(Pruned::Left(rest)) => left.insert(key, rest),
                None => left.insert(key, value.clone()),
            }
        }
        progress.nesting = progress.nesting.saturating_sub(1);
        Ok(if left.is_empty() { Pruned::Decided(true) } else { Pruned::Left(Json::Object(left)) })
    }

    fn any(&self, list: &Json, progress: &mut Progress) -> Result<Option<Pruned>, Broken> {
        let conditions = list.as_list().ok_or(Broken)?;
        let mut left = Vec::new();
        for condition in conditions {
            match self.condition(condition, progress)? {
                Pruned::Decided(true) => return Ok(Some(Pruned::Decided(true))),
                Pruned::Decided(false) => {}
                Pruned::Left(rest) => left.push(rest),
            }
        }
        // An empty list passes.
        Ok(Some(if left.is_empty() { Pruned::Decided(conditions.is_empty()) } else { Pruned::Left(Json::List(left)) }))
    }

    fn all(&self, list: &Json, progress: &mut Progress) -> Result<Option<Pruned>, Broken> {
        let mut left = Vec::new();
        for condition in list.as_list().ok_or(Broken)? {
            match self.condition(condition, progress)? {
                Pruned::Decided(false) => return Ok(Some(Pruned::Decided(false))),
                Pruned::Decided(true) => {}
                Pruned::Left(rest) => left.push(rest),
            }
        }
        Ok(Some(if left.is_empty() { Pruned::Decided(true) } else { Pruned::Left(Json::List(left)) }))
    }

    /// Whether a test of an attribute passes; unknown if the attribute is.
    fn attribute(&self, path: &str, test: &Json) -> Answer {
        if !self.is_known(path) {
            return Ok(Verdict::Unknown);
        }
        let test = Test::compile(test, &mut Compiler::default());
        let value = self.visitor().get(&Path::new(path));
        ask(self.visitor(), self.groups, |place| test.eval(&value, place))
    }

    /// Whether the visitor is in a saved group, if that is known. The group itself is never written in place of the reference.
    fn reference(&self, reference: &Json, progress: &mut Progress) -> Result<Option<bool>, Broken> {
        let Some(id) = reference.get("id").and_then(Json::as_text) else { return Ok(Some(false)) };
        let attribute = match reference.get("attributeKey") {
            None => None,
            Some(Json::Text(attribute)) => Some(attribute.as_str()),
            Some(_) => return Ok(Some(false)),
        };
        match self.groups.get(id) {
            Some(Group::List { attribute: own, is_bare: false, .. }) => {
                let Some(attribute) = attribute.or(own.as_ref().map(|(name, _)| &**name)) else {
                    return Ok(Some(false));
                };
                if !self.is_known(attribute) {
                    return Ok(None);
                }
            }
            Some(Group::Condition(_)) => {
                let condition = self.saved_groups.get(id).and_then(|group| group.get("condition")).ok_or(Broken)?;
                return Ok(match self.group(id, condition, progress)? {
                    Pruned::Decided(is_member) => Some(is_member),
                    Pruned::Left(_) => None,
                });
            }
            // Who is in a remote group is known where it is looked up.
            Some(Group::Remote { .. }) if self.visitor().remote_groups().is_none() => return Ok(None),
            _ => {}
        }
        let compiled = Compiler::default().condition(&of(reference), Scope::Visitor);
        let answer = ask(self.visitor(), self.groups, |place| Condition::eval(&compiled, place))?;
        Ok(match answer {
            Verdict::Passes => Some(true),
            Verdict::Fails => Some(false),
            Verdict::Unknown => None,
        })
    }

    fn group(&self, id: &str, condition: &Json, progress: &mut Progress) -> Result<Pruned, Broken> {
        if progress.trail.iter().any(|outer| outer == id) {
            return Ok(Pruned::Decided(false));
        }
        progress.n_groups_left = progress.n_groups_left.checked_sub(1).ok_or(Broken)?;
        self.n_groups_left.set(self.n_groups_left.get().checked_sub(1).ok_or(Broken)?);
        progress.trail.push(id.to_owned());
        let pruned = self.condition(condition, progress);
        progress.trail.pop();
        pruned
    }

    fn is_known(&self, path: &str) -> bool {
        !path.contains('.') && self.attributes.contains(path)
    }

    fn visitor(&self) -> Subject<'_> {
        Subject::Visitor { attributes: self.attributes, remote_groups: None }
    }
}

/// A condition that asks for nothing but this reference.
fn of(reference: &Json) -> Json {
    let mut condition = Object::new();
    condition.insert("$savedGroup", reference.clone());
    Json::Object(condition)
}

/// What is unknown stays.
fn decided(answer: Answer) -> Result<Option<Pruned>, Broken> {
    Ok(match answer? {
        Verdict::Passes => Some(Pruned::Decided(true)),
        Verdict::Fails => Some(Pruned::Decided(false)),
        Verdict::Unknown => None,
    })
}
