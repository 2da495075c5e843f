//! Lines of pg_hba.conf, read as PostgreSQL's own parser reads them (`hba.c`).
//!
//! One line that it rejects keeps PostgreSQL from starting, and from reloading; Patroni checks
//! none of them.

mod parse;

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

pub use parse::parse;

/// A line of pg_hba.conf that lets in or keeps out.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `local`, `host`, `hostssl`, `hostnossl`, `hostgssenc` or `hostnogssenc`.
    pub kind: String,
    /// Databases.
    pub databases: Vec<Token>,
    /// Users.
    pub users: Vec<Token>,
    /// From where; `None` for `local`.
    pub address: Option<Address>,
    /// The authentication method.
    pub method: String,
    /// Whether the client must show a certificate.
    pub certificate: bool,
}

/// A word; in quotes it loses any special meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The word.
    pub text: String,
    /// Whether it was in quotes.
    pub quoted: bool,
}

/// From where a connection comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// `all`.
    All,
    /// `samehost` and `samenet`: depends on the node.
    Same,
    /// A network or a single address.
    Net(IpNet),
    /// A host name or a domain: depends on DNS.
    Name(String),
}

/// A connection that has to be possible.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// The database; `None` is a replication connection.
    pub database: Option<&'a str>,
    /// The user.
    pub user: &'a str,
    /// The client's address.
    pub from: IpAddr,
}

impl fmt::Display for Rule {
    /// As pg_hba_file_rules tells it: without quotes, and of the options only the one that asks
    /// for a certificate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |tokens: &[Token]| {
            let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
            words.join(",")
        };
        write!(
            f,
            "{} {} {}",
            self.kind,
            words(&self.databases),
            words(&self.users)
        )?;
        match &self.address {
            None => {}
            Some(Address::All) => f.write_str(" all")?,
            Some(Address::Same) => f.write_str(" samehost or samenet")?,
            Some(Address::Net(net)) => write!(f, " {}", net.trunc())?,
            Some(Address::Name(name)) => write!(f, " {name}")?,
        }
        write!(f, " {}", self.method)?;
        if self.certificate && self.method != "cert" {
            f.write_str(" clientcert")?;
        }
        Ok(())
    }
}

impl Rule {
    /// Whether the rule decides about the connection; `None` if that depends on what is not
    /// known here (DNS, roles, files).
    pub fn decides(&self, connection: &Connection<'_>) -> Option<bool> {
        let address = match &self.address {
            None => return Some(false),
            Some(Address::All) => Some(true),
            Some(Address::Net(net)) => Some(net.contains(&connection.from)),
            Some(Address::Same | Address::Name(_)) => None,
        };
        let user = any(&self.users, |token| match token.text.as_str() {
            "all" if !token.quoted => Some(true),
            text if text.starts_with(['+', '@', '/']) && !token.quoted => None,
            text => Some(text == connection.user),
        });
        let database = any(&self.databases, |token| {
            match (token.text.as_str(), connection.database) {
                ("replication", None) if !token.quoted => Some(true),
                (text, _) if text.starts_with(['@', '/']) && !token.quoted => None,
                (_, None) => Some(false),
                ("all", _) if !token.quoted => Some(true),
                ("samerole" | "samegroup", _) if !token.quoted => None,
                ("sameuser", Some(database)) if !token.quoted => Some(database == connection.user),
                (text, Some(database)) => Some(text == database),
            }
        });
        match [address, user, database] {
            parts if parts.contains(&Some(false)) => Some(false),
            parts if parts.contains(&None) => None,
            _ => Some(true),
        }
    }
}

fn any(tokens: &[Token], matches: impl Fn(&Token) -> Option<bool>) -> Option<bool> {
    let answers: Vec<Option<bool>> = tokens.iter().map(matches).collect();
    if answers.contains(&Some(true)) {
        Some(true)
    } else if answers.contains(&None) {
        None
    } else {
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::{Connection, parse};

    #[test]
    fn a_rule_decides_about_the_connections_that_it_names() {
        let decides = |line: &str, database, user| {
            let rule = parse(line).expect("valid").expect("a rule");
            let from = "10.0.0.12".parse().expect("an address");
            rule.decides(&Connection {
                database,
                user,
                from,
            })
        };
        assert_eq!(
            decides("host all all 10.0.0.0/24 md5", Some("postgres"), "x"),
            Some(true)
        );
        assert_eq!(
            decides("host all all 10.0.0.0/24 md5", None, "x"),
            Some(false)
        );
        assert_eq!(
            decides("host replication x 10.0.0.0/24 md5", None, "x"),
            Some(true)
        );
        assert_eq!(
            decides("host \"replication\" x all md5", None, "x"),
            Some(false)
        );
        assert_eq!(
            decides("host all x,y 10.0.1.0/24 md5", Some("a"), "y"),
            Some(false)
        );
        assert_eq!(decides("host all +staff all md5", Some("a"), "y"), None);
        assert_eq!(
            decides("host all z,+staff samenet md5", Some("a"), "y"),
            None
        );
        assert_eq!(decides("host a z all md5", Some("a"), "y"), Some(false));
        assert_eq!(
            decides("host sameuser all all md5", Some("y"), "y"),
            Some(true)
        );
        assert_eq!(decides("local all all peer", Some("a"), "y"), Some(false));
    }
}
