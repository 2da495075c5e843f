//! Tera templates: compiled in, each of them replaceable by a file of the user.
//!
//! A template is found under its path in `templates/`. With `--templates DIR` a file of the same
//! relative path takes its place; `{% include "builtin/…" %}` in it still reaches ours.
//!
//! Undefined variables are errors that name template, line and variable. A message of the engine
//! can quote a value, and a value can be a password, so that only messages known to be about
//! names and types are passed on.

mod filters;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tera::{Context, ErrorKind, Tera};

/// A template's path and its text.
macro_rules! builtin {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $name)),
        )
    };
}

/// Every template with its compiled-in text, by its path in `templates/`.
const BUILTIN: [(&str, &str); 18] = [
    builtin!("etcd/etcd.env.tera"),
    builtin!("etcd/etcd.service.tera"),
    builtin!("haproxy/haproxy.cfg.tera"),
    builtin!("haproxy/haproxy.service.conf.tera"),
    builtin!("haproxy/keep-state.sh.tera"),
    builtin!("patroni/patroni.service.tera"),
    builtin!("patroni/patroni.yml.tera"),
    builtin!("system/createcluster.conf.tera"),
    builtin!("system/firewalld.xml.tera"),
    builtin!("system/limits.conf.tera"),
    builtin!("system/modules-load.conf.tera"),
    builtin!("system/repositories.repo.tera"),
    builtin!("system/sysctl.conf.tera"),
    builtin!("system/thp.service.tera"),
    builtin!("system/watchdog.rules.tera"),
    builtin!("vip/check.sh.tera"),
    builtin!("vip/keepalived.conf.tera"),
    builtin!("vip/keepalived.service.conf.tera"),
];

/// The suffix of a template's file name.
const SUFFIX: &str = ".tera";

/// Why a template could not be read or rendered. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The text of a template is wrong, or a variable in it is not defined.
    #[error("{template}:{line}:{column}: {cause}")]
    At {
        /// The template: `haproxy/haproxy.cfg.tera`.
        template: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, in words.
        cause: String,
    },
    /// The engine refuses a template as a whole: it includes itself, includes a missing one.
    #[error("template {template}: {cause}")]
    Whole {
        /// The template.
        template: String,
        /// What is wrong, in words.
        cause: String,
    },
    /// A file of the user's folder cannot be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// A file of the user's folder would replace nothing.
    #[error("{}: there is no template `{name}` to replace; there are: {}", path.display(), names())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Its path within the folder.
        name: String,
    },
}

/// The templates of a run.
#[derive(Debug)]
pub struct Templates {
    tera: Tera,
    /// The names of those that are the user's.
    replaced: BTreeSet<String>,
}

impl Templates {
    /// The templates that are compiled in.
    ///
    /// # Errors
    /// Never, as a test shows; the engine's answer is handed on all the same.
    pub fn builtin() -> Result<Self, TemplateError> {
        let mut tera = Tera::default();
        // No file of ours is HTML.
        tera.autoescape_on(Vec::<&str>::new());
        filters::register(&mut tera);
        let mut templates = Self {
            tera,
            replaced: BTreeSet::new(),
        };
        for (name, text) in BUILTIN {
            templates.add(name, text)?;
            templates.add(&format!("builtin/{name}"), text)?;
        }
        Ok(templates)
    }

    /// The compiled-in templates, with those that lie in `dir` in their place.
    ///
    /// # Errors
    /// If a file cannot be read or parsed, or is named like none of ours.
    pub fn with_overrides(dir: &Path) -> Result<Self, TemplateError> {
        let mut templates = Self::builtin()?;
        for path in files_in(dir)? {
            let name = path
                .strip_prefix(dir)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            if !name.ends_with(SUFFIX) {
                continue;
            }
            if !BUILTIN.iter().any(|(known, _)| *known == name) {
                return Err(TemplateError::Unknown { path, name });
            }
            let text = std::fs::read_to_string(&path).map_err(|cause| TemplateError::Read {
                path: path.clone(),
                cause,
            })?;
            templates.add(&name, &text)?;
            templates.replaced.insert(name);
        }
        Ok(templates)
    }

