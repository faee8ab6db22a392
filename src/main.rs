//! The `tussock` program.

/// One heap for all threads. The C library gives each thread one of its own, which together take up to 6 MB more for the
/// same data (`scripts/attack.sh valid`), and gives less of it back.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> std::process::ExitCode {
    tussock::cli::main()
}
