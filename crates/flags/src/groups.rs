//! Saved groups: lists of values, named conditions, and groups that are looked up elsewhere.

use crate::condition::{Answer, Compiler, Condition, KeyHasher, Path, Place, Scope, Values, Verdict};
use crate::json::{Json, Object};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// The saved groups of a payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    by_id: HashMap<Box<str>, Group, BuildHasherDefault<KeyHasher>>,
    /// Id and attribute of the remote ones, in the payload's order.
    remote: Vec<(Box<str>, Box<str>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Group {
    /// Values of an attribute. A bare array (the old shape) names no attribute and cannot be referred to by `$savedGroup`.
    List { attribute: Option<(Box<str>, Path)>, values: Values, is_bare: bool },
    /// A condition with a name.
    Condition(Condition),
    /// Members are told with the visitor.
    Remote { attribute: Box<str> },
    /// Not what its type promises: matches nobody.
    Malformed,
    /// A type of later days.
    Unknown,
}

/// `{"$savedGroup": {"id", "attributeKey"?}}`.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) id: Box<str>,
    /// The attribute to look at instead of the group's own, by name and as a path.
    pub(crate) attribute: Option<(Box<str>, Path)>,
}

impl Groups {
    pub(crate) fn compile(groups: &Object, compiler: &mut Compiler) -> Self {
        let mut compiled = Self::default();
        for (id, json) in groups.iter() {
            let group = compiler.at(id, |compiler| Group::compile(json, compiler));
            if let Group::Remote { attribute } = &group {
                compiled.remote.push((id.into(), attribute.clone()));
            }
            compiled.by_id.insert(id.into(), group);
        }
        compiled
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Group> {
        self.by_id.get(id)
    }

    pub(crate) fn remote(&self) -> impl Iterator<Item = (&str, &str)> {
        self.remote.iter().map(|(id, attribute)| (&**id, &**attribute))
    }

    /// `$inGroup` (`wanted`) and `$notInGroup`: whether `value` is in the list `id`. A group that is not there is an empty
    /// list; one that is no list lets neither pass.
    pub(crate) fn contains(&self, id: &str, value: &Json, wanted: bool) -> Verdict {
        match self.get(id) {
            None => (!wanted).into(),
            Some(Group::List { values, .. }) => (values.matches(value) == wanted).into(),
            Some(Group::Condition(_) | Group::Malformed | Group::Remote { .. }) => Verdict::Fails,
            Some(Group::Unknown) => Verdict::Unknown,
        }
    }
}

impl Group {
    fn compile(json: &Json, compiler: &mut Compiler) -> Self {
        let text = |name: &str| json.get(name).and_then(Json::as_text);
        match json {
            Json::List(values) => Self::List { attribute: None, values: Values::new(values), is_bare: true },
            Json::Object(object) => match text("type") {
                Some("list") => match object.get("values") {
                    Some(Json::List(values)) => {
                        let attribute =
                            text("attributeKey").map(|name| (name.into(), compiler.path(name, Scope::Visitor)));
                        Self::List { attribute, values: Values::new(values), is_bare: false }
                    }
                    _ => {
                        compiler.fault("a list group needs an array of values; it matches nobody");
                        Self::Malformed
                    }
                },
                Some("condition") => match object.get("condition") {
                    Some(condition @ Json::Object(_)) => Self::Condition(
                        compiler.at("condition", |compiler| compiler.condition(condition, Scope::Visitor)),
                    ),
                    _ => {
                        compiler.fault("a condition group needs a condition; it matches nobody");
                        Self::Malformed
                    }
                },
                Some("remote") => {
                    if text("attributeKey").is_none() {
                        compiler.fault("a remote group needs an attributeKey to be looked up by");
                    }
                    Self::Remote { attribute: text("attributeKey").unwrap_or_default().into() }
                }
                _ => {
                    compiler.fault("this kind of saved group is not known; conditions that rest on it do not pass");
                    Self::Unknown
                }
            },
            _ => {
                compiler.fault("a saved group is an array or an object; it matches nobody");
                Self::Malformed
            }
        }
    }
}

impl Reference {
    pub(crate) fn eval(&self, place: Place<'_>) -> Answer {
        Ok(match place.groups.by_id.get_key_value(&self.id) {
            None | Some((_, Group::Malformed | Group::List { is_bare: true, .. })) => Verdict::Fails,
            Some((_, Group::List { attribute, values, is_bare: false })) => {
                match self.attribute.as_ref().or(attribute.as_ref()) {
                    Some((_, path)) => values.matches(&place.subject.get(path)).into(),
                    None => Verdict::Fails,
                }
            }
            Some((id, Group::Condition(condition))) => return place.enter(id, condition),
            Some((_, Group::Remote { attribute })) => {
                let is_own = self.attribute.as_ref().is_none_or(|(name, _)| name == attribute);
                let ids = place.subject.remote_groups().and_then(Json::as_list);
                let is_member = ids.is_some_and(|ids| ids.iter().any(|id| id.as_text() == Some(&self.id)));
                (is_own && is_member).into()
            }
            Some((_, Group::Unknown)) => Verdict::Unknown,
        })
    }
}