    /// Whether the template `name` is the user's, of which nothing is known.
    pub fn is_replaced(&self, name: &str) -> bool {
        self.replaced.contains(name)
    }

    /// Renders the template `name` with the fields of `context` as variables.
    ///
    /// # Errors
    /// If a variable is not defined, or a filter refuses a value.
    pub fn render(&self, name: &str, context: &impl Serialize) -> Result<String, TemplateError> {
        Context::from_serialize(context)
            .and_then(|context| self.tera.render(name, &context))
            .map_err(|error| in_words(name, &error))
    }

    fn add(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        self.tera
            .add_raw_template(name, text)
            .map_err(|error| match error.kind() {
                ErrorKind::Msg(report) => of_report(name, report),
                _ => in_words(name, &error),
            })
    }
}

/// What is wrong with the text of a template, from the engine's drawn report: a line
/// `error: MESSAGE`, then one `--> FILE:LINE:COLUMN`. Nothing has been rendered yet, so that it
/// can quote no value.
fn of_report(template: &str, report: &str) -> TemplateError {
    let mut lines = report.lines().map(str::trim);
    let message = lines.next().unwrap_or_default();
    let cause = first_lower(message.strip_prefix("error: ").unwrap_or(message));
    let place = lines
        .next()
        .and_then(|line| line.strip_prefix("--> ")?.rsplit_once(':'))
        .and_then(|(place, column)| Some((place.rsplit_once(':')?, column.parse().ok()?)))
        .and_then(|((file, line), column)| Some((file, line.parse().ok()?, column)));
    match place {
        Some((file, line, column)) => TemplateError::At {
            template: file.to_owned(),
            line,
            column,
            cause,
        },
        None => TemplateError::Whole {
            template: template.to_owned(),
            cause,
        },
    }
}

fn names() -> String {
    let names: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// Every file beneath `dir`, sorted; hidden ones are left out.
fn files_in(dir: &Path) -> Result<Vec<PathBuf>, TemplateError> {
    let failed = |cause| TemplateError::Read {
        path: dir.to_owned(),
        cause,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_in(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The engine's error without any value in it.
fn in_words(template: &str, error: &tera::Error) -> TemplateError {
    match error.kind() {
        // Nothing has been rendered yet: the text of the template is all that it can quote.
        ErrorKind::SyntaxError(report) => at(report, first_lower(report.message())),
        ErrorKind::RenderingError(report) => at(report, without_values(report.message())),
        kind @ (ErrorKind::CircularExtend { .. }
        | ErrorKind::CircularInclude { .. }
        | ErrorKind::MissingParent { .. }
        | ErrorKind::TemplateNotFound(_)) => TemplateError::Whole {
            template: template.to_owned(),
            cause: first_lower(&kind.to_string()),
        },
        kind => TemplateError::Whole {
            template: template.to_owned(),
            cause: without_values(&kind.to_string()),
        },
    }
}

fn at(report: &tera::ReportError, cause: String) -> TemplateError {
    TemplateError::At {
        template: report.filename().to_owned(),
        line: report.span().start_line,
        column: report.span().start_col + 1,
        cause,
    }
}

/// `message` if it is one of those that hold only names and types.
fn without_values(message: &str) -> String {
    const HARMLESS: [&str; 9] = [
        "Variable `",
        "Field `",
        "Tried to render a variable that is undefined",
        "Iteration not possible on type",
        "Key/value iteration is not possible on type",
        "Math operations can only be done on numbers",
        "Invalid type for the value",
        "Missing keyword argument",
        filters::REFUSED,
    ];
    if HARMLESS.iter().any(|start| message.starts_with(start)) {
        first_lower(message)
    } else {
        "this cannot be rendered (the reason could quote a secret and is left out)".to_owned()
    }
}

fn first_lower(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut chars = message.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
