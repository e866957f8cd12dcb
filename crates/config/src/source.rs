//! The located tree: a document, in which every value knows its place in the text (or its cell) and its JSON pointer.
//!
//! The tree holds exactly what JSON can hold. The syntaxes only differ in how they call the [`Builder`].

#[cfg(feature = "csv")]
pub(crate) mod csv;
mod json;
#[cfg(feature = "yaml")]
mod yaml;

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

use crate::limits::{DEPTH_MAX, DOCUMENT_BYTES_MAX, VALUES_MAX};
use crate::report::{self, Finding, Report};

/// The syntax of a document. The model is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 8259, without duplicate keys.
    Json,
    /// YAML 1.2 (core schema), one document, without anchors, aliases and tags.
    #[cfg(feature = "yaml")]
    Yaml,
    /// CSV as spreadsheet programs write it: a row for each thing, see [`crate::sheet`].
    #[cfg(feature = "csv")]
    Csv,
}

/// Position of a value in [`Tree::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// A document that is well formed.
pub(crate) struct Tree {
    /// The root first; parents before their children.
    nodes: Vec<Node>,
}

struct Node {
    parent: NodeId,
    step: Step,
    /// Bytes from the start of the source; in a spreadsheet, the number of the cell.
    offset: usize,
    kind: Kind,
}

/// How a node is reached from its parent.
enum Step {
    Root,
    Key { name: Box<str>, offset: usize },
    Index(usize),
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
    List(Vec<NodeId>),
    /// Sorted by key, each key once.
    Object(Vec<NodeId>),
    /// Not a value at all. Already reported, so that readers keep silent about it.
    Broken,
}

/// A value in its tree.
#[derive(Clone, Copy)]
pub(crate) struct At<'t> {
    tree: &'t Tree,
    id: NodeId,
}

/// Reads `source`; `None` when it has no tree, and then the report says why. A report may have errors beside a tree.
pub(crate) fn parse(source: &str, format: Format, report: &mut Report) -> Option<Tree> {
    #[cfg(feature = "csv")]
    if format == Format::Csv {
        return crate::sheet::text(source, report);
    }
    if source.len() > DOCUMENT_BYTES_MAX {
        report.source_error(report::too_large(source.len()));
        return None;
    }
    let text = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut builder =
        Builder { nodes: Vec::new(), open: Vec::new(), skipped_bytes: source.len().saturating_sub(text.len()), report };
    let read = match format {
        _ if text.trim().is_empty() => Ok(()),
        Format::Json => json::read(text, &mut builder),
        #[cfg(feature = "yaml")]
        Format::Yaml => yaml::read(text, &mut builder),
        #[cfg(feature = "csv")]
        Format::Csv => Ok(()),
    };
    match read {
        Ok(()) if builder.nodes.is_empty() => {
            builder.error(0, "empty_document", "the document is empty", "begin with version: 1");
            None
        }
        Ok(()) => Some(Tree { nodes: builder.nodes }),
        Err(Stop) => None,
    }
}

/// The text cannot be read on; the report says why.
struct Stop;

/// Builds a tree from the values of a document, in their order.
struct Builder<'r> {
    nodes: Vec<Node>,
    /// Lists and objects that are not closed, the innermost last.
    open: Vec<Open>,
    /// Bytes before the text that the offsets count from.
    skipped_bytes: usize,
    report: &'r mut Report,
}

struct Open {
    id: NodeId,
    children: Vec<NodeId>,
    /// Key of the next child, for objects.
    key: Option<(Box<str>, usize)>,
}

