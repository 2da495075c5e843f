//! What is wrong or doubtful in an inventory, and where.

use std::fmt;

use serde::Serialize;

/// A piece of the inventory's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// The line of the first byte, from 1.
    pub line: usize,
    /// The column of the first character, from 1.
    pub column: usize,
}

/// A value together with the place where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The place.
    pub span: Span,
}

/// Whether a cluster can be made of the inventory in spite of the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Legal but doubtful.
    Warning,
    /// No cluster can be made of it.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One thing that is wrong or doubtful. Serialised, it is an entry of `check --output json`.
///
/// No text of it ever repeats a password, even where one stands in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// See [`Severity`].
    pub severity: Severity,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
    /// Where; `None` where the file as a whole is meant.
    pub span: Option<Span>,
    /// Other places that have to do with it, each with a word of explanation.
    pub related: Vec<(Span, String)>,
}

impl Problem {
    /// Adds the remedy.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds another place and what it has to do with the problem.
    pub fn also(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.related.push((span, label.into()));
        self
    }

    /// The problem on one line, as compilers write it: `inventory.yml:12:3: message (hint)`.
    pub fn on_one_line(&self, file: &str) -> String {
        let place = match self.span {
            Some(span) => format!("{file}:{}:{}", span.line, span.column),
            None => file.to_owned(),
        };
        match &self.hint {
            Some(hint) => format!("{place}: {} ({hint})", self.message),
            None => format!("{place}: {}", self.message),
        }
    }
}

/// All problems found so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds an error.
    pub fn error(
        &mut self,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.add(Severity::Error, span.into(), message.into())
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.add(Severity::Warning, span.into(), message.into())
    }

    fn add(&mut self, severity: Severity, span: Option<Span>, message: String) -> &mut Problem {
        self.0.push(Problem {
            severity,
            message,
            hint: None,
            span,
            related: Vec::new(),
        });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Whether one of them is an error.
    pub fn any_error(&self) -> bool {
        self.0
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// Whether one of them is an error in this part of the text.
    pub fn any_error_within(&self, start: usize, end: usize) -> bool {
        self.0.iter().any(|problem| {
            problem.severity == Severity::Error
                && problem
                    .span
                    .is_some_and(|span| (start..end).contains(&span.start))
        })
    }

    /// All of them in the order of the file, each once.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0;
        problems.sort_by(|a, b| {
            let key = |p: &Problem| p.span.map(|span| (span.start, span.end));
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        problems.dedup();
        problems
    }
}
