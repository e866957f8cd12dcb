//! Shrinks a payload to what one client needs: its projects and tags, and the conditions that are not decided yet.

use crate::condition::Compiler;
use crate::groups::Groups;
use crate::json::{Json, Object};
use crate::prune::{Pruned, Pruner};
use std::collections::{BTreeMap, BTreeSet};

/// Features that hold back visitors from others; what uses them cannot do without.
const HOLDOUT: &str = "$holdout:";

/// Which features and experiments a client wants, or does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// By `metadata.projects`: any of these. Empty: no filter.
    pub projects: Vec<String>,
    /// By `metadata.tags`: any of these. Empty: no filter.
    pub tags: Vec<String>,
    /// By `metadata.customFields`: wanted values (an array) by field.
    pub custom_fields: Object,
}

impl Filters {
    /// Reads `{"projects", "tags", "customFields"}`. What is not an array of texts is no filter.
    pub fn from_json(json: &Json) -> Self {
        let texts = |name: &str| {
            let list = json.get(name).and_then(Json::as_list).unwrap_or_default();
            list.iter().filter_map(Json::as_text).map(str::to_owned).collect()
        };
        Self {
            projects: texts("projects"),
            tags: texts("tags"),
            custom_fields: json.get("customFields").and_then(Json::as_object).cloned().unwrap_or_default(),
        }
    }
}

/// What becomes of the prerequisites of what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prerequisites {
    /// They stay, whatever the filters say.
    #[default]
    Keep,
    /// The filters hold for them too. Holdouts (`$holdout:…`) always stay.
    Filter,
}

/// What is known of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reduction {
    /// Attributes of the visitor that are known.
    pub attributes: Object,
    /// Attributes of everybody. The visitor's own take precedence.
    pub global_attributes: Object,
    /// Keep only what fits all of these.
    pub include: Filters,
    /// Keep nothing that fits any of these.
    pub exclude: Filters,
    /// What becomes of prerequisites.
    pub prerequisites: Prerequisites,
}

/// The payload without what `reduction` makes needless: features, rules, conditions, saved groups, bandits.
///
/// For a visitor with the known attributes it gives what the whole payload gives.
pub fn reduce_payload(payload: &Object, reduction: &Reduction) -> Object {
    let saved_groups = member(payload, "savedGroups");
    let groups = Groups::compile(saved_groups, &mut Compiler::default());
    reduce_compiled(payload, &groups, reduction)
}

/// [`reduce_payload`] with saved groups that are compiled already.
pub(crate) fn reduce_compiled(payload: &Object, groups: &Groups, reduction: &Reduction) -> Object {
    let mut known = reduction.global_attributes.clone();
    for (name, value) in reduction.attributes.iter() {
        known.insert(name, value.clone());
    }
    let saved_groups = member(payload, "savedGroups");
    let mut reducer =
        Reducer { payload, reduction, pruner: Pruner::new(&known, saved_groups, groups), features: Object::new() };
    let features = member(payload, "features");
    for (key, feature) in features.iter() {
        if reduction.wants(feature) {
            reducer.keep_feature(key);
        }
    }
    let experiments = payload.get("experiments").and_then(Json::as_list).unwrap_or_default();
    let wanted = experiments.iter().filter(|it| it.as_object().is_some() && reduction.wants(it));
    let experiments: Vec<Json> = wanted.map(|experiment| reducer.pruned(experiment, Kind::Experiment)).collect();
    experiments.iter().for_each(|experiment| reducer.keep_prerequisites(experiment));

    let bandits = reducer.bandits(&experiments);
    let Reducer { pruner, features, .. } = reducer;
    let experiments = Json::List(experiments);
    let parts = [Json::Object(features), experiments, Json::Object(bandits)];
    let groups = kept_groups(&parts, saved_groups, &pruner);
    let [features, experiments, bandits] = parts;

    let mut reduced = payload.clone();
    reduced.remove("contextualBandits");
    reduced.insert("features", features);
    reduced.insert("experiments", experiments);
    reduced.insert("savedGroups", groups);
    if payload.get("contextualBandits").is_some_and(Json::is_truthy) {
        reduced.insert("contextualBandits", bandits);
    }
    reduced
}

