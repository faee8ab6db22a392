//! Files with a payment, for where it is signed or submitted.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
};

use crate::{
    base::hash::unhex,
    chain::block::HashedTransaction,
    cli::{
        context::Context,
        exit::{Failure, Outcome},
        named_file,
    },
    wallet::{offline::Offline, raw},
};

/// Bytes of a file with a payment: a transaction of the largest size takes a quarter.
pub(super) const MAX_TEXT_BYTES: u64 = 128 * 1024;

/// Reads a payment: as `tussock tx make` writes it, or a transaction in hexadecimal, as RPC has it.
pub(super) fn parse(context: &Context, text: &str) -> Outcome<Offline> {
    let Some(bytes) = unhex(text.trim()).filter(|bytes| !bytes.is_empty()) else {
        return Ok(Offline::parse(text, context.spec())?);
    };
    let decoded = HashedTransaction::decode(&bytes);
    let decoded = decoded.map_err(|error| Failure::usage(format!("not a transaction: {error}")))?;
    Ok(raw::unsigned(&decoded.transaction).map_or(Offline::Signed(decoded.transaction), Offline::Unsigned))
}

/// Only a file with a payment, and nothing else, gives way to another.
pub(super) fn write(context: &Context, path: &Path, text: &str) -> Outcome {
    let may_replace = || {
        let mut there = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MAX_TEXT_BYTES).read_to_end(&mut there));
        read.map_err(|error| Failure::input(path, &error))?;
        let there = String::from_utf8_lossy(&there);
        match parse(context, &there) {
            Ok(payment) if payment.to_text(context.spec()) == there.trim() || unhex(there.trim()).is_some() => Ok(()),
            Ok(_) => Err(named_file::is_foreign("a payment alone", path, &"it has other text, too")),
            Err(failure) => Err(named_file::is_foreign("a payment of this chain", path, &failure.message)),
        }
    };
    named_file::write_over(path, 0o644, may_replace, |file| {
        file.write_all(text.as_bytes()).map_err(|error| Failure::io("cannot write", path, &error))
    })
}
