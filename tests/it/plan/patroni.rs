//! Patroni's files, its dynamic configuration, roles.

use mahout::plan::dynamic::{apply_patch, difference};
use mahout::plan::{Action, Guard, Plan, Rollout};
use serde_json::{Map, Value, json};

use super::case::{Case, STARTED, THREE, nodes, phase, steps, titles};

const CONFIG: &str = "/etc/patroni/patroni.yml";
const UNIT: &str = "patroni.service";

fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("a map").clone()
}

fn patch(plan: &Plan) -> (&str, Value) {
    let step = &phase(plan, "dynamic configuration").work[0].steps[0];
    match &step.action {
        Action::PatchDynamicConfiguration { url, patch, .. } => (url, Value::Object(patch.clone())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reloads_are_rolling_and_the_leader_comes_last() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.drift(node, CONFIG);
    }
    let plan = case.plan();
    assert_eq!(titles(&plan), ["patroni configuration"]);
    let reload = &plan.phases[0];
    assert_eq!(reload.rollout, Rollout::Rolling);
    assert_eq!(nodes(reload), ["pg-2", "pg-3", "pg-1"]);
    assert_eq!(
        steps(&plan)[1],
        "patroni configuration/pg-2: reload patroni.service"
    );
    assert_eq!(reload.gate.as_ref().expect("a gate").conditions.len(), 3);
}

#[test]
fn what_was_written_after_the_last_reading_is_reloaded() {
    let mut case = Case::running();
    let file = case.node("pg-2").files.get_mut(CONFIG).expect("the file");
    file.modified = STARTED + 5;
    assert_eq!(
        steps(&case.plan()),
        ["patroni configuration/pg-2: reload patroni.service"]
    );
    case.unit("pg-2", UNIT).reloaded_at = Some(STARTED + 5);
    assert!(case.plan().is_empty());
}

#[test]
fn a_changed_unit_restarts_no_database() {
    let mut case = Case::running();
    case.drift("pg-1", "/etc/systemd/system/patroni.service");
    let plan = case.plan();
    assert_eq!(
        steps(&plan),
        [
            "patroni configuration/pg-1: update /etc/systemd/system/patroni.service",
            "patroni configuration/pg-1: reload systemd's units",
        ]
    );
    assert!(
        case.notes()
            .contains("pg-1: patroni.service changed; it takes effect when")
    );
}

#[test]
fn only_what_differs_is_patched_by_way_of_the_leader() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        let config = &mut case.patroni(node).config;
        config.insert("ttl".to_owned(), json!(99));
        config.insert("pause".to_owned(), json!(true));
        config.insert("slots".to_owned(), json!({"mine": {"type": "physical"}}));
    }
    let plan = case.plan();
    assert_eq!(titles(&plan), ["dynamic configuration"]);
    let ttl = case.cluster.patroni.dynamic["ttl"].clone();
    assert_eq!(
        patch(&plan),
        ("https://10.0.0.11:8008", json!({"ttl": ttl}))
    );
}

#[test]
fn spellings_of_one_value_are_no_difference() {
    let text = format!("{THREE}postgresql: {{ parameters: {{ max_connections: 150 }} }}\n");
    let mut case = Case::bare(&text, "debian-12").deployed();
    for node in ["pg-1", "pg-2", "pg-3"] {
        let config = &mut case.patroni(node).config;
        config["postgresql"]["parameters"]["max_connections"] = json!("150");
    }
    assert!(case.plan().is_empty());
    case.patroni("pg-1").config["postgresql"]["parameters"]["max_connections"] = json!("151");
    let plan = case.plan();
    let wanted = json!({"postgresql": {"parameters": {"max_connections": 150}}});
    assert_eq!(patch(&plan).1, wanted);
}

