//! Random histories of one sale, step by step against the model: the same answers, the same keys.

use std::{collections::BTreeMap, time::Duration};

use fred::types::Value;
use proptest::{
    collection::vec,
    test_runner::{Config, TestRunner},
};
use sale::{
    gate::{
        admission::{Admitted, GateProgress, Known},
        upkeep::PostedEntry,
    },
    journal::{Entry, EntryId},
    keys::GROUP,
    ledger::Sale,
    model::{Epoch, Purchase, SaleId, SaleState, Version},
};

use super::{
    model::{Marks, Model},
    steps::{NewTerms, Reading, Seen, Step, WINDOWS, numbered, step},
};
use crate::fixture::{Door, terms, winners, year};

const CASES: u32 = 400;
const STEPS_MAX: usize = 50;

struct Case<'a> {
    door: &'a Door,
    sale: SaleId,
    model: Model,
    copy: Option<(Vec<Value>, Model)>,
    /// The knowledge of a caller who got every answer.
    known: Known,
    rolled_back: bool,
    epoch_max: u64,
    version_max: u64,
    /// Every entry that ever existed, with its number of winners.
    sizes: BTreeMap<EntryId, u64>,
}

impl Case<'_> {
    fn near_epoch(&self, shift: i64) -> Epoch {
        let epoch = self.model.progress().epoch.0.max(1);
        Epoch(epoch.saturating_add_signed(shift))
    }

    fn new_sale(&mut self, new: &NewTerms) -> Sale {
        let version = self.version_max.saturating_add_signed(new.version).max(1);
        self.version_max = self.version_max.max(version);
        let (start, end) = WINDOWS[new.window];
        Sale {
            id: self.sale,
            version: Version(version),
            state: new.state,
            start: year(start),
            end: year(end),
            units: 20,
            available: new.limit / 2,
            posted: new.limit - new.limit / 2,
            ..terms(20)
        }
    }

    fn known(&self, seen: &Seen) -> Known {
        let now = self.model.progress();
        let more = |epoch, taken| GateProgress {
            epoch: Epoch(now.epoch.0 + epoch),
            taken: now.taken + taken,
        };
        let foreign = Some(numbered((0, 9)));
        let version = self.model.terms.as_ref().map_or(1, |it| it.sale.version.0);
        match *seen {
            Seen::Nothing if !self.rolled_back => Known::default(),
            Seen::Everything | Seen::Nothing => self.known,
            Seen::More { epoch: true } => more(1, 0).into(),
            Seen::More { epoch: false } => more(0, 1).into(),
            Seen::Other { posted } => Known {
                admitted: Admitted {
                    posted: foreign.filter(|_| posted),
                    told: foreign.filter(|_| !posted),
                },
                ..now.into()
            },
            Seen::Terms { newer } => Known {
                version: Version(version.saturating_add_signed(newer)),
                ..self.known
            },
        }
    }

    async fn admit(&mut self, seen: &Seen, batch: &[(u8, u8)], bits: u32) {
        let batch: Vec<Purchase> = batch.iter().copied().map(numbered).collect();
        let known = self.known(seen);
        let expected = self.model.admit(&known, bits, &batch);
        let decided = self
            .door
            .gate
            .admit_with(self.sale, &known, bits, &batch)
            .await;
        let decided = decided.unwrap();
        assert_eq!(decided.verdicts, expected.verdicts);
        assert_eq!(decided.progress, expected.progress);
        assert_eq!(decided.won, expected.won);
        self.known.see(&decided);
        if expected.clock_moves {
            let terms = self.model.terms.as_mut().unwrap();
            let clock = self.door.term(self.sale, "clock").await.unwrap();
            let clock = clock.parse().unwrap();
            assert!(clock >= terms.clock, "the clock went back");
            terms.clock = clock;
        }
    }

    async fn forget(&mut self, ids: &[EntryId], lost: Option<Epoch>) {
        let sizes = &self.sizes;
        let posted = |id: &EntryId| PostedEntry {
            id: *id,
            winners: sizes.get(id).copied().unwrap_or(1),
        };
        let posted: Vec<PostedEntry> = ids.iter().map(posted).collect();
        let expected = self.model.forget(lost, &posted);
        let forgotten = self.door.gate.forget(self.sale, lost, &posted).await;
        assert_eq!(forgotten.unwrap(), expected);
    }

    async fn swap(
        &mut self,
        epoch: i64,
        new: &NewTerms,
        marks: Option<&Vec<(u8, u8)>>,
        miscount: i64,
    ) {
        let epoch = Epoch(self.epoch_max.saturating_add_signed(epoch).max(1));
        self.epoch_max = self.epoch_max.max(epoch.0);
        let sale = Sale {
            epoch,
            ..self.new_sale(new)
        };
        let marks: Marks = match marks {
            None => self.model.buyers.clone(),
            Some(marks) => {
                let purchases = marks.iter().copied().map(numbered);
                purchases.map(|it| (it.buyer, it.order)).collect()
            }
        };
        let gate = &self.door.gate;
        gate.discard_prepared(self.sale, epoch).await.unwrap();
        if !marks.is_empty() {
            let chunk: Vec<_> = marks.iter().map(|(b, o)| (*b, *o)).collect();
            gate.prepare(self.sale, epoch, &chunk).await.unwrap();
        }
        let read = (marks.len() as u64).saturating_add_signed(miscount);
        let expected = self.model.swap(&sale, &marks, read);
        assert_eq!(gate.swap(&sale, read).await.unwrap(), expected);
        gate.discard_prepared(self.sale, epoch).await.unwrap();
    }

    async fn take(&mut self, step: &Step) {
        let (door, sale) = (self.door, self.sale);
        match step {
            Step::Admit { seen, batch, bits } => self.admit(seen, batch, *bits).await,
            Step::Sync { epoch, terms } => {
                let base = self.near_epoch(*epoch);
                let terms = Sale {
                    base,
                    ..self.new_sale(terms)
                };
                let expected = self.model.sync(&terms);
                assert_eq!(door.gate.sync(&terms).await.unwrap(), expected);
            }
            Step::ForgetAll => {
                let journal = self.model.journal.clone().unwrap_or_default();
                let ids: Vec<EntryId> = journal.entries.into_keys().collect();
                self.forget(&ids, None).await;
            }
            Step::Forget {
                picks,
                unknown,
                lost,
            } => {
                let known: Vec<EntryId> = self.sizes.keys().copied().collect();
                let pick = |pick: &u8| known.get(usize::from(*pick) % known.len().max(1));
                let mut ids: Vec<EntryId> = picks.iter().filter_map(pick).copied().collect();
                if *unknown {
                    let epoch = self.near_epoch(0);
                    ids.push(EntryId { epoch, sequence: 1 });
                }
                let lost = lost.map(|shift| self.near_epoch(shift));
                self.forget(&ids, lost).await;
            }
            Step::Close => {
                self.model.close();
                door.gate.close(sale).await.unwrap();
            }
            Step::Swap {
                epoch,
                terms,
                marks,
                miscount,
            } => {
                self.swap(*epoch, terms, marks.as_ref(), *miscount).await;
            }
            Step::Open { epoch } => {
                let epoch = self.near_epoch(*epoch);
                let expected = self.model.open(epoch);
                assert_eq!(door.gate.open(sale, epoch).await.unwrap(), expected);
            }
            Step::Reader { consumer, does } => self.take_as_reader(*consumer, does).await,
            Step::KeepCopy => self.copy = Some((door.keep_copy(sale).await, self.model.clone())),
            Step::RollBack => {
                if let Some((copy, model)) = &self.copy {
                    self.model = model.clone();
                    door.roll_back(sale, copy).await;
                    self.rolled_back = true;
                }
            }
            Step::Lose {
                terms,
                buyers,
                journal,
            } => {
                self.lose(*terms, *buyers, *journal).await;
            }
        }
    }

    async fn take_as_reader(&mut self, consumer: usize, does: &Reading) {
        let (door, sale) = (self.door, self.sale);
        let ids = |entries: Vec<Entry>| entries.iter().map(|it| it.id).collect::<Vec<_>>();
        let name = format!("c{consumer}");
        match *does {
            Reading::Read { count } => {
                let read = door.journal.read(sale, &name, count as u64).await;
                assert_eq!(ids(read.unwrap()), self.model.read(consumer, count));
            }
            Reading::Claim { count } => {
                let at_once = Duration::ZERO;
                let claimed = door.journal.claim(sale, &name, at_once, count as u64).await;
                assert_eq!(ids(claimed.unwrap()), self.model.claim(consumer, count));
            }
            Reading::DeliverAgain => {
                self.model.deliver_again();
                door.journal.deliver_again(sale).await.unwrap();
            }
            Reading::Remove { idle } => {
                let least = Duration::from_secs(if idle { 0 } else { 3_600 });
                let removal = door.gate.remove_consumer(sale, &name, least).await;
                let expected = self.model.remove_consumer(consumer, idle);
                assert_eq!(removal.unwrap(), expected);
            }
        }
    }

    async fn lose(&mut self, terms: bool, buyers: bool, journal: bool) {
        let keys = &self.door.keys;
        self.model.lose(terms, buyers, journal);
        for (lost, key) in [
            (terms, keys.terms(self.sale)),
            (buyers, keys.buyers(self.sale)),
            (journal, keys.journal(self.sale)),
        ] {
            if lost {
                self.door.redis("DEL", &[&key]).await;
                self.rolled_back = true;
            }
        }
    }

    /// The keys must match the model.
    async fn compare(&mut self) {
        self.model.assert_invariants();
        let (door, sale, model) = (self.door, self.sale, &self.model);
        let found = door.gate.snapshot(sale).await.unwrap();
        assert_eq!(found.is_some(), model.terms.is_some());
        if let (Some(found), Some(terms)) = (found, &model.terms) {
            assert_eq!(
                (found.epoch, found.version),
                (terms.epoch, terms.sale.version)
            );
            assert_eq!((found.start, found.end), (terms.sale.start, terms.sale.end));
            assert_eq!(found.state.as_str(), terms.sale.state.gate_word());
            assert_eq!(found.limit, terms.sale.limit());
            assert_eq!(found.units, u64::from(terms.sale.units));
            assert_eq!(found.forgotten, terms.forgotten);
            assert_eq!((found.lost, found.closed), (terms.lost, terms.closed));
            let clock = door
                .term(sale, "clock")
                .await
                .map_or(0, |it| it.parse().unwrap());
            assert_eq!(clock, terms.clock);
        }
        let buyers: Marks = door.gate.buyers(sale).await.unwrap().into_iter().collect();
        assert_eq!(buyers, model.buyers);
        let journal = model.journal.clone().unwrap_or_default();
        let entries = door.journal.entries(sale).await.unwrap();
        let entries: BTreeMap<_, _> = entries.iter().map(|it| (it.id, winners(it))).collect();
        assert_eq!(entries, journal.entries);
        self.sizes.extend(
            entries
                .iter()
                .map(|(id, winners)| (*id, winners.len() as u64)),
        );

        let group = journal.group.unwrap_or_default();
        let consumers = door.consumers(sale).await;
        let expected: Vec<String> = group.consumers.iter().map(|c| format!("c{c}")).collect();
        assert_eq!(consumers, expected);
        let key = door.keys.journal(sale);
        let args = [key.as_str(), GROUP, "-", "+", "1000"]
            .map(Value::from)
            .to_vec();
        let pending = match door.try_redis("XPENDING", args).await {
            Ok(pending) => pending.into_array(),
            Err(_) => Vec::new(),
        };
        let pending: Vec<(String, String)> = pending.into_iter().map(holder).collect();
        let expected = group
            .pending
            .iter()
            .map(|(id, c)| (id.to_string(), format!("c{c}")));
        assert_eq!(pending, expected.collect::<Vec<_>>());
    }
}

