//! What the caller is told of a batch.

use serde::Serialize;
use vitrine_api::SetCookie;

use crate::event::EventError;

/// What became of a batch. Every row is in one of the four.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventVerdict {
    /// How many rows were counted.
    pub accepted: usize,
    /// How many had been counted before.
    pub duplicate: usize,
    /// How many were taken from programs or pages that are fetched ahead, and are counted apart.
    pub excluded: usize,
    /// Rows that were not counted, with their places.
    pub rejected: Vec<(usize, EventError)>,
    /// What the visitor's device is to keep.
    pub set: Option<SetCookie>,
}

/// What became of a batch. Every row is in one of the four.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "EventVerdict"))]
struct VerdictWire {
    /// How many rows were counted.
    accepted: usize,
    /// How many had been counted before: the same id, order, or showing.
    duplicate: usize,
    /// How many came from a program or a page that is fetched ahead. They are counted apart.
    excluded: usize,
    /// The rows that were not counted, in their order.
    rejected: Vec<RejectedWire>,
    /// What the visitor's device is to keep, for callers that relay answers: as a cookie, or for `state` of later requests. After a
    /// dismissal or a conversion of the batch's visitor; answers that are given again are without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<[SetCookie; 1]>,
}

/// A row that was not counted.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "EventRejected"))]
struct RejectedWire {
    /// Position of the row in the batch, from 0.
    index: usize,
    /// Why, as a stable word. `retry`: nothing is wrong with the row; send it again, with the same id.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = EventError::WORDS)))]
    code: &'static str,
    /// Why, in words.
    detail: String,
}

impl EventVerdict {
    /// Whether rows are to be sent again.
    pub fn is_incomplete(&self) -> bool {
        self.rejected.iter().any(|(_, error)| *error == EventError::Retry)
    }

    /// The body of the answer: `{"accepted", "duplicate", "excluded", "rejected": [{"index", "code", "detail"}], "set"}`.
    pub fn to_json(&self) -> String {
        let mut rejected: Vec<&(usize, EventError)> = self.rejected.iter().collect();
        rejected.sort_by_key(|(index, _)| *index);
        let row = |(index, error): &(usize, EventError)| RejectedWire {
            index: *index,
            code: error.as_str(),
            detail: error.detail().into_owned(),
        };
        let wire = VerdictWire {
            accepted: self.accepted,
            duplicate: self.duplicate,
            excluded: self.excluded,
            rejected: rejected.into_iter().map(row).collect(),
            set: self.set.clone().map(|it| [it]),
        };
        // Numbers and texts always serialise.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for EventVerdict {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        VerdictWire::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        VerdictWire::json_schema(generator)
    }
}
