//! The command `mahout`.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mahout::cli::{Cli, wants_json};
use mahout::commands::{self, Context};
use mahout::error::Error;
use mahout::report::{self, Events, Style, Timeline};

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
    let (mut events, receiver) = Events::channel();
    let reporter = tokio::spawn(report::run(receiver, style));
    let timings = cli.global.timings.clone();
    let timeline = Arc::new(Timeline::default());
    if timings.is_some() {
        events = events.on(Arc::clone(&timeline));
    }
    let context = Context::new(cli.global, events);
    let mut out = std::io::stdout();
    let result = commands::run(cli.command, &context, &mut out).await;
    // The last events are shown before the error.
    drop(context);
    let _ = reporter.await;
    let flushed = out.flush().map_err(Error::Output);
    let told = timings.map_or(Ok(()), |path| tell_timings(&path, &timeline));
    match result.and(flushed).and(told) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed stderr is no reason for another exit code.
            let _ = report::write_error(&mut std::io::stderr(), output, &error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// The tables on stderr, the timeline in its file.
fn tell_timings(path: &Path, timeline: &Timeline) -> Result<(), Error> {
    let (spans, took) = timeline.spans();
    // A closed stderr is no reason not to write the file.
    let _ = report::write_timings(&mut std::io::stderr(), &spans, took);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let title = format!("mahout {}", words.join(" "));
    let page = report::timeline_html(&title, &spans, took);
    std::fs::write(path, page).map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })
}
