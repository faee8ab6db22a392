//! The partitions that operators of test chains make.

use super::{
    method::Method,
    network::{book, order},
};
use crate::{
    chain::node_id,
    node::command::PeersCommand,
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared},
        error::{self, RpcError},
        params::Args,
        schema::{Schema, required},
    },
};

/// Addresses in one `netdeny`.
const MAX_DENY: usize = 256;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "netdeny",
        params: &[required(
            "addresses",
            Schema::Array(&Schema::Endpoint),
            "listening addresses, IP:PORT, or ids of nodes",
        )],
        summary: "test chains: closes and refuses links with these nodes; adds to earlier ones",
        returns: "true",
        result: Schema::Boolean,
        errors: &[error::REJECTED],
        handler: deny,
    },
    Method {
        name: "netallow",
        params: &[],
        summary: "test chains: ends every netdeny",
        returns: "true",
        result: Schema::Boolean,
        errors: &[error::REJECTED],
        handler: |context, _| {
            test_chain(context)?;
            Ok(order(PeersCommand::Allow))
        },
    },
    Method {
        name: "listdenied",
        params: &[],
        summary: "the addresses and nodes that netdeny named",
        returns: "an array",
        result: answers::peers::DENIED,
        errors: &[],
        handler: |context, _| Ok(book(context, |_, _, denied| denied)),
    },
];

fn test_chain(context: &Context) -> Result<(), RpcError> {
    match context.chain.test {
        true => Ok(()),
        false => Err(RpcError::new(error::REJECTED, "only on test chains, such as local and dev")),
    }
}

fn deny(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    test_chain(context)?;
    let texts = args.texts("addresses");
    if texts.len() > MAX_DENY {
        return Err(RpcError::bad_parameter("at most 256 addresses at once"));
    }
    let (mut addresses, mut nodes) = (Vec::new(), Vec::new());
    for text in texts {
        match (text.parse(), node_id::parse(text, &context.chain.prefix)) {
            (Ok(address), _) => addresses.push(address),
            (Err(_), Ok(node)) => nodes.push(node),
            (Err(_), Err(_)) => {
                return Err(RpcError::bad_parameter("\"addresses\" are of the form IP:PORT, or ids of nodes"));
            }
        }
    }
    Ok(order(PeersCommand::Deny(addresses, nodes)))
}