impl Builder<'_> {
    /// The key of the next value, in an object.
    fn key(&mut self, offset: usize, name: Box<str>) {
        if let Some(open) = self.open.last_mut() {
            open.key = Some((name, offset));
        }
    }

    /// A null, a truth value, a number, a text.
    fn scalar(&mut self, offset: usize, kind: Kind) -> Result<(), Stop> {
        self.push(offset, kind).map(drop)
    }

    /// A number as written; one that no double holds is reported.
    fn number(&mut self, offset: usize, text: &str) -> Result<(), Stop> {
        match number(text) {
            Some(number) => self.scalar(offset, Kind::Number(number)),
            None => {
                let message = format!("the number {} is out of range", shortened(text));
                self.broken(offset, "number_out_of_range", message, "write a smaller number, or a text in quotes")
            }
        }
    }

    /// Something that is no value, and why. The reading goes on.
    fn broken(
        &mut self,
        offset: usize,
        code: &'static str,
        message: impl Into<String>,
        help: &str,
    ) -> Result<(), Stop> {
        let id = self.push(offset, Kind::Broken)?;
        self.error_at(Some(id), offset, code, message, help);
        Ok(())
    }

    /// A list begins; close it by [`Builder::end`].
    fn begin_list(&mut self, offset: usize) -> Result<(), Stop> {
        self.begin(offset, Kind::List)
    }

    /// An object begins; close it by [`Builder::end`].
    fn begin_object(&mut self, offset: usize) -> Result<(), Stop> {
        self.begin(offset, Kind::Object)
    }

    fn begin(&mut self, offset: usize, kind: fn(Vec<NodeId>) -> Kind) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.too_deep(offset));
        }
        let id = self.push(offset, kind(Vec::new()))?;
        self.open.push(Open { id, children: Vec::new(), key: None });
        Ok(())
    }

    /// The innermost list or object ends.
    fn end(&mut self) {
        let Some(Open { id, mut children, .. }) = self.open.pop() else { return };
        let is_object = matches!(self.node(id).map(|it| &it.kind), Some(Kind::Object(_)));
        if is_object {
            self.sort_by_key(&mut children);
        }
        if let Some(Node { kind: Kind::List(slot) | Kind::Object(slot), .. }) = self.node_mut(id) {
            *slot = children;
        }
    }

    /// Sorts children by key. Of equal keys the first stays and the others are reported.
    fn sort_by_key(&mut self, children: &mut Vec<NodeId>) {
        children.sort_by(|a, b| self.key_of(*a).cmp(self.key_of(*b)));
        let mut twice = Vec::new();
        children.dedup_by(|later, earlier| {
            let same = self.key_of(*later) == self.key_of(*earlier);
            if same {
                twice.push(*later);
            }
            same
        });
        for id in twice {
            let Some(Node { step: Step::Key { name, offset }, .. }) = self.node(id) else { continue };
            let message = format!("the key {name:?} is written twice in one object");
            self.report.source_error(Finding {
                code: "duplicate_key",
                pointer: pointer(&self.nodes, id),
                offset: Some(*offset),
                message,
                help: "keep one of the two".into(),
            });
        }
    }

    fn push(&mut self, offset: usize, kind: Kind) -> Result<NodeId, Stop> {
        let id = match u32::try_from(self.nodes.len()) {
            Ok(id) if self.nodes.len() < VALUES_MAX => NodeId(id),
            _ => {
                let message = format!("the document has more than {VALUES_MAX} values");
                return Err(self.stop(offset, "too_many_values", message, "split the document or shorten contents"));
            }
        };
        let skipped_bytes = self.skipped_bytes;
        let (parent, step) = match self.open.last_mut() {
            None => (id, Step::Root),
            Some(open) => {
                let step = match open.key.take() {
                    Some((name, offset)) => Step::Key { name, offset: offset.saturating_add(skipped_bytes) },
                    None => Step::Index(open.children.len()),
                };
                open.children.push(id);
                (open.id, step)
            }
        };
        self.nodes.push(Node { parent, step, offset: offset.saturating_add(skipped_bytes), kind });
        Ok(id)
    }

    fn too_deep(&mut self, offset: usize) -> Stop {
        let message = format!("lists and objects are nested deeper than {DEPTH_MAX} levels");
        self.stop(offset, "too_deep", message, "flatten the document here")
    }

    /// Reports an error at `offset`, inside of what is open.
    fn error(&mut self, offset: usize, code: &'static str, message: impl Into<String>, help: &str) {
        self.error_at(self.open.last().map(|open| open.id), offset, code, message, help);
    }

    fn error_at(
        &mut self,
        id: Option<NodeId>,
        offset: usize,
        code: &'static str,
        message: impl Into<String>,
        help: &str,
    ) {
        self.report.source_error(Finding {
            code,
            pointer: id.map(|id| pointer(&self.nodes, id)).unwrap_or_default(),
            offset: Some(offset.saturating_add(self.skipped_bytes)),
            message: message.into(),
            help: help.into(),
        });
    }

    /// Reports an error at `offset` that ends the reading.
    fn stop(&mut self, offset: usize, code: &'static str, message: impl Into<String>, help: &str) -> Stop {
        self.error(offset, code, message, help);
        Stop
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        node(&self.nodes, id)
    }

    fn node_mut(&mut self, NodeId(id): NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    fn key_of(&self, id: NodeId) -> &str {
        key_of(&self.nodes, id)
    }
}

