//! From rows to a document: entries, what belongs to them, settings, and all that has no column.

use std::collections::{BTreeMap, BTreeSet};

use super::Row;
use super::cell::{self, Context};
use super::header::{Header, Meaning};
use super::located::{Located, Object, Value};
use super::number::Decimals;
use super::place::Places;
use super::table::{self, Home, KINDS, Kind};
use crate::report::Report;
use crate::source::csv::finding;
use crate::source::shortened;

/// A row with all that is needed to read it.
#[derive(Clone, Copy)]
pub(crate) struct RowOf<'s> {
    pub row: &'s Row,
    /// Number of the whole row.
    pub place: usize,
    pub header: &'s Header,
    /// Columns whose cells are broken, which is reported already.
    pub broken: &'s BTreeSet<u16>,
    pub decimals: Decimals,
}

/// A document in the making.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    /// Members of the root that have rows of their own: the version.
    root: Object,
    settings: Option<Located>,
    sections: BTreeMap<&'static str, Section>,
    /// Rows that belong to entries, which may stand below them.
    parts: Vec<Part>,
    /// What rows of the kind `document` say.
    more: Vec<(usize, Object)>,
}

#[derive(Debug)]
struct Section {
    /// Place of its first row.
    place: usize,
    entries: Vec<Located>,
    /// The first entry of each id.
    by_id: BTreeMap<Box<str>, usize>,
}

#[derive(Debug)]
struct Part {
    kind: &'static Kind,
    section: &'static str,
    path: &'static [&'static str],
    is_list: bool,
    /// Id of what it belongs to, and its place.
    of: Option<(Box<str>, usize)>,
    place: usize,
    object: Object,
    /// The entry above it in the sheet.
    above: Option<usize>,
}

/// The cells of one row.
#[derive(Default)]
struct Cells<'s> {
    kind: Option<&'s str>,
    kind_place: usize,
    of: Option<(&'s str, usize)>,
    more: Option<(&'s str, usize)>,
    members: Vec<MemberCell<'s>>,
}

struct MemberCell<'s> {
    columns: &'s [&'static str],
    text: &'s str,
    place: usize,
    is_broken: bool,
}

impl Assembly {
    /// Takes over one row.
    pub fn row(&mut self, it: RowOf<'_>, places: &mut Places, report: &mut Report) {
        let cells = cells(it, places, report);
        let Some(word) = cells.kind else {
            let help = "write what the row is: setting, audience, offer, creative, placement, experiment, variation, …";
            report.source_error(finding(it.place, "missing_kind", "the row has nothing in the column kind", help));
            return;
        };
        let Some(kind) = table::kind(word) else {
            let names: Vec<&str> = KINDS.iter().map(|it| it.name).collect();
            let suggestion = report.did_you_mean(&word.trim().to_lowercase(), names.iter().copied());
            let message = format!("there is no kind {:?}{suggestion}", shortened(word.trim()));
            let help = format!("the kinds are {}", names.join(", "));
            report.source_error(finding(cells.kind_place, "unknown_kind", message, help));
            return;
        };
        let is_part = matches!(kind.home, Home::Element { .. } | Home::Part { .. });
        if let Some((_, place)) = cells.of.filter(|_| !is_part) {
            let message = format!("{} does not belong to anything", kind.described());
            report.source_error(finding(place, "cell_not_for_kind", message, "empty the cell"));
        }
        if kind.home == Home::Setting {
            return self.setting(it, &cells, report);
        }
        let object = self.object(kind, it, &cells, report);
        match kind.home {
            Home::Setting => {}
            Home::Document => self.more.push((it.place, object)),
            Home::Entry { section } => self.entry(section, it.place, object),
            Home::Element { section, path } | Home::Part { section, path } => {
                let above = self.sections.get(section).and_then(|it| it.entries.len().checked_sub(1));
                self.parts.push(Part {
                    kind,
                    section,
                    path,
                    is_list: matches!(kind.home, Home::Element { .. }),
                    of: cells.of.map(|(id, place)| (cell::name(id).into(), place)),
                    place: it.place,
                    object,
                    above,
                });
            }
        }
    }

