//! The `vitrine` command. Everything is in the library, where tests can reach it.

fn main() -> std::process::ExitCode {
    vitrine_cli::main()
}
