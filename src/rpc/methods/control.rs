//! About the server itself.

use crate::rpc::{
    error::RpcError,
    methods::{self, Method},
    params::{Kind, optional},
    step::Step,
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

fn list() -> String {
    methods::all().map(|method| format!("{} - {}\n", method.usage(), method.summary)).collect()
}

fn explain(method: &Method) -> String {
    let line = |param: &crate::rpc::params::Param| format!("  {}: {}\n", param.name, param.summary);
    let params: String = method.params.iter().map(line).collect();
    format!("{}\n{}\n{params}returns {}\n", method.usage(), method.summary, method.returns)
}