    /// The object that a row's cells describe.
    fn object(&self, kind: &'static Kind, it: RowOf<'_>, cells: &Cells<'_>, report: &mut Report) -> Object {
        let mut object = Object::default();
        for cell in &cells.members {
            let Some(member) = kind.member(cell.columns) else {
                not_for(kind, cell, report);
                continue;
            };
            let context = Context { place: cell.place, decimals: it.decimals };
            let value = match cell.is_broken {
                true => Value::Broken,
                false => cell::read(cell.text, member.form, context, report),
            };
            if object.set(member.path, Located { place: cell.place, value }).is_err() {
                contradiction(cell.place, &member.path.join("."), report);
            }
        }
        if let Some((text, place)) = cells.more {
            let context = Context { place, decimals: it.decimals };
            match cell::read_json(text.trim(), context, report) {
                Value::Object(more) => {
                    let keys: Vec<String> = more.members().map(|(key, _)| key.to_owned()).collect();
                    if object.merge(more).is_err() {
                        contradiction(place, &shortened(&keys.join(", ")), report);
                    }
                }
                Value::Broken => {}
                _ => {
                    let help = "write members that have no column as a JSON object: {\"key\": \"value\"}";
                    report.source_error(finding(place, "broken_json_cell", "expected an object", help));
                }
            }
        }
        object
    }

    fn setting(&mut self, it: RowOf<'_>, cells: &Cells<'_>, report: &mut Report) {
        let mut name = None;
        let mut value = None;
        for cell in &cells.members {
            match cell.columns {
                ["id"] => name = Some(cell),
                ["value"] => value = Some(cell),
                _ => not_for(&table::SETTING, cell, report),
            }
        }
        if let Some((_, place)) = cells.more {
            let message = "a setting has nothing in the column more";
            report.source_error(finding(place, "cell_not_for_kind", message, "empty the cell"));
        }
        let (Some(name), Some(value)) = (name, value) else {
            let (what, column) = if name.is_none() { ("no name", "id") } else { ("no value", "value") };
            let help = format!("write it into the column {column}, or remove the row");
            report.source_error(finding(it.place, "missing_key", format!("the setting has {what}"), help));
            return;
        };
        let key = table::setting_name(cell::name(name.text));
        let context = Context { place: value.place, decimals: it.decimals };
        let form = table::setting(key);
        let found = if value.is_broken { Value::Broken } else { cell::read(value.text, form, context, report) };
        let located = Located { place: value.place, value: found };
        let target = if key == table::VERSION {
            &mut self.root
        } else {
            let new = || Located { place: it.place, value: Value::Object(Object::default()) };
            match &mut self.settings.get_or_insert_with(new).value {
                Value::Object(settings) => settings,
                _ => return,
            }
        };
        if target.set(&[key], located).is_err() {
            let message = format!("the setting {:?} is there twice", shortened(key));
            report.source_error(finding(name.place, "duplicate_row", message, "remove one of the two rows"));
        }
    }

    fn entry(&mut self, section: &'static str, place: usize, object: Object) {
        let new = || Section { place, entries: Vec::new(), by_id: BTreeMap::new() };
        let section = self.sections.entry(section).or_insert_with(new);
        if let Some(Located { value: Value::Text(id), .. }) = object.get("id") {
            section.by_id.entry(id.clone()).or_insert(section.entries.len());
        }
        section.entries.push(Located { place, value: Value::Object(object) });
    }

    /// The document. What belongs to nothing is reported.
    pub fn finish(mut self, report: &mut Report) -> Located {
        let mut once: BTreeSet<(&str, usize, &[&str])> = BTreeSet::new();
        for part in std::mem::take(&mut self.parts) {
            let Some(idx) = self.parent(&part, report) else { continue };
            let section = self.sections.get_mut(part.section);
            let Some(Located { value: Value::Object(parent), .. }) = section.and_then(|it| it.entries.get_mut(idx))
            else {
                continue;
            };
            let located = Located { place: part.place, value: Value::Object(part.object) };
            let attached = if part.is_list {
                parent.list(part.path, part.place).map(|list| list.push(located))
            } else {
                if !once.insert((part.section, idx, part.path)) {
                    let message =
                        format!("the {} has {} already", table::parent_kind(part.section), part.kind.described());
                    report.source_error(finding(part.place, "duplicate_row", message, "remove one of the two rows"));
                    continue;
                }
                parent.set(part.path, located)
            };
            if attached.is_err() {
                contradiction(part.place, &part.path.join("."), report);
            }
        }
        let mut root = self.root;
        let list = |it: Section| Located { place: it.place, value: Value::List(it.entries) };
        let sections = self.sections.into_iter().map(|(name, section)| (name, list(section)));
        for (key, value) in sections.chain(self.settings.map(|it| ("settings", it))) {
            // Nothing is there yet.
            let _ = root.set(&[key], value);
        }
        for (place, more) in self.more {
            let keys: Vec<String> = more.members().map(|(key, _)| key.to_owned()).collect();
            if root.merge(more).is_err() {
                contradiction(place, &shortened(&keys.join(", ")), report);
            }
        }
        if root.get(table::VERSION).is_none() {
            let help = "add a row with setting in the column kind, version in id, and 1 in value";
            report.source_error(finding(0, "missing_key", "the row of the version is missing", help));
            let one = Located { place: 0, value: Value::Number(1.into()) };
            let _ = root.set(&[table::VERSION], one);
        }
        Located { place: 0, value: Value::Object(root) }
    }

