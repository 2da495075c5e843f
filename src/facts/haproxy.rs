//! HAProxy's own view of its servers.

use serde::{Deserialize, Serialize};

use super::section::{Sections, answers};

/// What the statistics page says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyFacts {
    /// One for each server of each listener.
    pub servers: Vec<HaproxyServer>,
}

/// A server as the statistics page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaproxyServer {
    /// `pxname`: the listener.
    pub proxy: String,
    /// `svname`: the server, a node's name.
    pub server: String,
    /// `status`: `UP`, `DOWN`, `UP 1/3`, `MAINT`, …
    pub status: String,
    /// `check_status` and `last_chk`: `L7OK`, `L7STS/503`, `L4CON`, …
    pub check: String,
}

impl HaproxyFacts {
    /// Reads the statistics page in its CSV form; `None` if it did not answer with one.
    pub(super) fn parse(sections: &Sections<'_>) -> Option<Self> {
        let answer = answers(sections.quoted("haproxy")).pop()?;
        let mut lines = answer.body.lines();
        let header = fields(lines.next()?.strip_prefix("# ")?);
        let column = |name: &str| header.iter().position(|field| field == name);
        let (proxy, server, status) = (column("pxname")?, column("svname")?, column("status")?);
        let (check_status, check_code) = (column("check_status"), column("check_code"));
        let servers = lines.filter_map(|line| {
            let row = fields(line);
            let name = row.get(server)?;
            if name == "FRONTEND" || name == "BACKEND" {
                return None;
            }
            let optional = |column: Option<usize>| column.and_then(|column| row.get(column));
            // `* ` marks a check that is under way.
            let mut check = optional(check_status)?.trim_start_matches("* ").to_owned();
            if let Some(code) = optional(check_code).filter(|_| check == "L7STS") {
                check = format!("{check}/{code}");
            }
            Some(HaproxyServer {
                proxy: row.get(proxy)?.clone(),
                server: name.clone(),
                status: row.get(status)?.clone(),
                check,
            })
        });
        Some(Self {
            servers: servers.collect(),
        })
    }
}

/// The fields of one line of CSV; `""` within quotes is one quote.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match (c, fields.last_mut()) {
            (',', _) if !quoted => fields.push(String::new()),
            ('"', Some(field)) => {
                // The second of two quotes reopens what the first has closed.
                if !quoted && !field.is_empty() {
                    field.push('"');
                }
                quoted = !quoted;
            }
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn quoted_fields_may_hold_commas_and_quotes() {
        assert_eq!(fields("a,,\"b, \"\"c\"\"\",d"), ["a", "", "b, \"c\"", "d"]);
        assert_eq!(fields(""), [""]);
    }
}
