//! Compiles conditions, and collects on the way what can never work and which columns of the profile are read.

use super::operator::Test;
use super::path::Path;
use super::{Broken, Condition, Entry};
use crate::groups::Reference;
use crate::json::{Json, Object};
use crate::payload::Fault;
use std::collections::BTreeSet;
use std::fmt::Display;

/// What a condition is asked about, as far as the compiler cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A visitor, who may have a profile.
    Visitor,
    /// Anything else: the value of a prerequisite, an element of an array.
    Other,
}

/// Collects while a payload is compiled.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    pointer: Vec<String>,
    /// What can never work.
    pub(crate) faults: Vec<Fault>,
    /// Columns of the profile that conditions read.
    pub(crate) profile_columns: BTreeSet<String>,
    /// Whether conditions read the profile, or a column of it.
    pub(crate) asks_for_profile: bool,
    /// Ids of the payload's saved groups. `None`: not known.
    group_ids: Option<BTreeSet<String>>,
}

impl Compiler {
    /// For a payload with these saved groups.
    pub(crate) fn with_groups<'g>(ids: impl Iterator<Item = &'g str>) -> Self {
        let mut group_ids = BTreeSet::new();
        // Not collected: that sorts first, and a sort is compiled anew for whatever it sorts.
        group_ids.extend(ids.map(str::to_owned));
        Self { group_ids: Some(group_ids), ..Self::default() }
    }

    /// Does `work` on the member or element `at`.
    pub(crate) fn at<T>(&mut self, at: impl Display, work: impl FnOnce(&mut Self) -> T) -> T {
        self.enter(&at);
        let done = work(self);
        self.pointer.pop();
        done
    }

    /// Apart from [`Self::at`], which is compiled anew for each of its many uses.
    #[inline(never)]
    fn enter(&mut self, at: &dyn Display) {
        self.pointer.push(at.to_string());
    }

    /// Notes that something here can never work.
    #[cold]
    pub(crate) fn fault(&mut self, message: impl Into<String>) {
        let escaped = self.pointer.iter().map(|segment| segment.replace('~', "~0").replace('/', "~1"));
        let pointer: String = escaped.flat_map(|segment| ["/".to_owned(), segment]).collect();
        self.faults.push(Fault { pointer, message: message.into() });
    }

    /// Notes a path that is read.
    pub(crate) fn path(&mut self, path: &str, scope: Scope) -> Path {
        let path = Path::new(path);
        if scope == Scope::Visitor
            && let Some(column) = path.profile_column()
        {
            self.asks_for_profile = true;
            self.profile_columns.extend(column.map(str::to_owned));
        }
        path
    }

    /// A condition where there may be none: `null`, `false`, 0 and "" are none.
    pub(crate) fn optional_condition(&mut self, json: Option<&Json>, scope: Scope) -> Option<Condition> {
        let json = json.filter(|json| json.is_truthy())?;
        Some(self.at("condition", |compiler| compiler.condition(json, scope)))
    }

    /// A condition. What is no object is broken.
    pub(crate) fn condition(&mut self, json: &Json, scope: Scope) -> Condition {
        let Json::Object(object) = json else {
            self.fault("a condition is an object; this fails the whole condition");
            return Condition(Err(Broken));
        };
        let entries = object.iter().map(|(key, value)| self.at(key, |compiler| compiler.entry(key, value, scope)));
        Condition(Ok(entries.collect()))
    }

    fn entry(&mut self, key: &str, value: &Json, scope: Scope) -> Entry {
        match key {
            "$or" => self.list(value, scope).map_or(Entry::Broken, Entry::Any),
            "$nor" => self.list(value, scope).map_or(Entry::Broken, Entry::None),
            "$and" => self.list(value, scope).map_or(Entry::Broken, Entry::All),
            "$not" => Entry::Not(self.condition(value, scope)),
            "$savedGroup" => self.reference(value, scope).map_or(Entry::Never, Entry::Group),
            "$savedGroups" => {
                self.fault("$savedGroups is for authors only and never passes; use $savedGroup");
                Entry::Never
            }
            _ => {
                if key.starts_with('$') {
                    self.fault(format!("{key} is not an operator of conditions; it is read as an attribute"));
                }
                let path = self.path(key, scope);
                Entry::Attribute(path, Test::compile(value, self))
            }
        }
    }

    fn list(&mut self, value: &Json, scope: Scope) -> Option<Vec<Condition>> {
        let Json::List(list) = value else {
            self.fault("this needs an array of conditions; it fails the whole condition");
            return None;
        };
        let conditions = list.iter().enumerate().map(|(at, item)| self.at(at, |it| it.condition(item, scope)));
        Some(conditions.collect())
    }

    fn reference(&mut self, value: &Json, scope: Scope) -> Option<Reference> {
        let object = value.as_object();
        let id = object.and_then(|object| object.get("id")).and_then(Json::as_text);
        let Some((object, id)) = object.zip(id) else {
            self.fault("a reference to a saved group needs an object with an `id`; this never passes");
            return None;
        };
        let attribute = match override_of(object) {
            Ok(attribute) => attribute,
            Err(Broken) => {
                self.fault("attributeKey must be a text; this never passes");
                return None;
            }
        };
        self.group_id(id);
        let attribute = attribute.map(|name| (name.into(), self.path(name, scope)));
        Some(Reference { id: id.into(), attribute })
    }

    /// Notes a saved group that is referred to.
    pub(crate) fn group_id(&mut self, id: &str) {
        if self.group_ids.as_ref().is_some_and(|ids| !ids.contains(id)) {
            self.fault(format!("there is no saved group {id:?}"));
        }
    }
}

fn override_of(reference: &Object) -> Result<Option<&str>, Broken> {
    match reference.get("attributeKey") {
        None => Ok(None),
        Some(Json::Text(name)) => Ok(Some(name)),
        Some(_) => Err(Broken),
    }
}
