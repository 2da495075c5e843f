//! The repositories of the inventory, or those that PGDG's package no longer has, for dnf and yum.

use serde_json::{Value, json};

use super::{File, MANAGED, Purpose, RenderError, Target};
use crate::cluster::{RepositorySpec, Role};
use crate::platform::{Family, repositories};
use crate::template::Templates;

/// The file, if there is anything to be said in it.
pub(super) fn file(target: &Target, templates: &Templates) -> Result<Option<File>, RenderError> {
    let packages = &target.node.packages;
    if packages.preinstalled || target.platform.family != Family::EnterpriseLinux {
        return Ok(None);
    }
    let sections: Vec<Value> = match &packages.repositories {
        Some(ours) => ours.iter().filter_map(section).collect(),
        None => archive(target).into_iter().collect(),
    };
    if sections.is_empty() {
        return Ok(None);
    }
    let context = json!({"managed": MANAGED, "sections": sections});
    let content = templates.render("system/repositories.repo.tera", &context)?;
    Ok(Some(File::new(
        Purpose::BeforePackages,
        repositories::FILE,
        content,
    )))
}

/// One of the inventory's, unless the node has it already.
fn section(repository: &RepositorySpec) -> Option<Value> {
    Some(json!({
        "name": repository.name,
        "urls": [repository.baseurl.as_ref()?],
        "gpgkey": repository.gpgkey,
        "gpgcheck": u8::from(repository.gpgcheck),
        "enabled": u8::from(repository.enabled),
        "packages": null,
    }))
}

/// PGDG's archive. Disabled: a repository that is gone one day would fail every call of dnf.
fn archive(target: &Target) -> Option<Value> {
    let wanted = target.node.has(Role::Postgresql);
    let (name, urls) = target
        .platform
        .archive(target.postgresql)
        .filter(|_| wanted)?;
    Some(json!({
        "name": name,
        "urls": urls,
        "gpgkey": repositories::pgdg_key(target.platform.release, &target.architecture),
        "gpgcheck": 1,
        "enabled": 0,
        "packages": format!("postgresql{}*", target.postgresql),
    }))
}
