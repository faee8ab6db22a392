//! `print`: files for other tools.

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;

use super::{
    completions,
    exit::{Exit, Failure, Outcome},
    grafana, output,
};
use crate::store::{migrate, views};

/// `tussock print`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock print man > tussock.1
  tussock print unit > tussock.service")]
pub struct PrintArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Copy, Debug)]
enum What {
    /// A sample configuration file with all defaults
    #[command(after_help = "Example:\n  tussock print config > config.toml")]
    Config,
    /// The specification of the peer protocol
    #[command(after_help = "Example:\n  tussock print protocol | less")]
    Protocol,
    /// Completions for a shell
    #[command(after_help = "Example:\n  tussock print completions bash > tussock.bash")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// The man page
    #[command(after_help = "Example:\n  tussock print man > tussock.1 && man ./tussock.1")]
    Man,
    /// The tables and views of the databases
    #[command(after_help = "Example:\n  tussock print schema")]
    Schema,
    /// A systemd unit, for the system or for one user
    #[command(after_help = "Examples:\n  tussock print unit > /etc/systemd/system/tussock.service\n  \
        tussock print unit --user > ~/.config/systemd/user/tussock.service")]
    Unit {
        /// For the service manager of the current user
        #[arg(long)]
        user: bool,
    },
    /// A service script for OpenWrt
    #[command(after_help = "Example:\n  tussock print openwrt > /etc/init.d/tussock && chmod 755 /etc/init.d/tussock")]
    Openwrt,
    /// The OpenRPC document of all JSON-RPC methods
    #[command(after_help = "Example:\n  tussock print openrpc > openrpc.json")]
    Openrpc,
    /// The OpenAPI document of the read-only JSON
    #[command(after_help = "Example:\n  tussock print openapi > openapi.json")]
    Openapi,
    /// A Grafana dashboard of the metrics
    #[command(after_help = "Example:\n  tussock print grafana > tussock.json")]
    Grafana,
    /// A Dockerfile
    #[command(after_help = "Example:\n  tussock print dockerfile > Dockerfile")]
    Dockerfile,
}

/// Runs the command; `program` is the whole command line.
pub fn run(arguments: &PrintArgs, mut program: Command) -> Outcome {
    match arguments.what {
        What::Config => output::raw(crate::config::SAMPLE.as_bytes()),
        What::Protocol => output::raw(include_str!("../wire/PROTOCOL.md").as_bytes()),
        What::Completions { shell } => output::raw(&completions::script(shell, &mut program)),
        What::Man => man(program),
        What::Schema => output::raw(schema().as_bytes()),
        What::Unit { user: false } => output::raw(include_bytes!("tussock.service")),
        What::Unit { user: true } => output::raw(user_unit().as_bytes()),
        What::Openwrt => output::raw(include_bytes!("tussock.openwrt")),
        What::Openrpc => output::line(&format!("{:#}", crate::rpc::methods::openrpc(env!("CARGO_PKG_VERSION")))),
        What::Openapi => output::line(&format!("{:#}", crate::rpc::api::openapi(env!("CARGO_PKG_VERSION")))),
        What::Grafana => output::line(&format!("{:#}", grafana::dashboard())),
        What::Dockerfile => output::raw(include_bytes!("Dockerfile")),
    }
}

/// A unit that starts this program's file as the current user.
fn user_unit() -> String {
    let program = std::env::current_exe().map_or("%h/.cargo/bin/tussock".to_owned(), |path| path.display().to_string());
    // The percent sign begins a specifier of systemd's.
    include_str!("tussock-user.service").replace("PROGRAM", &program.replace('%', "%%"))
}

/// The schemas of the databases, and their views.
fn schema() -> String {
    let mut text = String::new();
    for schema in [migrate::LEDGER, migrate::PEERS, migrate::INDEX, migrate::SEALS] {
        text.push_str(&format!("-- ======== {} ========\n\n{}\n", schema.name, schema.steps.join("\n")));
    }
    // In the files, SQL that needs no function stands in the place of `address_text`.
    text + "-- ======== views ========\n\n" + &views::text()
}

/// One man page for the program and all commands.
fn man(mut program: Command) -> Outcome {
    let failed = |error: std::io::Error| Failure::new(Exit::Internal, format!("cannot make the man page: {error}"));
    program.build();
    let mut text = Vec::new();
    clap_mangen::Man::new(program.clone()).render(&mut text).map_err(failed)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let title = command.get_display_name().unwrap_or(command.get_name()).replace('-', " ");
        text.extend_from_slice(format!(".SH \"{}\"\n", title.to_uppercase()).as_bytes());
        let page = clap_mangen::Man::new(command.clone());
        page.render_synopsis_section(&mut text).map_err(failed)?;
        page.render_description_section(&mut text).map_err(failed)?;
        page.render_options_section(&mut text).map_err(failed)?;
    }
    output::raw(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit codes after which a unit does not start the node again.
    fn final_codes(unit: &str) -> Vec<u8> {
        let codes = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus="));
        codes.expect("the unit lists them").split(' ').map(|code| code.parse().expect("a number")).collect()
    }

    #[test]
    fn units_start_the_node_again_where_waiting_helps_and_only_there() {
        // A failure of the system, a port in use, another process on the data directory, a full disk, a drive that is not
        // mounted.
        let by_waiting = [Exit::Internal, Exit::Usage, Exit::InUse, Exit::Io];
        // An operator has to change something first.
        let by_hand = [Exit::Unauthorised, Exit::Mismatch];
        for unit in [include_str!("tussock.service"), include_str!("tussock-user.service")] {
            let codes = final_codes(unit);
            assert_eq!(codes, by_hand.map(|exit| exit as u8));
            assert!(by_waiting.iter().all(|exit| !codes.contains(&(*exit as u8))));
            assert!(unit.contains("\nRestart=on-failure\n") && unit.contains("\nRestartSec="));
        }
    }
}
