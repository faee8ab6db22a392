//! The nodes that may link.

use serde_json::json;

use super::method::Method;
use crate::{
    node::command::{PeersCommand, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        error::{self, RpcError},
        params::Args,
        schema::Schema,
    },
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "members",
        params: &[],
        summary: "the file of the nodes that may link, and these nodes",
        returns: "an object; both are null if every node may link",
        result: answers::peers::MEMBERS,
        errors: &[],
        handler: list,
    },
    Method {
        name: "reloadmembers",
        params: &[],
        summary: "reads the list of members again; the links of nodes that are not in it end",
        returns: "the number of members",
        result: Schema::Integer,
        errors: &[error::REJECTED],
        handler: reload,
    },
];

fn list(context: &Shared, _: &Args) -> Result<Continuation, RpcError> {
    let context = context.clone();
    Ok(Continuation::ask(PeersCommand::Members, move |reply| match reply {
        Reply::Members(members) => {
            let texts = members.map(|members| members.iter().map(|node| context.node_text(node)).collect::<Vec<_>>());
            Ok(Continuation::value(
                &json!({ "file": context.members.as_ref().map(|list| &list.path), "members": texts }),
            ))
        }
        other => Err(unexpected(other)),
    }))
}

fn reload(context: &Shared, _: &Args) -> Result<Continuation, RpcError> {
    let members = read(context)?;
    let count = members.len();
    Ok(Continuation::ask(PeersCommand::SetMembers(members), move |reply| match reply {
        Reply::Done => Ok(Continuation::value(&count)),
        other => Err(unexpected(other)),
    }))
}

fn read(context: &Context) -> Result<crate::node::Members, RpcError> {
    let rejected = |problem: String| RpcError::new(error::REJECTED, problem);
    let none =
        || rejected("this node lets everybody link; tussock run --members FILE starts it with a list".to_owned());
    let list = context.members.as_ref().ok_or_else(none)?;
    list.read(&context.chain.prefix).map_err(rejected)
}
