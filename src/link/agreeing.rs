//! A link before its frames: the messages of the key agreement on their way to the role.

use crate::{
    link::{
        EventSink,
        link::{Around, Link, Progress},
        tunnel::{Misfit, Step},
    },
    node::{AgreementStep, CloseReason, LinkEvent, RoleId},
    wire::message::{GoodbyeCode, Message},
};

impl Link {
    /// Hands on the messages of the key agreement.
    pub(super) fn agree<S: EventSink>(&mut self, around: &mut Around<'_, S>) -> Result<Progress, CloseReason> {
        loop {
            if !self.hand_on(around) {
                return Ok(self.note(Progress::Inbox(RoleId::KeyAgreement), around.now));
            }
            if !self.tunnel.wants_input() {
                return Ok(self.note(Progress::Gate, around.now));
            }
            match self.tunnel.next_step() {
                Ok(Some(Step::Message(message))) => {
                    let is_first = self.direction.is_inbound() && !std::mem::replace(&mut self.counted_agreement, true);
                    if is_first {
                        around.agreements.begin(around.now, self.remote)?;
                    }
                    let step = AgreementStep::Message { message, members: around.members.cloned() };
                    self.pending = Some((RoleId::KeyAgreement, LinkEvent::Agree { link: self.id, step }));
                }
                Ok(Some(Step::Introduction(node))) => {
                    self.node = Some(node);
                    return Ok(Progress::Introduced);
                }
                Ok(None) => return Ok(Progress::Reads),
                Err(misfit) => return Err(self.misfit(misfit, around.members.is_some())),
            }
        }
    }

    /// What becomes of a link whose other side does not begin a key agreement. A stranger hears nothing of a node with
    /// members.
    fn misfit(&mut self, misfit: Misfit, is_closed: bool) -> CloseReason {
        match misfit {
            Misfit::Fault(fault) => CloseReason::Fault(fault),
            Misfit::Goodbye1 { code, retry_after } => CloseReason::Remote { code, retry_after },
            Misfit::Protocol1(magic) => {
                if self.direction.is_inbound() && !is_closed {
                    let code = GoodbyeCode::WrongVersion as u8;
                    self.tunnel.refuse(magic, &Message::Goodbye { code, retry_after: 0 });
                }
                CloseReason::Local(GoodbyeCode::WrongVersion)
            }
        }
    }
}
