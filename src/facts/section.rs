//! How the script's output is cut: a line that begins with `@` opens a section, the others belong
//! to it.

/// One section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// The word after `@`.
    pub(super) name: &'a str,
    /// What follows the name on its line.
    pub(super) argument: &'a str,
    /// Its lines, without empty ones at the end.
    pub(super) lines: Vec<&'a str>,
}

/// All sections of an output.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sections<'a>(Vec<Section<'a>>);

impl<'a> Sections<'a> {
    /// Cuts `output`. Lines before the first section are left out.
    pub(super) fn of(output: &'a str) -> Self {
        let mut sections: Vec<Section<'a>> = Vec::new();
        for line in output.lines() {
            if let Some(header) = line.strip_prefix('@') {
                let (name, argument) = header.split_once(' ').unwrap_or((header, ""));
                sections.push(Section {
                    name,
                    argument,
                    lines: Vec::new(),
                });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(line);
            }
        }
        for section in &mut sections {
            while section.lines.last().is_some_and(|line| line.is_empty()) {
                section.lines.pop();
            }
        }
        Self(sections)
    }

    /// The first section of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Section<'a>> {
        self.all(name).next()
    }

    /// All sections of that name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Section<'a>> {
        self.0.iter().filter(move |section| section.name == name)
    }

    /// The lines of the first section of that name; none if it is missing.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get(name)
            .into_iter()
            .flat_map(|section| section.lines.iter().copied())
    }

    /// The same without the blank that quotes each line.
    pub(super) fn quoted(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines(name)
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
    }

    /// What follows `key` and a blank on the lines of a section of such pairs.
    pub(super) fn values(&self, name: &str, key: &'static str) -> impl Iterator<Item = &'a str> {
        self.lines(name).filter_map(move |line| {
            let rest = line.strip_prefix(key)?;
            Some(rest.strip_prefix(' ')?.trim())
        })
    }

    /// The first of them.
    pub(super) fn value(&self, name: &str, key: &'static str) -> Option<&'a str> {
        self.values(name, key).next()
    }
}

/// One answer over HTTP, as `fetch` of the script prints them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// What was asked, to its end.
    pub(super) url: &'a str,
    /// The status code; 0 if there was no answer.
    pub(super) code: u16,
    /// The body.
    pub(super) body: String,
}

/// Cuts the lines of a section into answers: each ends with a line `@ CODE URL`. The bodies are
/// JSON or CSV, in which no line can look so.
pub(super) fn answers<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Answer<'a>> {
    let mut answers = Vec::new();
    let mut body = String::new();
    for line in lines {
        let Some((code, url)) = line.strip_prefix("@ ").and_then(|end| end.split_once(' ')) else {
            if !body.is_empty() {
                body.push('\n');
            }
            body.push_str(line);
            continue;
        };
        answers.push(Answer {
            url,
            code: code.parse().unwrap_or(0),
            body: std::mem::take(&mut body),
        });
    }
    answers
}

/// Cuts the lines of a section into answers that were asked for at once: the bodies of those to
/// `order`, the ends of their URLs, one behind the other, and a line `@ CODE SIZE URL` for each.
pub(super) fn answers_at_once<'a>(
    lines: impl Iterator<Item = &'a str>,
    order: &[&str],
) -> Vec<Answer<'a>> {
    let (ends, bodies): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("@ "));
    let bodies = bodies.join("\n");
    let mut rest = bodies.as_str();
    let mut answers: Vec<(usize, Answer<'a>)> = ends
        .into_iter()
        .filter_map(|line| {
            let mut words = line.strip_prefix("@ ")?.splitn(3, ' ');
            let code = words.next()?.parse().unwrap_or(0);
            let size = words.next()?.parse().unwrap_or(0);
            let (url, body) = (words.next()?, String::new());
            Some((size, Answer { url, code, body }))
        })
        .collect();
    for end in order {
        let of_end = |(_, answer): &&mut (usize, Answer<'a>)| answer.url.ends_with(end);
        if let Some((size, answer)) = answers.iter_mut().find(of_end) {
            let (body, others) = rest.split_at_checked(*size).unwrap_or_default();
            body.clone_into(&mut answer.body);
            rest = others;
        }
    }
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::{Sections, answers, answers_at_once};

    #[test]
    fn content_never_opens_a_section() {
        let sections = Sections::of("banner\n@one a b\nkey value\n @two\n\n@two\n\n");
        assert_eq!(sections.get("one").expect("a section").argument, "a b");
        assert_eq!(sections.value("one", "key"), Some("value"));
        assert_eq!(
            sections.quoted("one").collect::<Vec<_>>(),
            ["key value", "@two"]
        );
        assert_eq!(sections.lines("two").count(), 0);
    }

    #[test]
    fn answers_at_once_are_told_apart_by_their_size() {
        // In the order in which they came: the second had none.
        let lines = [
            "{\"a\":",
            "1}{\"b\":2}",
            "@ 503 99 http://h/0",
            "",
            "@ 200 7 http://h/b",
            "",
            "@ 000 0 http://h/x",
            "@ 200 8 http://h/a",
        ];
        let bodies = |order: &[&str]| -> Vec<(u16, String)> {
            answers_at_once(lines.into_iter(), order)
                .into_iter()
                .map(|answer| (answer.code, answer.body))
                .collect()
        };
        let (none, a, b) = (
            String::new(),
            "{\"a\":\n1}".to_owned(),
            "{\"b\":2}".to_owned(),
        );
        assert_eq!(
            bodies(&["/a", "/x", "/b"]),
            [(503, none.clone()), (200, b), (0, none.clone()), (200, a)]
        );
        // One that is longer than all there is has no body, nor have those behind it.
        assert!(bodies(&["/0", "/a"]).iter().all(|(_, body)| *body == none));
    }

    #[test]
    fn answers_end_with_their_code() {
        let lines = ["{", "}", "@ 200 http://a/b", "", "@ 000 http://a/c"];
        let answers = answers(lines.into_iter());
        assert_eq!(answers.len(), 2);
        assert_eq!((answers[0].body.as_str(), answers[0].code), ("{\n}", 200));
        assert_eq!((answers[1].url, answers[1].code), ("http://a/c", 0));
    }
}