    /// The entry that a part belongs to.
    fn parent(&self, part: &Part, report: &mut Report) -> Option<usize> {
        let section = self.sections.get(part.section);
        let kind = table::parent_kind(part.section).replace('_', " ");
        let Some((id, place)) = &part.of else {
            let above = part.above.and_then(|idx| section?.entries.get(idx)).and_then(|it| match &it.value {
                Value::Object(object) => object.get("id"),
                _ => None,
            });
            let guess = match above.map(|it| &it.value) {
                Some(Value::Text(id)) => format!(", perhaps {:?}, which stands above", shortened(id)),
                _ => String::new(),
            };
            let message = format!("{} that belongs to no {kind}", part.kind.described());
            let help = format!("write the id of its {kind} into the column \"of\"{guess}");
            report.source_error(finding(part.place, "row_without_parent", message, help));
            return None;
        };
        let found = section.and_then(|it| it.by_id.get(id));
        if found.is_none() {
            let ids = section.into_iter().flat_map(|it| it.by_id.keys()).map(|it| &**it);
            let suggestion = report.did_you_mean(id, ids);
            let message = format!("there is no {kind} {:?}{suggestion}", shortened(id));
            let help = format!("write the id of the {kind} that this row belongs to");
            report.source_error(finding(*place, "unknown_parent", message, help));
        }
        found.copied()
    }
}

/// Sorts the cells of a row by what their columns mean.
fn cells<'s>(it: RowOf<'s>, places: &mut Places, report: &mut Report) -> Cells<'s> {
    let mut cells = Cells::default();
    let mut is_said = false;
    for (column, text) in &it.row.cells {
        let place = places.add(it.row.number, Some(*column));
        match it.header.meaning(*column) {
            Some(Meaning::Kind) => (cells.kind, cells.kind_place) = (Some(text.as_str()), place),
            Some(Meaning::Of) => cells.of = Some((text.as_str(), place)),
            Some(Meaning::More) => cells.more = Some((text.as_str(), place)),
            Some(Meaning::Members(columns)) => {
                let is_broken = it.broken.contains(column);
                cells.members.push(MemberCell { columns, text, place, is_broken });
            }
            Some(Meaning::Broken) => {}
            None if is_said => {}
            None => {
                is_said = true;
                // Without its text: where columns are shifted, it may be anything, also personal.
                let message = "the cell stands in a column without a name";
                let help =
                    "name the column in the first row, or empty the cell; a text with commas needs quotes around it";
                report.source_error(finding(place, "cell_without_header", message, help));
            }
        }
    }
    cells
}

fn not_for(kind: &Kind, cell: &MemberCell<'_>, report: &mut Report) {
    let column = cell.columns.first().copied().unwrap_or_default();
    let kinds: Vec<&str> = KINDS.iter().filter(|it| it.member(cell.columns).is_some()).map(|it| it.name).collect();
    let message = format!("{} has no {column:?}", kind.described());
    let help = format!("empty the cell; {column} is for rows of the kind {}", kinds.join(", "));
    report.source_error(finding(cell.place, "cell_not_for_kind", message, help));
}

fn contradiction(place: usize, what: &str, report: &mut Report) {
    let message = format!("another cell gives a value for {what} already");
    report.source_error(finding(place, "contradictory_cells", message, "keep one of the two"));
}
