//! `help`: explains a command, or a topic that is no command.

use clap::{Args, Command};

use super::{
    exit::{self, Exit, Failure, Outcome},
    output,
};
use crate::{
    config::{SAMPLE, suggest},
    rpc::counters,
};

/// The pages of most topics, each under a heading of its own.
const TOPICS: &str = include_str!("TOPICS.md");
/// Topics whose pages are made from other texts, each with its line in the list of topics.
const ELSEWHERE: [(&str, &str); 3] = [
    ("configuration", "where settings come from, and all settings with their defaults"),
    ("exit-codes", "the exit codes of commands"),
    ("protocol", "the specification of the peer protocol"),
];

/// `tussock help`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tussock help\n  tussock help files\n  tussock help peers add")]
pub struct HelpArgs {
    /// A command, or one of: configuration, files, exit-codes, metrics, protocol, sql, http, events, receipts,
    /// join, operations, sealing, boards, security
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

/// Runs the command; `program` is the whole command line.
pub fn run(arguments: &HelpArgs, mut program: Command) -> Outcome {
    program.build();
    let Some(first) = arguments.topic.first() else {
        return output::line(&format!("{}\n\nTopics (tussock help TOPIC):\n{}", program.render_help(), list()));
    };
    if let Some(page) = page(first).or_else(|| page(&arguments.topic.join("-"))) {
        return output::line(page.trim_end());
    }
    let mut command = &mut program;
    for name in &arguments.topic {
        let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
        if !names.contains(name) {
            return Err(unknown(name, &names));
        }
        command = command.find_subcommand_mut(name).expect("it is in the list of names");
    }
    output::line(command.render_long_help().to_string().trim_end())
}

fn unknown(name: &str, commands: &[String]) -> Failure {
    let topics: Vec<&str> = topics().map(|(topic, _)| topic).collect();
    let known = commands.iter().map(String::as_str).chain(topics.iter().copied());
    let begun = || known.clone().find(|known| name.len() > 2 && known.starts_with(name));
    let hint = begun()
        .or_else(|| suggest(name, known.clone()))
        .map_or_else(|| format!("topics: {}", topics.join(", ")), |meant| format!("did you mean \"{meant}\"?"));
    Failure::new(Exit::Usage, format!("no command or topic \"{name}\"; {hint}"))
}

fn page(topic: &str) -> Option<String> {
    match topic {
        "configuration" => Some(format!("{}\n{SAMPLE}", section("settings").unwrap_or_default())),
        "exit-codes" => Some(exit::TABLE.to_owned()),
        "protocol" => Some(include_str!("../wire/PROTOCOL.md").to_owned()),
        "metrics" => {
            let lines =
                counters::ALL.iter().map(|one| format!("  {:<50}{}\n", format!("tussock_{}_total", one.key), one.help));
            Some(format!("{}\n{}", section("metrics")?.trim_end(), lines.collect::<String>()))
        }
        "settings" => None,
        topic => section(topic).map(str::to_owned),
    }
}

/// The text below the heading `# topic: …`.
fn section(topic: &str) -> Option<&'static str> {
    let text = TOPICS.split("\n# ").find(|text| text.starts_with(topic) && text[topic.len()..].starts_with(':'))?;
    text.split_once("\n\n").map(|(_, body)| body)
}

/// All topics, each with its line in the list.
pub(super) fn topics() -> impl Iterator<Item = (&'static str, &'static str)> {
    let headings = TOPICS.split("\n# ").skip(1).filter_map(|text| text.lines().next()?.split_once(": "));
    ELSEWHERE.into_iter().chain(headings.filter(|(topic, _)| *topic != "settings"))
}

fn list() -> String {
    topics().map(|(topic, about)| format!("  {topic:<15}{about}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::hindrance::HindranceId;

    #[test]
    fn every_topic_has_a_page() {
        let names: Vec<&str> = topics().map(|(topic, _)| topic).collect();
        assert!(names.len() >= 8, "{names:?}");
        for topic in names {
            assert!(page(topic).is_some_and(|page| page.len() > 100), "{topic}");
            let help = HelpArgs::augment_args(Command::new("help")).render_long_help().to_string();
            assert!(help.contains(topic), "{topic} is not named by help --help");
        }
        assert_eq!(page("nonsense"), None);
    }

    #[test]
    fn what_is_asked_for_by_its_beginning_is_suggested() {
        let hint = |name: &str| unknown(name, &["send".to_owned(), "genesis".to_owned()]).message;
        assert!(hint("seal").contains("did you mean \"sealing\"?"), "{}", hint("seal"));
        assert!(hint("snd").contains("did you mean \"send\"?") && hint("xylophone").contains("topics: "));
    }

    #[test]
    fn the_operations_page_names_every_hindrance_and_what_it_blocks() {
        let page = page("operations").unwrap();
        for id in HindranceId::FOUND {
            let blocks: String = id.blocks().names().iter().map(|name| name[..1].to_uppercase()).collect();
            let with_blocks = format!("{} {blocks}", id.name());
            assert!(page.contains(with_blocks.trim()), "{with_blocks}");
        }
        assert!(page.contains("--force-clock") && page.contains("chain import FILE"), "the way out of a wrong clock");
    }

    #[test]
    fn the_metrics_page_names_every_metric() {
        let page = page("metrics").unwrap();
        let source = include_str!("../rpc/metrics.rs");
        let parts: Vec<&str> = source.split("\"tussock_").skip(1).collect();
        let names = parts.iter().filter_map(|rest| rest.split_once('"')).map(|(name, _)| name);
        let names: Vec<&str> = names.filter(|name| !name.contains(['{', ' '])).collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            // The second of two with the same beginning is there without it.
            let ends =
                name.match_indices('_').map(|(at, _)| format!(", {}", &name[at..])).chain([format!(", _{name}")]);
            let mut ends = ends.chain([format!("tussock_{name}")]);
            assert!(ends.any(|end| page.contains(&end)), "tussock_{name}");
        }
    }

    #[test]
    fn the_metrics_page_names_every_counter() {
        let page = page("metrics").unwrap();
        for counter in &counters::ALL {
            assert!(page.contains(&format!("tussock_{}_total", counter.key)), "{}", counter.key);
        }
    }
}
