//! Events as bars, for a person at a terminal: one bar for the phase and a line for each of at
//! most eight nodes that work. What is to be kept is printed above them.

use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{clean, plain};
use crate::cluster::NodeName;
use crate::report::event::{Event, Message, Received};

/// More nodes than this are counted, not shown: hundreds of lines fit no screen.
const SHOWN: usize = 8;
/// How often it is drawn anew, whatever the number of events.
const TICK: Duration = Duration::from_millis(100);

/// Draws until the last sender of events is gone, then leaves no bar behind.
pub(super) async fn run(mut events: Received, bars: &mut Bars) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            message = events.next() => match message {
                Some(Message::Event(event)) => bars.event(&event),
                Some(Message::Quiet(done)) => {
                    bars.clear();
                    let _ = done.send(());
                }
                None => break,
            },
            _ = tick.tick() => bars.tick(),
        }
    }
    bars.clear();
}

/// The bars of a run.
#[derive(Debug)]
pub(super) struct Bars {
    verbosity: u8,
    multi: MultiProgress,
    /// The phase, or whatever else goes on.
    phase: Option<ProgressBar>,
    lines: Vec<ProgressBar>,
    /// The nodes that work, longest first.
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    node: NodeName,
    doing: Doing,
    since: Instant,
}

#[derive(Debug)]
enum Doing {
    /// This step.
    Step(String),
    /// Its gate waits.
    Waits {
        what: String,
        missing: String,
        until: Instant,
    },
}

impl Running {
    /// What is cut off at the screen's edge stands last.
    fn words(&self) -> String {
        match &self.doing {
            Doing::Step(step) => match self.since.elapsed().as_secs() {
                0..=2 => step.clone(),
                seconds => format!("{step}, {seconds} s"),
            },
            Doing::Waits {
                what,
                missing,
                until,
            } => {
                let left = until.saturating_duration_since(Instant::now());
                plain::waiting(what, missing, left)
            }
        }
    }
}

impl Bars {
    /// Bars on `target`; `None` if it shows nothing (no terminal, or one without a cursor): there
    /// even what is printed above the bars would be lost.
    pub(super) fn new(target: ProgressDrawTarget, verbosity: u8) -> Option<Self> {
        let multi = MultiProgress::with_draw_target(target);
        (!multi.is_hidden()).then(|| Self {
            verbosity,
            multi,
            phase: None,
            lines: Vec::new(),
            running: Vec::new(),
        })
    }

    /// Takes an event in; what nodes do is drawn with the next [`Bars::tick`].
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Started { what } => self.begin("{spinner} {wide_msg}", clean(what), 0),
            Event::PhaseStarted { phase, steps, .. } => self.begin(
                "{spinner} phase {msg} [{bar:24}] {pos}/{len} steps {elapsed}",
                (*phase).to_owned(),
                *steps,
            ),
            Event::Finished { .. } | Event::PhaseFinished { .. } => {
                self.clear();
                self.print(plain::line(event, self.verbosity));
            }
            Event::StepStarted { node, step, .. } => self.works(node, Doing::Step(clean(step))),
            Event::StepFinished { node, .. } => {
                self.running.retain(|running| &running.node != node);
                if let Some(phase) = &self.phase {
                    phase.inc(1);
                }
                if self.verbosity > 0 {
                    self.print(plain::line(event, self.verbosity));
                }
            }
            Event::Waiting {
                node,
                what,
                missing,
                left,
            } => {
                let doing = Doing::Waits {
                    what: what.clone(),
                    missing: missing.clone(),
                    until: Instant::now() + *left,
                };
                self.works(node, doing);
            }
            Event::StepOutput { .. } | Event::Warning { .. } => {
                self.print(plain::line(event, self.verbosity));
            }
        }
    }

    /// Draws what the nodes do now.
    pub(super) fn tick(&mut self) {
        self.draw();
        if let Some(phase) = &self.phase {
            phase.tick();
        }
    }

    /// Takes every bar away.
    pub(super) fn clear(&mut self) {
        self.running.clear();
        self.draw();
        if let Some(phase) = self.phase.take() {
            phase.finish_and_clear();
            self.multi.remove(&phase);
        }
    }

    fn begin(&mut self, template: &str, message: String, length: usize) {
        self.clear();
        let bar = self.multi.add(ProgressBar::new(length as u64));
        bar.set_style(style(template));
        bar.set_message(message);
        self.phase = Some(bar);
    }

    fn works(&mut self, node: &NodeName, doing: Doing) {
        match self
            .running
            .iter_mut()
            .find(|running| &running.node == node)
        {
            Some(running) => running.doing = doing,
            None => self.running.push(Running {
                node: node.clone(),
                doing,
                since: Instant::now(),
            }),
        }
    }

    /// Brings the lines in step with the nodes that work.
    fn draw(&mut self) {
        let hidden = self.running.len().saturating_sub(SHOWN);
        let shown = self.running.len() - hidden;
        let wanted = shown + usize::from(hidden > 0);
        while self.lines.len() > wanted {
            if let Some(line) = self.lines.pop() {
                line.finish_and_clear();
                self.multi.remove(&line);
            }
        }
        while self.lines.len() < wanted {
            let line = self.multi.add(ProgressBar::new_spinner());
            line.set_style(style("  {wide_msg}"));
            self.lines.push(line);
        }
        for (line, running) in self.lines.iter().zip(&self.running[..shown]) {
            line.set_message(format!("{}  {}", running.node, running.words()));
        }
        if hidden > 0
            && let Some(line) = self.lines.last()
        {
            line.set_message(format!("and {hidden} more"));
        }
    }

    fn print(&self, line: Option<String>) {
        if let Some(line) = line {
            // A terminal that has gone away is no reason to stop a run.
            let _ = self.multi.println(line);
        }
    }
}

