//! From nothing to a lab that is whole, and back.

use std::time::Instant;

use sha2::{Digest, Sha256};

use super::access;
use super::error::LabError;
use super::image::{self, Image};
use super::node::Node;
use super::sources::Sources;
use super::state::{self, LabSpec, State, counted};
use super::store::{Lock, Store};
use super::{Lab, LabSummary, Progress, mounts, network, requirements};

impl Lab {
    /// Makes a lab, or finds the one that is there and starts what is powered off in it. What an
    /// earlier call left half made is cleared away first.
    ///
    /// With `consent`, missing Debian packages are installed on the machine.
    ///
    /// # Errors
    /// Where the machine lacks something, the request contradicts itself, the machine or a lab
    /// that exists, or a program fails. What was made until then stays, for a look at it.
    pub fn up(spec: &LabSpec, consent: bool, progress: Progress) -> Result<Self, LabError> {
        requirements::root()?;
        spec.check()?;
        requirements::programs(consent, progress)?;
        let store = Store::open()?;
        let folder = store.lab(&spec.name);
        let _lock = Lock::take(&folder, &format!("lab `{}`", spec.name), progress)?;
        match store.load(&spec.name)? {
            Some(state) if state.whole => {
                state.answers(spec)?;
                let lab = Self { store, state };
                lab.revive(progress)?;
                return Ok(lab);
            }
            Some(state) => {
                progress("clearing away what an earlier `lab up` left half made");
                let store = store.clone();
                Self { store, state }.clear()?;
            }
            None => {}
        }
        // Nothing is made yet: a refusal leaves nothing, not even the folder that was locked.
        let nothing = |_: &LabError| drop(std::fs::remove_dir(&folder));
        requirements::inotify(spec.nodes).inspect_err(nothing)?;
        let sources = Sources::of_machine(spec.suite, progress).inspect_err(nothing)?;
        let image = Image::new(&store, spec.suite, spec.image, &sources);
        let state = record(&store, spec, &image, progress).inspect_err(nothing)?;
        image.ensure(progress)?;
        let mut lab = Self { store, state };
        lab.make(progress)?;
        Ok(lab)
    }

    fn make(&mut self, progress: Progress) -> Result<(), LabError> {
        let state = &self.state;
        progress(&format!(
            "making {} in {}",
            counted(state.nodes.len(), "node"),
            state.subnet
        ));
        network::up(&self.store, state)?;
        let folder = self.folder();
        let user_key = access::user_key(&folder);
        access::key_pair(&user_key, &state.name)?;
        let host_keys = self
            .each()
            .map(|node| node.create(&user_key))
            .collect::<Result<Vec<_>, _>>()?;
        access::write(state, &folder, &host_keys)?;
        self.boot(self.each().collect(), progress)?;
        self.state.whole = true;
        self.store.save(&self.state)
    }

    /// Brings back what the machine's own reboot or a `lab kill` took away.
    fn revive(&self, progress: Progress) -> Result<(), LabError> {
        network::up(&self.store, &self.state)?;
        self.boot(self.each().collect(), progress)
    }

    fn boot(&self, nodes: Vec<Node>, progress: Progress) -> Result<(), LabError> {
        let mut off = 0;
        for node in &nodes {
            off += usize::from(!node.is_running()?);
        }
        requirements::inotify(off)?;
        let started = Instant::now();
        let mut booting = Vec::new();
        for node in &nodes {
            if node.boot()? {
                booting.push(node);
            }
        }
        for node in booting {
            node.await_ssh(started)?;
            let seconds = started.elapsed().as_secs_f32();
            progress(&format!(
                "{}: SSH answers after {seconds:.1} s",
                node.record.name
            ));
        }
        Ok(())
    }

    /// The lab of that name.
    ///
    /// # Errors
    /// If there is none or if it is not whole.
    pub fn open(name: &str) -> Result<Self, LabError> {
        requirements::root()?;
        let store = Store::open()?;
        store.expect(name)?;
        match store.load(name)? {
            Some(state) if state.whole => Ok(Self { store, state }),
            _ => Err(LabError::HalfMade(name.to_owned())),
        }
    }

