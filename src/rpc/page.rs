//! The page at `/`: one file without anything from elsewhere, allowed to run by a nonce that is made for each answer.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::json;

use crate::{
    base::hash::{Domain, hex},
    node::report::SyncState,
    rpc::{
        http::{HTML, Response, Status},
        methods::{blocks, mempool, status},
        step::{Shared, Step},
    },
};

const PAGE: &str = include_str!("page.html");
/// Where the nonce goes.
const NONCE: &str = "{nonce}";
/// Where the answers go that the first view needs.
const FIRST: &str = "{first}";
/// What the overview asks for; with these names the answers are found in the page.
const BLOCKS: (&str, u64) = ("blocks?limit=21", 21);
const POOL: (&str, u64) = ("mempool?limit=8", 8);
/// How long the page waits for the mempool.
const PATIENCE: Duration = Duration::from_millis(200);

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

/// Gathers the answers that the first view needs. Under way at the start and during a sync the database and the roles have
/// other things to do: then the page asks for itself.
pub(super) fn first(context: &Shared) -> Step {
    if matches!(context.node.status().state, SyncState::Starting | SyncState::Headers | SyncState::Blocks) {
        return Step::value(&json!({}));
    }
    let context = context.clone();
    Step::query_then(move |books| {
        let list = blocks::page(&context, books, u64::MAX, BLOCKS.1)?;
        let summary = status::summary(&context);
        let all = move |pool| json!({ "summary": summary, BLOCKS.0: list, POOL.0: pool });
        Ok(mempool::overview(&context, POOL.1, all).within(PATIENCE))
    })
}
