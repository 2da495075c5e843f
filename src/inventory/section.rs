//! Sections of the inventory: a struct, its keys, and how it is read, from one declaration.

use serde_json::json;

use super::decode::{Decode, Decoder};
use super::problem::Spanned;
use super::schema;
use super::value::Value;

/// Where in the file a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// At the top level only: the same on all nodes.
    Cluster,
    /// At the top level for all nodes, in a group, or in a node's entry.
    Node,
    /// In a node's entry only.
    Single,
}

impl Level {
    /// Whether, in this part of the file, a key of level `key` may be set.
    pub(super) fn allows(self, key: Level) -> bool {
        match self {
            Level::Cluster => key != Level::Single,
            Level::Node => key == Level::Node,
            Level::Single => key != Level::Cluster,
        }
    }
}

/// Whether a key has to be there, and what holds without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It has to be there.
    Required,
    /// A default holds without it, which can be written down as a value.
    Default,
    /// Without it the thing is not set at all, or left to the platform.
    Unset,
}

/// A key of a section, for messages, the reference and the schema.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Where it may stand.
    pub level: Level,
    /// Whether it has to.
    pub presence: Presence,
    /// What it is.
    pub doc: &'static str,
    /// The keys below it, if it is a section.
    pub keys: fn() -> Option<&'static [Key]>,
    /// What it takes in a part of the file, as JSON Schema.
    pub schema: fn(Level) -> serde_json::Value,
}

/// Declares sections. Each key is `level name: Type;`, where the level is `Cluster`, `Node` or
/// `Single`, and may end in `= Unset` or `= Required`. The field is an
/// `Option<Spanned<Type>>`.
macro_rules! section {
    ($(
        $(#[doc = $about:literal])+
        pub struct $Name:ident {
            $($(#[doc = $doc:literal])+ $level:ident $field:ident: $ty:ty $(= $presence:ident)?;)+
        }
    )+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default)]
        pub struct $Name {
            $($(#[doc = $doc])+ pub $field: Option<$crate::inventory::Spanned<$ty>>,)+
        }

        impl $Name {
            /// Its keys.
            pub const KEYS: &'static [$crate::inventory::Key] = &[$(
                $crate::inventory::Key {
                    name: stringify!($field),
                    level: $crate::inventory::Level::$level,
                    presence: $crate::inventory::section::presence!($($presence)?),
                    doc: concat!($($doc),+),
                    keys: <$ty as $crate::inventory::Decode>::keys,
                    schema: <$ty as $crate::inventory::Decode>::schema,
                },
            )+];
        }

        impl $crate::inventory::Decode for $Name {
            fn keys() -> Option<&'static [$crate::inventory::Key]> {
                Some(Self::KEYS)
            }

            fn schema(level: $crate::inventory::Level) -> serde_json::Value {
                $crate::inventory::schema::section(Self::KEYS, level)
            }

            fn decode(
                value: &$crate::inventory::Value,
                decoder: &mut $crate::inventory::Decoder,
            ) -> Option<Self> {
                let mut section = Self::default();
                for entry in decoder.section(value, Self::KEYS)? {
                    match entry.key.value.as_str() {
                        $(stringify!($field) => section.$field = decoder.entry(entry),)+
                        _ => {}
                    }
                }
                Some(section)
            }

            fn over(self, base: Self) -> Self {
                Self {
                    $($field: $crate::inventory::decode::over(self.$field, base.$field),)+
                }
            }
        }
    )+};
}

/// [`Presence`] of a key of `section!`.
macro_rules! presence {
    () => {
        $crate::inventory::Presence::Default
    };
    ($presence:ident) => {
        $crate::inventory::Presence::$presence
    };
}

/// Declares types that are one of a few words: `Name = "name" | "other spelling"`.
macro_rules! words {
    ($(
        $(#[doc = $about:literal])+
        pub enum $Name:ident {
            $($(#[doc = $doc:literal])+ $variant:ident = $word:literal $(| $alias:literal)*;)+
        }
    )+) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $Name {
            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::inventory::Decode for $Name {
            fn schema(_: $crate::inventory::Level) -> serde_json::Value {
                $crate::inventory::schema::words(&[$($word $(, $alias)*),+])
            }

            fn decode(
                value: &$crate::inventory::Value,
                decoder: &mut $crate::inventory::Decoder,
            ) -> Option<Self> {
                let word = $crate::inventory::scalar::word(value, &[$($word),+], &[$(&[$($alias),*]),+], decoder)?;
                match word {
                    $($word $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    )+};
}

pub(super) use {presence, section, words};

/// Either `off` or a value.
#[derive(Clone, Debug, PartialEq)]
pub enum OrOff<T> {
    /// `off`.
    Off,
    /// The value.
    On(T),
}

/// The words for [`OrOff::Off`].
const OFF: [&str; 4] = ["off", "false", "no", "none"];

impl<T: Decode> Decode for OrOff<T> {
    fn schema(level: Level) -> serde_json::Value {
        json!({"anyOf": [schema::words(&OFF), T::schema(level)]})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        if let super::value::Kind::Scalar(scalar) = &value.kind
            && OFF.contains(&scalar.text.as_str())
        {
            return Some(Self::Off);
        }
        T::decode(value, decoder).map(Self::On)
    }

    fn over(self, base: Self) -> Self {
        match (self, base) {
            (Self::On(upper), Self::On(base)) => Self::On(upper.over(base)),
            (upper, _) => upper,
        }
    }
}

/// Map with free keys, in the order of the file.
#[derive(Clone, Debug)]
pub struct Table<T>(pub Vec<(Spanned<String>, Spanned<T>)>);

impl<T> Table<T> {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Spanned<T>> {
        self.0
            .iter()
            .find(|(name, _)| name.value == key)
            .map(|(_, value)| value)
    }

    /// Every key with its value.
    pub fn iter(&self) -> impl Iterator<Item = &(Spanned<String>, Spanned<T>)> {
        self.0.iter()
    }
}

impl<T: Decode> Decode for Table<T> {
    fn schema(level: Level) -> serde_json::Value {
        json!({"type": "object", "additionalProperties": T::schema(level)})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let entries = decoder.map(value, "a map")?;
        let read = entries
            .iter()
            .filter_map(|entry| decoder.entry(entry).map(|value| (entry.key.clone(), value)));
        Some(Self(read.collect()))
    }

    fn over(self, base: Self) -> Self {
        let mut joined = base.0;
        for (key, value) in self.0 {
            match joined
                .iter_mut()
                .find(|(below, _)| below.value == key.value)
            {
                Some(below) => *below = (key, value),
                None => joined.push((key, value)),
            }
        }
        Self(joined)
    }
}

/// A list.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<Spanned<T>>);

impl<T: Decode> Decode for List<T> {
    fn keys() -> Option<&'static [Key]> {
        T::keys()
    }

    fn schema(level: Level) -> serde_json::Value {
        let list = json!({"type": "array", "items": T::schema(level)});
        match T::keys() {
            // One section is no list of sections.
            Some(_) => list,
            None => json!({"anyOf": [list, T::schema(level)]}),
        }
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        match &value.kind {
            super::value::Kind::List(items) => {
                let read: Vec<Option<_>> = items.iter().map(|item| decoder.value(item)).collect();
                // Half a list would only lead to more, misleading problems.
                read.into_iter().collect::<Option<Vec<_>>>().map(Self)
            }
            // One item needs no brackets.
            super::value::Kind::Scalar(_) => decoder.value(value).map(|item| Self(vec![item])),
            _ => {
                decoder.mistyped(value, "a list");
                None
            }
        }
    }
}
