//! The blocks that a page is made of: paragraphs, notes, facts, tables and figures.

use crate::words::Words;

/// A finished piece of a page. Only the functions of this crate make one, so its HTML is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block(String);

impl Block {
    pub(crate) fn html(&self) -> &str {
        &self.0
    }

    /// A chart with its name, and its numbers as a table that opens.
    pub(crate) fn figure(name: &Words, svg: &str, numbers: &Self) -> Self {
        let shown = Words::new("Numbers", "数据").html();
        Self(format!(
            "<figure><figcaption>{}</figcaption>{svg}<details><summary>{shown}</summary>{}</details></figure>",
            name.html(),
            numbers.0
        ))
    }
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Plain,
    /// Something went well that might not have.
    Good,
    /// Somebody should look at it.
    Warning,
}

/// Plain text.
pub fn paragraph(text: &Words) -> Block {
    Block(format!("<p>{}</p>", text.html()))
}

/// A text that stands out.
pub fn note(tone: Tone, text: &Words) -> Block {
    let class = match tone {
        Tone::Plain => "note",
        Tone::Good => "note good",
        Tone::Warning => "note warning",
    };
    Block(format!("<p class=\"{class}\">{}</p>", text.html()))
}

/// The few numbers that a reader wants first: name and value.
pub fn facts(facts: &[(Words, Words)]) -> Block {
    let facts: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>", name.html(), value.html()))
        .collect();
    Block(format!("<dl class=\"facts\">{}</dl>", facts.concat()))
}

/// A table. The first cell of a row names it; a row may be shorter than the head, and has no more cells.
pub fn table(head: &[Words], rows: &[Vec<Words>]) -> Block {
    let heads: Vec<String> = head.iter().map(|cell| format!("<th scope=\"col\">{}</th>", cell.html())).collect();
    let row = |cells: &Vec<Words>| {
        let cells: Vec<String> = cells
            .iter()
            .take(head.len())
            .enumerate()
            .map(|(idx, cell)| match idx {
                0 => format!("<th scope=\"row\">{}</th>", cell.html()),
                _ => format!("<td>{}</td>", cell.html()),
            })
            .collect();
        format!("<tr>{}</tr>", cells.concat())
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    Block(format!(
        "<div class=\"wide\"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        heads.concat(),
        rows.concat()
    ))
}