#[test]
fn a_pause_that_an_interrupted_restart_has_left_is_ended_and_a_person_s_is_not() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        let config = &mut case.patroni(node).config;
        config.insert("pause".to_owned(), json!(true));
    }
    assert!(case.plan().is_empty());
    for node in ["pg-1", "pg-2", "pg-3"] {
        let config = &mut case.patroni(node).config;
        config.insert("mahout_pause".to_owned(), json!(true));
    }
    let plan = case.plan();
    assert_eq!(titles(&plan), ["pause"]);
    let step = &phase(&plan, "pause").work[0].steps[0];
    let Action::PatchDynamicConfiguration { patch, .. } = &step.action else {
        panic!("{step:?}");
    };
    let ended = json!({"pause": null, "mahout_pause": null});
    assert_eq!(Value::Object(patch.clone()), ended);
    assert!(
        case.project().1.nodes[&"pg-1".into()]
            .patroni
            .as_ref()
            .is_some_and(|patroni| !patroni.config.contains_key("pause"))
    );
}

#[test]
fn the_plan_says_which_parameters_wait_for_a_restart() {
    let parameters = "max_connections: 300, wal_level: logical, work_mem: 8MB";
    let text = format!("{THREE}postgresql: {{ parameters: {{ {parameters} }} }}\n");
    let mut case = Case::bare(&text, "debian-12").deployed();
    assert!(!case.notes().contains("only when it starts"));
    for node in ["pg-1", "pg-2", "pg-3"] {
        let parameters = &mut case.patroni(node).config["postgresql"]["parameters"];
        parameters["max_connections"] = json!(200);
        parameters["work_mem"] = json!("4MB");
        parameters
            .as_object_mut()
            .expect("a map")
            .remove("wal_level");
    }
    let notes = case.notes();
    assert!(
        notes.contains(
            "max_connections, wal_level: PostgreSQL takes the new value only when it starts, and no \
             deploy restarts it; afterwards: patronictl -c /etc/patroni/patroni.yml restart main"
        ),
        "{notes}"
    );
    for node in ["pg-1", "pg-2", "pg-3"] {
        let parameters = &mut case.patroni(node).config["postgresql"]["parameters"];
        (parameters["max_connections"], parameters["wal_level"]) = (json!(300), json!("logical"));
    }
    assert!(!case.notes().contains("only when it starts"));
}

#[test]
fn what_the_inventory_does_not_name_is_told_and_null_takes_it_out() {
    let mut case = Case::running();
    let text = format!(
        "{THREE}postgresql: {{ parameters: {{ work_mem: null, jit: null }} }}\n\
         patroni: {{ dynamic: {{ primary_start_timeout: null, slots: null, mine: null }} }}\n"
    );
    let mut unset = Case::bare(&text, "debian-12").deployed();
    for node in ["pg-1", "pg-2", "pg-3"] {
        for case in [&mut case, &mut unset] {
            let config = &mut case.patroni(node).config;
            config["postgresql"]["parameters"]["work_mem"] = json!("64MB");
            config.insert("primary_start_timeout".to_owned(), json!(300));
        }
    }
    assert!(case.plan().is_empty());
    let told = "the dynamic configuration has work_mem, which the inventory does not name";
    assert!(case.notes().contains(told), "{}", case.notes());

    let plan = unset.plan();
    let wanted = json!({
        "postgresql": {"parameters": {"work_mem": null}}, "primary_start_timeout": null,
    });
    assert_eq!(patch(&plan).1, wanted);
    assert!(!unset.notes().contains("work_mem"), "{}", unset.notes());
    unset.facts = unset.project().1;
    assert!(unset.plan().is_empty());
    let rendered = &unset.rendered()[&"pg-1".into()];
    let file = rendered.files.iter().find(|file| file.path == CONFIG);
    let content = file.expect("patroni.yml").content.expose();
    for word in [
        " work_mem:",
        " jit:",
        " slots: null",
        " mine:",
        " primary_start_timeout:",
    ] {
        assert!(!content.contains(word), "{word} in {content}");
    }
}

