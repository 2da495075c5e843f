//! Known secrets, planted and generated, are looked for in all that comes out: what mahout prints,
//! what it leaves on the control machine, and what every node keeps, shows and logs.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::operator::{Run, TestLab, lab_or_skip};

/// Passwords of users' own: every character that some language on the way gives a meaning, and a
/// part in the middle that no quoting changes.
const PLANTED: [(&str, &str, &str); 2] = [
    (
        "app",
        "it's a \"Quagga-4711-Zebra\" at 100% $HOME \\ `id`",
        "Quagga-4711-Zebra",
    ),
    (
        "report",
        " {{ Okapi.0815.Tapir }}: #1, %s & <x> ",
        "Okapi.0815.Tapir",
    ),
];

/// What must not be found, by a name that may be told.
#[derive(Default)]
struct Known(BTreeMap<String, String>);

impl Known {
    fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 16, "{name} is too short to be looked for");
        self.0.insert(secret.to_owned(), name.to_owned());
        // As a part of something that is carried in base64, wherever in it.
        for skip in 0..3 {
            let encoded = STANDARD.encode(&secret.as_bytes()[skip..]);
            let whole = (secret.len() - skip) / 3 * 4;
            let name = format!("{name}, in base64");
            self.0.insert(encoded[..whole].to_owned(), name);
        }
    }

    /// The lines of every private key in a PEM text; how many they are.
    fn add_keys(&mut self, name: &str, pem: &str) -> usize {
        let (mut inside, mut lines) = (false, 0);
        for line in pem.lines() {
            if line.starts_with("-----") {
                inside = line.contains("BEGIN") && line.contains("PRIVATE KEY");
            } else if inside && line.len() >= 16 {
                self.add(&format!("the key of {name}"), line);
                lines += 1;
            }
        }
        lines
    }

    /// All that the vault and the nodes hold at this moment.
    fn learn(&mut self, lab: &TestLab) {
        let vault = opened(lab);
        let texts = |section: &serde_json::Value| -> Vec<(String, String)> {
            let entries = section.as_object().expect("a section").iter();
            entries
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        let secrets = texts(&vault["secrets"]);
        assert!(secrets.len() >= 5, "{}", secrets.len());
        for (name, value) in secrets {
            self.add(&name, &value);
        }
        for (name, pem) in texts(&vault["certificates"]) {
            assert!(self.add_keys(&name, &pem) > 0, "{name}");
        }
        let authority = vault["authorities"]["current"].as_str().expect("a key");
        assert!(self.add_keys("the authority", authority) > 0);
        for node in lab.node_names() {
            let run = lab.on(&node, "cat /etc/mahout/*.pem");
            run.succeeds();
            assert!(self.add_keys(&node, &run.stdout) > 0, "{node}");
        }
    }

    /// The names of those that are in `text`.
    fn found_in(&self, text: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(secret, _)| text.contains(&**secret));
        found.map(|(_, name)| name.as_str()).collect()
    }
}

/// The plain text of the vault, by the identity that the lab's inventory names.
fn opened(lab: &TestLab) -> serde_json::Value {
    let inventory = lab.read("inventory.yml");
    let rest = inventory.split_once("identity: \"").expect("an identity").1;
    let path = rest.split_once('"').expect("its end").0;
    let text = std::fs::read_to_string(path).expect("the identity");
    let line = text
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-"));
    let identity: age::x25519::Identity = line.expect("a key").parse().expect("an identity");
    let sealed = std::fs::read(lab.secrets_file()).expect("the vault");
    let decryptor = age::Decryptor::new(age::armor::ArmoredReader::new(&sealed[..]));
    let mut plain = String::new();
    decryptor
        .expect("an age file")
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .expect("it opens")
        .read_to_string(&mut plain)
        .expect("a text");
    serde_json::from_str(&plain).expect("JSON")
}

/// All that mahout has printed, and where it may write on this machine.
struct Control<'l> {
    lab: &'l TestLab,
    runs: Vec<Run>,
}

impl Control<'_> {
    fn runs(&mut self, arguments: &[&str]) -> &Run {
        let output = self
            .lab
            .command(Path::new("inventory.yml"), arguments)
            .env("TMPDIR", self.lab.file("tmp"))
            .env("XDG_CONFIG_HOME", self.lab.file("config"))
            .output()
            .expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.runs.push(Run {
            what: arguments.join(" "),
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        });
        self.runs.last().expect("the run")
    }

    fn told(&self, known: &Known, found: &mut Vec<String>) {
        for run in &self.runs {
            for (stream, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
                for name in known.found_in(text) {
                    found.push(format!("{name}: {stream} of `{}`", run.what));
                }
            }
        }
    }

    /// The folder of the vault, of temporary files, sockets and configuration.
    fn left(&self, known: &Known, found: &mut Vec<String>) {
        let mut files = Vec::new();
        walk(&self.lab.file(""), &mut files);
        let home = std::env::home_dir().expect("a home");
        walk(&home.join(".config/mahout"), &mut files);
        let beside = |path: &&PathBuf| path.parent() == self.lab.secrets_file().parent();
        let mut names: Vec<_> = files.iter().filter(beside).collect();
        names.sort();
        let expected = [
            "facts.json",
            "inventory.ca.crt",
            "inventory.vault",
            "inventory.yml",
        ];
        let expected: Vec<PathBuf> = expected.iter().map(|name| self.lab.file(name)).collect();
        assert_eq!(names, expected.iter().collect::<Vec<_>>());
        for path in files {
            let bytes = std::fs::read(&path).unwrap_or_default();
            for name in known.found_in(&String::from_utf8_lossy(&bytes)) {
                found.push(format!("{name}: {}", path.display()));
            }
        }
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), files),
            // A socket has nothing to read.
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

