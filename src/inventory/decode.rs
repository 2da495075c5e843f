//! From the tree to the typed inventory, without stopping at the first problem.

use super::elsewhere;
use super::mask;
use super::problem::{Problem, Problems, Span, Spanned};
use super::section::{Key, Level, Presence};
use super::slips;
use super::suggest::nearest;
use super::value::{Entry, Form, Kind, Scalar, Value};

/// A type that a value of the inventory can be read into.
pub trait Decode: Sized {
    /// The keys below it, if it is a section with keys of its own.
    fn keys() -> Option<&'static [Key]> {
        None
    }

    /// What it takes in this part of the file, as JSON Schema.
    fn schema(level: Level) -> serde_json::Value;

    /// Reads `value`; `None` after reporting why it cannot be.
    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self>;

    /// Lays `self`, which stands nearer to the node, over `base`. A single value replaces it;
    /// sections and maps are joined key by key.
    #[must_use]
    fn over(self, base: Self) -> Self {
        let _ = base;
        self
    }
}

/// Lays an optional value over another.
pub fn over<T: Decode>(upper: Option<Spanned<T>>, base: Option<Spanned<T>>) -> Option<Spanned<T>> {
    match (upper, base) {
        (Some(upper), Some(base)) => Some(Spanned {
            value: upper.value.over(base.value),
            span: upper.span,
        }),
        (upper, base) => upper.or(base),
    }
}

/// Where in the file the reader is, and what it found so far.
#[derive(Debug)]
pub struct Decoder {
    /// What it found.
    pub problems: Problems,
    /// Which part of the file is read, for keys that may stand in some parts only.
    level: Level,
    path: Vec<(String, Span)>,
}

impl Decoder {
    pub(super) fn new(problems: Problems) -> Self {
        Self {
            problems,
            level: Level::Cluster,
            path: Vec::new(),
        }
    }

    /// Reads what `read` reads one key deeper.
    pub(super) fn below<T>(
        &mut self,
        key: &Spanned<String>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.push((key.value.clone(), key.span));
        let result = read(self);
        self.path.pop();
        result
    }

