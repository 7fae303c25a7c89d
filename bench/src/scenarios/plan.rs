//! The requests of each scenario, their number, and the right answers: everything is in its [`Plan`].

use clap::{ValueEnum, builder::PossibleValue};
use serde::Serialize;
use strum::VariantArray;

use self::Step::{Browse, Buy, Poll};
use crate::load::{ACCEPTED, REFUSED};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
pub enum Scenario {
    Rush,
    SoldOut,
    Status,
    Mixed,
    TenThousandUsers,
    ThousandPurchases,
    HundredThousandRequests,
    Database,
    Soak,
    Streams,
    Pages,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Browse,
    Poll,
    Buy,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    #[default]
    Requests,
    Orders,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Orders => "orders",
        }
    }
}

/// Who watches the sale while visitors come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watchers {
    Nobody,
    /// Event streams.
    Streams,
    /// Pages in browsers.
    Pages,
}

/// All of a scenario: its defaults for the command line, and the right answers.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub name: &'static str,
    pub about: &'static str,
    /// Its sale and its visitors, for the long help.
    pub story: &'static str,
    pub unit: Unit,
    pub concurrency: &'static str,
    /// The flag that ends it, and its value.
    pub end: (&'static str, &'static str),
    /// The arguments of a quick run, which only shows that everything works.
    pub quick: [&'static str; 2],
    /// Requests a second; `None`: each worker sends its next request after the answer.
    pub rate: Option<&'static str>,
    /// The units of the sale; `None`: one for every buyer.
    pub units: Option<u32>,
    pub buyers_before: usize,
    pub visit: &'static [Step],
    /// Whether a reconciler runs all the time, and not only in the end, on servers of its own.
    pub posting: bool,
    /// Whether memory is watched there.
    pub watched: bool,
    pub watchers: Watchers,
}

impl Plan {
    /// Whether the visitors are the buyers from before, again and again.
    pub fn returning(&self) -> bool {
        !self.visit.contains(&Buy)
    }

    /// The statuses of the right answers.
    pub const fn expected(&self, step: Step) -> &'static [u16] {
        match (step, self.units) {
            (Browse | Poll, _) => &[200],
            (Buy, None) => &[ACCEPTED],
            (Buy, Some(units)) if self.buyers_before >= units as usize => &[REFUSED],
            (Buy, Some(_)) => &[ACCEPTED, REFUSED],
        }
    }
}

const RUSH: Plan = Plan {
    name: "rush",
    about: "All buyers at once, for a few units",
    story: "The sale has 1000 units. Each visitor buys. A purchase must be answered with 202 or 409.",
    unit: Unit::Requests,
    concurrency: "128",
    end: ("iterations", "100000"),
    quick: ["-n", "2000"],
    rate: None,
    units: Some(1_000),
    buyers_before: 0,
    visit: &[Buy],
    posting: false,
    watched: false,
    watchers: Watchers::Nobody,
};

