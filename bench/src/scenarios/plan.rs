//! What each scenario asks for, how often, and which answers are right.

use clap::{ValueEnum, builder::PossibleValue};

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Everybody at once.
    Rush,
    /// Everybody too late.
    SoldOut,
    /// Polling.
    Status,
    /// Whole visits.
    Mixed,
    /// Ten thousand connections.
    TenThousandUsers,
    /// As many units as buyers.
    ThousandPurchases,
    /// Mostly looking.
    HundredThousandRequests,
    /// Posting alone.
    Database,
    /// A long while.
    Soak,
}

/// One request of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Looks at the sale, without a token.
    Browse,
    /// Asks what became of its purchase.
    Poll,
    /// Buys.
    Buy,
}

/// When a run ends, as one types it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After so many requests.
    Requests(&'static str),
    /// After so long.
    Time(&'static str),
}

/// How many units a sale has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// So many.
    Fixed(u32),
    /// One for everybody who may come.
    ForAll,
}

/// How a scenario goes, where the command line says nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Requests under way at the same time.
    pub concurrency: &'static str,
    /// When it ends.
    pub end: End,
    /// When it ends where only that it works is to be seen.
    pub quick: End,
    /// Requests a second; `None`: each worker sends its next request when it has its answer.
    pub rate: Option<&'static str>,
    /// The stock.
    pub units: Units,
    /// Buyers who have bought before it begins.
    pub buyers_before: usize,
    /// Whether visitors are these buyers, again and again.
    pub returning: bool,
    /// What each visitor does, one after the other.
    pub visit: &'static [Step],
    /// Whether, on servers of its own, a reconciler is at work all the time, and not only in the end.
    pub posting: bool,
    /// Whether, there, memory is watched.
    pub watched: bool,
}

const BUY: &[Step] = &[Step::Buy];
const LOOK_AND_BUY: &[Step] = &[
    Step::Browse,
    Step::Browse,
    Step::Browse,
    Step::Browse,
    Step::Browse,
    Step::Browse,
    Step::Browse,
    Step::Browse,
    Step::Buy,
    Step::Poll,
];

const RUSH: Plan = Plan {
    concurrency: "128",
    end: End::Requests("100000"),
    quick: End::Requests("2000"),
    rate: None,
    units: Units::Fixed(1_000),
    buyers_before: 0,
    returning: false,
    visit: BUY,
    posting: false,
    watched: false,
};

impl Scenario {
    /// How it goes.
    pub const fn plan(self) -> Plan {
        match self {
            Self::Rush => RUSH,
            Self::SoldOut => Plan {
                units: Units::Fixed(1),
                buyers_before: 1,
                ..RUSH
            },
            Self::Status => Plan {
                buyers_before: 1_000,
                returning: true,
                visit: &[Step::Poll],
                posting: true,
                ..RUSH
            },
            Self::Mixed => Plan {
                units: Units::Fixed(10_000),
                visit: &[Step::Browse, Step::Poll, Step::Buy, Step::Poll],
                posting: true,
                ..RUSH
            },
            Self::TenThousandUsers => Plan {
                concurrency: "10000",
                end: End::Requests("10000"),
                quick: End::Requests("10000"),
                ..RUSH
            },
            Self::ThousandPurchases => Plan {
                end: End::Requests("1000"),
                quick: End::Requests("1000"),
                units: Units::ForAll,
                ..RUSH
            },
            Self::HundredThousandRequests => Plan {
                visit: LOOK_AND_BUY,
                posting: true,
                ..RUSH
            },
            // What it counts are hundredths of the journal: see `posting`.
            Self::Database => Plan {
                concurrency: "1",
                end: End::Requests("100"),
                quick: End::Requests("100"),
                units: Units::ForAll,
                ..RUSH
            },
            Self::Soak => Plan {
                end: End::Time("3m"),
                quick: End::Time("5s"),
                rate: Some("1000"),
                units: Units::ForAll,
                posting: true,
                watched: true,
                ..RUSH
            },
        }
    }

    /// Which statuses a request may be answered with.
    pub const fn expected(self, step: Step) -> &'static [u16] {
        match (step, self) {
            (Step::Browse | Step::Poll, _) => &[200],
            (Step::Buy, Self::SoldOut) => &[409],
            (Step::Buy, Self::ThousandPurchases | Self::Database | Self::Soak) => &[202],
            (
                Step::Buy,
                Self::Rush
                | Self::Status
                | Self::Mixed
                | Self::TenThousandUsers
                | Self::HundredThousandRequests,
            ) => &[202, 409],
        }
    }

    /// Its name, as one types it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rush => "rush",
            Self::SoldOut => "sold-out",
            Self::Status => "status",
            Self::Mixed => "mixed",
            Self::TenThousandUsers => "10k-users",
            Self::ThousandPurchases => "1k-purchases",
            Self::HundredThousandRequests => "100k-requests",
            Self::Database => "database",
            Self::Soak => "soak",
        }
    }

    /// What it is about.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Rush => "All buyers at once, for a few units",
            Self::SoldOut => "Everyone is late: nothing is left",
            Self::Status => "Buyers ask again and again what became of their purchase",
            Self::Mixed => "Visitors look, ask, buy and ask again",
            Self::TenThousandUsers => {
                "Ten thousand buyers at once, each with a connection of its own"
            }
            Self::ThousandPurchases => "A thousand buyers for a thousand units",
            Self::HundredThousandRequests => {
                "A hundred thousand requests, of which eight in ten only look"
            }
            Self::Database => "A full journal is posted: orders a second",
            Self::Soak => "Minutes at a steady rate, with memory watched",
        }
    }
}

impl ValueEnum for Scenario {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Rush,
            Self::SoldOut,
            Self::Status,
            Self::Mixed,
            Self::TenThousandUsers,
            Self::ThousandPurchases,
            Self::HundredThousandRequests,
            Self::Database,
            Self::Soak,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::ValueEnum;

    use super::{Scenario, Step, Units};

    #[test]
    fn every_scenario_is_found_by_a_name_of_its_own() {
        let all = Scenario::value_variants();
        let names: HashSet<&str> = all.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), all.len());
        for scenario in all {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(*scenario));
        }
    }

    #[test]
    fn who_may_not_be_refused_finds_a_unit_and_who_returns_has_bought_before() {
        for scenario in Scenario::value_variants() {
            let plan = scenario.plan();
            if plan.visit.contains(&Step::Buy) && scenario.expected(Step::Buy) == [202] {
                assert_eq!(plan.units, Units::ForAll, "{scenario:?}");
            }
            if plan.returning {
                assert!(plan.buyers_before > 0, "{scenario:?}");
            }
            if let Units::Fixed(units) = plan.units {
                assert!(plan.buyers_before <= units as usize, "{scenario:?}");
            }
        }
    }
}
