//! Keys that follow from seed words: making the first, and finding those that were used.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Exit, Failure, Outcome},
    key_files::{facts, read_input},
    output::{self, Rows},
    passphrase::PassphraseFlags,
    remote::Remote,
};
use crate::{
    chain::{address::Address, key::SecretKey},
    wallet::{
        error::WalletError,
        keys::{Keys, NamedKey},
        words::{GAP, Words},
    },
};

/// `key new NAME --words`: prints the words once.
pub(super) fn new(context: &Context, keys: &Keys<'_>, name: &str, flags: &PassphraseFlags) -> Outcome {
    let words = Words::new()?;
    let file = keys.add(name, &words.key(0), flags.for_new()?.as_deref())?;
    context.keep_chain_file()?;
    let mut facts = facts(&file);
    facts["words"] = json!(words.to_text());
    let shown = context.print(&facts, |facts| format!("{}\n\n{}", output::text(facts, "address"), numbered(&words)));
    if shown.is_err() {
        // Nobody has its words, nor its address.
        keys.remove(name)?;
        return shown;
    }
    context.tell_if_temporary(&format!("key \"{name}\""));
    if !context.json {
        output::note("write these words on paper: who has them has the key, and they are shown only now");
        output::note("to have the key again: tussock key restore NAME");
    }
    Ok(())
}

/// Four words a line, each with its number.
fn numbered(words: &Words) -> String {
    let text = words.to_text();
    let numbered: Vec<String> = (1..).zip(text.split(' ')).map(|(at, word)| format!("{at:>3} {word:<9}")).collect();
    numbered.chunks(4).map(|line| line.concat().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// `key restore`: makes the key files that follow from words. Without a number, those that were used, and the first.
pub(super) fn restore(
    context: &Context,
    keys: &Keys<'_>,
    name: &str,
    file: Option<&Path>,
    number: Option<u32>,
    flags: &PassphraseFlags,
) -> Outcome {
    let words = Words::parse(&read_input(file, "type the seed words, then press Ctrl-D:")?)?;
    let mut all: Vec<(String, SecretKey)> = match number {
        Some(number) => vec![(name.to_owned(), words.key(number))],
        None => used(context, &words)?.into_iter().map(|number| (named(name, number), words.key(number))).collect(),
    };
    // Those that are there already stay, so that a restore that broke off goes on.
    let mut rows = Vec::new();
    all.retain(|(_, key)| match keys.name_of(&key.address()) {
        Ok(Some(known)) => {
            rows.push(json!({ "name": known, "address": context.show(&key.address()), "new": false }));
            false
        }
        _ => true,
    });
    let passphrase = if all.is_empty() { None } else { flags.for_new()? };
    let mut taken = Vec::new();
    for (name, key) in &all {
        match keys.add(name, key, passphrase.as_deref()) {
            Ok(file) => {
                let mut facts = facts(&file);
                facts["new"] = json!(true);
                rows.push(facts);
            }
            // The others are restored all the same.
            Err(WalletError::Exists { .. }) => taken.push(name.as_str()),
            Err(error) => return Err(error.into()),
        }
    }
    context.keep_chain_file()?;
    context.print(&json!(rows), |list| {
        let mut rows = Rows::new(&["name", "~address", ""]);
        for key in output::items(list) {
            let state = if key["new"] == true { "restored" } else { "was there" };
            rows.row([output::text(key, "name"), output::text(key, "address"), state.to_owned()]);
        }
        rows.text("nothing")
    })?;
    context.tell_if_temporary("what was restored");
    if taken.is_empty() {
        return Ok(());
    }
    let problem = format!("not restored, since other keys or contacts have these names: {}", taken.join(", "));
    Err(Failure::usage(format!("{problem}; restore the rest with another name: tussock key restore NAME")))
}

fn named(name: &str, number: u32) -> String {
    if number == 0 { name.to_owned() } else { format!("{name}-{number}") }
}

/// The numbers of the keys that were used, and 0. Looks until so many in a row were not ([`GAP`]).
fn used(context: &Context, words: &Words) -> Outcome<Vec<u32>> {
    let mut used = vec![0];
    let remote = match context.remote() {
        Ok(remote) => remote,
        Err(failure) if failure.exit == Exit::Unreachable => {
            output::note("no node runs, so only the first key is restored; once one is synced, run this again");
            return Ok(used);
        }
        Err(failure) => return Err(failure),
    };
    let status = remote.call("status", json!([]))?;
    if output::text(&status, "state") != "synced" {
        output::note(
            "the node is not synced: keys whose payments it has not seen yet are missing; run this again later",
        );
    }
    let (mut number, mut unused) = (0, 0);
    while unused < GAP {
        match was_used(context, &remote, &words.key(number).address())? {
            true => unused = 0,
            false => unused += 1,
        }
        if unused == 0 && number > 0 {
            used.push(number);
        }
        number += 1;
    }
    Ok(used)
}

/// Whether an address has coins, or had some.
fn was_used(context: &Context, remote: &Remote, address: &Address) -> Outcome<bool> {
    let address = context.show(address);
    let balance = remote.call("balance", json!([address]))?;
    if ["coins", "confirmed", "pending", "immature"].iter().any(|key| balance[key].as_i64().is_some_and(|n| n != 0)) {
        return Ok(true);
    }
    // A node without an index knows only coins that are there.
    let Ok(history) = remote.call("history", json!([address, 1])) else { return Ok(false) };
    Ok(["entries", "pending"].iter().any(|list| !output::items(&history[*list]).is_empty()))
}

/// `key remove`: a key file is gone for good, so its owner must mean it.
pub(super) fn remove(context: &Context, keys: &Keys<'_>, name: &str, is_meant: bool) -> Outcome {
    let named = keys.find(name)?;
    let address = named.owner(&context.spec().prefix).map(|owner| context.show(&owner)).unwrap_or_default();
    let is_watched = matches!(&named, NamedKey::File(file) if file.is_watched());
    if !is_meant && !is_watched {
        let left = context.remote().and_then(|remote| remote.call("balance", json!([address]))).ok();
        let left =
            left.filter(|balance| balance["confirmed"] != 0).map(|balance| context.amount(&balance, "confirmed"));
        let what = left.map_or_else(String::new, |left| format!(", which owns {left}"));
        let advice = "without another copy its coins are lost: see key export; to remove it, add --yes";
        return Err(Failure::usage(format!("this would remove the key of {address}{what}; {advice}")));
    }
    keys.remove(name)?;
    context.print(&json!({ "removed": name, "address": address }), |_: &Value| format!("removed {name}"))
}

/// `key passphrase`: gives a key file another passphrase, or none.
pub(super) fn change_passphrase(
    context: &Context,
    keys: &Keys<'_>,
    name: &str,
    old: &PassphraseFlags,
    new: Option<&PassphraseFlags>,
) -> Outcome {
    let key = old.unlock(&keys.find(name)?)?;
    let passphrase = match new {
        Some(new) => new.for_new()?,
        None => None,
    };
    let file = keys.protect(name, &key, passphrase.as_deref()).map_err(|error: WalletError| Failure::from(error))?;
    context.print(&facts(&file), |facts| match facts["encrypted"].as_bool() {
        Some(true) => format!("{name} has another passphrase"),
        _ => format!("{name} needs no passphrase"),
    })
}
