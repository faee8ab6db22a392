//! The server itself: stopping, log levels.

use crate::{
    rpc::{
        continuation::{Continuation, Shared},
        error::RpcError,
        methods::method::Method,
        params::Args,
        schema::{Schema, optional},
    },
    runtime::logging::{self, LevelError, Levels},
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "ping",
        params: &[],
        summary: "whether calls are answered",
        returns: "\"pong\"",
        result: Schema::Text,
        errors: &[],
        handler: |_, _| Ok(Continuation::value(&"pong")),
    },
    Method {
        name: "stop",
        params: &[],
        summary: "asks the node to stop; answers before it has stopped",
        returns: "a text",
        result: Schema::Text,
        errors: &[],
        handler: |context, _| {
            log::info!("rpc: stop requested");
            context.node.stop();
            // The ledger saves when it stops: this answer must not wait for it.
            Ok(Continuation::Saved(Box::new(Continuation::value(&"tussock is stopping"))))
        },
    },
    Method {
        name: "logging",
        params: &[optional("levels", Schema::Text, "LEVEL[,module=LEVEL]…, such as info,peers=debug")],
        summary: "answers the log levels; with a parameter, sets them until the node stops",
        returns: "a text: the log levels",
        result: Schema::Text,
        errors: &[],
        handler: logging,
    },
];

fn logging(_: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    if let Some(text) = args.text("levels") {
        let levels: Levels = text.parse().map_err(|error: LevelError| RpcError::bad_parameter(error.to_string()))?;
        // Logged as a warning, so that few level settings hide it.
        log::warn!("log levels change levels={levels}");
        logging::set_levels(levels);
    }
    let levels = logging::levels().ok_or_else(|| RpcError::internal("this node does not log"))?;
    Ok(Continuation::value(&levels.to_string()))
}