/// Begins to write down what every process on the node shows of itself.
const SAMPLE: &str = r"
umask 077; mkdir -p /run/samples; touch /run/samples/go
cat >/run/samples/sampler <<'END'
while [ -e /run/samples/go ]; do
  cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n'
  sleep 0.1
done | sort -u >/run/samples/seen
END
systemd-run --quiet --unit sampler sh /run/samples/sampler
";

/// Ends it, and looks through all that the node keeps; the patterns are in a file that is not
/// searched, and came by stdin.
fn look(node: &str, lab: &TestLab, known: &Known, found: &mut Vec<String>) {
    let patterns: Vec<&str> = known.0.keys().map(String::as_str).collect();
    let script = format!(
        "umask 077; cat >/dev/shm/patterns <<'END OF PATTERNS'\n{}\nEND OF PATTERNS\n\
         rm -f /run/samples/go\n\
         while systemctl --quiet is-active sampler; do sleep 0.1; done\n\
         [ -s /run/samples/seen ] || echo 'no samples were taken'\n\
         grep -q patroni /run/samples/seen || echo 'the samples show nothing'\n\
         look() {{ grep -aoFf /dev/shm/patterns | sort -u | sed \"s|^|$1\\t|\"; }}\n\
         look 'the processes' </run/samples/seen\n\
         journalctl -q --no-pager -o cat | look 'the journal'\n\
         journalctl -q --no-pager -o json | look 'the journal, in JSON'\n\
         cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | look 'command lines'\n\
         find /tmp /var/tmp /run/mahout /run/patroni /run/systemd /var/log /root /home \
           -xdev -type f ! -path '/var/log/journal/*' | while read -r file; do\n\
           look \"$file\" <\"$file\"; done\n\
         rm -rf /dev/shm/patterns /run/samples; true",
        patterns.join("\n")
    );
    let run = lab.on(node, &script);
    run.succeeds();
    for line in run.stdout.lines() {
        let (place, secret) = line.split_once('\t').unwrap_or((line, ""));
        let name = known.0.get(secret).map_or("", String::as_str);
        found.push(format!("{name}: {node}: {place}"));
    }
}

#[test]
fn no_secret_comes_out_anywhere() {
    let Some(lab) = lab_or_skip("redaction", "bookworm", "installed", 3) else {
        return;
    };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut known = Known::default();
    let mut users = String::new();
    for (user, password, part) in PLANTED {
        // The blanks around it are no part of it.
        known.add(user, password.trim());
        known.add(user, part);
        let path = elsewhere.path().join(user);
        std::fs::write(&path, password).expect("written");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("closed");
        let path = path.display();
        users.push_str(&format!("{{ name: {user}, password: \"file:{path}\" }}, "));
    }
    lab.append_to_inventory(&format!("tls: on\npostgresql: {{ users: [{users}] }}\n"));
    std::fs::create_dir(lab.file("tmp")).expect("a folder");
    let names = lab.node_names();
    for node in &names {
        lab.on(node, SAMPLE).succeeds();
    }

    let mut control = Control {
        lab: &lab,
        runs: Vec::new(),
    };
    control.runs(&["deploy", "-vvv", "--yes"]).succeeds();
    known.learn(&lab);
    // Somebody's hand in files that hold secrets: the differences are shown.
    let hand = "echo '# hand' | tee -a /etc/patroni/patroni.yml /etc/mahout/patroni.pem \
                /etc/mahout/etcd-peer.pem /etc/haproxy/haproxy.cfg >/dev/null";
    lab.on(&names[1], hand).succeeds();
    let diff = control.runs(&["diff", "-vvv"]);
    diff.succeeds();
    assert!(diff.stdout.contains("# hand"), "{diff}");
    for arguments in [
        &["diff", "--output", "json"][..],
        &[
            "facts",
            "--record",
            lab.file("facts.json").to_str().expect("UTF-8"),
        ],
        &["rotate", "passwords", "--yes", "-vvv"],
        &["verify", "--output", "json"],
        &["status"],
        &["deploy", "--yes", "--output", "json"],
    ] {
        control.runs(arguments).succeeds();
    }
    known.learn(&lab);
    let mut found = Vec::new();
    for node in &names {
        look(node, &lab, &known, &mut found);
    }

    // A failure whose evidence holds secrets: a service that logs its own configuration.
    let chatty = "mkdir -p /etc/systemd/system/haproxy.service.d
        printf '[Service]\nExecReload=\nExecReload=/bin/sh -c \"cat /etc/patroni/patroni.yml /etc/mahout/patroni.pem >&2; exit 1\"\n' \
          >/etc/systemd/system/haproxy.service.d/zz-chatty.conf
        systemctl daemon-reload; echo '# hand' >>/etc/haproxy/haproxy.cfg";
    lab.on(&names[2], chatty).succeeds();
    let failed = control.runs(&["deploy", "--yes", "-vvv"]);
    failed.exits_with(1);
    assert!(failed.stderr.contains("evidence: "), "{failed}");

    control.told(&known, &mut found);
    control.left(&known, &mut found);
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "secrets came out:\n{}", found.join("\n"));
}
