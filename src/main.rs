//! The `tussock` program.

fn main() -> std::process::ExitCode {
    tussock::cli::main()
}
