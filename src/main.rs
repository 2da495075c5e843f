//! The command `mahout`.

use std::process::ExitCode;

use clap::Parser;
use mahout::commands::lab::{LabCommand, LabOutcome, run};

/// Deploy and run highly available PostgreSQL.
#[derive(Parser)]
enum Mahout {
    /// Real systemd nodes on this machine
    #[command(subcommand)]
    Lab(LabCommand),
}

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let Mahout::Lab(command) = Mahout::parse();
    match run(command, &mut |line| eprintln!("{line}")) {
        Ok(LabOutcome::Answer(text)) => print!("{text}"),
        Ok(LabOutcome::Program(status)) => {
            return ExitCode::from(
                status
                    .code()
                    .and_then(|code| code.try_into().ok())
                    .unwrap_or(255),
            );
        }
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("\nhint: {hint}");
            }
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}
