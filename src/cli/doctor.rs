//! `doctor`: a bug report. Describes program, host, files and state; leaves out peers and owners.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{context::Context, datadir, exit::Outcome, named_file, output, units};
use crate::{
    chain::{
        address::{Address, Prefix},
        node_id,
    },
    node::NodeAddress,
    store::copy,
};

/// Bytes of the end of the log in the report.
const LOG_BYTES: usize = 64 * 1024;

/// `tussock doctor`
#[derive(Args, Debug)]
#[command(after_help = "\
Peers, addresses, ids of nodes and folder names become numbers; keys, the cookie
and the values of settings are left out. Works with a running and with a stopped
node. Read the report before you send it.

Examples:
  tussock doctor
  tussock doctor --output report.txt")]
pub struct DoctorArgs {
    /// Write to this new file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &DoctorArgs) -> Outcome {
    let text = Redactor::new(context).redact(&report(context));
    match &arguments.output {
        None if context.json => output::json(&json!({ "report": text })),
        None => output::line(text.trim_end()),
        Some(path) => {
            named_file::write_new(path, text.as_bytes(), 0o600)?;
            context.print(&json!({ "file": path.display().to_string() }), |_| format!("report: {}", path.display()))
        }
    }
}

fn report(context: &Context) -> String {
    let mut text = String::new();
    let mut section = |title: &str, body: String| {
        // Writing to a string cannot fail.
        let _ = write!(text, "== {title}\n{}\n\n", body.trim_end());
    };
    section("program", program());
    section("host", host());
    section("settings", settings(context));
    section("files", files(context));
    let (status, hindrances) = status(context);
    section("hindrances", hindrances);
    section("status", status);
    section("log", log_end(&context.folder()));
    text
}

fn program() -> String {
    let build = env!("TUSSOCK_BUILD");
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("tussock {} ({build}) {system} {machine}  now {}", env!("CARGO_PKG_VERSION"), units::utc(units::unix_now()))
}

fn host() -> String {
    let line = |path: &str, start: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = [line("/proc/meminfo", "MemTotal"), line("/proc/meminfo", "MemAvailable")].join("\n");
    format!("kernel {}\ncores {cores}\n{memory}", line("/proc/sys/kernel/osrelease", ""))
}

/// The names of the settings and their source, not their values.
fn settings(context: &Context) -> String {
    let settings = &context.settings;
    let spec = &settings.spec;
    let file = fs::read_to_string(settings.data_dir.join("config.toml")).unwrap_or_default();
    let names = |lines: &mut dyn Iterator<Item = &str>| {
        let names = lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned()));
        names.filter(|name| !name.starts_with('#')).collect::<Vec<_>>().join(" ")
    };
    let variables: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("TUSSOCK_"))
        .collect();
    format!(
        "chain {}  genesis {}  test {}\nlog {}\nset in config.toml: {}\nvariables: {}",
        spec.name,
        spec.genesis_hash(),
        spec.test,
        settings.log,
        names(&mut file.lines()),
        variables.join(" ")
    )
}

/// Names, sizes and modes; of key files only their number.
fn files(context: &Context) -> String {
    let folder = context.folder();
    let mut lines = Vec::new();
    for place in [folder.clone(), folder.join(datadir::LOGS)] {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        for entry in entries.flatten() {
            let Ok(facts) = entry.metadata() else { continue };
            if facts.is_file() {
                let mode = facts.permissions().mode() & 0o777;
                lines.push(format!("{:<24} {:>12}  {mode:o}", entry.file_name().to_string_lossy(), facts.len()));
            }
        }
    }
    lines.sort_unstable();
    let keys = fs::read_dir(folder.join(datadir::KEYS)).map_or(0, Iterator::count);
    lines.push(format!("keys: {keys}"));
    for name in [datadir::LEDGER, datadir::PEERS, datadir::INDEX, datadir::SEALS] {
        let path = folder.join(name);
        if path.exists() {
            let facts = copy::describe(&path).unwrap_or_else(|error| error.to_string());
            lines.push(format!("{name}: {facts}"));
        }
    }
    lines.join("\n")
}

/// The status of the running node, or of the data directory; and what keeps the node from its work, a line each.
fn status(context: &Context) -> (String, String) {
    let answer = |result: Outcome<Value>| result.unwrap_or_else(|failure| Value::String(failure.message));
    let text = |answer: &Value| answer.as_str().map_or_else(|| format!("{answer:#}"), str::to_owned);
    let remote = match context.remote() {
        Ok(remote) => remote,
        Err(failure) => {
            let stopped = "the node does not answer; it judges itself while it runs".to_owned();
            return (text(&answer(super::offline::status(context, failure))), stopped);
        }
    };
    let answers = ["status", "peers", "logging"].map(|method| answer(remote.call(method, json!([]))));
    let hindrances: Vec<String> = output::items(&answers[0]["hindrances"]).iter().map(hindrance).collect();
    let none = "none: nothing that the node knows of keeps it from its work";
    (
        answers.map(|answer| text(&answer)).join("\n"),
        if hindrances.is_empty() { none.to_owned() } else { hindrances.join("\n") },
    )
}

fn hindrance(one: &Value) -> String {
    let blocks = output::items(&one["blocks"]).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" and ");
    let blocks = if blocks.is_empty() { String::new() } else { format!("  blocks {blocks}") };
    let [id, words, advice] = ["id", "text", "advice"].map(|key| output::text(one, key));
    format!("{id}  since {}{blocks}\n  {words}\n  {advice}", units::utc(output::number(one, "since")))
}

