//! The OpenAPI document: what `GET /openapi.json` answers, made from the table of paths.

use serde_json::{Map, Value, json};

use crate::rpc::{
    answers,
    api::path::Path,
    integers,
    schema::{Property, Schema},
};

/// The document.
pub(super) fn document(paths: &[Path], version: &str) -> Value {
    let mut all: Map<String, Value> = paths.iter().map(|path| (path.path.to_owned(), describe(path))).collect();
    let unknown = failure("there is a field, and this path has none");
    let ready = json!({
        "200": answer("the node is synced", &answers::node::READINESS),
        "400": unknown,
        "503": answer("the node is not synced", &answers::node::READINESS),
    });
    all.insert("/readyz".to_owned(), operation("readyz", "whether the node is synced", &[], &ready));
    let text = json!({ "schema": { "type": "string" } });
    let metrics = json!({
        "200": { "description": "the Prometheus text format", "content": { "text/plain": text } },
        "400": unknown,
    });
    all.insert("/metrics".to_owned(), operation("metrics", "numbers for monitoring", &[], &metrics));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tussock",
            "version": version,
            "summary": "Reading a node over HTTP.",
            "description": "Amounts are integers in base units, times unix seconds, hashes lower-case hex. \
                            Integers of format uint64 or int128 may exceed 2^53, which JavaScript rounds; with \
                            ?integers=strings they are strings. \
                            No credentials are needed, and nothing here changes anything.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "the node that serves this document" }],
        "paths": all,
        "components": { "schemas": { "Error": answers::node::ERROR.to_json() } },
    })
}

fn describe(path: &Path) -> Value {
    let parameter = |param: &Property| {
        let place = if path.is_id(param) { "path" } else { "query" };
        json!({
            "name": param.name,
            "in": place,
            "required": param.required,
            "description": param.summary,
            "schema": param.schema.to_json(),
        })
    };
    let mut parameters: Vec<Value> = path.params.iter().map(parameter).collect();
    if integers::has_wide(&path.result) {
        parameters.push(json!({
            "name": integers::FIELD,
            "in": "query",
            "required": false,
            "description": "strings: integers of format uint64 and int128 are strings, which JavaScript does not round",
            "schema": { "type": "string", "enum": [integers::STRINGS] },
        }));
    }
    let name: Vec<&str> = path.path.split(['/', '{', '}', '.']).filter(|part| !part.is_empty()).collect();
    let mut responses = json!({ "200": answer(path.summary, &path.result) });
    responses["400"] = failure("a parameter is wrong or unknown");
    if !path.params.is_empty() {
        responses["404"] = failure("there is no such thing");
    }
    responses["503"] = failure("the node is starting, or too much is asked at once");
    operation(&name.join("_"), path.summary, &parameters, &responses)
}

fn failure(text: &str) -> Value {
    let reference = json!({ "schema": { "$ref": "#/components/schemas/Error" } });
    json!({ "description": text, "content": { "application/json": reference } })
}

fn operation(id: &str, summary: &str, parameters: &[Value], responses: &Value) -> Value {
    json!({
        "get": { "operationId": id, "summary": summary, "parameters": parameters, "responses": responses, "security": [] },
    })
}

fn answer(text: &str, schema: &Schema) -> Value {
    let content = json!({ "schema": schema.to_json(), "example": schema.example() });
    json!({ "description": text, "content": { "application/json": content } })
}
