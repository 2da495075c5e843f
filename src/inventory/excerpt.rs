//! Problems as compilers show them: the line, a caret below it, the remedy.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::mask::mask;
use super::problem::{Problem, Severity, Span};
use super::source::Source;

/// More problems than this are counted, not shown.
const MOST_SHOWN: usize = 50;

/// Whether the reader is a terminal with colours or anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// Text with ANSI colours.
    Coloured,
}

/// All `problems` of `source`, each with its excerpt, and the count below them. Values that
/// could be secrets are masked in the excerpts.
pub fn render(problems: &[Problem], source: &Source, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let name = source.name();
    let text = mask(&source.text);
    let mut out = String::new();
    for problem in problems.iter().take(MOST_SHOWN) {
        out.push_str(&render_one(problem, &name, &text, &renderer));
        out.push_str("\n\n");
    }
    if let Some(more) = problems
        .len()
        .checked_sub(MOST_SHOWN)
        .filter(|more| *more > 0)
    {
        out.push_str(&format!("… and {more} more\n\n"));
    }
    out.push_str(&count(problems, &name));
    out
}

fn render_one(problem: &Problem, name: &str, text: &str, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(problem.message.as_str()).elements(
        problem
            .span
            .map(|span| snippet(span, &problem.related, name, text)),
    );
    if let Some(hint) = &problem.hint {
        let hint = annotate_snippets::normalize_untrusted_str(hint);
        group = group.element(Level::HELP.with_name("hint").message(hint));
    }
    let out = renderer.render(&[group]);
    match problem.span {
        Some(_) => out,
        // Without an excerpt the file would not be named.
        None => match out.split_once('\n') {
            Some((title, rest)) => format!("{title}\n --> {name}\n{rest}"),
            None => format!("{out}\n --> {name}"),
        },
    }
}

/// The lines from the first place to the last one, those between folded.
fn snippet<'a>(
    span: Span,
    related: &'a [(Span, String)],
    name: &'a str,
    text: &'a str,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let places = || std::iter::once(span).chain(related.iter().map(|(span, _)| *span));
    let first = places().min().unwrap_or(span);
    let last = places()
        .map(|place| first_line_end(place, text))
        .max()
        .unwrap_or(span.end);
    let from = text
        .get(..first.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let to = text
        .get(last..)
        .and_then(|after| after.find('\n'))
        .map_or(text.len(), |at| last + at);
    let range = |place: Span| {
        let start = place.start.saturating_sub(from);
        // Of a value of several lines the first is enough; nothing at all still gets a caret.
        start..first_line_end(place, text).saturating_sub(from).max(start)
    };
    Snippet::source(text.get(from..to).unwrap_or_default())
        .line_start(first.line)
        .path(name)
        .annotation(AnnotationKind::Primary.span(range(span)))
        .annotations(related.iter().map(|(span, label)| {
            AnnotationKind::Context
                .span(range(*span))
                .label(label.as_str())
        }))
}

fn first_line_end(place: Span, text: &str) -> usize {
    let piece = text.get(place.start..place.end).unwrap_or_default();
    place.start + piece.find(['\n', '\r']).unwrap_or(piece.len())
}

/// `3 errors, 1 warning in inventory.yml`
fn count(problems: &[Problem], name: &str) -> String {
    let of = |severity| {
        problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let counted = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{number} {word}s")),
    };
    let parts: Vec<String> = [
        counted(of(Severity::Error), "error"),
        counted(of(Severity::Warning), "warning"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match parts.as_slice() {
        [] => format!("no problems in {name}"),
        parts => format!("{} in {name}", parts.join(", ")),
    }
}