/// The templates are constants of this file; the unit tests draw each of them.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::Bars;
    use crate::report::Event;

    /// A terminal that keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn take(&self) -> String {
            std::mem::take(&mut *self.0.lock().expect("no panic while writing"))
        }
        fn put(&self, text: &str) -> io::Result<()> {
            self.0
                .lock()
                .expect("no panic while writing")
                .push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn height(&self) -> u16 {
            40
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.put(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn bars(verbosity: u8) -> (Bars, Screen) {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        (Bars::new(target, verbosity).expect("a terminal"), screen)
    }

    fn started(node: usize) -> Event {
        Event::StepStarted {
            phase: "etcd",
            node: format!("pg-{node}").as_str().into(),
            step: "start etcd.service".to_owned(),
        }
    }

    #[test]
    fn at_most_eight_nodes_are_shown() {
        let (mut bars, screen) = bars(0);
        bars.event(&Event::PhaseStarted {
            phase: "etcd",
            nodes: 11,
            steps: 22,
        });
        for node in 1..=11 {
            bars.event(&started(node));
        }
        screen.take();
        bars.tick();
        let drawn = screen.take();
        for shown in [
            "phase etcd",
            "0/22 steps",
            "pg-1  start etcd.service",
            "pg-8  ",
            "and 3 more",
        ] {
            assert!(drawn.contains(shown), "{shown} in:\n{drawn}");
        }
        assert!(!drawn.contains("pg-9"), "{drawn}");
        bars.event(&Event::StepFinished {
            phase: "etcd",
            node: "pg-1".into(),
            step: "start etcd.service".to_owned(),
        });
        screen.take();
        bars.tick();
        let drawn = screen.take();
        assert!(
            drawn.contains("1/22 steps") && drawn.contains("pg-9") && drawn.contains("and 2 more"),
            "{drawn}"
        );
        assert!(!drawn.contains("pg-1  "), "{drawn}");
    }

    #[test]
    fn what_is_to_be_kept_is_printed_above_the_bars() {
        let (mut bars, screen) = bars(0);
        bars.event(&Event::Started {
            what: "connecting to 3 nodes".to_owned(),
        });
        assert!(screen.take().contains("connecting to 3 nodes"));
        bars.event(&Event::Warning {
            node: Some("pg-2".into()),
            message: "its clock is not synchronised".to_owned(),
        });
        let drawn = screen.take();
        // Lines are filled with blanks up to the screen's width.
        let (above, below) = drawn.trim().split_once("  ").expect("two lines");
        assert_eq!(above, "warning: pg-2: its clock is not synchronised");
        assert!(below.contains("connecting to 3 nodes"), "{below}");
        bars.event(&Event::Finished {
            what: "connecting to 3 nodes".to_owned(),
            took: Duration::from_millis(420),
        });
        let drawn = screen.take();
        assert_eq!(drawn.trim(), "connecting to 3 nodes: done in 0.4 s");
        bars.tick();
        assert!(screen.take().trim().is_empty(), "no bar stays");
    }

    #[test]
    fn a_gate_shows_what_it_waits_for() {
        let (mut bars, screen) = bars(0);
        bars.event(&Event::Waiting {
            node: "pg-1".into(),
            what: "pg-1 leads".to_owned(),
            missing: "nobody holds the key".to_owned(),
            left: Duration::from_millis(37_900),
        });
        bars.tick();
        assert!(
            screen
                .take()
                .contains("pg-1  waiting until pg-1 leads (37 s left): nobody holds the key")
        );
    }

    #[test]
    fn nothing_is_drawn_where_nothing_can_be_seen() {
        assert!(Bars::new(ProgressDrawTarget::hidden(), 0).is_none());
    }
}
