//! `contact`: names for the addresses of others.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::Context,
    datadir,
    exit::{Exit, Failure, Outcome},
    kept_file::FileLock,
    output::{self, Rows},
};
use crate::{
    chain::address::Address,
    wallet::{
        contacts::{self, Contact, Contacts},
        keys::Keys,
        names,
    },
};

/// `tussock contact`
#[derive(Args, Debug)]
#[command(after_help = "\
A contact's name does wherever an address is asked for: to pay, to look up a
balance or a history, to be told of payments. They are kept in contacts.csv in
the folder of the chain: a name and an address on each line.

Examples:
  tussock contact add 'Ann Miller' ltus1…
  tussock send 'Ann Miller' 5000")]
pub struct ContactArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Name an address
    #[command(after_help = "Example:\n  tussock contact add 'Ann Miller' ltus1…")]
    Add {
        /// What to call it; no key may have this name
        name: String,
        /// The address
        address: String,
    },
    /// List all contacts
    #[command(after_help = "Example:\n  tussock contact list --json")]
    List {
        /// Only the names, one a line
        #[arg(long)]
        names: bool,
    },
    /// Forget a contact
    #[command(after_help = "Example:\n  tussock contact remove 'Ann Miller'")]
    Remove {
        /// Name of the contact
        name: String,
    },
}

/// Runs the command.
pub fn run(context: &Context, arguments: &ContactArgs) -> Outcome {
    let folder = context.folder();
    let keys = Keys::new(&folder, context.spec());
    let contacts = keys.contacts();
    let facts = |one: &Contact| json!({ "name": one.name, "address": context.show(&one.address) });
    match &arguments.verb {
        Verb::Add { name, address } => {
            let parsed = Address::parse(address, &context.spec().prefix);
            let address = parsed.map_err(|error| Failure::usage(format!("{address}: {error}")))?;
            datadir::make_folder(&folder)?;
            let _lock = FileLock::acquire(contacts.path())?;
            let added = keys.add_contact(name, &address)?;
            context.keep_chain_file()?;
            context.tell_if_temporary(&format!("contact \"{name}\""));
            output::hint(&format!("it is kept in {}", contacts.path().display()));
            context.print(&facts(&added), |facts| output::text(facts, "address"))
        }
        Verb::List { names: true } => {
            let names: Vec<String> = contacts.list()?.into_iter().map(|contact| contact.name).collect();
            context.print(&json!(names), |_| names.join("\n"))
        }
        Verb::List { names: false } => {
            let all = contacts.list()?;
            let doubled = contacts::doubled(&all);
            let list = all.iter().map(|one| {
                let mut facts = facts(one);
                if Address::is_like(&one.name, &context.spec().prefix) {
                    facts["problem"] = json!("not used: an address cannot be a name");
                } else if doubled.contains(&one) {
                    facts["problem"] = json!("not used: there twice");
                }
                facts
            });
            context.print(&list.collect(), |list| {
                let mut rows = Rows::new(&["name", "address", ""]);
                for contact in output::items(list) {
                    let [name, address, problem] =
                        ["name", "address", "problem"].map(|field| output::text(contact, field));
                    rows.row([names::shown(&name).into_owned(), address, problem]);
                }
                rows.text("no contacts")
            })
        }
        Verb::Remove { name } => match removed(&contacts, name)? {
            Some(contact) => {
                let address = context.show(&contact.address);
                output::hint(&format!("its address was {address}"));
                context.print(&json!({ "removed": name, "address": address }), |_| format!("removed {name}"))
            }
            None => Err(Failure::new(Exit::NotFound, missing(&contacts, name)?)),
        },
    }
}

/// The contact, if it was there.
fn removed(contacts: &Contacts<'_>, name: &str) -> Outcome<Option<Contact>> {
    if !contacts.path().exists() {
        return Ok(None);
    }
    let _lock = FileLock::acquire(contacts.path())?;
    Ok(contacts.remove(name)?)
}

/// Why there is nothing to remove: that there is a contact whose name is spelled another way, if there is one.
fn missing(contacts: &Contacts<'_>, name: &str) -> Outcome<String> {
    let others: Vec<String> =
        contacts.like(name)?.iter().map(|other| format!("\"{}\"", names::shown(&other.name))).collect();
    Ok(match &others[..] {
        [] => format!("there is no contact \"{name}\"; tussock contact list shows all"),
        others => format!("there is no contact \"{name}\", but there is {}: write it so", others.join(" and ")),
    })
}
