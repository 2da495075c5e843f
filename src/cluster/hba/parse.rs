//! The grammar of pg_hba.conf.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Address, Rule, Token};

const KINDS: [&str; 6] = [
    "local",
    "host",
    "hostssl",
    "hostnossl",
    "hostgssenc",
    "hostnogssenc",
];
const METHODS: [&str; 14] = [
    "trust",
    "reject",
    "scram-sha-256",
    "md5",
    "password",
    "gss",
    "sspi",
    "ident",
    "peer",
    "pam",
    "bsd",
    "ldap",
    "radius",
    "cert",
];
const INCLUDES: [&str; 3] = ["include", "include_if_exists", "include_dir"];

/// Reads one line. `Ok(None)` is a line without a rule: empty, a comment, an include.
///
/// # Errors
/// In words, why PostgreSQL would reject it.
pub fn parse(line: &str) -> Result<Option<Rule>, String> {
    let fields = fields(line)?;
    let mut fields = fields.into_iter();
    let Some(kind) = fields.next() else {
        return Ok(None);
    };
    let kind = single(kind, "connection type")?;
    if INCLUDES.contains(&kind.text.as_str()) {
        return match fields.next() {
            Some(_) => Ok(None),
            None => Err(format!("`{}` names no file", kind.text)),
        };
    }
    if !KINDS.contains(&kind.text.as_str()) {
        return Err(format!(
            "`{}` is not a connection type ({})",
            kind.text,
            KINDS.join(", ")
        ));
    }
    let kind = kind.text;
    let databases = fields.next().ok_or("the line ends before the database")?;
    let users = fields.next().ok_or("the line ends before the user")?;
    let address = match kind.as_str() {
        "local" => None,
        _ => Some(address(&mut fields)?),
    };
    let method = fields
        .next()
        .ok_or("the line ends before the authentication method")?;
    let method = single(method, "authentication method")?.text;
    check_method(&kind, &method)?;
    let options: Vec<Token> = fields.flatten().collect();
    for option in &options {
        check_option(&method, &kind, &option.text)?;
    }
    let given: Vec<&str> = options
        .iter()
        .filter_map(|option| Some(option.text.split_once('=')?.0))
        .collect();
    check_needed(&method, &given)?;
    let asks = |option: &Token| {
        let value = option.text.strip_prefix("clientcert=");
        value.is_some_and(|value| !matches!(value, "0" | "no-verify"))
    };
    Ok(Some(Rule {
        certificate: method == "cert" || options.iter().any(asks),
        kind,
        databases,
        users,
        address,
        method,
    }))
}

fn single(mut field: Vec<Token>, what: &str) -> Result<Token, String> {
    match (field.pop(), field.is_empty()) {
        (Some(token), true) => Ok(token),
        _ => Err(format!("more than one {what}")),
    }
}

/// Splits a line as `next_field_expand` does: fields at blanks, lists at commas, quotes, `#`.
fn fields(line: &str) -> Result<Vec<Vec<Token>>, String> {
    let mut fields: Vec<Vec<Token>> = Vec::new();
    let mut more = false;
    let mut chars = line.chars().peekable();
    loop {
        while chars
            .next_if(|c| c.is_whitespace() || (*c == ',' && more))
            .is_some()
        {}
        match chars.peek() {
            None | Some('#') => return Ok(fields),
            Some(_) => {}
        }
        let mut token = Token {
            text: String::new(),
            quoted: false,
        };
        let mut inside = false;
        let mut comma = false;
        while let Some(c) = chars.peek().copied() {
            if !inside && (c.is_whitespace() || c == '#') {
                break;
            }
            chars.next();
            match c {
                '"' => {
                    inside = !inside;
                    token.quoted = true;
                }
                ',' if !inside => {
                    comma = true;
                    break;
                }
                c => token.text.push(c),
            }
        }
        if inside {
            return Err("a quote is never closed".to_owned());
        }
        if token.text.is_empty() && !token.quoted {
            return Err("a comma without a word before it".to_owned());
        }
        match fields.last_mut() {
            Some(field) if more => field.push(token),
            _ => fields.push(vec![token]),
        }
        more = comma;
    }
}

