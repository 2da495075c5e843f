//! The points of the matrix: at which moment of which run what happens.

use std::fmt;

use super::shape::Shape;

/// What is carried out when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A deploy to nodes that have the packages and nothing else.
    Fresh,
    /// A change of settings in a cluster that runs, under a client that writes.
    Rolling,
    /// TLS is turned on in a cluster that runs without it, under a client that writes.
    Tls,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// mahout is killed when a step has ended; see [`super::watch::Moment::Step`].
    Step(String, usize, usize),
    /// mahout is killed when a phase has passed its gate.
    Gate(String),
    /// mahout is killed at that many thousandths of the time that the change takes.
    Random(u32),
    /// mahout is killed after its first step, and so is each run after it, until one has none.
    AgainAndAgain,
    /// mahout is killed while bare nodes install their packages.
    Installing,
    /// A node loses its power when a phase begins: 0 is the leader, if there is one.
    PowerOff(String, usize),
    /// A node loses its power while its Patroni restarts in a paused cluster.
    InPause(usize),
}

/// A point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) change: Change,
    pub(super) blow: Blow,
    /// Whether the cluster replicates synchronously.
    pub(super) synchronous: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh deploy",
            Self::Rolling => "rolling change",
            Self::Tls => "turning TLS on",
        })
    }
}

impl Point {
    /// What kind of blow it is, as the table of results has it.
    pub(super) fn kind(&self) -> String {
        let kind = match (&self.blow, self.change) {
            (Blow::Step(..), _) => "killed after a step",
            (Blow::Gate(_), _) => "killed after a phase's gate",
            (Blow::Random(_), _) => "killed at a random time",
            (Blow::AgainAndAgain, _) => "killed after the first step of each run",
            (Blow::Installing, _) => "bare nodes, killed while packages are installed",
            (Blow::PowerOff(..), Change::Fresh) => "a node without power",
            (Blow::InPause(0), _) => "the leader without power while Patroni is paused",
            (Blow::InPause(_), _) => "a replica without power while Patroni is paused",
            (Blow::PowerOff(_, 0), _) => "the leader without power",
            (Blow::PowerOff(..), _) => "a replica without power",
        };
        let mode = if self.synchronous {
            ", synchronous mode"
        } else {
            ""
        };
        format!("{kind}{mode}")
    }
}

/// Its name; the same one in each run of the matrix.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.change, self.kind())?;
        match &self.blow {
            Blow::Step(phase, position, number) => {
                write!(f, ": {phase}, step {number} on node {}", position + 1)
            }
            Blow::Gate(phase) => write!(f, ": {phase}"),
            Blow::Random(permille) => {
                write!(f, ": at {}.{} %", permille / 10, permille % 10)
            }
            Blow::AgainAndAgain | Blow::Installing => Ok(()),
            Blow::InPause(node) => write!(f, ": node {}", node + 1),
            Blow::PowerOff(phase, node) => write!(f, ": {phase}, node {}", node + 1),
        }
    }
}

/// So many times mahout is killed at random, a change and mode.
const RANDOM: usize = 10;

/// Chance that is the same each time (SplitMix64).
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound.max(1)).expect("small");
        usize::try_from((z ^ (z >> 31)) % bound).expect("below")
    }
}

/// Every point of a change whose plan is `shape`. Where nodes go side by side, each step has its
/// turn on one of them.
pub(super) fn all(change: Change, shape: &Shape, chance: &mut Chance) -> Vec<Point> {
    let mut points = Vec::new();
    let mut add = |blow, synchronous| {
        points.push(Point {
            change,
            blow,
            synchronous,
        });
    };
    if change == Change::Tls {
        add(Blow::AgainAndAgain, false);
        (0..3).for_each(|node| add(Blow::InPause(node), false));
        return points;
    }
    for phase in &shape.0 {
        for number in 1..=phase.steps() {
            let mut positions: Vec<usize> = (0..phase.nodes.len())
                .filter(|position| phase.nodes[*position].1.len() >= number)
                .collect();
            if !phase.rolling {
                positions = vec![positions[number % positions.len()]];
            }
            for position in positions {
                add(Blow::Step(phase.title.clone(), position, number), false);
            }
        }
        add(Blow::Gate(phase.title.clone()), false);
    }
    add(Blow::AgainAndAgain, false);
    if change == Change::Fresh {
        add(Blow::Installing, false);
    }
    // Not in the last tenth: a run may be quicker than the one before.
    for _ in 0..RANDOM {
        let at = u32::try_from(chance.below(900)).expect("small");
        add(Blow::Random(at), change == Change::Rolling);
    }
    for (index, phase) in shape.0.iter().enumerate() {
        for node in 0..3 {
            let blow = Blow::PowerOff(phase.title.clone(), node);
            if change == Change::Fresh {
                add(blow, false);
            } else if node == 0 {
                add(blow.clone(), false);
                add(blow, true);
            } else {
                add(blow, (index + node) % 2 == 0);
            }
        }
    }
    // The mode changes once.
    points.sort_by_key(|point| point.synchronous);
    points
}

/// Some of them, of every kind.
pub(super) fn sample(points: &[Point], chance: &mut Chance) -> Vec<Point> {
    let mut drawn: Vec<Point> = Vec::new();
    let mut draw = |how_many: usize, fits: &dyn Fn(&Point) -> bool| {
        let mut left: Vec<&Point> = points.iter().filter(|point| fits(point)).collect();
        for _ in 0..how_many.min(left.len()) {
            drawn.push(left.swap_remove(chance.below(left.len())).clone());
        }
    };
    draw(2, &|point| matches!(point.blow, Blow::Step(..)));
    draw(1, &|point| matches!(point.blow, Blow::Gate(_)));
    draw(1, &|point| matches!(point.blow, Blow::Random(_)));
    if points.iter().any(|point| point.change == Change::Rolling) {
        draw(1, &|point| matches!(point.blow, Blow::Step(..)));
        draw(1, &|point| {
            point.synchronous && matches!(point.blow, Blow::PowerOff(_, 0))
        });
    }
    draw(1, &|point| matches!(point.blow, Blow::PowerOff(_, 1..)));
    drawn.dedup();
    drawn.sort_by_key(|point| point.synchronous);
    drawn
}
