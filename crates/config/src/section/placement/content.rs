//! `content` of a placement: what must be in a content that fills the slot, and how long and how large it may be.

use crate::limits::SETTINGS_LIST_MAX;
use crate::report::Report;
use crate::section::content::PIXELS_MAX;
use crate::source::At;

pub(crate) const KEYS: [&str; 5] = ["required", "title_chars_max", "text_chars_max", "cta_chars_max", "image"];
pub(crate) const IMAGE_KEYS: [&str; 3] = ["width", "height", "ratio_tolerance"];

/// Greatest length that a rule can state. Unit: characters.
const CHARS_MAX: i64 = 10_000;

/// Rules for the contents of one placement.
pub(crate) struct ContentRules<'t> {
    /// Members that must be there, with dots for members of members: `image.alt`.
    pub required: Vec<&'t str>,
    pub title_max: Option<CharsMax<'t>>,
    pub text_max: Option<CharsMax<'t>>,
    pub cta_max: Option<CharsMax<'t>>,
    pub image: Option<ImageRule<'t>>,
    /// Where the required members are listed.
    pub required_at: Option<At<'t>>,
}

/// A greatest length. Unit: characters (Unicode scalar values).
#[derive(Clone, Copy)]
pub(crate) struct CharsMax<'t> {
    pub n_chars: usize,
    pub at: At<'t>,
}

/// The size of the slot for an image. An image must be at least as large, and of the same ratio.
#[derive(Clone, Copy)]
pub(crate) struct ImageRule<'t> {
    pub at: At<'t>,
    /// Unit: CSS pixels.
    pub width: f64,
    /// Unit: CSS pixels.
    pub height: f64,
    /// How far the ratio may differ. Unit: percent of the slot's ratio.
    pub ratio_tolerance: f64,
}

/// Reads the rules; `None` after errors.
pub(super) fn read<'t>(at: At<'t>, report: &mut Report) -> Option<ContentRules<'t>> {
    let at = report.object(at, &KEYS)?;
    let required_at = at.get("required");
    let required = required_at.map(|at| {
        let entries = report.list(at, "members", "too_many_settings", SETTINGS_LIST_MAX);
        entries.filter_map(|at| report.name(at, "member")).collect()
    });
    let mut chars_max = |key: &str| {
        let at = at.get(key)?;
        let n_chars = report.integer(at, 1..=CHARS_MAX).and_then(|it| usize::try_from(it).ok())?;
        Some(CharsMax { n_chars, at })
    };
    let [title_max, text_max, cta_max] = ["title_chars_max", "text_chars_max", "cta_chars_max"].map(&mut chars_max);
    let image = at.get("image").and_then(|at| image(at, report));
    Some(ContentRules { required: required.unwrap_or_default(), title_max, text_max, cta_max, image, required_at })
}

fn image<'t>(at: At<'t>, report: &mut Report) -> Option<ImageRule<'t>> {
    let at = report.object(at, &IMAGE_KEYS)?;
    let [width, height] = ["width", "height"].map(|key| {
        let found = report.required(at, key, "write width and height of the slot in pixels");
        #[expect(clippy::cast_precision_loss, reason = "at most PIXELS_MAX")]
        found.and_then(|at| report.integer(at, 1..=PIXELS_MAX)).map(|it| it as f64)
    });
    let tolerance = at.get("ratio_tolerance").map_or(Some(1.0), |at| report.number_in(at, 0.0..=100.0));
    Some(ImageRule { at, width: width?, height: height?, ratio_tolerance: tolerance? })
}
