//! Addresses and signatures of messages.

use serde_json::json;

use crate::{
    base::hash::{Domain, unhex},
    chain::{address::Address, key},
    rpc::{
        answers,
        continuation::{Continuation, Shared},
        error::RpcError,
        methods::method::Method,
        params::Args,
        schema::{Schema, required},
    },
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "validateaddress",
        params: &[required("address", Schema::Text, "what may be an address")],
        summary: "whether a text is an address of this chain",
        returns: "an object with isvalid and, if it is not, error",
        result: answers::addresses::VALIDITY,
        errors: &[],
        handler: |context, args| {
            let text = args.required_text("address")?;
            Ok(Continuation::value(&match Address::parse(text, &context.chain.prefix) {
                Ok(address) => json!({ "isvalid": true, "address": context.text(&address) }),
                Err(error) => json!({ "isvalid": false, "error": error.to_string() }),
            }))
        },
    },
    Method {
        name: "verifymessage",
        params: &[
            required("address", Schema::Address, "the signer's address"),
            required("signature", Schema::Hex, "what `tussock key sign` prints: 192 hex digits"),
            required("message", Schema::Text, "the text"),
        ],
        summary: "whether the owner of an address signed a text",
        returns: "true or false",
        result: Schema::Boolean,
        errors: &[],
        handler: verify_message,
    },
];

fn verify_message(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let address = context.address(args.required_text("address")?)?;
    let form = || RpcError::bad_parameter("\"signature\" is not what `tussock key sign` prints: 192 hex digits");
    let bytes = unhex(args.required_text("signature")?.trim()).ok_or_else(form)?;
    let (public_key, signature) = bytes.split_first_chunk::<32>().ok_or_else(form)?;
    let signature: &[u8; 64] = signature.try_into().map_err(|_| form())?;
    let hash = Domain::MESSAGE.hash(args.required_text("message")?.as_bytes());
    let holds = Address::of(public_key) == address && key::verify(public_key, &hash, signature);
    Ok(Continuation::value(&holds))
}