    /// All labs, by name.
    ///
    /// # Errors
    /// If their folders cannot be read.
    pub fn list() -> Result<Vec<LabSummary>, LabError> {
        requirements::root()?;
        let store = Store::open()?;
        let summary = |name: String| {
            let untold = |image: &str, whole| LabSummary {
                name: name.clone(),
                image: image.to_owned(),
                subnet: None,
                nodes: Vec::new(),
                whole,
            };
            let state = match store.load(&name) {
                Ok(Some(state)) => state,
                Ok(None) => return Ok(untold("", false)),
                // One such lab is no reason to keep silent about the others.
                Err(LabError::Record { .. }) => {
                    return Ok(untold("(made by another version of mahout)", true));
                }
                Err(error) => return Err(error),
            };
            let store = store.clone();
            let lab = Self { store, state };
            Ok(LabSummary {
                name,
                image: format!("{} {}", lab.state.suite, lab.state.image),
                subnet: Some(lab.state.subnet),
                nodes: lab.nodes()?,
                whole: lab.state.whole,
            })
        };
        store.names()?.into_iter().map(summary).collect()
    }

    /// Removes the lab of that name, whole or not, and everything that belongs to it. The images
    /// stay.
    ///
    /// # Errors
    /// If there is none, or something cannot be removed; another call continues.
    pub fn down(name: &str, progress: Progress) -> Result<(), LabError> {
        requirements::root()?;
        let store = Store::open()?;
        store.expect(name)?;
        let folder = store.lab(name);
        let _lock = Lock::take(&folder, &format!("lab `{name}`"), progress)?;
        if let Some(state) = store.load(name)? {
            let store = store.clone();
            Self { store, state }.clear()?;
        }
        mounts::remove_folder(&folder)?;
        image::remove_unfinished(&store)?;
        network::restore(&store)
    }

    /// Removes the images that no lab stands on.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn remove_unused_images(progress: Progress) -> Result<(), LabError> {
        requirements::root()?;
        image::remove_unused(&Store::open()?, progress)
    }

    /// Takes away all that the record names, except the record.
    fn clear(&self) -> Result<(), LabError> {
        let nodes: Vec<_> = self.each().collect();
        // All at once, then one by one.
        for node in &nodes {
            node.power_off()?;
        }
        for node in &nodes {
            node.await_off()?;
            node.sweep()?;
        }
        network::down(&self.state)?;
        // Before the record goes: an interrupted removal can be continued.
        mounts::remove_folder(&self.folder().join("nodes"))
    }
}

/// Decides what the lab will be made of and writes that down.
fn record(
    store: &Store,
    spec: &LabSpec,
    image: &Image,
    progress: Progress,
) -> Result<State, LabError> {
    let _machine = Lock::take(&store.labs(), "the labs", progress)?;
    let mut others = Vec::new();
    for name in store.names()?.iter().filter(|name| **name != spec.name) {
        others.extend(store.claims(name)?);
    }
    let subnets: Vec<_> = others.iter().map(|other| other.subnet).collect();
    let subnet = network::choose_subnet(&spec.name, spec.subnet, &subnets)?;
    let taken = |id: &str| {
        others.iter().any(|other| other.id == id) || network::is_interface(&state::bridge(id))
    };
    let id = free_id(&store.lab(&spec.name).to_string_lossy(), taken);
    let state = State::plan(spec, id, subnet, image.folder());
    store.save(&state)?;
    Ok(state)
}

/// Six hexadecimal digits that follow from `seed` and are not taken.
fn free_id(seed: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut digest = Sha256::digest(seed);
    loop {
        let id: String = digest[..3]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if !taken(&id) {
            return id;
        }
        digest = Sha256::digest(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_the_name_and_avoids_those_that_are_taken() {
        let first = free_id("/lab/one", |_| false);
        assert_eq!(first, free_id("/lab/one", |_| false));
        assert_ne!(first, free_id("/lab/two", |_| false));
        assert_ne!(first, free_id("/lab/one", |id| id == first));
    }
}
