//! Versions of packages and programs, compared by their leading numbers.

use std::fmt;

/// The leading numbers of a version: `3.0.2` of `3.0.2-1+deb12u1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// A version of these numbers.
    pub fn of(numbers: &[u32]) -> Self {
        Self(numbers.to_vec())
    }

    /// Reads a package's version: an epoch (`1:`) and everything from the first character that
    /// is neither digit nor point are left out. `None` if no number is left.
    pub fn parse_package(text: &str) -> Option<Self> {
        let upstream = text.split_once(':').map_or(text, |(_, rest)| rest);
        let end = upstream
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(upstream.len());
        let numbers: Vec<u32> = upstream[..end]
            .split('.')
            .filter(|part| !part.is_empty())
            .map_while(|part| part.parse().ok())
            .collect();
        (!numbers.is_empty()).then_some(Self(numbers))
    }

    /// Its first two numbers, between which formats of data may change.
    pub fn minor(&self) -> &[u32] {
        &self.0[..self.0.len().min(2)]
    }

    /// Whether it is at least `numbers`.
    pub fn at_least(&self, numbers: &[u32]) -> bool {
        self.0.as_slice() >= numbers
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn package_versions_are_read() {
        for (text, expected) in [
            ("3.0.2-1", "3.0.2"),
            ("2.6.12-1+deb12u3", "2.6.12"),
            ("1:15.20-0+deb12u1", "15.20"),
            ("4.1.0-3PGDG.rhel9", "4.1.0"),
            ("3.4.23~dfsg", "3.4.23"),
        ] {
            let version = Version::parse_package(text).expect("a version");
            assert_eq!(version.to_string(), expected);
        }
        assert_eq!(Version::parse_package("(none)"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        let version = Version::of(&[2, 10]);
        assert!(version.at_least(&[2, 2]));
        assert!(version.at_least(&[2, 10]));
        assert!(!version.at_least(&[2, 11]));
        assert!(!version.at_least(&[3]));
    }
}