#[test]
fn a_patch_makes_what_is_wanted_and_touches_nothing_else() {
    let present = map(json!({
        "ttl": 20, "pause": true, "a": {"b": 1, "c": 2}, "gone": 1, "list": [1, 2], "flag": "on",
    }));
    let wanted = map(json!({
        "ttl": 30, "a": {"b": 2, "d": {"e": null, "f": 1}}, "gone": null, "never": null,
        "list": [1, 3], "flag": true, "empty": {},
    }));
    let patch = difference(&present, &wanted);
    assert_eq!(
        Value::Object(patch.clone()),
        json!({"ttl": 30, "a": {"b": 2, "d": {"f": 1}}, "gone": null, "list": [1, 3]})
    );
    let mut after = present;
    apply_patch(&mut after, &patch);
    assert_eq!(
        Value::Object(after.clone()),
        json!({
            "ttl": 30, "pause": true, "a": {"b": 2, "c": 2, "d": {"f": 1}}, "list": [1, 3],
            "flag": "on",
        })
    );
    assert!(difference(&after, &wanted).is_empty());
}

#[test]
fn roles_that_the_leader_lacks_are_made_there() {
    let text = format!("{THREE}postgresql: {{ users: [{{ name: app, options: [CREATEDB] }}] }}\n");
    let mut case = Case::bare(&text, "debian-12").deployed();
    // A replica that lags behind does not know it yet.
    case.postgresql("pg-2").roles.clear();
    assert!(case.plan().is_empty());
    case.postgresql("pg-1").roles = vec!["mahout_probe".to_owned()];
    let plan = case.plan();
    assert_eq!(steps(&plan), ["roles/pg-1: create role app"]);
    let guard = &plan.phases[0].work[0].steps[0].guard;
    assert!(
        matches!(guard, Some(Guard::LeaderIs { node, .. }) if node.as_str() == "pg-1"),
        "{guard:?}"
    );
}

#[test]
fn options_of_a_role_that_differ_are_told() {
    let text = format!(
        "{THREE}postgresql: {{ users: [{{ name: app, options: [CreateDB, connection limit 5] }}] }}\n"
    );
    let mut case = Case::bare(&text, "debian-12").deployed();
    let mut is = |options: &[&str]| {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let known = &mut case.postgresql("pg-1").role_options;
        known.insert("app".to_owned(), options);
        assert!(case.plan().is_empty());
        case.notes()
    };
    let same = [
        "NOSUPERUSER",
        "CREATEDB",
        "INHERIT",
        "LOGIN",
        "CONNECTION LIMIT 5",
    ];
    assert!(!is(&same).contains("the role app"));
    let notes = is(&[
        "SUPERUSER",
        "NOCREATEDB",
        "INHERIT",
        "NOLOGIN",
        "CONNECTION LIMIT -1",
    ]);
    let told = "the role app is SUPERUSER NOCREATEDB NOLOGIN CONNECTION LIMIT -1, and the inventory \
                says NOSUPERUSER CREATEDB LOGIN CONNECTION LIMIT 5; a deploy changes no role that is \
                there: ALTER ROLE \"app\" NOSUPERUSER CREATEDB LOGIN CONNECTION LIMIT 5";
    assert!(notes.contains(told), "{notes}");
}

#[test]
fn roles_of_a_leader_that_does_not_answer_are_not_guessed() {
    let mut case = Case::running();
    let postgresql = case.postgresql("pg-1");
    postgresql.answers = false;
    postgresql.roles.clear();
    assert!(case.plan().is_empty());
    assert!(
        case.notes()
            .contains("pg-1: PostgreSQL leads but does not answer psql")
    );
}

#[test]
fn a_pending_restart_is_told_with_the_way_to_it() {
    let mut case = Case::running();
    case.patroni("pg-3").pending_restart = true;
    case.postgresql("pg-3").pending_restart = vec!["max_connections".to_owned()];
    assert_eq!(
        case.notes(),
        "pg-3: PostgreSQL must be restarted before max_connections takes effect: patronictl -c \
         /etc/patroni/patroni.yml restart main pg-3"
    );
}

#[test]
fn passwords_of_roles_are_not_in_the_titles() {
    let plan = Case::bare(THREE, "debian-12").plan();
    assert!(!steps(&plan).join("\n").contains("hunter2"));
    assert!(!format!("{plan:?}").contains("hunter2"));
}
