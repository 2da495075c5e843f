//! The command `mahout`.

use std::io::Write;
use std::process::ExitCode;

use mahout::commands::{self, Context};
use mahout::report::{self, Events};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = commands::parse();
    let (events, receiver) = Events::channel();
    let style = report::Style::of(&cli.global);
    let reporter = tokio::spawn(report::run(receiver, style));
    let context = Context::new(cli.global, events);
    let mut out = std::io::stdout();
    let result = commands::run(cli.command, &context, &mut out).await;
    drop(context);
    // The last events are shown before the error.
    let _ = reporter.await;
    let flushed = out.flush().map_err(mahout::error::Error::Output);
    match result.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&error.to_string(), error.hint().as_deref());
            ExitCode::from(error.exit_code())
        }
    }
}