fn address(fields: &mut impl Iterator<Item = Vec<Token>>) -> Result<Address, String> {
    let field = fields.next().ok_or("the line ends before the address")?;
    let token = single(field, "address")?;
    let text = token.text.as_str();
    match text {
        "all" if !token.quoted => return Ok(Address::All),
        "samehost" | "samenet" if !token.quoted => return Ok(Address::Same),
        _ => {}
    }
    if METHODS.contains(&text) {
        return Err(format!("the address is missing before `{text}`"));
    }
    if let Some((ip, prefix)) = text.split_once('/') {
        let Ok(ip) = ip.parse::<IpAddr>() else {
            return Err(format!(
                "`{text}`: a prefix length belongs to an IP address only"
            ));
        };
        let net = prefix
            .parse()
            .ok()
            .and_then(|prefix| IpNet::new(ip, prefix).ok());
        return net
            .map(Address::Net)
            .ok_or(format!("`{text}`: no such prefix length"));
    }
    let Ok(ip) = text.parse::<IpAddr>() else {
        let name = text.strip_prefix('.').unwrap_or(text);
        // PostgreSQL takes any word; one with an underscore is common in containers.
        return if crate::inventory::scalar::is_host_name(&name.replace('_', "x")) {
            Ok(Address::Name(text.to_owned()))
        } else {
            Err(format!("`{text}` is neither an address nor a host name"))
        };
    };
    let mask = fields
        .next()
        .ok_or(format!("`{text}` has neither a prefix length nor a mask"))?;
    let mask = single(mask, "mask")?.text;
    let net = mask
        .parse::<IpAddr>()
        .ok()
        .and_then(|mask| ipnet::ip_mask_to_prefix(mask).ok())
        .and_then(|prefix| IpNet::new(ip, prefix).ok());
    net.map(Address::Net).ok_or(format!(
        "`{text}` has neither a prefix length nor a mask: `{mask}` is none"
    ))
}

fn check_method(kind: &str, method: &str) -> Result<(), String> {
    if method != "oauth" && !METHODS.contains(&method) {
        let known = METHODS.iter().copied();
        return Err(match crate::inventory::nearest(method, known) {
            Some(near) => {
                format!("`{method}` is not an authentication method; did you mean `{near}`?")
            }
            None => format!("`{method}` is not an authentication method"),
        });
    }
    match (kind, method) {
        ("local", "gss" | "sspi") => Err(format!("`{method}` does not work over local sockets")),
        ("local", _) | (_, "trust" | "reject") => Ok(()),
        (_, "peer") => Err("`peer` works over local sockets only".to_owned()),
        (kind, "cert") if kind != "hostssl" => {
            Err("`cert` works in `hostssl` lines only".to_owned())
        }
        _ => Ok(()),
    }
}

const OPTIONS: [&str; 31] = [
    "map",
    "clientcert",
    "clientname",
    "pamservice",
    "pam_use_hostname",
    "ldapurl",
    "ldaptls",
    "ldapscheme",
    "ldapserver",
    "ldapport",
    "ldapbinddn",
    "ldapbindpasswd",
    "ldapsearchattribute",
    "ldapsearchfilter",
    "ldapbasedn",
    "ldapprefix",
    "ldapsuffix",
    "krb_realm",
    "include_realm",
    "compat_realm",
    "upn_username",
    "radiusservers",
    "radiusports",
    "radiussecrets",
    "radiusidentifiers",
    "issuer",
    "scope",
    "validator",
    "delegate_ident_mapping",
    "radiusserver",
    "radiusport",
];