/// In the order of [`Scenario`].
const PLANS: [Plan; Scenario::VARIANTS.len()] = [
    RUSH,
    Plan {
        name: "sold-out",
        about: "Everyone is late: nothing is left",
        story: "The only unit is sold before it begins. Each visitor buys. A purchase must be answered with 409.",
        units: Some(1),
        buyers_before: 1,
        ..RUSH
    },
    Plan {
        name: "status",
        about: "Buyers ask again and again what became of their purchase",
        story: "All 1000 units are sold before it begins. The buyers ask for the status of their purchase, while on \
                servers of its own a reconciler posts orders.",
        buyers_before: 1_000,
        visit: &[Poll],
        posting: true,
        ..RUSH
    },
    Plan {
        name: "mixed",
        about: "Visitors look, ask, buy and ask again",
        story: "The sale has 10000 units. Each visitor looks, asks for the status of its purchase, buys, and asks \
                again. A purchase must be answered with 202 or 409. On servers of its own a reconciler posts orders \
                meanwhile.",
        units: Some(10_000),
        visit: &[Browse, Poll, Buy, Poll],
        posting: true,
        ..RUSH
    },
    Plan {
        name: "10k-users",
        about: "Ten thousand buyers at once, each with a connection of its own",
        concurrency: "10000",
        end: ("iterations", "10000"),
        quick: ["-n", "10000"],
        ..RUSH
    },
    Plan {
        name: "1k-purchases",
        about: "A thousand buyers for a thousand units",
        story: "The sale has a unit for everybody. Each visitor buys. A purchase must be answered with 202.",
        end: ("iterations", "1000"),
        quick: ["-n", "1000"],
        units: None,
        ..RUSH
    },
    Plan {
        name: "100k-requests",
        about: "A hundred thousand requests, of which eight in ten only look",
        story: "The sale has 1000 units. Each visitor looks eight times, buys, and asks for the status of its \
                purchase. A purchase must be answered with 202 or 409. On servers of its own a reconciler posts \
                orders meanwhile.",
        visit: &[
            Browse, Browse, Browse, Browse, Browse, Browse, Browse, Browse, Buy, Poll,
        ],
        posting: true,
        ..RUSH
    },
    // rlt's iterations are hundredths of the journal here: see `posting`.
    Plan {
        name: "database",
        about: "A full journal is posted: orders a second",
        story: "Orders are made, and one worker watches a reconciler post them. On servers of its own the journal is \
                full before the reconciler starts; at an API that is there, buyers make the orders over HTTP \
                meanwhile.",
        unit: Unit::Orders,
        concurrency: "1",
        end: ("iterations", "100"),
        quick: ["-n", "100"],
        units: None,
        ..RUSH
    },
    Plan {
        name: "soak",
        about: "Minutes at a steady rate, with memory watched",
        story: "The sale has a unit for everybody. Each visitor buys. A purchase must be answered with 202. On \
                servers of its own a reconciler posts orders meanwhile, and memory that is bounded must stay so.",
        end: ("duration", "3m"),
        // Just over the time after which memory says anything.
        quick: ["-d", "20s"],
        rate: Some("1000"),
        units: None,
        posting: true,
        watched: true,
        ..RUSH
    },
    Plan {
        name: "streams",
        about: "Ten thousand pages hold event streams while buyers buy",
        story: "The sale has a unit for everybody. Purchases come one by one, each when all streams show the one \
                before. Then each visitor buys, on servers of its own at half of the full rate unless another is \
                given. A purchase must be answered with 202. No stream may break off, and in the end all must show \
                what is left.",
        end: ("iterations", "150000"),
        units: None,
        watchers: Watchers::Streams,
        ..RUSH
    },
    Plan {
        name: "pages",
        about: "Five thousand visitors have the sale's page open while buyers buy",
        story: "The sale has a unit for everybody. Each visitor buys, on servers of its own at half of the full rate \
                unless another is given; first alone, then beside the pages. A purchase must be answered with 202. A \
                page fetches its files and the sale, and holds an event stream; one of five buys, one of ten loses \
                its stream and connects again. On servers of its own a reconciler posts orders after that. No page may \
                show more units than before, and in the end all must show what is left, and their order.",
        end: ("iterations", "150000"),
        units: None,
        watchers: Watchers::Pages,
        ..RUSH
    },
];

impl Scenario {
    pub const fn plan(self) -> Plan {
        PLANS[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.plan().name
    }
}

impl ValueEnum for Scenario {
    fn value_variants<'a>() -> &'a [Self] {
        Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let plan = self.plan();
        Some(PossibleValue::new(plan.name).help(plan.about))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::ValueEnum;

    use super::{ACCEPTED, Scenario, Step};

    #[test]
    fn every_scenario_is_found_by_a_name_of_its_own() {
        let all = Scenario::value_variants();
        let names: HashSet<&str> = all.iter().map(|scenario| scenario.name()).collect();
        assert_eq!(names.len(), all.len());
        for scenario in all {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(*scenario));
        }
    }

    #[test]
    fn who_may_not_be_refused_finds_a_unit_and_who_returns_has_bought_before() {
        for scenario in Scenario::value_variants() {
            let plan = scenario.plan();
            if plan.visit.contains(&Step::Buy) && plan.expected(Step::Buy) == [ACCEPTED] {
                assert_eq!(plan.units, None, "{scenario:?}");
            }
            if plan.returning() {
                assert!(plan.buyers_before > 0, "{scenario:?}");
            }
            if let Some(units) = plan.units {
                assert!(plan.buyers_before <= units as usize, "{scenario:?}");
            }
        }
    }
}
