//! What a role has told of hindrances, so that it tells each change once.

use std::collections::BTreeMap;

use crate::{
    base::time::UnixTime,
    node::{
        Outbox,
        hindrance::{Blocks, Finding, HindranceId},
        report::Report,
    },
};

/// The hindrances that a role has found and reported.
#[derive(Debug, Default)]
pub struct HindranceReporter(BTreeMap<HindranceId, Finding>);

impl HindranceReporter {
    /// Replaces all that was found before, and reports what is new, changed or over.
    pub fn replace(
        &mut self,
        now: UnixTime,
        found: impl IntoIterator<Item = (HindranceId, Option<Finding>)>,
        out: &mut Outbox,
    ) {
        let mut found = found.into_iter().filter_map(|(id, finding)| Some((id, finding?))).peekable();
        // By far the most calls: roles look after each event.
        if self.0.is_empty() && found.peek().is_none() {
            return;
        }
        let before = std::mem::replace(&mut self.0, found.collect());
        for id in before.keys().filter(|id| !self.0.contains_key(id)) {
            out.report(Report::Hindrance { id: *id, now, finding: None });
        }
        for (id, finding) in self.0.iter().filter(|(id, finding)| before.get(id) != Some(finding)) {
            out.report(Report::Hindrance { id: *id, now, finding: Some(finding.clone()) });
        }
    }

    /// Replaces what was found of one of them, and reports it if it is new, changed or over.
    pub fn set(&mut self, now: UnixTime, id: HindranceId, finding: Option<Finding>, out: &mut Outbox) {
        let rest: Vec<(HindranceId, Option<Finding>)> = self
            .0
            .iter()
            .filter(|(other, _)| **other != id)
            .map(|(other, found)| (*other, Some(found.clone())))
            .collect();
        self.replace(now, rest.into_iter().chain([(id, finding)]), out);
    }

    /// The text of the first finding that blocks what `blocks` selects.
    pub fn first_blocking(&self, blocks: fn(Blocks) -> bool) -> Option<String> {
        let found = self.0.iter().find(|(id, finding)| blocks(finding.blocks(**id)));
        found.map(|(_, finding)| finding.text.clone())
    }

    /// Whether this one was found.
    pub fn contains(&self, id: HindranceId) -> bool {
        self.0.contains_key(&id)
    }

    /// What was found of this one, if anything.
    pub fn found(&self, id: HindranceId) -> Option<&Finding> {
        self.0.get(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::testing::Actions;

    #[test]
    fn each_change_is_reported_once() {
        let (mut reporter, mut out, now) = (HindranceReporter::default(), Outbox::default(), UnixTime(7));
        let (alone, tip) = (HindranceId::Alone, HindranceId::OwnTipAhead);
        let finding = |text: &str| Some(Finding::new(text, "wait"));
        for found in [[finding("a"), None], [finding("a"), None], [finding("b"), finding("c")], [None, None]] {
            reporter.replace(now, [alone, tip].into_iter().zip(found), &mut out);
            let blocks = reporter.first_blocking(|blocks| blocks.ready);
            assert_eq!(blocks, reporter.contains(tip).then(|| "c".to_owned()));
        }
        let report = |id, finding| Report::Hindrance { id, now, finding };
        let reports = Actions(out.drain().collect()).reports();
        let begun = [report(alone, finding("a")), report(tip, finding("c")), report(alone, finding("b"))];
        let over = [report(tip, None), report(alone, None)];
        assert_eq!(reports.len(), 5, "{reports:?}");
        assert!(reports[0] == begun[0] && begun[1..].iter().all(|one| reports[1..3].contains(one)), "{reports:?}");
        assert!(over.iter().all(|one| reports[3..].contains(one)), "{reports:?}");
    }
}