fn check_option(method: &str, kind: &str, option: &str) -> Result<(), String> {
    let Some((name, value)) = option.split_once('=') else {
        return Err(format!(
            "`{option}` after the method is not an option of the form name=value"
        ));
    };
    if !OPTIONS.contains(&name) {
        return Err(format!(
            "`{name}` is not an option of an authentication method"
        ));
    }
    match name {
        "map" if !matches!(method, "ident" | "peer" | "gss" | "sspi" | "cert" | "oauth") => {
            Err(format!("`map` means nothing to `{method}`"))
        }
        "clientcert" if kind != "hostssl" => {
            Err("`clientcert` works in `hostssl` lines only".to_owned())
        }
        "clientcert" if !matches!(value, "verify-ca" | "verify-full") => {
            Err("`clientcert` is `verify-ca` or `verify-full`".to_owned())
        }
        _ => Ok(()),
    }
}

/// Methods that PostgreSQL does not take without some of their options.
fn check_needed(method: &str, given: &[&str]) -> Result<(), String> {
    const LDAP: [&str; 4] = ["ldapurl", "ldapbasedn", "ldapprefix", "ldapsuffix"];
    match method {
        "ldap" if !LDAP.iter().any(|option| given.contains(option)) => {
            Err(format!("`ldap` needs one of {}", LDAP.join(", ")))
        }
        "radius" => match ["radiusservers", "radiussecrets"]
            .iter()
            .find(|option| !given.contains(option))
        {
            Some(missing) => Err(format!("`radius` needs `{missing}`")),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn postgresqls_own_examples_are_accepted() {
        for line in [
            "",
            "# comment",
            "local   all             all                                     trust",
            "host    all             all             127.0.0.1/32            trust",
            "host    all             all             127.0.0.1       255.255.255.255     trust",
            "host    all             all             ::1/128                 trust",
            "host    all             all             localhost               trust",
            "host    postgres        all             192.168.93.0/24         ident",
            "host    all             mike            .example.com            md5",
            "hostgssenc all          all             0.0.0.0/0               gss include_realm=0",
            "hostssl all all all cert clientcert=verify-full map=users # why",
            "local   sameuser        all                                     md5",
            "local   db1,db2,@demodbs  all                                   md5",
            "host \"my db\", other +support,@admins samenet scram-sha-256",
            "include_dir hba.d",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
        }
    }

    #[test]
    fn what_postgresql_rejects_is_rejected_with_the_reason() {
        for (line, reason) in [
            ("host all all md5", "the address is missing before `md5`"),
            (
                "host replication replicator md5",
                "the address is missing before `md5`",
            ),
            ("hots all all all md5", "`hots` is not a connection type"),
            ("host all", "the line ends before the user"),
            ("host all all", "the line ends before the address"),
            (
                "host all all 10.0.0.0/24",
                "the line ends before the authentication method",
            ),
            (
                "host all all 10.0.0.1 scram-sha-256",
                "`scram-sha-256` is none",
            ),
            (
                "host all all 10.0.0.1",
                "has neither a prefix length nor a mask",
            ),
            ("host all all 10.0.0.0/33 md5", "no such prefix length"),
            (
                "host all all 10.0.0.0/24 scram-sha256",
                "did you mean `scram-sha-256`?",
            ),
            ("host all all all peer", "local sockets only"),
            ("local all all gss", "does not work over local sockets"),
            ("host all all all cert", "`hostssl` lines only"),
            ("host all all all md5 x", "form name=value"),
            ("host all all all md5 x=1", "not an option"),
            ("host all all all md5 map=x", "means nothing to `md5`"),
            ("host \"all all all md5", "never closed"),
            ("host all all a/b md5", "belongs to an IP address only"),
            ("host all all a:b md5", "neither an address nor a host name"),
            ("host all all all ldap", "`ldap` needs one of"),
            (
                "host all all all radius radiusservers=x",
                "`radius` needs `radiussecrets`",
            ),
        ] {
            let said = parse(line).expect_err(line);
            assert!(said.contains(reason), "{line}: {said}");
        }
    }
}
