//! What a plan has in it, as `--output json` tells it: phases, their nodes, their steps.

use serde_json::Value;

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape(pub(super) Vec<Phase>);

/// A phase of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) title: String,
    /// Whether its nodes are taken one after the other.
    pub(super) rolling: bool,
    /// In their order, each with the titles of its steps.
    pub(super) nodes: Vec<(String, Vec<String>)>,
}

impl Phase {
    /// The most steps that a node has.
    pub(super) fn steps(&self) -> usize {
        let steps = self.nodes.iter().map(|(_, steps)| steps.len());
        steps.max().unwrap_or_default()
    }
}

impl Shape {
    /// The last plan in these lines.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut shape = Self::default();
        for line in lines {
            let Ok(object) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
            match object["type"].as_str() {
                Some("plan") => shape.0.clear(),
                Some("phase") => {
                    let nodes = object["nodes"].as_array().into_iter().flatten();
                    let nodes = nodes.filter_map(Value::as_str);
                    shape.0.push(Phase {
                        title: text("title"),
                        rolling: object["rollout"] == "rolling",
                        nodes: nodes.map(|node| (node.to_owned(), Vec::new())).collect(),
                    });
                }
                Some("step") => {
                    let node = text("node");
                    let phase = shape.0.last_mut().expect("a step after its phase");
                    let found = phase.nodes.iter_mut().find(|(name, _)| *name == node);
                    found.expect("a node of the phase").1.push(text("title"));
                }
                _ => {}
            }
        }
        shape
    }

    /// The node and the title of a step.
    pub(super) fn step(
        &self,
        phase: &str,
        position: usize,
        number: usize,
    ) -> Option<(String, String)> {
        let phase = self.0.iter().find(|known| known.title == phase)?;
        let (node, steps) = phase.nodes.get(position)?;
        let title = steps.get(number.checked_sub(1)?)?;
        Some((node.clone(), title.clone()))
    }
}

#[test]
fn a_plan_is_read_and_the_last_one_counts() {
    let lines = [
        r#"{"type":"plan","steps":9}"#,
        r#"{"type":"phase","title":"other","nodes":["a"],"rollout":"parallel"}"#,
        r#"{"type":"plan","steps":2}"#,
        r#"{"type":"phase","title":"etcd","nodes":["a","b"],"rollout":"rolling"}"#,
        r#"{"type":"step","phase":1,"node":"a","number":1,"title":"one"}"#,
        r#"{"type":"step","phase":1,"node":"b","number":1,"title":"two"}"#,
        r#"{"type":"note","message":"…"}"#,
    ];
    let shape = Shape::read(lines.into_iter());
    let step = shape.step("etcd", 1, 1);
    assert_eq!(step, Some(("b".to_owned(), "two".to_owned())));
    assert_eq!(shape.step("etcd", 1, 2), None);
    assert_eq!(shape.step("other", 0, 1), None);
    assert!(shape.0[0].rolling && shape.0[0].steps() == 1);
}
