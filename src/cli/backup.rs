//! `backup`, `restore`, `prune`: maintenance of a data directory.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use super::{
    context::Context,
    datadir::{self, Lock},
    exit::{Exit, Failure, Outcome},
    offline, output, progress, units,
};
use crate::{
    chain::{archive::StoreError, snapshot::JoinState},
    config::{CHAIN_FILE, CommonFlags},
    rpc::test_chain,
    store::{LedgerReader, compact, copy},
    wallet::contacts,
};

/// Databases of a backup; the index is derived and left out.
const DATABASES: [&str; 3] = [datadir::LEDGER, datadir::PEERS, datadir::SEALS];
/// What else is copied as it is.
const FILES: [&str; 4] = [CHAIN_FILE, datadir::MEMBERS, contacts::FILE, test_chain::FILE];
/// What is in the folder of an unfinished backup, and nowhere else: only such a folder is deleted.
const MARK: &str = "unfinished-backup";
/// Default of `prune --keep`.
const KEEP: u32 = 1000;

/// `tussock backup`
#[derive(Args, Debug)]
#[command(after_help = "\
Copies ledger, peer book, what authorities have signed (seals.db), the list
of members that this node keeps, and the keys of the wallet. It leaves out
node.key: two nodes must not share an id.
Also works while the node runs, without blocking it.

Examples:
  tussock backup /mnt/backup/tussock-monday
  tussock backup /mnt/backup/tussock-monday --no-keys")]
pub struct BackupArgs {
    /// The folder to make; it must not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Leave out the keys, so that the backup has no secrets
    #[arg(long)]
    no_keys: bool,
}

/// Runs `backup`. The folder has another name until it is complete.
pub fn backup(context: &Context, arguments: &BackupArgs) -> Outcome {
    // What cannot be read is told of the ledger, not of its copy.
    drop(offline::reader(context)?);
    let target = &arguments.folder;
    if target.exists() {
        return Err(Failure::usage(format!("{} exists; name a new folder", target.display())));
    }
    let unfinished = unfinished(target);
    let mark = begin(&unfinished)?;
    let copied = copy_all(context, &unfinished, !arguments.no_keys).and_then(|keys| {
        let finished = fs::remove_file(unfinished.join(MARK)).and_then(|()| fs::rename(&unfinished, target));
        finished.map(|()| keys).map_err(|error| cannot_rename(&unfinished, &error))
    });
    drop(mark);
    let keys = copied.inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
    let ledger = target.join(datadir::LEDGER);
    let reader = LedgerReader::open(&ledger).map_err(|error| Failure::store(&ledger, &error))?;
    let tip = reader.tip().map_err(|error| Failure::store(&ledger, &error))?;
    let what = if note_join(&reader, tip.height)? { "headers up to" } else { "height" };
    let facts = json!({
        "folder": target.display().to_string(), "height": tip.height, "tip": tip.hash, "state_digest": tip.digest,
        "keys": keys,
    });
    context.print(&facts, |_| format!("{what} {} and {} are in {}", tip.height, count(keys), target.display()))
}

/// The name of a backup's folder until it is complete.
fn unfinished(target: &Path) -> PathBuf {
    // Without a slash at the end, which would make it a folder within the target.
    let mut name = target.components().collect::<PathBuf>().into_os_string();
    name.push(".part");
    PathBuf::from(name)
}

/// Makes the folder of an unfinished backup, in place of an interrupted one. Whatever else has its name stays. The lock on the mark
/// lasts as long as the file is open.
fn begin(folder: &Path) -> Outcome<File> {
    let (mark, shown) = (folder.join(MARK), folder.display());
    if fs::symlink_metadata(folder).is_ok() {
        let interrupted = OpenOptions::new().write(true).open(&mark).map_err(|_| {
            let what = "something else has the name of the unfinished backup";
            Failure::usage(format!("{what}: {shown}: move it away, or name another folder"))
        })?;
        // A file system without locks is good enough for a backup.
        if matches!(interrupted.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(Failure::new(Exit::InUse, format!("{shown} is in use: another command makes this backup")));
        }
        fs::remove_dir_all(folder).map_err(|error| Failure::io("cannot remove", folder, &error))?;
    }
    datadir::make_private_folder(folder)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&mark);
    let made = made.map_err(|error| Failure::io("cannot write", &mark, &error))?;
    drop(made.try_lock());
    Ok(made)
}