impl Tree {
    /// The whole document.
    pub fn root(&self) -> At<'_> {
        At { tree: self, id: NodeId(0) }
    }
}

impl<'t> At<'t> {
    /// What the value is.
    pub fn kind(self) -> &'t Kind {
        node(&self.tree.nodes, self.id).map_or(&Kind::Broken, |it| &it.kind)
    }

    /// Where the value begins. Unit: bytes from the start of the source.
    pub fn offset(self) -> usize {
        node(&self.tree.nodes, self.id).map_or(0, |it| it.offset)
    }

    /// Where the key of the value begins; where the value begins, if it has no key.
    pub fn key_offset(self) -> usize {
        match node(&self.tree.nodes, self.id) {
            Some(Node { step: Step::Key { offset, .. }, .. }) => *offset,
            _ => self.offset(),
        }
    }

    /// The value's key in its object; empty if it is not in an object.
    pub fn key(self) -> &'t str {
        key_of(&self.tree.nodes, self.id)
    }

    /// The text that the value is; empty for other values.
    pub fn as_text(self) -> &'t str {
        match self.kind() {
            Kind::Text(text) => text,
            _ => "",
        }
    }

    /// The JSON pointer (RFC 6901) of the value.
    pub fn pointer(self) -> String {
        pointer(&self.tree.nodes, self.id)
    }

    /// The values of a list or an object, the latter by key; nothing for other values.
    pub fn children(self) -> impl ExactSizeIterator<Item = At<'t>> + Clone {
        let ids: &[NodeId] = match self.kind() {
            Kind::List(ids) | Kind::Object(ids) => ids,
            _ => &[],
        };
        ids.iter().map(move |id| At { tree: self.tree, id: *id })
    }

    /// The value of a key; `None` if it is absent or this is not an object.
    pub fn get(self, key: &str) -> Option<At<'t>> {
        let Kind::Object(ids) = self.kind() else { return None };
        let found = ids.binary_search_by(|id| key_of(&self.tree.nodes, *id).cmp(key)).ok()?;
        ids.get(found).map(|id| At { tree: self.tree, id: *id })
    }
}

/// Compact JSON, keys sorted.
impl Serialize for At<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.kind() {
            Kind::Null | Kind::Broken => serializer.serialize_unit(),
            Kind::Bool(it) => serializer.serialize_bool(*it),
            Kind::Number(it) => it.serialize(serializer),
            Kind::Text(it) => serializer.serialize_str(it),
            Kind::List(_) => serializer.collect_seq(self.children()),
            Kind::Object(ids) => {
                let mut map = serializer.serialize_map(Some(ids.len()))?;
                for child in self.children() {
                    map.serialize_entry(child.key(), &child)?;
                }
                map.end()
            }
        }
    }
}

/// The value in words, for messages: `the number 5`.
impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Null | Kind::Broken => f.write_str("nothing"),
            Kind::Bool(it) => write!(f, "{it}"),
            Kind::Number(it) => write!(f, "the number {it}"),
            Kind::Text(it) => write!(f, "the text {:?}", shortened(it)),
            Kind::List(_) => f.write_str("a list"),
            Kind::Object(_) => f.write_str("an object"),
        }
    }
}

/// At most 60 characters of a text, for messages.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

fn node(nodes: &[Node], NodeId(id): NodeId) -> Option<&Node> {
    nodes.get(usize::try_from(id).ok()?)
}

fn key_of(nodes: &[Node], id: NodeId) -> &str {
    match node(nodes, id) {
        Some(Node { step: Step::Key { name, .. }, .. }) => name,
        _ => "",
    }
}

fn pointer(nodes: &[Node], id: NodeId) -> String {
    let mut steps = Vec::new();
    let mut next = node(nodes, id);
    while let Some(Node { parent, step, .. }) = next {
        match step {
            Step::Root => break,
            Step::Key { name, .. } => steps.push(name.replace('~', "~0").replace('/', "~1")),
            Step::Index(at) => steps.push(at.to_string()),
        }
        next = node(nodes, *parent);
    }
    steps.iter().rev().flat_map(|step| ["/", step]).collect()
}

/// The value of a decimal number; `None` if it is not finite, or whole and beyond 64 bits (it would lose digits).
fn number(text: &str) -> Option<Number> {
    let is_whole = !text.contains(['.', 'e', 'E']);
    if !is_whole || text == "-0" {
        // Not by serde_json: it may miss the closest double by one bit.
        return Number::from_f64(text.parse().ok()?);
    }
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}
