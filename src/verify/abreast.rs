//! Attempts that a script makes side by side, a bounded number at a time: each is a process or
//! more, and one through HAProxy is a connection of PostgreSQL, of which there are few.

/// How a script makes its attempts.
pub(super) struct Abreast {
    /// How many at the same time.
    pub(super) at_once: usize,
    /// How long one may take, in seconds.
    pub(super) each: u64,
}

impl Abreast {
    /// The script's lines: every attempt in the background, a wait behind every `at_once` of them.
    pub(super) fn script(&self, attempts: &[String]) -> String {
        let mut script = String::new();
        for some in attempts.chunks(self.at_once) {
            for attempt in some {
                script += &format!("{attempt} &\n");
            }
            script += "wait\n";
        }
        script
    }

    /// How long a script with that many attempts may take, in seconds, if nobody answers.
    pub(super) fn deadline(&self, attempts: usize) -> u64 {
        attempts.div_ceil(self.at_once) as u64 * self.each + 20
    }
}

#[cfg(test)]
mod tests {
    use super::Abreast;

    #[test]
    fn no_more_than_so_many_are_made_at_once_and_each_has_its_time() {
        let abreast = Abreast {
            at_once: 2,
            each: 5,
        };
        let attempts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(abreast.script(&attempts), "a &\nb &\nwait\nc &\nwait\n");
        assert_eq!(abreast.script(&[]), "");
        assert_eq!(
            [0, 2, 3].map(|number| abreast.deadline(number)),
            [20, 25, 30]
        );
    }
}
