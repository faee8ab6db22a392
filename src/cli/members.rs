//! `members`: the file of the nodes that may link.

use std::{collections::BTreeSet, fs, io::ErrorKind, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::Context,
    datadir::{self, Lock},
    exit::{Exit, Failure, Outcome},
    kept_file::{self, FileLock},
    node_key,
    output::{self, Rows, text},
};
use crate::{
    base::ids::NodeId,
    chain::node_id,
    node::Members,
    rpc::members::{self, Member},
};

/// `tussock members`
#[derive(Args, Debug)]
#[command(after_help = "\
The file has the id of a node in each line; what follows a # is a remark. A node
that runs with --members FILE links only with these nodes. Give each node the
same file. A chain file may name the members, too; what is added or removed then
is in the file members beside the ledger, which counts from there on.

Examples:
  tussock members list
  tussock members add ltusnode1… --remark 'the shop in Leeds'")]
pub struct MembersArgs {
    /// The file, if no node runs that has one
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List the members, and which of them are linked
    #[command(after_help = "Example:\n  tussock members list --json")]
    List,
    /// Add nodes; a running node lets them link at once
    #[command(after_help = "Example:\n  tussock members add ltusnode1…")]
    Add {
        /// Ids of nodes, as tussock status shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// A remark behind each id, for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        remark: String,
    },
    /// Remove nodes; a running node ends their links at once
    #[command(after_help = "Example:\n  tussock members remove ltusnode1…")]
    Remove {
        /// Ids of nodes
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Print this node's id; makes its key before the first start
    #[command(after_help = "Example:\n  tussock members id >> meadow.members")]
    Id,
    /// Let the running node read its file again
    #[command(after_help = "Example:\n  tussock members reload")]
    Reload,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &MembersArgs) -> Outcome {
    match &arguments.verb {
        Verb::List => list(context, &Place::find(context, arguments)?),
        Verb::Add { ids, remark } => add(context, &Place::find(context, arguments)?, ids, remark),
        Verb::Remove { ids } => remove(context, &Place::find(context, arguments)?, ids),
        Verb::Id => {
            let folder = context.folder();
            // The key of a node that starts at this moment must not be replaced.
            let _lock = match folder.join(datadir::NODE_KEY).exists() {
                true => None,
                false => Some(Lock::acquire(&folder, &context.settings.flags())?),
            };
            let key = node_key::load(&folder)?;
            context.keep_chain_file()?;
            let id = node_id::to_text(&key.id(), &context.spec().prefix);
            context.print(&json!({ "node_id": id }), |_| id.clone())
        }
        Verb::Reload => {
            let count = context.remote()?.call("reloadmembers", json!([]))?;
            context.print(&json!({ "members": count }), |_| format!("{count} members"))
        }
    }
}

/// Where the list is.
struct Place {
    file: PathBuf,
    /// A running node has read it.
    is_in_use: bool,
    /// The list as long as there is no file: that of the chain file.
    chain: Option<Members>,
}

impl Place {
    /// The file that was named, that of the running node, or that of the settings.
    fn find(context: &Context, arguments: &MembersArgs) -> Outcome<Self> {
        let running = match context.remote() {
            Ok(remote) => remote.call("members", json!([]))?["file"].as_str().map(PathBuf::from),
            Err(failure) if failure.exit == Exit::Unreachable => None,
            Err(failure) => return Err(failure),
        };
        let chain = context.chain_members();
        let set = || context.settings.node.members.clone().or_else(|| Some(chain.as_ref()?.path.clone()));
        let file = arguments.file.clone().or_else(|| running.clone()).or_else(set);
        let file = file.ok_or_else(|| {
            Failure::usage("there is no list of members: name its file with --file, or start the node with --members")
        })?;
        let same = |other: &PathBuf| *other == file || fs::canonicalize(other).ok() == fs::canonicalize(&file).ok();
        let chain = chain.filter(|list| list.path == file).and_then(|list| list.chain);
        Ok(Self { is_in_use: running.as_ref().is_some_and(same), file, chain })
    }

    /// The text of the file; if there is none yet, what the chain file says.
    fn text(&self, context: &Context) -> Outcome<String> {
        let prefix = &context.spec().prefix;
        let chain = || self.chain.iter().flatten().map(|node| node_id::to_text(node, prefix) + "\n").collect();
        match members::text(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(chain()),
            read => read.map_err(|error| Failure::io("cannot read", &self.file, &error)),
        }
    }

