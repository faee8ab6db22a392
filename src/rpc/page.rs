//! The page at `/`.

use crate::rpc::http::{HTML, Head, Response, Status};

const PAGE: &str = include_str!("page.html");

/// The page.
pub(super) fn serve(_: &Head) -> Response {
    Response::new(Status::Ok, HTML, PAGE)
}
