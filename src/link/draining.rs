//! When nothing of the node's own waits on a link any more. A role that has much to tell a slow peer sends it in portions, each once
//! the one before has left: more than [`SEND_OWN_BYTES`](crate::base::limits::SEND_OWN_BYTES) of them would end the link.

use crate::{
    base::ids::LinkId,
    link::{Endpoint, EventSink},
    node::{LinkEvent, RoleId},
};

impl<S: EventSink> Endpoint<S> {
    /// Tells once the link is drained: now, if it is.
    pub(super) fn await_drained(&mut self, id: LinkId) {
        if self.links.get(&id).is_some_and(|link| link.up && link.ends.is_none()) {
            self.awaited.insert(id);
            self.tell_drained(id);
        }
    }

    /// Tells that the link is drained, if it is and somebody waits for that.
    pub(super) fn tell_drained(&mut self, id: LinkId) {
        let is_drained = |id| self.links.get(id).is_some_and(|link| link.ends.is_none() && link.framer.own() == 0);
        if self.awaited.contains(&id) && is_drained(&id) {
            self.awaited.remove(&id);
            self.delivery.tell(RoleId::Sealer, LinkEvent::Drained { link: id });
        }
    }
}