    /// Writes the file, and has the running node read it.
    fn write(&self, context: &Context, text: &str) -> Outcome {
        // What cannot be read must not get into the file.
        for line in text.lines() {
            let read = members::member(line, &context.spec().prefix).transpose();
            read.map_err(|why| Failure::usage(format!("{}: {why}", self.file.display())))?;
        }
        if known(context, text).is_empty() {
            return Err(Failure::usage("a list without members lets nobody link; add another member first"));
        }
        kept_file::replace(&self.file, text.as_bytes(), 0o644)?;
        if self.is_in_use {
            context.remote()?.call("reloadmembers", json!([]))?;
        }
        Ok(())
    }

    /// What becomes of a change.
    fn effect(&self) -> &'static str {
        if self.is_in_use { "the node has read the list" } else { "no running node uses this file" }
    }
}

fn list(context: &Context, place: &Place) -> Outcome {
    let all = match place.chain {
        Some(_) => members::parse(&place.text(context)?, &context.spec().prefix),
        None => members::read(&place.file, &context.spec().prefix),
    };
    let all = all.map_err(Failure::usage)?;
    let linked = if place.is_in_use { linked(context)? } else { BTreeSet::new() };
    let own = own_id(context);
    let row = |member: &Member| {
        let id = node_id::to_text(&member.node, &context.spec().prefix);
        json!({ "node_id": id, "remark": member.remark, "linked": linked.contains(&id), "this_node": own.as_ref() == Some(&id) })
    };
    context.print(&json!(all.iter().map(row).collect::<Vec<_>>()), |facts| {
        let mut rows = Rows::new(&["member", "linked", "remark"]);
        for member in output::items(facts) {
            let state = match (&member["this_node"], &member["linked"]) {
                (Value::Bool(true), _) => "this node",
                (_, Value::Bool(true)) => "yes",
                _ => "-",
            };
            rows.row([text(member, "node_id"), state.to_owned(), text(member, "remark")]);
        }
        rows.text("no members")
    })
}

/// The id of the node with this folder, if it has a key by now.
fn own_id(context: &Context) -> Option<String> {
    let key = node_key::read(&context.folder()).ok()??;
    Some(node_id::to_text(&key.id(), &context.spec().prefix))
}

/// The ids of the nodes that are linked.
fn linked(context: &Context) -> Outcome<BTreeSet<String>> {
    let peers = context.remote()?.call("peers", json!([]))?;
    Ok(output::items(&peers).iter().map(|peer: &Value| text(peer, "node_id")).collect())
}

fn add(context: &Context, place: &Place, ids: &[String], remark: &str) -> Outcome {
    if remark.chars().any(char::is_control) {
        return Err(Failure::usage("a remark is one line of text"));
    }
    let _lock = FileLock::acquire(&place.file)?;
    let mut text = place.text(context)?;
    let known = known(context, &text);
    for node in parse(context, ids)? {
        if known.contains(&node) {
            continue;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&node_id::to_text(&node, &context.spec().prefix));
        if !remark.is_empty() {
            text.push_str(" # ");
            text.push_str(remark);
        }
        text.push('\n');
    }
    place.write(context, &text)?;
    context.print(&json!({ "added": ids }), |_| format!("added {}; {}", ids.join(" "), place.effect()))
}

fn remove(context: &Context, place: &Place, ids: &[String]) -> Outcome {
    let _lock = FileLock::acquire(&place.file)?;
    let (text, gone) = (place.text(context)?, parse(context, ids)?);
    let known = known(context, &text);
    if let Some(at) = gone.iter().position(|node| !known.contains(node)) {
        return Err(Failure::new(Exit::NotFound, format!("{} is no member; tussock members list shows all", ids[at])));
    }
    let stays = |line: &&str| match members::member(line, &context.spec().prefix) {
        Some(Ok(member)) => !gone.contains(&member.node),
        Some(Err(_)) | None => true,
    };
    let kept: String = text.lines().filter(stays).map(|line| format!("{line}\n")).collect();
    place.write(context, &kept)?;
    context.print(&json!({ "removed": ids }), |_| format!("removed {}; {}", ids.join(" "), place.effect()))
}

/// The nodes that a text names. Lines that cannot be read are complained of when the file is written.
fn known(context: &Context, text: &str) -> BTreeSet<NodeId> {
    let members = text.lines().filter_map(|line| members::member(line, &context.spec().prefix));
    members.flatten().map(|member| member.node).collect()
}

fn parse(context: &Context, ids: &[String]) -> Outcome<Vec<NodeId>> {
    let parse = |id: &String| node_id::parse(id, &context.spec().prefix);
    ids.iter().map(|id| parse(id).map_err(|why| Failure::usage(format!("{id}: {why}")))).collect()
}
