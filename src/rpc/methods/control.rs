//! About the server itself.

use crate::{
    rpc::{
        error::RpcError,
        methods::{self, Method},
        params::{Args, Kind, optional},
        step::{Shared, Step},
    },
    runtime::logging::{self, LevelError, Levels},
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "ping",
        params: &[],
        summary: "whether calls are answered",
        returns: "\"pong\"",
        handler: |_, _| Ok(Step::value(&"pong")),
    },
    Method {
        name: "stop",
        params: &[],
        summary: "asks the node to stop; the answer comes before it has",
        returns: "a text",
        handler: |context, _| {
            log::info!("stop asked for by rpc");
            context.node.stop();
            Ok(Step::value(&"tussock is stopping"))
        },
    },
    Method {
        name: "logging",
        params: &[optional("levels", Kind::Text, "LEVEL[,module=LEVEL]…, such as info,peers=debug")],
        summary: "says what is logged; with levels, changes that until the node stops",
        returns: "the levels that hold now",
        handler: logging,
    },
    Method {
        name: "help",
        params: &[optional("method", Kind::Text, "the method to explain")],
        summary: "lists the methods, or explains one",
        returns: "a text",
        handler: |_, args| match args.text("method") {
            None => Ok(Step::value(&list())),
            Some(name) => match methods::find(name) {
                Some(method) => Ok(Step::value(&explain(method))),
                None => Err(RpcError::not_found("no such method; help lists all")),
            },
        },
    },
    Method {
        name: "rpc.discover",
        params: &[],
        summary: "describes all methods in the OpenRPC format",
        returns: "an OpenRPC document",
        handler: |context, _| Ok(Step::value(&methods::openrpc(&context.version))),
    },
];

fn logging(_: &Shared, args: &Args) -> Result<Step, RpcError> {
    if let Some(text) = args.text("levels") {
        let levels: Levels = text.parse().map_err(|error: LevelError| RpcError::bad_parameter(error.to_string()))?;
        // Told at the level that is least likely to be switched off, before and after.
        log::warn!("log levels change levels={levels}");
        logging::set_levels(levels);
    }
    let levels = logging::levels().ok_or_else(|| RpcError::internal("this node does not log"))?;
    Ok(Step::value(&levels.to_string()))
}

fn list() -> String {
    methods::all().map(|method| format!("{} - {}\n", method.usage(), method.summary)).collect()
}

fn explain(method: &Method) -> String {
    let line = |param: &crate::rpc::params::Param| format!("  {}: {}\n", param.name, param.summary);
    let params: String = method.params.iter().map(line).collect();
    format!("{}\n{}\n{params}returns {}\n", method.usage(), method.summary, method.returns)
}
