//! The end of a join, while the ledger forgets the headers above the block whose coins it takes.
//!
//! It removes them some at a time, and this role's index stands for all of them: a header whose parents are gone would look like
//! damage. So the ledger has the role rest first. Until it begins again, it relies on nothing in the store. Questions of peers and of
//! roles are answered, and whatever else comes is asked for again.

use crate::node::{
    Outbox,
    headers::Headers,
    notice::{ToFetch, ToHeaders, ToLedger},
};

impl Headers {
    /// The ledger is about to forget headers.
    pub(super) fn rest(&mut self, out: &mut Outbox) {
        self.joining.iter_mut().for_each(|joining| joining.rests = true);
        out.tell(ToLedger::HeadersRest);
    }

    /// Whether any header may be missing from the store.
    pub(super) fn rests(&self) -> bool {
        self.joining.as_ref().is_some_and(|joining| joining.rests)
    }

    /// Takes what can be taken without the store, if the role rests. Returns a notice that is taken as ever.
    pub(super) fn unless_resting(&mut self, notice: ToHeaders, out: &mut Outbox) -> Option<ToHeaders> {
        if !self.rests() {
            return Some(notice);
        }
        match notice {
            ToHeaders::Offered { origin, hash, .. } => {
                let reason = origin.link().is_none().then(|| "the node joins with a snapshot".to_owned());
                out.tell(ToFetch::OfferDropped { hash, reason });
            }
            ToHeaders::Announced { hash, .. } => out.tell(ToFetch::HeaderJudged { hash, is_wanted: false }),
            // Its header counts once a peer sends it.
            ToHeaders::Notarised { hash, epoch, view, .. } => drop(self.certified.note(hash, epoch, view)),
            ToHeaders::ChainMoved(_)
            | ToHeaders::BlocksInvalid { .. }
            | ToHeaders::BlocksValidAgain(_)
            | ToHeaders::Overdue { .. }
            | ToHeaders::CandidateTaken { .. }
            | ToHeaders::Denied { .. } => {}
            // Of an earlier final block that is missing nobody knows whether it is ours, and nothing is lost by that.
            other @ (ToHeaders::Final { .. }
            | ToHeaders::PeerTip { .. }
            | ToHeaders::PeerClock { .. }
            | ToHeaders::DialsFail(_)
            | ToHeaders::Delivered
            | ToHeaders::Fetched { .. }
            | ToHeaders::Joining
            | ToHeaders::Rest
            | ToHeaders::JoinProgress(_)
            | ToHeaders::Joined
            | ToHeaders::ClockSet) => return Some(other),
        }
        None
    }
}
