//! The command `mahout`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use mahout::cli::{Cli, wants_json};
use mahout::commands::{self, Context};
use mahout::error::Error;
use mahout::report::{self, Events, Style};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are not errors, and are texts in any case.
        Err(error) if error.use_stderr() && wants_json(std::env::args_os()) => {
            let _ = report::write_usage_json(&mut std::io::stderr(), error.to_string().trim_end());
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    let output = cli.global.output.into();
    let style = Style {
        output,
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
            // A closed stderr is no reason for another exit code.
            let _ = report::write_error(&mut std::io::stderr(), output, &error);
            ExitCode::from(error.exit_code())
        }
    }
}
