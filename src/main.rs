//! The command `mahout`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use mahout::cli::{Cli, OutputFormat};
use mahout::cluster::InvalidCluster;
use mahout::commands::{self, Context};
use mahout::error::Error;
use mahout::report::{self, Events, Output, Style};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let style = Style {
        output: match cli.global.output {
            OutputFormat::Text => Output::Text,
            OutputFormat::Json => Output::Json,
        },
        verbosity: cli.global.verbose,
        terminal: std::io::stderr().is_terminal(),
    };
    let (events, receiver) = Events::channel();
    let reporter = tokio::spawn(report::run(receiver, style));
    let context = Context::new(cli.global, events);
    let mut out = std::io::stdout();
    let result = commands::run(cli.command, &context, &mut out).await;
    // The last events are shown before the error.
    drop(context);
    let _ = reporter.await;
    let flushed = out.flush().map_err(Error::Output);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// An error as text, or nothing where everything was said already. A closed stderr is no reason
/// for another exit code.
fn show(error: &Error) {
    if matches!(error, Error::Reported(_)) {
        return;
    }
    let mut stderr = std::io::stderr();
    let _ = match error {
        // Each problem of the report says for itself whether it is an error or a warning.
        Error::Cluster(InvalidCluster::Problems(report)) => write!(stderr, "{report}"),
        _ => writeln!(stderr, "error: {error}"),
    };
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "\nhint: {hint}");
    }
}
