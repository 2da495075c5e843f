//! `mahout rotate`: the vault changes, and a deploy brings what it then says to the nodes, stage by
//! stage.

use std::collections::BTreeSet;
use std::io::Write;

use super::Context;
use super::audit::Recorded;
use super::converge::{Aim, Locked, Shown, conclude, show};
use super::planning::{plan, project};
use super::session::Session;
use super::terminal::{Answer, confirm};
use crate::cli::{Rotate, RotateOptions};
use crate::cluster::{Cluster, SecretName, SecretSource};
use crate::error::Error;
use crate::execute::{Interrupt, Lock};
use crate::plan::Goal;
use crate::report::{Detail, Outcome};
use crate::transport::{Effect, Fleet, Host};
use crate::vault::{Change, Stage, Vault, VaultError};

/// What is changed, and then deployed, before the next one.
struct Part {
    aim: Aim,
    change: Change,
}

/// Rotates, or shows what that would do.
pub(super) async fn rotate(
    context: &Context,
    what: &Rotate,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut session = Session::load(context)?;
    let (parts, options) = parts(what, &session)?;
    let effect = if options.dry_run {
        Effect::ReadOnly
    } else {
        Effect::Changes
    };
    let fleet = session.meet_all(effect).await?;
    let result = if options.dry_run {
        foresee(&mut session, &parts, &fleet, out).await
    } else if options.yes {
        let mut answer = Answer::new(out);
        let result = carry_out(&mut session, &parts, options, &fleet, &mut answer).await;
        result.and(answer.end())
    } else {
        // Whoever is to agree to the plan must have seen it.
        carry_out(&mut session, &parts, options, &fleet, out).await
    };
    fleet.close().await;
    result
}

fn parts<'o>(what: &'o Rotate, session: &Session) -> Result<(Vec<Part>, &'o RotateOptions), Error> {
    let part = |title: &str, command, change| Part {
        aim: Aim {
            goal: Goal::Converge,
            title: title.to_owned(),
            command,
        },
        change,
    };
    Ok(match what {
        Rotate::Certificates { options } => {
            let change = Change::Certificates;
            (
                vec![part("rotate certificates", "rotation", change)],
                options,
            )
        }
        Rotate::Ca { all, options } => {
            let stages = stages_from(session.vault.stage(), *all).iter();
            let parts = stages.map(|(title, command)| part(title, command, Change::Authority));
            (parts.collect(), options)
        }
        Rotate::Passwords { names, options } => {
            let names = passwords(names, &session.cluster, &session.vault)?;
            let change = Change::Passwords(names);
            (vec![part("rotate passwords", "rotation", change)], options)
        }
    })
}

/// What is to be done now for a new authority: what each stage is for, and what it is. Unless it
/// is to be `all`, the first stage is one run and what is left another one: between them clients
/// are given both authorities.
fn stages_from(stage: Stage, all: bool) -> &'static [(&'static str, &'static str)] {
    const ALL: [(&str, &str); 3] = [
        (
            "rotate ca, stage 1 of 3: everybody trusts the new authority, too",
            "first stage of the rotation",
        ),
        (
            "rotate ca, stage 2 of 3: every certificate is of the new authority",
            "second stage of the rotation",
        ),
        (
            "rotate ca, stage 3 of 3: nobody trusts the old authority any more",
            "last stage of the rotation",
        ),
    ];
    match stage {
        Stage::One if all => &ALL,
        Stage::One => &ALL[..1],
        Stage::BothTrusted => &ALL[1..],
        Stage::Reissued => &ALL[2..],
    }
}

/// The passwords of that name; without names, those of the services that the vault keeps. A role
/// of `users:` has applications behind it, which mahout does not tell: only when it is named.
fn passwords(
    names: &[String],
    cluster: &Cluster,
    vault: &Vault,
) -> Result<BTreeSet<SecretName>, Error> {
    if !names.is_empty() {
        let found = names.iter().map(|name| named(name, cluster));
        return found.collect();
    }
    let unfinished: BTreeSet<&str> = vault.in_rotation().collect();
    let of_services = cluster.secrets.iter().filter(|(name, source)| {
        **source == SecretSource::Generated && !matches!(name, SecretName::User(_))
    });
    let all: BTreeSet<SecretName> = of_services.map(|(name, _)| name.clone()).collect();
    // One that was interrupted is finished as it was begun.
    let begun: BTreeSet<SecretName> = cluster
        .secrets
        .keys()
        .filter(|name| unfinished.contains(name.to_string().as_str()))
        .cloned()
        .collect();
    Ok(if begun.is_empty() { all } else { begun })
}

