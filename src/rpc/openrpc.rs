//! The OpenRPC document: what `rpc.discover` answers, made from the table of methods.

use serde_json::{Value, json};

use crate::rpc::{methods::method::Method, params::Param};

/// The OpenRPC document of this program's methods.
pub(super) fn document(methods: impl Iterator<Item = &'static Method>, version: &str) -> Value {
    let param = |param: &Param| {
        json!({
            "name": param.name,
            "required": param.required,
            "summary": param.summary,
            "schema": param.kind.schema(),
        })
    };
    let method = |method: &Method| {
        json!({
            "name": method.name,
            "summary": method.summary,
            "paramStructure": "either",
            "params": method.params.iter().map(param).collect::<Vec<_>>(),
            "result": { "name": "result", "summary": method.returns, "schema": result_schema(method.returns) },
        })
    };
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "tussock JSON-RPC",
            "version": version,
            "description": "JSON-RPC 2.0 over POST /rpc. HTTP Basic credentials: the content of the file rpc.cookie. \
                            Amounts are integers in base units, times unix seconds, hashes lower-case hex.",
        },
        "methods": methods.map(method).collect::<Vec<_>>(),
    })
}

/// The JSON types of what a method returns, from the line that says it.
fn result_schema(returns: &str) -> Value {
    const TYPES: [(&str, &str); 12] = [
        ("an object", "object"),
        ("an OpenRPC document", "object"),
        ("the tip's", "object"),
        ("an array", "array"),
        ("their", "array"),
        ("a number", "number"),
        ("a hash", "string"),
        ("a text", "string"),
        ("its id", "string"),
        ("hex", "string"),
        ("null", "null"),
        ("true", "boolean"),
    ];
    // What follows says what is in it.
    let kind = returns.split([';', ':']).next().unwrap_or_default().split(" with ").next().unwrap_or_default();
    let mut types: Vec<&str> = TYPES.iter().filter(|(words, _)| kind.contains(words)).map(|(_, name)| *name).collect();
    types.dedup();
    match types.as_slice() {
        [] => json!({ "type": "string" }),
        [one] => json!({ "type": one }),
        several => json!({ "type": several }),
    }
}

#[cfg(test)]
mod tests {
    use crate::rpc::methods;

    #[test]
    fn the_document_describes_each_method() {
        let document = methods::openrpc("1.2.3");
        assert_eq!(document["methods"].as_array().unwrap().len(), methods::all().count());
        let wait = document["methods"].as_array().unwrap().iter().find(|method| method["name"] == "wait").unwrap();
        assert_eq!(wait["params"][0]["name"], "kind");
        assert_eq!(wait["params"][0]["required"], true);
    }
}
