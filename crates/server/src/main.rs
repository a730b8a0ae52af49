//! Voxanne: answers the phone of small practices, and keeps the record.

use std::process::ExitCode;

use clap::Parser as _;
use server::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The one TLS provider of the process; it fails only when one is installed already.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    match runtime.block_on(server::cli::run(cli)) {
        Ok(code) => code,
        Err(error) => complain(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the command line answers on the terminal")]
fn complain(error: &anyhow::Error) -> ExitCode {
    eprintln!("voxanne: {error:#}");
    ExitCode::FAILURE
}