/// Entry and consumer from a line of XPENDING.
fn holder(line: Value) -> (String, String) {
    let mut parts = line.into_array().into_iter().map_while(Value::into_string);
    (parts.next().unwrap(), parts.next().unwrap())
}

async fn run(door: &Door, steps: &[Step]) {
    let mut case = Case {
        door,
        sale: SaleId::random(),
        model: Model::default(),
        copy: None,
        known: Known::default(),
        rolled_back: false,
        epoch_max: 0,
        version_max: 1,
        sizes: BTreeMap::new(),
    };
    for step in steps {
        case.take(step).await;
        case.compare().await;
    }
    door.wipe(case.sale).await;
}

#[test]
fn any_history_of_the_scripts_is_one_of_the_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let door = runtime.block_on(Door::shared());
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let selling = NewTerms {
        version: 0,
        state: SaleState::Open,
        window: 0,
        limit: 8,
    };
    // Each history begins with a gate that sells; otherwise most later answers would be cold.
    let warm = [
        Step::Swap {
            epoch: 1,
            terms: selling,
            marks: None,
            miscount: 0,
        },
        Step::Open { epoch: 0 },
    ];
    let histories = vec(step(), 1..STEPS_MAX);
    let result = runner.run(&histories, |steps| {
        let steps = [&warm[..], &steps].concat();
        runtime.block_on(run(&door, &steps));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