/// Says what a copy of a ledger lacks that has not finished its join. Whether it has not.
fn note_join(reader: &LedgerReader, headers: u32) -> Outcome<bool> {
    let join = reader.join_state().map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    if join == JoinState::Joining {
        let text = offline::joining_text(u64::from(headers));
        output::note(&format!("the ledger has not finished its join with a snapshot: {text}"));
    }
    Ok(join == JoinState::Joining)
}

/// All that a backup can have: databases, other files, and the folder of keys.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DATABASES.into_iter().chain(FILES).chain([datadir::KEYS])
}

/// Whether this is the name of a database.
pub(super) fn is_database(name: &str) -> bool {
    DATABASES.contains(&name)
}

/// Copies databases, the chain's specification and, if wanted, keys into a new folder. Returns the number of keys.
pub(super) fn copy_all(context: &Context, into: &Path, with_keys: bool) -> Outcome<usize> {
    datadir::make_private_folder(into)?;
    let from = context.folder();
    for name in DATABASES {
        let path = from.join(name);
        if !path.exists() {
            continue;
        }
        let bar = progress::bar(0, "pages");
        let copied = copy::copy(&path, &into.join(name), &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        copied.map_err(|error| match error {
            // The node's file is damaged, or the node has it for itself.
            StoreError::Corrupt(_) | StoreError::Mismatch(_) | StoreError::InUse(_) => Failure::store(&path, &error),
            error => cannot_copy(&into.join(name), &error),
        })?;
    }
    for name in FILES {
        copy_file(&from.join(name), &into.join(name))?;
    }
    if with_keys { copy_keys(&from, into) } else { Ok(0) }
}

fn cannot_copy(to: &Path, error: &StoreError) -> Failure {
    let advice = "make room or choose another folder, then run the command again";
    Failure::new(Exit::Io, format!("{error}: {}; {advice}", to.display()))
}

fn cannot_rename(folder: &Path, error: &io::Error) -> Failure {
    Failure::io("cannot rename", folder, error)
}

/// `tussock restore`
#[derive(Args, Debug)]
#[command(after_help = "\
Only into a data directory without a ledger. Existing keys are kept.
An authority that has voted since the backup was made does not vote again
with that key: others remember votes that its seals.db lacks.

Examples:
  tussock restore /mnt/backup/tussock-monday
  tussock -d /srv/tussock restore /mnt/backup/tussock-monday")]
pub struct RestoreArgs {
    /// The folder that `tussock backup` made
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `restore`.
pub fn restore(common: &CommonFlags, arguments: &RestoreArgs, json: bool) -> Outcome {
    let context = &Context::for_restore(common, json, &arguments.folder)?;
    let source = arguments.folder.join(datadir::LEDGER);
    if !source.exists() {
        let what = format!("there is no backup: {}; name the folder that tussock backup made", source.display());
        return Err(Failure::new(Exit::NotFound, what));
    }
    check(context, &arguments.folder).map_err(|error| Failure::store(&source, &error))?;
    let folder = context.folder();
    let _lock = Lock::acquire(&folder, &context.settings.flags())?;
    let ledger = context.ledger();
    if ledger.exists() {
        let advice = "move it away, or restore into another directory: -d DIR";
        return Err(Failure::new(Exit::Rejected, format!("there is a ledger already: {}; {advice}", ledger.display())));
    }
    let keys = copy_back(context, &arguments.folder)?;
    let reader = LedgerReader::open(&ledger).map_err(|error| Failure::store(&ledger, &error))?;
    let tip = reader.tip().map_err(|error| Failure::store(&ledger, &error))?;
    note_join(&reader, tip.height)?;
    let facts = json!({
        "folder": folder.display().to_string(), "height": tip.height, "tip": tip.hash, "state_digest": tip.digest,
        "keys": keys,
    });
    if folder.join(datadir::SEALS).exists() {
        output::note(
            "what authorities have signed is from the time of the backup: a key that has voted since does not vote from here, \
             and the node stops with \"this key has signed elsewhere\"",
        );
    }
    context.print(&facts, |_| format!("height {} and {} are in {}", tip.height, count(keys), folder.display()))
}

/// Whether a backup's ledger is whole and of the context's chain.
pub(super) fn check(context: &Context, backup: &Path) -> Result<(), StoreError> {
    let ledger = backup.join(datadir::LEDGER);
    LedgerReader::open(&ledger)?.check_chain(context.spec())?;
    copy::check(&ledger)
}

/// Copies a backup into the chain's folder, whose lock is held. What is there stays. Returns the number of keys.
pub(super) fn copy_back(context: &Context, backup: &Path) -> Outcome<usize> {
    let folder = context.folder();
    for name in DATABASES {
        let (from, to) = (backup.join(name), folder.join(name));
        if from.exists() && !to.exists() {
            copy::copy(&from, &to, &mut |_, _| {}).map_err(|error| Failure::store(&to, &error))?;
        }
    }
    context.keep_chain_file()?;
    for name in [datadir::MEMBERS, contacts::FILE, test_chain::FILE] {
        copy_file(&backup.join(name), &folder.join(name))?;
    }
    copy_keys(backup, &folder)
}

/// Copies a small file if it is there and the target is not.
fn copy_file(from: &Path, to: &Path) -> Outcome {
    match fs::read(from) {
        Ok(bytes) if !to.exists() => datadir::write_atomically(to, &bytes, 0o600),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::io("cannot read", from, &error)),
        _ => Ok(()),
    }
}

fn count(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}

/// Copies the key files that the target lacks. Returns their number.
fn copy_keys(from: &Path, to: &Path) -> Outcome<usize> {
    let (from, to) = (from.join(datadir::KEYS), to.join(datadir::KEYS));
    let Ok(entries) = fs::read_dir(&from) else { return Ok(0) };
    let mut count = 0;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("cannot read", &from, &error))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let is_file = fs::metadata(&path).is_ok_and(|about| about.is_file());
        if path.extension().is_none_or(|extension| extension != "json") || !is_file || target.exists() {
            continue;
        }
        datadir::make_private_folder(&to)?;
        let bytes = fs::read(&path).map_err(|error| Failure::io("cannot read", &path, &error))?;
        datadir::write_atomically(&target, &bytes, 0o600)?;
        count += 1;
    }
    Ok(count)
}