fn log_end(folder: &Path) -> String {
    let bytes = fs::read(folder.join(datadir::LOGS).join("tussock.log")).unwrap_or_default();
    let end = &bytes[bytes.len().saturating_sub(LOG_BYTES)..];
    String::from_utf8_lossy(end).into_owned()
}

/// Replaces addresses, ids and folders by numbers; the same address always by the same number.
struct Redactor {
    folders: Vec<(String, &'static str)>,
    prefix: Prefix,
    names: BTreeMap<String, String>,
}

impl Redactor {
    fn new(context: &Context) -> Self {
        let data_dir = &context.settings.data_dir;
        let mut folders = vec![(data_dir.display().to_string(), "DATA_DIR")];
        if let Ok(whole) = std::path::absolute(data_dir).and_then(fs::canonicalize) {
            folders.insert(0, (whole.display().to_string(), "DATA_DIR"));
        }
        if let Ok(home) = std::env::var("HOME")
            && home.len() > 1
        {
            folders.push((home, "HOME"));
        }
        let node = &context.settings.node;
        let named = [&node.connect, &node.bootnode].into_iter().flatten().flatten().chain(&context.spec().bootnodes);
        let unpinned = |text: &'_ String| text.rsplit('@').next().unwrap_or_default().parse();
        folders.extend(named.filter_map(|text| match unpinned(text) {
            Ok(NodeAddress::Name(name)) => Some((name.host().to_owned(), "PEER_NAME")),
            _ => None,
        }));
        Self { folders, prefix: context.spec().prefix, names: BTreeMap::new() }
    }

    fn redact(mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (folder, name) in &self.folders {
            text = without_folder(&text, folder, name);
        }
        let mut redacted = String::with_capacity(text.len());
        let mut word = String::new();
        for character in text.chars().chain(['\n']) {
            if character.is_ascii_alphanumeric() || matches!(character, '.' | ':' | '[' | ']' | '%' | '-') {
                word.push(character);
                continue;
            }
            redacted.push_str(&self.word(&word));
            word.clear();
            redacted.push(character);
        }
        redacted.pop();
        redacted
    }

    fn word(&mut self, word: &str) -> String {
        // Punctuation may follow an address.
        let bare = word.trim_end_matches([':', '.', '-', '%']);
        let rest = &word[bare.len()..];
        let ip = bare.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| bare.parse::<IpAddr>());
        match ip {
            Ok(ip) if ip.is_loopback() || ip.is_unspecified() => return word.to_owned(),
            Ok(ip) => return format!("{}{rest}", self.name("ip", &ip.to_string())),
            Err(_) => {}
        }
        if node_id::parse(bare, &self.prefix).is_ok() {
            return format!("{}{rest}", self.name("node", bare));
        }
        if Address::parse(bare, &self.prefix).is_ok() {
            return format!("{}{rest}", self.name("address", bare));
        }
        word.to_owned()
    }

    fn name(&mut self, kind: &str, what: &str) -> String {
        let next = self.names.len() + 1;
        self.names.entry(what.to_owned()).or_insert_with(|| format!("{kind}-{next}")).clone()
    }
}

/// Replaces a folder by `name`, but not within other words. A relative folder (`-d a`) is replaced only before a slash
/// or after `-d`.
fn without_folder(text: &str, folder: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(folder).filter(|_| !folder.is_empty()) {
        let after = &rest[at + folder.len()..];
        out.push_str(&rest[..at]);
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let starts = !out.ends_with(|c| in_word(c) || matches!(c, '.' | '/'));
        let ends = match folder.starts_with('/') {
            true => !after.starts_with(in_word),
            false => after.starts_with('/') || out.ends_with("-d ") && !after.starts_with(in_word),
        };
        out.push_str(if starts && ends { name } else { folder });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{key::SecretKey, spec::ChainSpec};

    #[test]
    fn addresses_and_folders_are_replaced_and_the_rest_stays() {
        let spec = ChainSpec::local();
        let own = SecretKey::well_known(3).address().to_text(&spec.prefix);
        let node = node_id::to_text(&crate::base::ids::NodeId([7; 32]), &spec.prefix);
        let folders = vec![("/home/ann/node".to_owned(), "DATA_DIR")];
        let redactor = Redactor { folders, prefix: spec.prefix, names: BTreeMap::new() };
        let text = format!(
            "at 10:15:00Z peer=203.0.113.9:4130 [2001:db8::7]:1: lost; 203.0.113.9 again, 127.0.0.1:3030 \
             to={own} node={node}@203.0.113.9:4130. path=/home/ann/node/x v0.1.0 \"203.0.113.9:99\""
        );
        assert_eq!(
            redactor.redact(&text),
            "at 10:15:00Z peer=ip-1 ip-2: lost; ip-1 again, 127.0.0.1:3030 \
             to=address-3 node=node-4@ip-1. path=DATA_DIR/x v0.1.0 \"ip-1\""
        );
    }

    #[test]
    fn a_folder_with_a_short_name_changes_no_other_words() {
        let text = "a/local/ledger.db and -d a --chain dev: a node, data, x/a/b, banana/c";
        let wanted = "DIR/local/ledger.db and -d DIR --chain dev: a node, data, x/a/b, banana/c";
        assert_eq!(without_folder(text, "a", "DIR"), wanted);
        let text = "/home/ann /home/ann/x /home/anna /srv/home/ann path=/home/ann.";
        let wanted = "HOME HOME/x /home/anna /srv/home/ann path=HOME.";
        assert_eq!(without_folder(text, "/home/ann", "HOME"), wanted);
    }
}
