//! The pattern of a route's path, in which `:name` stands for a parameter, and `*name` at the end for all that follows.

/// A pattern of paths.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    /// Its bytes before the first parameter.
    literal: usize,
}

impl Pattern {
    /// The pattern that this text is.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            literal: text.find([':', '*']).unwrap_or(text.len()),
            text,
        }
    }

    /// The pattern as poem writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it has parameters.
    pub const fn has_parameters(&self) -> bool {
        self.literal < self.text.len()
    }

    /// Whether a path is one of the pattern's.
    pub fn fits(&self, path: &str) -> bool {
        let (known, parameters) = self.text.split_at(self.literal);
        let Some(rest) = path.strip_prefix(known) else {
            return false;
        };
        let (mut segments, mut asked) = (parameters.split('/'), rest.split('/'));
        loop {
            match (segments.next(), asked.next()) {
                (None, None) => return true,
                (Some(segment), Some(_)) if segment.starts_with('*') => return true,
                (Some(segment), Some(asked)) => {
                    let parameter = segment.starts_with(':');
                    if !(segment == asked || parameter && !asked.is_empty()) {
                        return false;
                    }
                }
                (Some(_), None) | (None, Some(_)) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_star_is_everything_below() {
        let fits = |path| Pattern::new("/admin/*path").fits(path);
        assert!(fits("/admin/sales"));
        assert!(fits("/admin/sales/1"));
        assert!(!fits("/admin"));
        assert!(!fits("/administration"));
    }

    #[test]
    fn a_parameter_is_one_segment_that_is_not_empty() {
        let fits = |pattern: &str, path| Pattern::new(pattern).fits(path);
        assert!(fits("/api/job", "/api/job"));
        assert!(fits("/api/job/:param0", "/api/job/1"));
        assert!(fits("/api/job/:param0/status", "/api/job/1/status"));
        for path in [
            "/api/job",
            "/api/job/",
            "/api/job/1/status",
            "/api/jobs/1",
            "/api/job//1",
        ] {
            assert!(!fits("/api/job/:param0", path), "{path}");
        }
        assert!(!fits("/api/job/:param0/status", "/api/job/1"));
        assert!(!fits("/api/job/:param0/status", "/api/job//status"));
        assert!(!fits("/api/job", "/api/jobs"));
    }
}
