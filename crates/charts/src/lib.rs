//! Pages of figures that open anywhere: one HTML file with its charts as SVG, in Chinese and English, for screen and paper.
//!
//! Nothing is loaded from elsewhere and no script runs, so a page can be kept, sent and read offline, and shows the same in years.
//! Every chart carries its numbers as a table too, for readers who cannot see it or want to copy from it. What a page says is the caller's matter.
//!
//! ```
//! use vitrine_charts::{Page, Words, bars};
//! let chart = bars(&Words::new("Customers by segment", "各细分的客户数"), &[(Words::same("champions"), 812.0), (Words::same("lost"), 95.0)]);
//! let html = Page::new(Words::new("Report", "报告")).section(Words::new("Segments", "细分"), vec![chart]).to_html();
//! assert!(html.starts_with("<!doctype html>"));
//! ```
#![forbid(unsafe_code)]

mod axis;
mod bar;
mod block;
mod grid;
mod line;
mod number;
mod page;
mod words;

pub use bar::bars;
pub use block::{Block, Tone, facts, note, paragraph, table};
pub use grid::heat_grid;
pub use line::{Series, lines};
pub use number::shown;
pub use page::Page;
pub use words::Words;
