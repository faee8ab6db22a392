//! The page at `/`: one file that loads nothing from elsewhere. A nonce per response allows its script and style. Its source has
//! several files, which are put together here, without what is for readers of the source only.

use std::sync::{LazyLock, atomic::Ordering};

use portable_atomic::AtomicU64;

use crate::{
    base::hash::{Domain, hex},
    rpc::http::{HTML, Response, Status},
};

const SOURCE: &str = concat!(
    include_str!("page/head.html"),
    include_str!("page/style.css"),
    include_str!("page/body.html"),
    include_str!("page/base.js"),
    include_str!("page/qr.js"),
    include_str!("page/parts.js"),
    include_str!("page/views.js"),
    include_str!("page/wall.js"),
    include_str!("page/main.js"),
    "</script>\n</html>\n",
);
static PAGE: LazyLock<String> = LazyLock::new(|| without_comments(SOURCE));
/// The nonce's placeholder.
const NONCE: &str = "{nonce}";
/// The placeholder of the answers that the first view needs.
const FIRST: &str = "{first}";
/// Bytes of the page with these answers, at most.
const MOST: usize = 64 * 1024;
/// Digits of a nonce, which stands in the page twice.
const NONCE_DIGITS: usize = 32;

/// Bytes of the answers, as [`embedded`] has them, for which there is room in the page.
pub(super) fn room() -> usize {
    MOST.saturating_sub(PAGE.len() + 2 * NONCE_DIGITS)
}

/// JSON as it stands in the page. It has this sign in texts only, and a memo must not be able to end the script element.
pub(super) fn embedded(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// Serves the page, with nonces that a client cannot predict.
pub struct Page {
    secret: Vec<u8>,
    count: AtomicU64,
}

/// Leaves out indentation, and comments that have lines of their own.
fn without_comments(source: &str) -> String {
    let (mut page, mut is_comment) = (String::with_capacity(source.len()), false);
    for line in source.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if !is_comment {
            page.push_str(line);
            page.push('\n');
        }
        is_comment &= !line.ends_with("*/");
    }
    page
}

impl Page {
    /// A page whose nonces are derived from `secret`, without revealing it.
    pub fn new(secret: &str) -> Self {
        Self { secret: secret.as_bytes().to_vec(), count: AtomicU64::new(0) }
    }

    /// The page with `first`, the JSON of its first view. It may connect to its own node, and to these origins.
    pub(super) fn serve(&self, first: &str, origins: &[String]) -> Response {
        let nonce = self.nonce();
        let origins: String = origins.iter().flat_map(|origin| [" ", origin]).collect();
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'{origins}; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let first = embedded(first);
        // In this order, so that a placeholder within `first` stays as it is.
        let page = PAGE.replace(NONCE, &nonce).replacen(FIRST, &first, 1);
        Response::new(Status::Ok, HTML, page).with("Content-Security-Policy", policy)
    }

    fn nonce(&self) -> String {
        let mut bytes = self.secret.clone();
        bytes.extend_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        hex(&Domain::STREAM.hash(&bytes).0[..NONCE_DIGITS / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stays_small_and_loads_nothing() {
        // With what the first view needs it has at most 64 KiB.
        assert!(PAGE.len() <= 58 * 1024, "{} bytes", PAGE.len());
        let first = "x".repeat(room());
        assert_eq!(Page::new("secret").serve(&first, &[]).body.len(), MOST - NONCE.len() * 2 - FIRST.len());
        assert!(!PAGE.contains("\n ") && !PAGE.contains("\n/*") && PAGE.ends_with("</script>\n</html>\n"));
        let source = "a { }\n/* one\n  two */\n  b /* kept */\n/* three */\nc";
        assert_eq!(without_comments(source), "a { }\nb /* kept */\nc\n");
        for part in
            ["src=", "@import", "url(", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"]
        {
            assert!(!PAGE.contains(part), "{part}");
        }
        assert_eq!((PAGE.matches(NONCE).count(), PAGE.matches(FIRST).count()), (2, 1));
    }
}
