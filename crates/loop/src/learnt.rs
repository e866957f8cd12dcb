//! What was learnt, when people publish: their documents need not carry it.

use serde_json::{Map, Value};

use crate::learner::{learners, offers};

/// Puts into a document that is to be published what its bandits know in the running one, where the document does not say what
/// they know (no `arms`). A bandit whose prior, reward, name, window or beginning is another begins anew, and knows nothing
/// until the next turn; so does one that is new.
pub fn keep_learnt(document: &mut Value, running: Option<&Value>) {
    let known = running.map(learners).unwrap_or_default();
    let offers = offers(document);
    for learner in learners(document) {
        let says = document.pointer(&learner.pointer).is_some_and(|it| it.get("arms").is_some());
        let arms = known.iter().find(|it| it.subject == learner.subject).map(|it| &it.arms);
        let arms: Map<String, Value> = arms
            .into_iter()
            .flatten()
            .filter(|(offer, _)| offers.contains(*offer))
            .map(|(offer, it)| (offer.clone(), Value::from(it.to_vec())))
            .collect();
        if !says && !arms.is_empty() {
            set_arms(document, &learner.pointer, arms);
        }
    }
}

/// Whether two documents say the same but for what bandits that learn have learnt.
pub fn differ_in_learnt_only(one: &Value, other: &Value) -> bool {
    let without = |document: &Value| {
        let mut document = document.clone();
        for learner in learners(&document) {
            if let Some(ranker) = document.pointer_mut(&learner.pointer).and_then(Value::as_object_mut) {
                ranker.remove("arms");
            }
        }
        document
    };
    without(one) == without(other)
}

/// Says what a ranker knows. An empty object says that it knows nothing.
pub(crate) fn set_arms(document: &mut Value, pointer: &str, arms: Map<String, Value>) {
    if let Some(ranker) = document.pointer_mut(pointer).and_then(Value::as_object_mut) {
        ranker.insert("arms".to_owned(), arms.into());
    }
}
