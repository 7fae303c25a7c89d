//! The answer to an unknown name in a request: it suggests the nearest known one, because most such names are typing
//! errors.

use std::fmt;

use crate::problem::Problem;

/// How alike two names must be for one to mean the other: 1 is the same name.
const LIKENESS_MIN: f64 = 0.7;
/// How much of a name the reply repeats, characters.
const SHOWN_CHARACTERS_MAX: usize = 64;

/// A part of a request that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A member of a body.
    Field,
    /// A parameter in the query string.
    Parameter,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Field => "field",
            Self::Parameter => "parameter",
        })
    }
}

/// The problem of a request with a name that is not among the `known` ones.
pub fn unknown(kind: Named, name: &str, known: &[&str]) -> Problem {
    let shown = shown(name);
    let detail = match (nearest(name, known), known) {
        (Some(near), _) => format!("Unknown {kind} `{shown}`: did you mean `{near}`?"),
        (None, []) => format!("Unknown {kind} `{shown}`: this request takes no {kind}s."),
        (None, [one]) => {
            format!("Unknown {kind} `{shown}`: this request takes no {kind} but `{one}`.")
        }
        (None, known) => {
            let known = known.join("`, `");
            format!("Unknown {kind} `{shown}`: this request takes the {kind}s `{known}`.")
        }
    };
    Problem::of_field(shown, detail)
}

/// The problem of a request with one name twice: it does not say which value is meant.
pub fn repeated(kind: Named, name: &str) -> Problem {
    let shown = shown(name);
    let detail = format!("The {kind} `{shown}` is there more than once: send it once.");
    Problem::of_field(shown, detail)
}

fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}

/// The known name that is probably meant, if any: equal but for case and punctuation, or else the one most alike.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // Known names are short, so the start of a long one is enough to compare.
    let name = plain(&shown(name));
    known
        .iter()
        .copied()
        .map(|known| (likeness(&name, &plain(known)), known))
        .filter(|(likeness, _)| *likeness > LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

/// How alike two names are, from 0 to 1. An abbreviation has the letters of the other in their order, from its first.
fn likeness(name: &str, known: &str) -> f64 {
    let mut rest = known.chars();
    let is_short = name.len() > 1 && name.chars().next() == known.chars().next();
    if is_short && name.chars().all(|letter| rest.any(|known| known == letter)) {
        let longer = known.len() - name.len();
        // Of several names that it may abbreviate, the shortest is meant.
        return 1.0 - longer as f64 / 1_000.0;
    }
    strsim::jaro(name, known)
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_the_one_that_is_meant() {
        let sale = ["productId", "startTime", "endTime", "quantity", "saleId"];
        for (slip, meant) in [
            ("saleID", Some("saleId")),
            ("sale_id", Some("saleId")),
            ("SALEID", Some("saleId")),
            ("qty", Some("quantity")),
            ("quantiy", Some("quantity")),
            ("product", Some("productId")),
            ("start", Some("startTime")),
            ("zebra", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(nearest(slip, &sale), meant, "{slip}");
        }
        assert_eq!(nearest("saleId", &[]), None);
    }
}
