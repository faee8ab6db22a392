//! `print`: the files that other tools want.

use clap::{Args, CommandFactory, Subcommand};
use clap_complete::Shell;

use super::{
    Cli,
    exit::{Exit, Failure, Outcome},
    grafana, output,
};
use crate::store::migrate;

/// `tussock print`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock print completions bash > ~/.local/share/bash-completion/completions/tussock
  tussock print unit > ~/.config/systemd/user/tussock.service")]
pub struct PrintArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Clone, Copy, Debug)]
enum What {
    /// A commented configuration file with all defaults
    #[command(after_help = "Example:\n  tussock print config > config.toml")]
    Config,
    /// The specification of the peer protocol
    #[command(after_help = "Example:\n  tussock print protocol | less")]
    Protocol,
    /// Completions for a shell
    #[command(after_help = "Example:\n  tussock print completions fish > ~/.config/fish/completions/tussock.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// The man page
    #[command(after_help = "Example:\n  tussock print man > tussock.1 && man ./tussock.1")]
    Man,
    /// The tables and views of the ledger's database
    #[command(after_help = "Example:\n  tussock print schema")]
    Schema,
    /// A systemd unit
    #[command(after_help = "Example:\n  tussock print unit > /etc/systemd/system/tussock.service")]
    Unit,
    /// The OpenRPC document of all JSON-RPC methods
    #[command(after_help = "Example:\n  tussock print openrpc > openrpc.json")]
    Openrpc,
    /// A Grafana dashboard of the metrics
    #[command(after_help = "Example:\n  tussock print grafana > tussock.json")]
    Grafana,
    /// A Dockerfile
    #[command(after_help = "Example:\n  tussock print dockerfile > Dockerfile")]
    Dockerfile,
}

/// Runs the command.
pub fn run(arguments: &PrintArgs) -> Outcome {
    match arguments.what {
        What::Config => output::raw(crate::config::SAMPLE.as_bytes()),
        What::Protocol => output::raw(include_str!("../wire/PROTOCOL.md").as_bytes()),
        What::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tussock", &mut text);
            output::raw(&text)
        }
        What::Man => man(),
        What::Schema => output::raw(schema().as_bytes()),
        What::Unit => output::raw(UNIT.as_bytes()),
        What::Openrpc => output::line(&format!("{:#}", crate::rpc::methods::openrpc(env!("CARGO_PKG_VERSION")))),
        What::Grafana => output::line(&format!("{:#}", grafana::dashboard())),
        What::Dockerfile => output::raw(DOCKERFILE.as_bytes()),
    }
}

/// The three files' schemas, each step under its file's name.
fn schema() -> String {
    let mut text = String::new();
    for schema in [migrate::LEDGER, migrate::PEERS, migrate::INDEX] {
        text.push_str(&format!("-- ======== {} ========\n\n{}\n", schema.name, schema.steps.join("\n")));
    }
    text
}

/// One page: the program, then each command.
fn man() -> Outcome {
    let failed = |error: std::io::Error| Failure::new(Exit::Internal, format!("the man page cannot be made: {error}"));
    let mut program = Cli::command();
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

const UNIT: &str = "\
# A tussock node as a system service. Settings: /var/lib/tussock/config.toml (tussock print config).
[Unit]
Description=tussock ledger node
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/tussock run --data-dir /var/lib/tussock --quiet
DynamicUser=yes
StateDirectory=tussock
Restart=on-failure
RestartSec=5
# The node stops within 10 seconds, and loses nothing if it does not.
TimeoutStopSec=20
# A wrong argument, another node's data directory or another chain's database will not get better by trying again.
RestartPreventExitStatus=2 7 9
MemoryMax=128M
LimitNOFILE=1024
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6
RestrictNamespaces=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
";

const DOCKERFILE: &str = "\
# A tussock node in a container. Build in the source folder:  docker build -t tussock .
# Run:  docker run -p 4130:4130 -p 127.0.0.1:3030:3030 -v tussock:/data tussock
# Publish 3030 on loopback only: it is the way to the node's controls.
FROM rust:1-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /source
COPY Cargo.toml Cargo.lock README.md ./
COPY src ./src
RUN cargo build --release --locked

FROM debian:stable-slim
COPY --from=build /source/target/release/tussock /usr/local/bin/tussock
VOLUME /data
EXPOSE 4130 3030
ENV TUSSOCK_DATA_DIR=/data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s CMD [\"tussock\", \"status\", \"--json\"]
ENTRYPOINT [\"tussock\"]
CMD [\"run\", \"--listen\", \"0.0.0.0:4130\", \"--http\", \"0.0.0.0:3030\", \"--quiet\"]
";
