//! Contents of offers: any JSON object, in which some members have a meaning and then a type.
//!
//! What has no meaning here is handed to the page unread. `image`, `video`, `link` and `cta` may also be a plain text, which is then
//! a source, a link or a label, without anything that could be checked about it.

use crate::compile::Compiler;
use crate::source::{At, Kind};

/// Members of images, videos and calls to action that have a meaning.
pub(crate) const IMAGE_KEYS: [&str; 4] = ["src", "alt", "width", "height"];
pub(crate) const VIDEO_KEYS: [&str; 4] = ["src", "poster", "width", "height"];
pub(crate) const CTA_KEYS: [&str; 2] = ["label", "link"];
const LINK_KEYS: [&str; 2] = ["url", "text"];
/// Members that are numbers of pixels; all others are texts.
const PIXEL_KEYS: [&str; 2] = ["width", "height"];

/// Greatest width and height of images and videos. Unit: CSS pixels.
pub(crate) const PIXELS_MAX: i64 = 20_000;

impl Compiler<'_, '_> {
    /// Checks the members that have a meaning. `null` stands for an absent member.
    pub(super) fn typed_content(&mut self, content: At<'_>) {
        for key in ["title", "text", "ad_label"] {
            present(content, key).and_then(|at| self.report.text(at));
        }
        let parts = [("image", &IMAGE_KEYS[..]), ("video", &VIDEO_KEYS), ("link", &LINK_KEYS), ("cta", &CTA_KEYS)];
        for (key, members) in parts {
            if let Some(at) = unless_text(content, key) {
                self.parts_of_content(at, key, members);
            }
        }
        if let Some(at) = present(content, "ai_generated") {
            self.reviewed(at);
        }
    }

    fn parts_of_content(&mut self, at: At<'_>, what: &str, members: &[&str]) {
        if !matches!(at.kind(), Kind::Object(_)) {
            let help = format!("write {what}: a text, or an object with {}", members.join(", "));
            self.report.wrong_type(at, "a text or an object", &help);
        }
        for key in members {
            let Some(at) = present(at, key) else { continue };
            if PIXEL_KEYS.contains(key) {
                self.report.integer(at, 1..=PIXELS_MAX);
            } else {
                self.report.text(at);
            }
        }
    }

    /// What a machine wrote must have been read by somebody with a name.
    fn reviewed(&mut self, at: At<'_>) {
        let help = "name who has read it: ai_generated: { reviewer: … }";
        match at.kind() {
            Kind::Bool(false) => {}
            Kind::Object(_) => match present(at, "reviewer") {
                Some(at) => {
                    self.report.name(at, "reviewer");
                }
                None => self.report.error(at, "not_reviewed", "nobody has reviewed what a machine wrote", help),
            },
            Kind::Bool(true) => {
                self.report.error(at, "not_reviewed", "nobody has reviewed what a machine wrote", help);
            }
            _ => self.report.wrong_type(at, "an object with a reviewer, or false", help),
        }
    }
}

/// The value of a key, if there is one and it is not `null`.
pub(crate) fn present<'t>(at: At<'t>, key: &str) -> Option<At<'t>> {
    at.get(key).filter(|it| !matches!(it.kind(), Kind::Null))
}

fn unless_text<'t>(at: At<'t>, key: &str) -> Option<At<'t>> {
    present(at, key).filter(|it| !matches!(it.kind(), Kind::Text(_)))
}
