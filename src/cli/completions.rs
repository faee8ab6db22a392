//! Completions for shells: what clap generates, and names that only the program knows.

use clap::Command;
use clap_complete::Shell;

use super::help;

/// Where the text of a script names the topics of `tussock help`.
const TOPICS: &str = "TOPICS";
/// What clap lets zsh complete where it knows nothing better.
const ANYTHING: &str = ":_default'";

/// The script for a shell; `program` is the whole command line.
pub(super) fn script(shell: Shell, program: &mut Command) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, program, "tussock", &mut text);
    let topics = || help::topics().map(|(topic, _)| topic).collect::<Vec<_>>().join(" ");
    match shell {
        Shell::Bash => text.extend(include_str!("completions/names.bash").replace(TOPICS, &topics()).bytes()),
        Shell::Fish => text.extend(include_str!("completions/names.fish").replace(TOPICS, &topics()).bytes()),
        Shell::Zsh => return with_keys_for_zsh(&String::from_utf8_lossy(&text)).into_bytes(),
        _ => {}
    }
    text
}

/// Has zsh ask for keys and contacts where an argument takes one.
fn with_keys_for_zsh(script: &str) -> String {
    let takes_key = |line: &str| {
        [":KEY:", "name of a key", "Name of the key", "'--mine=", "'--to="].iter().any(|mark| line.contains(mark))
    };
    let keys = |line: &str| match line {
        line if line.contains("name of a key or contact") => line.replace(ANYTHING, ":_tussock_payees'"),
        line if line.contains("Name of the contact") => line.replace(ANYTHING, ":_tussock_contacts'"),
        line if takes_key(line) => line.replace(ANYTHING, ":_tussock_keys'"),
        line => line.to_owned(),
    };
    let text: String = script.lines().map(|line| keys(line) + "\n").collect();
    text.replacen("\n_tussock() {", &format!("\n{}_tussock() {{", include_str!("completions/names.zsh")), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zsh_asks_for_keys_where_an_argument_takes_one() {
        let line = |text: &str| format!("{text}\n");
        let script = "\n_tussock() {\n'--from=[The paying key]:KEY:_default' \\\n'--fee=[The fee]:F:_default' \\\n";
        let changed = with_keys_for_zsh(script);
        assert!(changed.contains(&line("'--from=[The paying key]:KEY:_tussock_keys' \\")), "{changed}");
        assert!(changed.contains(&line("'--fee=[The fee]:F:_default' \\")) && changed.contains("_tussock_keys() {"));
    }
}
