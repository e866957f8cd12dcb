//! Experiments on whole pages: which of them sends the visitor elsewhere.

use super::Evaluation;
use crate::experiment::Experiment;
use crate::json::Json;
use crate::result::{ExperimentResult, Redirect};
use crate::url::with_parameters_of;

impl<'a> Evaluation<'a> {
    /// Runs the payload's experiments on whole pages in order, until the visitor is in one that redirects.
    ///
    /// `None` if there is none, if its variation stays on the page, or if the target is itself a page of the experiment.
    pub fn redirect(&mut self) -> Option<Redirect<'a>> {
        let (payload, context) = (self.payload, self.context);
        for experiment in payload.experiments() {
            let Some(result) = self.on_page(experiment) else { continue };
            if !result.in_experiment || !experiment.page.redirects || experiment.page.targets.is_none() {
                continue;
            }
            let page = context.url.as_deref().unwrap_or_default();
            let url = result.value.get("urlRedirect").and_then(Json::as_text).filter(|url| !url.is_empty())?;
            let url_with_params = match experiment.page.keeps_query {
                true => with_parameters_of(url, page),
                false => url.to_owned(),
            };
            let is_loop = experiment.page.targets.as_ref().is_some_and(|targets| targets.contain(&url_with_params));
            return (!is_loop).then_some(Redirect { experiment, result, url, url_with_params });
        }
        None
    }

    /// The result of an experiment on the page. `None` if it does not run now, or only when code asks for it.
    fn on_page(&mut self, experiment: &'a Experiment) -> Option<ExperimentResult<'a>> {
        let schedule = experiment.schedule.as_ref();
        if experiment.page.is_manual || schedule.is_some_and(|schedule| !schedule.runs(self.context.now_ms)) {
            return None;
        }
        let coverage = schedule.and_then(|schedule| schedule.coverage(self.context.now_ms));
        Some(self.assign(experiment, None, coverage).result())
    }

    /// The address pattern of former days: on the whole address, and on what follows the host.
    pub(super) fn is_old_page(&self, experiment: &Experiment) -> bool {
        let Some(pattern) = &experiment.page.url else { return true };
        let Some(url) = self.context.url.as_deref().filter(|url| !url.is_empty()) else { return false };
        // A pattern that cannot run fits everything.
        let Some(pattern) = pattern else { return true };
        let bare = url.strip_prefix("https://").or(url.strip_prefix("http://")).unwrap_or(url);
        let path = bare.find('/').and_then(|at| bare.get(at..)).unwrap_or(bare);
        pattern.is_match(url) || pattern.is_match(path)
    }
}