/// `tussock prune`
#[derive(Args, Debug)]
#[command(after_help = "\
The node must be stopped. The chain itself stays as it is, with all its blocks:
--keep counts the blocks since an abandoned branch ended. tussock run --keep
counts blocks of the chain itself: a node keeps only so many of the last ones.
On a ledger that was made without it, prune gives back the room once.

Examples:
  tussock prune
  tussock prune --keep 100 --json")]
pub struct PruneArgs {
    /// Keep abandoned branches that end fewer than N blocks below the tip; blocks of the chain itself all stay
    #[arg(long, value_name = "N", default_value_t = KEEP)]
    keep: u32,
}

/// Runs `prune`.
pub fn prune(context: &Context, arguments: &PruneArgs) -> Outcome {
    offline::require_ledger(context)?;
    let _lock = Lock::acquire(&context.folder(), &context.settings.flags())?;
    let path = context.ledger();
    let compacted =
        compact::compact(&path, context.spec(), arguments.keep).map_err(|error| Failure::store(&path, &error))?;
    let facts = json!({
        "blocks": compacted.blocks, "bytes_before": compacted.bytes_before, "bytes_after": compacted.bytes_after,
    });
    context.print(&facts, |_| {
        let [before, after] = [compacted.bytes_before, compacted.bytes_after].map(units::bytes);
        format!("{} abandoned blocks removed; the ledger has {after}, before {before}", compacted.blocks)
    })
}
