//! Templates of the user, and the errors in them.

use std::path::Path;

use mahout::render::{RenderError, files};
use mahout::template::{TemplateError, Templates};

use super::sample::{cluster, platform, secrets, target};

/// A folder with one template in it.
fn folder_with(name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    std::fs::write(path, text).expect("written");
    folder
}

/// The file at `path` of a node, by the templates in `folder`.
fn rendered(folder: &Path, path: &str) -> Result<String, RenderError> {
    let (cluster, secrets, debian) = (cluster(), secrets(), platform("debian", "12"));
    let templates = Templates::with_overrides(folder)?;
    let files = files(
        &target(&cluster, &cluster.nodes[0], &secrets, &debian),
        &templates,
    )?;
    let file = files
        .into_iter()
        .find(|file| file.path == path)
        .expect("the file");
    Ok(file.content.expose().to_owned())
}

#[test]
fn a_template_of_the_user_takes_the_place_of_ours() {
    let folder = folder_with(
        "haproxy/haproxy.cfg.tera",
        "{% include \"builtin/haproxy/haproxy.cfg.tera\" %}\n# maxconn {{ maxconn }}\n",
    );
    std::fs::write(folder.path().join("README.md"), "{{").expect("written");
    let text = rendered(folder.path(), "/etc/haproxy/haproxy.cfg").expect("rendered");
    assert!(text.starts_with("# managed by mahout"), "{text}");
    assert!(text.ends_with("# maxconn 400\n"), "{text}");
    let unit = rendered(folder.path(), "/etc/systemd/system/etcd.service").expect("rendered");
    assert!(unit.contains("ExecStart=/usr/bin/etcd"), "{unit}");
}

#[test]
fn an_undefined_variable_is_named_with_template_and_line() {
    let folder = folder_with("patroni/patroni.yml.tera", "scope: x\nname: {{ nmae }}\n");
    let error = rendered(folder.path(), "")
        .expect_err("undefined")
        .to_string();
    assert_eq!(
        error,
        "patroni/patroni.yml.tera:2:10: variable `nmae` is not defined. Available variables: \
         managed, path, patroni"
    );
    let folder = folder_with(
        "patroni/patroni.yml.tera",
        "a: {{ patroni.postgresql.prot }}",
    );
    let error = rendered(folder.path(), "")
        .expect_err("undefined")
        .to_string();
    assert!(
        error.starts_with("patroni/patroni.yml.tera:1:26: field `prot` is not defined"),
        "{error}"
    );
}

#[test]
fn no_error_shows_a_value() {
    for text in [
        "{{ patroni.restapi.authentication.password | int }}",
        "{{ patroni.restapi.authentication.password + 1 }}",
        "{{ patroni.restapi.authentication.password | yaml }}",
        "{{ patroni.restapi.authentication.password.x }}",
        "{{ patroni.restapi.authentication[patroni.restapi.authentication.password] }}",
        "{{ throw(message=patroni.restapi.authentication.password) }}",
        "{{ patroni.restapi.authentication | env }}",
        "{{ patroni.etcd3.hosts[patroni.restapi.authentication.password] }}",
        "{% for x in patroni.restapi.authentication.password | split(pat=1) %}{% endfor %}",
        "{{ patroni.restapi.authentication.password | round }}",
        "{{ patroni | yaml(only=patroni.restapi.authentication.password) }}",
        "{{ patroni.restapi.authentication.password }}: [",
        "{{ patroni.restapi.authentication.password }}",
    ] {
        let folder = folder_with("patroni/patroni.yml.tera", text);
        let error = rendered(folder.path(), "").expect_err(text);
        let shown = format!("{error}\n{error:?}");
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
        assert!(
            shown.contains("patroni/patroni.yml.tera"),
            "{text}\n{shown}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let folder = folder_with("haproxy/haproxy.conf.tera", "");
    let error = Templates::with_overrides(folder.path()).expect_err("replaces nothing");
    assert!(
        matches!(&error, TemplateError::Unknown { name, .. } if name == "haproxy/haproxy.conf.tera")
    );
    assert!(
        error.to_string().contains("haproxy/haproxy.cfg.tera"),
        "{error}"
    );

    let folder = folder_with("haproxy/haproxy.cfg.tera", "a\n{% if %}");
    let error = Templates::with_overrides(folder.path())
        .expect_err("syntax")
        .to_string();
    assert!(error.starts_with("haproxy/haproxy.cfg.tera:2:"), "{error}");

    let folder = folder_with("haproxy/haproxy.cfg.tera", "{{ maxconn | nope }}");
    let error = Templates::with_overrides(folder.path())
        .expect_err("no filter")
        .to_string();
    assert_eq!(
        error,
        "haproxy/haproxy.cfg.tera:1:14: unknown filter `nope`"
    );

    let missing = folder.path().join("missing");
    let error = Templates::with_overrides(&missing).expect_err("no folder");
    assert!(matches!(error, TemplateError::Read { .. }), "{error}");
}