/// What a condition belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rule,
    Experiment,
}

struct Reducer<'p> {
    payload: &'p Object,
    reduction: &'p Reduction,
    pruner: Pruner<'p>,
    /// What is kept so far.
    features: Object,
}

impl Reducer<'_> {
    /// Keeps a feature with its prerequisites, and theirs.
    fn keep_feature(&mut self, key: &str) {
        let mut pending = vec![key.to_owned()];
        while let Some(key) = pending.pop() {
            let Some(feature @ Json::Object(object)) = member(self.payload, "features").get(&key) else { continue };
            if self.features.contains(&key) {
                continue;
            }
            let mut kept = object.clone();
            if let Some(Json::List(rules)) = object.get("rules") {
                // A prerequisite of another project keeps the rules of that project.
                let is_own = self.reduction.is_in_projects(feature);
                let rules = rules.iter().filter(|rule| !is_own || self.reduction.wants_rule(rule));
                let rules: Vec<Json> = rules.map(|rule| self.pruned(rule, Kind::Rule)).collect();
                let parents = rules.iter().flat_map(|rule| self.parents(rule));
                let mut parents: Vec<String> = parents.map(str::to_owned).collect();
                parents.reverse();
                pending.append(&mut parents);
                kept.insert("rules", Json::List(rules));
            }
            self.features.insert(key, Json::Object(kept));
        }
    }

    fn keep_prerequisites(&mut self, item: &Json) {
        let parents: Vec<String> = self.parents(item).map(str::to_owned).collect();
        parents.iter().for_each(|parent| self.keep_feature(parent));
    }

    /// Prerequisites that stay with a rule or an experiment.
    fn parents<'j>(&self, item: &'j Json) -> impl Iterator<Item = &'j str> + use<'j> {
        let keeps_all = self.reduction.prerequisites == Prerequisites::Keep;
        let parents = item.get("parentConditions").and_then(Json::as_list).unwrap_or_default();
        let ids = parents.iter().filter_map(|parent| parent.get("id").and_then(Json::as_text));
        ids.filter(move |id| keeps_all || id.starts_with(HOLDOUT))
    }

    /// A rule or an experiment with what is left of its condition.
    fn pruned(&self, item: &Json, kind: Kind) -> Json {
        let Json::Object(object) = item else { return item.clone() };
        let mut kept = object.clone();
        let condition = object.get("condition").filter(|condition| condition.is_truthy());
        match condition.map(|condition| self.pruner.prune(condition)) {
            None => {}
            Some(Pruned::Decided(true)) => {
                kept.remove("condition");
            }
            // Kept: sticky assignments skip the condition of an experiment, and prerequisites of a rule come before it.
            Some(Pruned::Decided(false)) => {
                kept.insert("condition", never());
                if kind == Kind::Rule && kept.contains("force") {
                    kept.insert("force", Json::Null);
                }
            }
            Some(Pruned::Left(condition)) => kept.insert("condition", condition),
        }
        Json::Object(kept)
    }

    /// The bandits that kept rules and experiments use, without the leaves that nobody reaches.
    fn bandits(&self, experiments: &[Json]) -> Object {
        let all = member(self.payload, "contextualBandits");
        let rules = self.features.iter().filter_map(|(_, feature)| feature.get("rules")?.as_list()).flatten();
        let mut kept = Object::new();
        for item in rules.chain(experiments) {
            let reference = item.get("contextualBanditRef").and_then(Json::as_text).unwrap_or_default();
            if let Some(bandit) = all.get(reference)
                && !kept.contains(reference)
            {
                kept.insert(reference, self.bandit(bandit));
            }
        }
        kept
    }

    fn bandit(&self, bandit: &Json) -> Json {
        let Json::Object(object) = bandit else { return bandit.clone() };
        let mut kept = object.clone();
        let leaves = object.get("contexts").and_then(Json::as_list).unwrap_or_default().iter();
        let leaves = leaves.filter_map(|leaf| {
            let condition = leaf.get("condition").filter(|condition| condition.is_truthy());
            let condition = match condition.map(|condition| self.pruner.prune(condition)) {
                Some(Pruned::Decided(false)) => return None,
                None | Some(Pruned::Decided(true)) => Json::Object(Object::new()),
                Some(Pruned::Left(condition)) => condition,
            };
            let mut leaf = leaf.as_object().cloned().unwrap_or_default();
            leaf.insert("condition", condition);
            Some(Json::Object(leaf))
        });
        kept.insert("contexts", Json::List(leaves.collect()));
        Json::Object(kept)
    }
}

