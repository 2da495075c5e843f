//! What each signature is known by, and what must not be taken for it. Most records are of lab
//! nodes with the fault itself; where a comment says so, of the documentation.

mod services;
mod system;

use super::all;
use crate::explain::{Evidence, Names, Section, judge};

/// A signature, the record that it stands in, lines of real records, and near misses.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    pub(super) records: &'static [&'static str],
    pub(super) near_misses: &'static [&'static str],
}

fn known() -> impl Iterator<Item = &'static Known> {
    services::KNOWN.iter().chain(system::KNOWN)
}

/// The names of the signatures that a line bears.
fn found(source: &str, lines: &[&str]) -> Vec<&'static str> {
    let section = Section {
        name: source.to_owned(),
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
    };
    let evidence = Evidence {
        sections: vec![section],
        clock: None,
    };
    let mut names = Names::default();
    names.add("{haproxy}", "10.0.0.12");
    let causes = judge(&"pg-3".into(), &evidence, &names);
    causes.iter().map(|cause| cause.signature).collect()
}

#[test]
fn every_signature_knows_its_records_and_no_near_miss() {
    for known in known() {
        let Known { name, source, .. } = known;
        for record in known.records {
            let found = found(source, &["INFO: all is well", record]);
            assert!(
                found.contains(name),
                "{name} is not in: {record} ({found:?})"
            );
        }
        for near_miss in known.near_misses {
            let found = found(source, &[near_miss]);
            assert!(!found.contains(name), "{name} is in: {near_miss}");
        }
    }
}

#[test]
fn every_signature_has_a_record_and_a_near_miss() {
    let mut names = std::collections::BTreeSet::new();
    for signature in all() {
        assert!(names.insert(signature.name), "{} twice", signature.name);
        let known = known().find(|known| known.name == signature.name);
        let known = known.unwrap_or_else(|| panic!("{} has no record", signature.name));
        assert!(!known.records.is_empty(), "{}", signature.name);
        assert!(!known.near_misses.is_empty(), "{}", signature.name);
        assert!(!signature.cause.is_empty() && !signature.remedy.is_empty());
    }
    for known in known() {
        assert!(names.contains(known.name), "{} is no signature", known.name);
    }
    assert!(names.len() >= 40, "{}", names.len());
}

#[test]
fn a_remedy_names_only_commands_that_exist() {
    use clap::CommandFactory;
    let command = crate::cli::Cli::command();
    let known: Vec<&str> = command.get_subcommands().map(|it| it.get_name()).collect();
    for signature in all() {
        let words = signature.remedy.split("`mahout ").skip(1);
        for word in words.filter_map(|rest| rest.split([' ', '`']).next()) {
            assert!(known.contains(&word), "{}: {word}", signature.name);
        }
    }
}

/// What works says so, and what it said before no longer counts.
#[test]
fn what_is_over_is_not_told() {
    let journal = "journal patroni.service";
    let failed = "CRITICAL: system ID mismatch, node pg-3 belongs to a different cluster: 1 != 2";
    let well = "INFO: no action. I am (pg-3), a secondary, and following a leader (pg-1)";
    assert_eq!(found(journal, &[failed]), ["patroni-system-id"]);
    assert_eq!(found(journal, &[failed, well]), [""; 0]);
    assert_eq!(found(journal, &[well, failed]), ["patroni-system-id"]);
}
