//! The page at `/`: one file without anything from elsewhere, allowed to run by a nonce that is made for each answer.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    base::hash::{Domain, hex},
    rpc::http::{HTML, Response, Status},
};

const PAGE: &str = include_str!("page.html");
/// Where the nonce goes.
const NONCE: &str = "{nonce}";
/// Where the answers go that the first view needs.
const FIRST: &str = "{first}";

/// Makes nonces that nobody outside can foresee.
pub struct Page {
    secret: Vec<u8>,
    count: AtomicU64,
}

impl Page {
    /// With a secret to derive nonces from, which they do not give away.
    pub fn new(secret: &str) -> Self {
        Self { secret: secret.as_bytes().to_vec(), count: AtomicU64::new(0) }
    }

    /// The page, with the answers that its first view needs, as JSON: a browser draws it without asking again.
    pub(super) fn serve(&self, first: &str) -> Response {
        let nonce = self.nonce();
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        // In JSON this sign is in texts only; a memo must not be able to end the element that it is in.
        let first = first.replace('<', "\\u003c");
        // In this order, so that no text of others is taken for a mark.
        let page = PAGE.replace(NONCE, &nonce).replacen(FIRST, &first, 1);
        Response::new(Status::Ok, HTML, page).with("Content-Security-Policy", policy)
    }

    fn nonce(&self) -> String {
        let mut bytes = self.secret.clone();
        bytes.extend_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        hex(&Domain::STREAM.hash(&bytes).0[..16])
    }
}
