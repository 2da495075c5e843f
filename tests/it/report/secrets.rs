//! What is shown never holds a secret.

use mahout::cluster::{NodeName, SecretName};
use mahout::plan::{Action, Note, Plan, Rollout, Step};
use mahout::report::{Detail, write_plan, write_plan_json};
use mahout::secret::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{phase, plain_file, text, view};
use crate::sample::{Sample, map, on_node};

/// Where a file may hold a secret.
fn planted(secret: &str, place: usize) -> String {
    let quoted = serde_json::to_string(secret).expect("JSON");
    let inner = &quoted[1..quoted.len() - 1];
    match place {
        0 => format!("    password: {quoted}\n"),
        1 => format!("    stats auth admin:{secret}\n"),
        2 => format!("# a note about {secret} by hand\n"),
        3 => format!("PGPASSWORD={secret}\n"),
        4 => format!("dsn = postgresql://app:{secret}@10.0.0.11/postgres\n"),
        5 => format!("some_key: \"prefix {inner} suffix\"\n"),
        6 => format!("password: |\n  {secret}\nnext: 1\n"),
        _ => format!("{{\"token\": {quoted}, \"port\": 1}}\n"),
    }
}

proptest! {
    #[test]
    fn a_known_secret_is_never_shown(
        secret in "[a-zA-Z0-9%'\"\\\\/@:+=!-]{8,24}",
        other in "[a-z]{8}",
        before in proptest::collection::vec((0usize..8, any::<bool>()), 0..6),
        after in proptest::collection::vec((0usize..8, any::<bool>()), 0..6),
        lines in proptest::collection::vec("[a-z: ]{0,12}", 1..20),
        full in any::<bool>(),
    ) {
        prop_assume!(!lines.iter().any(|line| line.contains(&secret)));
        // What the report itself says around the files.
        prop_assume!(!"(secret, changed)".contains(secret.as_str()));
        let mut sample = Sample::healthy();
        sample.secrets.values.insert(SecretName::Superuser, Secret::new(secret.clone()));
        let body = |places: &[(usize, bool)]| {
            let mut text = String::new();
            for (index, line) in lines.iter().enumerate() {
                if let Some((place, known)) = places.get(index) {
                    text += &planted(if *known { &secret } else { &other }, *place);
                }
                text += line;
                text.push('\n');
            }
            text
        };
        let file = plain_file("/etc/file", &body(&after));
        let old = plain_file("/etc/file", &body(&before));
        let write = |before| Step::from(Action::WriteFile { before, file: file.clone() });
        let dynamic = |text: String| map(json!({"postgresql": {"parameters": {"archive_command": text}}}));
        let patch = Action::PatchDynamicConfiguration {
            url: "http://10.0.0.11:8008".to_owned(),
            username: "patroni".to_owned(),
            password: Secret::new(secret.clone()),
            before: dynamic(body(&before)),
            patch: dynamic(body(&after)),
        };
        let steps = vec![write(None), write(Some(on_node(&old))), patch.into()];
        let plan = Plan {
            phases: vec![phase("files", Rollout::Parallel, vec![(1, steps)])],
            notes: vec![Note { node: None::<NodeName>, message: format!("psql said {secret}") }],
        };
        let detail = if full { Detail::Full } else { Detail::Summary };
        let shown = text(|out| write_plan(out, &view(&sample, &plan, detail)));
        prop_assert!(!shown.contains(&secret), "{shown}");
        let json = text(|out| write_plan_json(out, &view(&sample, &plan, detail)));
        for line in json.lines() {
            let object: Value = serde_json::from_str(line).expect("one object a line");
            for value in object.as_object().expect("an object").values() {
                let value = value.as_str().unwrap_or_default();
                prop_assert!(!value.contains(&secret), "{value}");
            }
        }
    }
}