/// The secret of that name.
pub(super) fn named(name: &str, cluster: &Cluster) -> Result<SecretName, Error> {
    let mut all = cluster.secrets.keys();
    let found = all.find(|known| known.to_string() == name).cloned();
    found.ok_or_else(|| {
        Error::Vault(VaultError::UnknownName {
            name: name.to_owned(),
            known: cluster.secrets.keys().map(ToString::to_string).collect(),
        })
    })
}

/// Shows the plan of every part, each from what the nodes will say after the one before.
async fn foresee(
    session: &mut Session<'_>,
    parts: &[Part],
    fleet: &Fleet<Host>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut facts = session.gather(fleet).await;
    session.refuse_lost_vault(&facts)?;
    for part in parts {
        session.change(&part.change)?;
        let (plan, after) = project(session, &facts)?;
        show(session, &part.aim, &plan, Detail::Full, out)?;
        facts = after;
    }
    Ok(())
}

async fn carry_out(
    session: &mut Session<'_>,
    parts: &[Part],
    options: &RotateOptions,
    fleet: &Fleet<Host>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let Some((first, others)) = parts.split_first() else {
        return Ok(());
    };
    session.change(&first.change)?;
    let (plan, _) = plan(session, &first.aim, fleet).await?;
    show(session, &first.aim, &plan, Detail::Summary, out)?;
    if !others.is_empty() {
        let titles: Vec<&str> = others.iter().map(|part| part.aim.title.as_str()).collect();
        let said = format!("then, each with its plan:\n  {}", titles.join("\n  "));
        let outcome = Outcome::new("stages", said).with("goals", titles);
        session.context.tell(outcome, out)?;
    }
    if !options.yes
        && !confirm(
            "carry it out?",
            "pass --yes to carry it out without a question",
        )?
    {
        return session.context.tell(Outcome::unchanged(), out);
    }
    let interrupt = Interrupt::on_signals(&session.context.events).map_err(Error::Output)?;
    let hosts = Session::hosts(fleet);
    let record = Recorded::begin(session, "rotate", Some((&plan, &first.aim.title)));
    let lock = Lock::acquire_unless(
        &interrupt,
        &hosts,
        &record.holder(),
        &session.context.events,
    )
    .await?;
    let locked = Locked {
        fleet,
        hosts: &hosts,
        lock: &lock,
        interrupt: &interrupt,
    };
    let mut shown = Shown {
        plan: Some(&plan),
        binding: !options.yes,
        aim: &first.aim,
    };
    let mut last = &first.aim;
    let mut result = locked.reach(session, &shown, out).await;
    for part in others {
        // A stage that verification does not like is no ground for the next one.
        if !result.as_ref().is_ok_and(|findings| is_sound(findings)) {
            break;
        }
        if let Err(error) = session.change(&part.change) {
            result = Err(error);
            break;
        }
        last = &part.aim;
        shown = Shown {
            plan: None,
            binding: false,
            aim: &part.aim,
        };
        result = locked.reach(session, &shown, out).await;
    }
    record.end(session, lock, &hosts, result.as_ref()).await;
    conclude(session, last, &result?, out)?;
    let is_authority = matches!(first.change, Change::Authority);
    if is_authority && session.vault.stage() == Stage::BothTrusted {
        let authorities = Vault::published(&session.context.global.inventory);
        let said = format!(
            "next: give clients {} in the place of the one that they have (`sslrootcert`), then run \
             `mahout rotate ca` again",
            authorities.display()
        );
        let outcome =
            Outcome::new("authorities_published", said).with("path", authorities.to_string_lossy());
        return session.context.tell(outcome, out);
    }
    Ok(())
}

fn is_sound(findings: &[crate::verify::Finding]) -> bool {
    crate::verify::worst(findings) < crate::verify::Severity::Error
}

#[cfg(test)]
mod tests {
    use super::{Stage, stages_from};

    #[test]
    fn clients_are_given_the_new_authority_before_it_issues() {
        let stages = |stage, all| stages_from(stage, all).len();
        assert_eq!(stages(Stage::One, false), 1);
        assert_eq!(stages(Stage::One, true), 3);
        for all in [false, true] {
            assert_eq!(stages(Stage::BothTrusted, all), 2);
            assert_eq!(stages(Stage::Reissued, all), 1);
        }
    }
}