    /// Reads what `read` reads with the keys that `level` allows.
    pub(super) fn at_level<T>(&mut self, level: Level, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.level, level);
        let result = read(self);
        self.level = before;
        result
    }

    /// The dotted path of the key that is read: `postgresql.port`.
    pub fn path(&self) -> String {
        let names: Vec<&str> = self.path.iter().map(|(name, _)| name.as_str()).collect();
        names.join(".")
    }

    /// The path without the way to the section: of `nodes.pg-1.postgresql.port` it is
    /// `postgresql.port`.
    fn path_in_section(&self) -> String {
        let skipped = match self.path.first() {
            Some((first, _)) if first == "nodes" || first == "groups" => 2,
            _ => 0,
        };
        let names: Vec<&str> = self
            .path
            .iter()
            .skip(skipped)
            .map(|(name, _)| name.as_str())
            .collect();
        names.join(".")
    }

    /// Where the key stands that is read.
    pub(super) fn key_span(&self) -> Option<Span> {
        self.path.last().map(|(_, span)| *span)
    }

    /// Reads the value of an entry.
    pub(super) fn entry<T: Decode>(&mut self, entry: &Entry) -> Option<Spanned<T>> {
        self.below(&entry.key, |decoder| {
            if entry.value.kind == Kind::Null {
                let path = decoder.path();
                decoder
                    .problems
                    .error(entry.key.span, format!("`{path}` has no value"))
                    .hint("a key needs a value; remove the key to have its default");
                return None;
            }
            decoder.value(&entry.value)
        })
    }

    /// Reads `value` together with its place.
    pub(super) fn value<T: Decode>(&mut self, value: &Value) -> Option<Spanned<T>> {
        let span = value.span;
        T::decode(value, self).map(|value| Spanned { value, span })
    }

    /// The scalar in `value`; anything else is reported as not being `wanted`.
    pub(super) fn scalar<'v>(&mut self, value: &'v Value, wanted: &str) -> Option<&'v Scalar> {
        match &value.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => {
                self.mistyped(value, wanted);
                None
            }
        }
    }

    /// Reports that `value` is not `wanted`, with what it is instead.
    pub(super) fn mistyped(&mut self, value: &Value, wanted: &str) -> &mut Problem {
        let path = self.path();
        let found = self.found(value);
        let hint = slips::hint(&self.shape_path(), value, wanted);
        let problem = self.problems.error(
            value.span,
            format!("`{path}` must be {wanted}, not {found}"),
        );
        problem.hint = hint;
        problem
    }

    /// What `value` is, in words. The values of secrets are never repeated.
    fn found(&self, value: &Value) -> String {
        match &value.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
            Kind::Scalar(_) if self.is_in_secret() => "what stands there".to_owned(),
            Kind::Scalar(scalar) if scalar.text.is_empty() => "an empty text".to_owned(),
            Kind::Scalar(scalar) => {
                let mut shown: String = scalar.text.chars().take(40).collect();
                if shown.len() < scalar.text.len() {
                    shown.push('…');
                }
                let quoted = match scalar.form {
                    Form::Text => shown.escape_debug().to_string(),
                    _ => shown,
                };
                format!("`{quoted}`")
            }
        }
    }

    /// The path by which the shape of a value is known: that in its section, and `groups` itself.
    fn shape_path(&self) -> String {
        match self.path_in_section() {
            path if path.is_empty() => self.path(),
            path => path,
        }
    }

    /// Whether what is read could hold a password: its own, or, where somebody wrote a word in
    /// the place of a user's map, both at once.
    fn is_in_secret(&self) -> bool {
        let user = |name: &str| matches!(name, "superuser" | "replication" | "rewind");
        self.path.iter().any(|(name, _)| mask::is_secret(name))
            || self.path.last().is_some_and(|(name, _)| user(name))
    }

    /// The entries of a map whose keys are free. Anything else is reported.
    pub(super) fn map<'v>(&mut self, value: &'v Value, wanted: &str) -> Option<&'v [Entry]> {
        match &value.kind {
            Kind::Map(entries) => Some(entries),
            _ => {
                self.mistyped(value, wanted);
                None
            }
        }
    }

    /// The entries of a section: those whose keys it has and which may stand here. All others
    /// are reported, and so are those that it lacks.
    pub(super) fn section<'v>(
        &mut self,
        value: &'v Value,
        keys: &'static [Key],
    ) -> Option<Vec<&'v Entry>> {
        let names = || keys.iter().map(|key| key.name);
        let Kind::Map(entries) = &value.kind else {
            let some: Vec<String> = names().take(3).map(|name| format!("`{name}`")).collect();
            self.mistyped(value, &format!("a map of keys such as {}", some.join(", ")));
            return None;
        };
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            match keys.iter().find(|key| key.name == entry.key.value) {
                None => self.unknown(entry, keys),
                Some(key) if self.level.allows(key.level) => kept.push(entry),
                Some(key) => self.misplaced(entry, key),
            }
        }
        let mistaken = |key: &Key| {
            let unknown = entries.iter().map(|entry| entry.key.value.as_str());
            unknown
                .filter(|name| !names().any(|known| known == *name))
                .any(|name| nearest(name, names()) == Some(key.name))
        };
        for key in keys {
            let missing = key.presence == Presence::Required && value.get(key.name).is_none();
            // "did you mean" has said it.
            if missing && !mistaken(key) {
                let place = self.key_span();
                let message = match self.path().as_str() {
                    "" => format!("`{}` is missing", key.name),
                    path => format!("`{path}` has no `{}`", key.name),
                };
                self.problems.error(place, message).hint(phrase(key.doc));
            }
        }
        Some(kept)
    }

    fn unknown(&mut self, entry: &Entry, keys: &'static [Key]) {
        let section = self.path_in_section();
        let name = entry.key.value.as_str();
        let message = match self.path().as_str() {
            "" => format!("`{name}` is not a key of an inventory"),
            path => format!("`{name}` is not a key of `{path}`"),
        };
        let allowed = keys
            .iter()
            .filter(|key| self.level.allows(key.level))
            .map(|key| key.name);
        let hint = elsewhere::hint(&section, name)
            .or_else(|| slips::strange(name))
            .or_else(|| elsewhere::misread(&self.path(), entry))
            .or_else(|| {
                nearest(name, allowed.clone()).map(|near| format!("did you mean `{near}`?"))
            })
            .or_else(|| elsewhere::belongs(name))
            .or_else(|| elsewhere::joined(name))
            .unwrap_or_else(|| {
                let names: Vec<&str> = allowed.collect();
                format!("its keys are {}", names.join(", "))
            });
        self.problems.error(entry.key.span, message).hint(hint);
    }

    fn misplaced(&mut self, entry: &Entry, key: &Key) {
        let section = self.path_in_section();
        let name = match section.as_str() {
            "" => key.name.to_owned(),
            section => format!("{section}.{}", key.name),
        };
        match key.level {
            Level::Single => self
                .problems
                .error(
                    entry.key.span,
                    format!("`{name}` can be set for a single node only"),
                )
                .hint("set it in the node's own entry under `nodes`"),
            _ => self
                .problems
                .error(entry.key.span, format!("`{name}` is the same on all nodes"))
                .hint("set it once, at the top level of the file"),
        };
    }
}

/// A sentence of documentation as a hint: lower case, no full stop.
fn phrase(doc: &str) -> String {
    let doc = doc.trim().trim_end_matches('.');
    let mut chars = doc.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}
