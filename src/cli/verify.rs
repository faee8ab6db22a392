//! `verify`: checks the ledger on the disk.

use clap::Args;
use serde_json::json;

use super::{
    context::Context,
    datadir::Lock,
    exit::{Exit, Failure, Outcome},
    offline, output, progress, units,
};
use crate::{
    chain::snapshot::JoinState,
    store::verify::{self, VerifyReport},
};

/// `tussock verify`
#[derive(Args, Debug)]
#[command(after_help = "\
The node must be stopped. Exit code 10 if the ledger is damaged.

Examples:
  tussock verify
  tussock verify --deep --json")]
pub struct VerifyArgs {
    /// Replay everything from genesis, signatures included, instead of checking the last blocks
    #[arg(long)]
    deep: bool,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &VerifyArgs) -> Outcome {
    // First, so that no lock file is made in a folder that is no data directory.
    offline::require_ledger(context)?;
    let _lock = Lock::acquire(&context.folder(), &context.settings.flags())?;
    let path = context.ledger();
    let report = if arguments.deep {
        let bar = progress::bar(0, "blocks");
        let report = verify::deep(&path, context.spec(), &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        report
    } else {
        verify::quick(&path, context.spec())
    };
    let report = report.map_err(|error| Failure::store(&path, &error))?;
    let mut facts = json!({
        "ok": report.ok, "height": report.height, "tip": report.tip, "state_digest": report.state_digest,
        "checked_blocks": report.checked_blocks,
    });
    if report.kept_from > 1 {
        facts["kept_from"] = json!(report.kept_from);
    }
    if let Some((name, value)) = offline::join_field(context.spec(), &report.join) {
        facts[name] = value;
    }
    if let Some(problem) = &report.problem {
        facts["problem"] = json!(problem);
    }
    if context.json {
        output::json(&facts)?;
    }
    if !report.ok {
        let problem = report.problem.unwrap_or_else(|| "no reason given".to_owned());
        let advice = "move the file away and start the node, it fetches the ledger again";
        return Err(Failure::new(Exit::Io, format!("the ledger is damaged: {}: {problem}; {advice}", path.display())));
    }
    if !context.json {
        output::line(&output::facts(&rows(context, &report)))?;
    }
    Ok(())
}

/// What a good report says.
fn rows(context: &Context, report: &VerifyReport) -> Vec<(&'static str, String)> {
    let mut rows = vec![("ledger", "ok".to_owned())];
    if report.join == JoinState::Joining {
        rows.push(("joining", offline::joining_text(u64::from(report.height))));
        return rows;
    }
    rows.extend([
        ("checked", format!("{} blocks", units::grouped(report.checked_blocks))),
        ("height", format!("{}  tip {}", report.height, report.tip)),
        ("state_digest", report.state_digest.to_string()),
    ]);
    let mut never_here = 0;
    if let JoinState::Joined { snapshot, .. } = &report.join {
        never_here = snapshot.height;
        let height = units::grouped(u64::from(never_here));
        let by = offline::vouches(context.spec());
        rows.push((
            "vouched",
            format!(
                "coins up to block {height} were taken from peers, vouched for by {by}; their headers were checked"
            ),
        ));
    }
    if report.kept_from > never_here.saturating_add(1) {
        let below = units::grouped(u64::from(report.kept_from));
        rows.push(("pruned", format!("blocks below {below} are no longer here; of these the headers were checked")));
    }
    rows
}