impl Reduction {
    /// Whether the filters keep a feature or an experiment.
    fn wants(&self, item: &Json) -> bool {
        let metadata = |name: &str| item.get("metadata").and_then(|metadata| metadata.get(name));
        let field = |name: &str| metadata("customFields").and_then(|fields| fields.get(name));
        let custom = |filters: &Filters, wanted: bool| {
            filters.custom_fields.iter().all(|(name, values)| {
                let values: Vec<&Json> = values.as_list().unwrap_or_default().iter().collect();
                has_any(field(name), &values) == wanted
            })
        };
        self.is_in_projects(item)
            && (self.include.tags.is_empty() || has_text(metadata("tags"), &self.include.tags))
            && custom(&self.include, true)
            && !has_text(metadata("projects"), &self.exclude.projects)
            && !has_text(metadata("tags"), &self.exclude.tags)
            && custom(&self.exclude, false)
    }

    /// What names no project is in none.
    fn is_in_projects(&self, item: &Json) -> bool {
        let metadata = |name: &str| item.get("metadata").and_then(|metadata| metadata.get(name));
        self.include.projects.is_empty()
            || metadata("allProjects").is_some_and(Json::is_truthy)
            || has_text(metadata("projects"), &self.include.projects)
    }

    /// A rule that names no project belongs wherever its feature does.
    fn wants_rule(&self, rule: &Json) -> bool {
        let projects = rule.get("metadata").and_then(|metadata| metadata.get("projects"));
        let projects = projects.filter(|projects| projects.is_truthy());
        self.include.projects.is_empty() || projects.is_none() || has_text(projects, &self.include.projects)
    }
}

fn has_text(actual: Option<&Json>, wanted: &[String]) -> bool {
    let wanted: Vec<Json> = wanted.iter().map(|text| Json::from(text.as_str())).collect();
    has_any(actual, &wanted.iter().collect::<Vec<_>>())
}

/// Whether `actual`, or an element of it if it is an array, is one of `wanted`.
fn has_any(actual: Option<&Json>, wanted: &[&Json]) -> bool {
    let is_scalar = |json: &Json| !matches!(json, Json::List(_) | Json::Object(_));
    let is_wanted = |json: &Json| is_scalar(json) && wanted.contains(&json);
    match actual {
        None => false,
        Some(Json::List(list)) => list.iter().any(is_wanted),
        Some(json) => is_wanted(json),
    }
}

