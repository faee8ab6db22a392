//! The OpenRPC document: what `rpc.discover` answers, made from the table of methods.

use serde_json::{Value, json};

use crate::rpc::{
    error::{BAD_PARAMETER, BUSY, DATABASE, INTERNAL, INVALID_PARAMS, MEANINGS, STARTING, STOPPING},
    methods::method::Method,
    schema::Property,
};

/// Codes that any method may answer.
const COMMON: [i32; 5] = [INTERNAL, DATABASE, STARTING, STOPPING, BUSY];
/// Codes that any method with parameters may answer.
const OF_PARAMETERS: [i32; 2] = [INVALID_PARAMS, BAD_PARAMETER];

/// The document.
pub(super) fn document(methods: impl Iterator<Item = &'static Method>, version: &str) -> Value {
    let errors = MEANINGS.iter().map(|(code, text)| (name_of(*code), json!({ "code": code, "message": text })));
    json!({
        // The newest version that all tools know.
        "openrpc": "1.2.6",
        "info": {
            "title": "tussock JSON-RPC",
            "version": version,
            "description": "JSON-RPC 2.0, 1.1 or 1.0 over POST /rpc or POST /. HTTP Basic credentials: the content of the \
                            file rpc.cookie. Amounts are integers in base units, times unix seconds, hashes \
                            lower-case hex. Integers of format uint64 or int128 may exceed 2^53, which JavaScript \
                            rounds; with POST /rpc?integers=strings they are strings.",
        },
        "servers": [{
            "name": "this host",
            "url": "http://127.0.0.1:3030/rpc",
            "summary": "The usual address. The file endpoints.json in the data directory says where a node listens.",
        }],
        "methods": methods.map(describe).collect::<Vec<_>>(),
        "components": { "errors": errors.collect::<serde_json::Map<_, _>>() },
    })
}

fn describe(method: &Method) -> Value {
    let parameters: &[i32] = if method.params.is_empty() { &[] } else { &OF_PARAMETERS };
    let codes = method.errors.iter().chain(parameters).chain(&COMMON);
    let reference = |code: &i32| json!({ "$ref": format!("#/components/errors/{}", name_of(*code)) });
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": method.params.iter().map(parameter).collect::<Vec<_>>(),
        "result": { "name": "result", "summary": method.returns, "schema": method.result.to_json() },
        "errors": codes.map(reference).collect::<Vec<_>>(),
        "examples": [example(method)],
    })
}

fn parameter(param: &Property) -> Value {
    json!({
        "name": param.name,
        "required": param.required,
        "summary": param.summary,
        "schema": param.schema.to_json(),
    })
}

fn example(method: &Method) -> Value {
    let required = method.params.iter().filter(|param| param.required);
    let params = required.map(|param| json!({ "name": param.name, "value": param.schema.example() }));
    json!({
        "name": method.name,
        "params": params.collect::<Vec<_>>(),
        "result": { "name": "result", "value": method.result.example() },
    })
}

/// The name of an error within the document.
fn name_of(code: i32) -> String {
    format!("error{}", code.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use crate::rpc::methods;

    #[test]
    fn the_document_describes_each_method() {
        let document = methods::openrpc("1.2.3");
        assert_eq!(document["methods"].as_array().unwrap().len(), methods::all().count());
        let wait = document["methods"].as_array().unwrap().iter().find(|method| method["name"] == "wait").unwrap();
        assert_eq!((&wait["params"][0]["name"], &wait["params"][0]["required"]), (&"kind".into(), &true.into()));
        assert_eq!(wait["result"]["schema"]["properties"]["ok"]["type"], "boolean");
        let text = document.to_string();
        assert_eq!(text.matches("{\"type\":\"array\"}").count(), 0, "generators crash at an array without items");
        for method in document["methods"].as_array().unwrap() {
            for error in method["errors"].as_array().unwrap() {
                let path = error["$ref"].as_str().unwrap().trim_start_matches('#');
                assert!(document.pointer(path).is_some(), "{path}");
            }
        }
    }

    #[test]
    fn each_example_fits_its_schema() {
        for method in methods::all() {
            assert_eq!(method.result.mismatch(&method.result.example(), method.name), None);
        }
    }
}
