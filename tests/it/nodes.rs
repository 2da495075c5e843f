//! Lab nodes for a test: made for it, removed after it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Deref;

use mahout::lab::{ImageKind, Lab, LabSpec, Suite, missing_packages};

/// A lab that ends with the test.
pub(crate) struct TestLab(Lab);

impl TestLab {
    /// Makes a lab for the test called `purpose`, anew. None where this machine cannot have one;
    /// then the reason is printed, or, in CI, the test fails.
    pub(crate) fn up(purpose: &str, nodes: usize, suite: Suite, image: ImageKind) -> Option<Self> {
        if !possible() {
            return None;
        }
        let spec = LabSpec {
            name: name(purpose),
            nodes,
            suite,
            image,
            ..LabSpec::default()
        };
        remove(&spec.name);
        let lab = Lab::up(&spec, false, &mut |line| say(&spec.name, line));
        Some(Self(lab.unwrap_or_else(|error| panic!("{error}"))))
    }

    /// Runs a shell script on a node over SSH and returns what it printed.
    pub(crate) fn ssh(&self, node: &str, script: &str) -> Result<String, String> {
        let mut ssh = self
            .0
            .ssh_command(node)
            .map_err(|error| error.to_string())?;
        let output = ssh
            .arg(script)
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(format!("{}: {}", output.status, text(&output.stderr)))
        }
    }
}

impl Deref for TestLab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.0
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        remove(self.0.name());
    }
}

/// Whether this machine can have lab nodes. If not, says why, and in CI fails.
pub(crate) fn possible() -> bool {
    let mut reason = String::new();
    if std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) != 0)
    {
        reason.push_str("not root");
    }
    let missing = missing_packages();
    if !missing.is_empty() {
        write!(reason, " missing packages: {}", missing.join(", ")).expect("a string takes all");
    }
    if reason.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "no lab nodes in CI: {reason}"
    );
    say("skipped, no lab nodes", &reason);
    false
}

/// The name of a lab of this checkout's tests; the same in each run, so that what a killed run
/// left is found by the next.
pub(crate) fn name(purpose: &str) -> String {
    let checkout = env!("CARGO_MANIFEST_DIR");
    let hash = checkout.bytes().fold(5381_u32, |hash, byte| {
        hash.wrapping_mul(33) ^ u32::from(byte)
    });
    format!("it-{:04x}-{purpose}", hash & 0xffff)
}

/// Removes a lab if it is there.
pub(crate) fn remove(name: &str) {
    let labs = Lab::list().unwrap_or_else(|error| panic!("{error}"));
    if labs.iter().any(|lab| lab.name == name) {
        Lab::down(name, &mut |line| say(name, line)).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Past the capture of the test harness: a skipped test shows, and so does a long wait.
fn say(who: &str, line: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{who}: {line}").expect("stderr");
}
