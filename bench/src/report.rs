//! The page.
use crate::scenarios::outcome::Outcome;
/// The page.
pub fn page(_at: &str, _quick: bool, _outcomes: &[Outcome]) -> String { String::new() }