/// The saved groups whose ids occur as texts anywhere in `parts`, with what is left of their conditions. That needs no list
/// of the operators that refer to groups.
fn kept_groups(parts: &[Json; 3], all: &Object, pruner: &Pruner<'_>) -> Object {
    let mut kept = Object::new();
    if all.is_empty() {
        return kept;
    }
    let as_written = groups_of_others(parts, all);
    let on_cycles = groups_on_cycles(all);
    let mut pending: Vec<Json> = parts.iter().rev().cloned().collect();
    while let Some(json) = pending.pop() {
        match json {
            Json::Text(id) => {
                let Some(group) = all.get(&id) else { continue };
                if kept.contains(&id) {
                    continue;
                }
                let is_fixed = as_written.contains(&id) || on_cycles.contains(id.as_str());
                let mut group = group.clone();
                if !is_fixed
                    && let Some(Pruned::Left(condition)) = pruner.prune_group(&id)
                    && let Json::Object(object) = &mut group
                {
                    object.insert("condition", condition);
                }
                if may_refer(&group) {
                    pending.push(group.clone());
                }
                kept.insert(id, group);
            }
            Json::Object(object) => {
                let mut values: Vec<Json> = object.into_iter().map(|(_, value)| value).collect();
                values.reverse();
                pending.append(&mut values);
            }
            Json::List(list) => pending.extend(list.into_iter().rev()),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
    kept
}

/// Groups that are evaluated against something else than the visitor (an element of an array, the value of a prerequisite),
/// and those that they refer to. What is known of the visitor says nothing about them.
fn groups_of_others(parts: &[Json; 3], all: &Object) -> BTreeSet<String> {
    let mut of_others = BTreeSet::new();
    let mut of_visitors = BTreeSet::new();
    let mut pending: Vec<(&Json, bool)> = parts.iter().map(|part| (part, true)).collect();
    while let Some((json, is_visitor)) = pending.pop() {
        match json {
            Json::Text(id) => {
                let Some(group) = all.get(id) else { continue };
                let is_seen = of_others.contains(id) || (is_visitor && of_visitors.contains(id));
                if !is_seen {
                    if is_visitor { &mut of_visitors } else { &mut of_others }.insert(id.clone());
                    if may_refer(group) {
                        pending.push((group, is_visitor));
                    }
                }
            }
            Json::Object(object) => pending.extend(
                object
                    .iter()
                    .map(|(key, value)| (value, is_visitor && key != "$elemMatch" && key != "parentConditions")),
            ),
            Json::List(list) => pending.extend(list.iter().map(|item| (item, is_visitor))),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
    of_others
}

/// Groups that refer to themselves, directly or through others: what they mean depends on where one enters the cycle.
fn groups_on_cycles(all: &Object) -> BTreeSet<&str> {
    let references: BTreeMap<&str, BTreeSet<&str>> = all.iter().map(|(id, group)| (id, ids_in(group, all))).collect();
    // A group is on a cycle if one can come back to it. What leads nowhere, or is led to from nowhere, is taken away until
    // nothing changes; few groups are left then, and only those need a search.
    let mut candidates: BTreeSet<&str> = references.keys().copied().collect();
    loop {
        let targets: BTreeSet<&str> =
            candidates.iter().filter_map(|id| references.get(id)).flatten().copied().collect();
        let stays =
            |id: &&str| targets.contains(id) && references.get(id).is_some_and(|to| !to.is_disjoint(&candidates));
        let left: BTreeSet<&str> = candidates.iter().copied().filter(stays).collect();
        if left.len() == candidates.len() {
            break;
        }
        candidates = left;
    }
    let comes_back = |start: &&str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut pending: Vec<&str> = vec![start];
        while let Some(id) = pending.pop() {
            for next in references.get(id).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if candidates.contains(next) && seen.insert(next) {
                    pending.push(next);
                }
            }
        }
        false
    };
    candidates.iter().copied().filter(comes_back).collect()
}

/// Ids of groups that occur as texts in `group`.
fn ids_in<'j>(group: &'j Json, all: &Object) -> BTreeSet<&'j str> {
    let mut ids = BTreeSet::new();
    let mut pending = if may_refer(group) { vec![group] } else { Vec::new() };
    while let Some(json) = pending.pop() {
        match json {
            Json::Text(text) if all.contains(text) => {
                ids.insert(text.as_str());
            }
            Json::Object(object) => pending.extend(object.iter().map(|(_, value)| value)),
            Json::List(list) => pending.extend(list),
            _ => {}
        }
    }
    ids
}

/// The values of a list are attribute values, never ids of groups.
fn may_refer(group: &Json) -> bool {
    group.as_object().is_some_and(|group| group.get("type").and_then(Json::as_text) != Some("list"))
}

/// A condition that nobody fulfils.
fn never() -> Json {
    let mut condition = Object::new();
    condition.insert("$not", Object::new());
    Json::Object(condition)
}

fn member<'p>(payload: &'p Object, name: &str) -> &'p Object {
    static NOTHING: Object = Object::new();
    payload.get(name).and_then(Json::as_object).unwrap_or(&NOTHING)
}
