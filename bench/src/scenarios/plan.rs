//! The requests of each scenario, their number, and the right answers: everything is in its [`Plan`].

use clap::{ValueEnum, builder::PossibleValue};
use serde::Serialize;

use crate::load::{ACCEPTED, REFUSED};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Browse,
    Poll,
    Buy,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Browse => "looks",
            Self::Poll => "asks what became of its purchase",
            Self::Buy => "buys",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Requests(&'static str),
    Time(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    Fixed(u32),
    ForAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
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

/// All of a scenario: its defaults for the command line, and the right answers.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub name: &'static str,
    pub about: &'static str,
    pub unit: Unit,
    pub concurrency: &'static str,
    pub end: End,
    /// Its end in a quick run, which only shows that everything works.
    pub quick: End,
    /// Requests a second; `None`: each worker sends its next request after the answer.
    pub rate: Option<&'static str>,
    pub units: Units,
    pub buyers_before: usize,
    /// Whether visitors are these buyers, again and again.
    pub returning: bool,
    pub visit: &'static [Step],
    pub purchases: &'static [u16],
    /// Whether a reconciler runs all the time, and not only in the end, on servers of its own.
    pub posting: bool,
    /// Whether memory is watched there.
    pub watched: bool,
}

impl Plan {
    /// Its defaults for the command line and its right answers, in words.
    pub fn told(&self) -> String {
        let mut told = vec![format!("{}.", self.about)];
        match self.unit {
            Unit::Requests => self.tell_visits(&mut told),
            Unit::Orders => told.push(
                "Orders are made, and one worker watches a reconciler post them: on servers of its own the journal \
                 is full before the reconciler starts, at an API that is there they are bought over HTTP meanwhile."
                    .to_owned(),
            ),
        }
        told.push(
            "In the end everything is posted, and what buyers were told must be what the ledger holds; on servers of \
             its own the audit must agree, too. Status 1 where it is not so, or an answer decided nothing."
                .to_owned(),
        );
        told.join("\n\n")
    }

    fn tell_visits(&self, told: &mut Vec<String>) {
        let units = match self.units {
            Units::Fixed(1) => "1 unit".to_owned(),
            Units::Fixed(units) => format!("{units} units"),
            Units::ForAll => "a unit for everybody".to_owned(),
        };
        let before = match self.buyers_before {
            0 => String::new(),
            count => format!(", of which {count} are sold before it begins"),
        };
        let steps: Vec<&str> = self.visit.iter().map(|step| step.name()).collect();
        let visitor = if self.returning {
            "buyer, again and again"
        } else {
            "visitor"
        };
        told.push(format!(
            "The sale has {units}{before}. Each {visitor}: {}.",
            steps.join(", ")
        ));
        if self.visit.contains(&Step::Buy) {
            let statuses: Vec<String> = self.purchases.iter().map(u16::to_string).collect();
            told.push(format!(
                "A purchase must be answered with {}.",
                statuses.join(" or ")
            ));
        }
        if self.posting {
            told.push("On servers of its own a reconciler posts orders meanwhile.".to_owned());
        }
        if self.watched {
            told.push("There, memory is watched, and what is bounded must stay so.".to_owned());
        }
    }

    pub const fn expected(&self, step: Step) -> &'static [u16] {
        match step {
            Step::Browse | Step::Poll => ANSWERED,
            Step::Buy => self.purchases,
        }
    }
}

const ANSWERED: &[u16] = &[200];
const ALL_WIN: &[u16] = &[ACCEPTED];
const ALL_LATE: &[u16] = &[REFUSED];
const SOME_WIN: &[u16] = &[ACCEPTED, REFUSED];

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
    name: "rush",
    about: "All buyers at once, for a few units",
    unit: Unit::Requests,
    concurrency: "128",
    end: End::Requests("100000"),
    quick: End::Requests("2000"),
    rate: None,
    units: Units::Fixed(1_000),
    buyers_before: 0,
    returning: false,
    visit: BUY,
    purchases: SOME_WIN,
    posting: false,
    watched: false,
};

const SOLD_OUT: Plan = Plan {
    name: "sold-out",
    about: "Everyone is late: nothing is left",
    units: Units::Fixed(1),
    buyers_before: 1,
    purchases: ALL_LATE,
    ..RUSH
};

const STATUS: Plan = Plan {
    name: "status",
    about: "Buyers ask again and again what became of their purchase",
    buyers_before: 1_000,
    returning: true,
    visit: &[Step::Poll],
    posting: true,
    ..RUSH
};

const MIXED: Plan = Plan {
    name: "mixed",
    about: "Visitors look, ask, buy and ask again",
    units: Units::Fixed(10_000),
    visit: &[Step::Browse, Step::Poll, Step::Buy, Step::Poll],
    posting: true,
    ..RUSH
};

const TEN_THOUSAND_USERS: Plan = Plan {
    name: "10k-users",
    about: "Ten thousand buyers at once, each with a connection of its own",
    concurrency: "10000",
    end: End::Requests("10000"),
    quick: End::Requests("10000"),
    ..RUSH
};

const THOUSAND_PURCHASES: Plan = Plan {
    name: "1k-purchases",
    about: "A thousand buyers for a thousand units",
    end: End::Requests("1000"),
    quick: End::Requests("1000"),
    units: Units::ForAll,
    purchases: ALL_WIN,
    ..RUSH
};

const HUNDRED_THOUSAND_REQUESTS: Plan = Plan {
    name: "100k-requests",
    about: "A hundred thousand requests, of which eight in ten only look",
    visit: LOOK_AND_BUY,
    posting: true,
    ..RUSH
};

/// rlt's iterations are hundredths of the journal here: see `posting`.
const DATABASE: Plan = Plan {
    name: "database",
    about: "A full journal is posted: orders a second",
    unit: Unit::Orders,
    concurrency: "1",
    end: End::Requests("100"),
    quick: End::Requests("100"),
    units: Units::ForAll,
    purchases: ALL_WIN,
    ..RUSH
};

const SOAK: Plan = Plan {
    name: "soak",
    about: "Minutes at a steady rate, with memory watched",
    end: End::Time("3m"),
    // Just over the time after which memory says anything.
    quick: End::Time("20s"),
    rate: Some("1000"),
    units: Units::ForAll,
    purchases: ALL_WIN,
    posting: true,
    watched: true,
    ..RUSH
};

impl Scenario {
    pub const fn plan(self) -> Plan {
        match self {
            Self::Rush => RUSH,
            Self::SoldOut => SOLD_OUT,
            Self::Status => STATUS,
            Self::Mixed => MIXED,
            Self::TenThousandUsers => TEN_THOUSAND_USERS,
            Self::ThousandPurchases => THOUSAND_PURCHASES,
            Self::HundredThousandRequests => HUNDRED_THOUSAND_REQUESTS,
            Self::Database => DATABASE,
            Self::Soak => SOAK,
        }
    }

    pub const fn name(self) -> &'static str {
        self.plan().name
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
        let plan = self.plan();
        Some(PossibleValue::new(plan.name).help(plan.about))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::ValueEnum;

    use super::{ACCEPTED, Scenario, Step, Units};

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
            if plan.visit.contains(&Step::Buy) && plan.purchases == [ACCEPTED] {
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
