//! A made-up sale: the events that clients saw, and the contents of ledger and gate.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sale::{
    gate::{admission::GateProgress, snapshot::Snapshot},
    journal::Backlog,
    ledger::{Order, Rejection, Sale},
    model::{BuyerId, Epoch, OrderId, OrderStatus, ProductId, SaleId, SaleState, Version},
    money::{Currency, Money},
};
use system::history::{
    Answer, Ask, Breach, Circumstances, Failure, GateState, History, LedgerState, Proof, RequestId,
    Violation, check,
};

/// The checker's whole input. Tests may falsify each part.
pub struct World {
    pub history: History,
    pub ledger: LedgerState,
    pub gate: Option<GateState>,
    pub circumstances: Circumstances,
}

impl World {
    /// A sale of this many units, without any request.
    pub fn new(units: u32) -> Self {
        let now = Utc::now();
        let (start, end) = (now - TimeDelta::hours(1), now + TimeDelta::hours(1));
        let price = Money::of_minor_units(1_000, Currency::DEFAULT).unwrap();
        let sale = Sale {
            id: SaleId::random(),
            product_id: ProductId::random(),
            product_name: "A thing".to_owned(),
            product_description: None,
            image_url: None,
            price,
            start,
            end,
            state: SaleState::Open,
            units,
            available: units,
            confirmed: 0,
            returned: 0,
            posted: 0,
            epoch: Epoch(1),
            base: Epoch(1),
            version: Version(1),
            created_at: start,
            updated_at: start,
        };
        let snapshot = Snapshot {
            epoch: Epoch(1),
            version: Version(1),
            state: SaleState::Open,
            start,
            end,
            units: units.into(),
            limit: units.into(),
            taken: 0,
            forgotten: 0,
            backlog: Backlog {
                entries: 0,
                pending: 0,
                oldest: None,
            },
            lost: false,
            closed: false,
            witness: GateProgress::default(),
            now,
        };
        Self {
            history: History::new(),
            ledger: LedgerState {
                sale,
                orders: Vec::new(),
                rejections: Vec::new(),
            },
            gate: Some(GateState {
                snapshot,
                buyers: HashMap::new(),
            }),
            circumstances: Circumstances::default(),
        }
    }

    pub fn sale(&self) -> SaleId {
        self.ledger.sale.id
    }

    pub fn gate(&mut self) -> &mut GateState {
        self.gate.as_mut().unwrap()
    }

    // The clients' events.

    pub fn ask(&self, buyer: BuyerId, key: Option<&str>) -> RequestId {
        let ask = Ask::Purchase {
            key: key.map(str::to_owned),
            wait_seconds: None,
        };
        self.history.asked(self.sale(), buyer, ask)
    }

    pub fn answer(&self, buyer: BuyerId, request: RequestId, answer: Answer) {
        self.history.answered(self.sale(), buyer, request, answer);
    }

    /// A purchase, asked and answered.
    pub fn told(&self, buyer: BuyerId, key: Option<&str>, answer: Answer) {
        let request = self.ask(buyer, key);
        self.answer(buyer, request, answer);
    }

    /// A status, asked and answered.
    pub fn status(&self, buyer: BuyerId, status: &str, order: Option<OrderId>) {
        let request = self.history.asked(self.sale(), buyer, Ask::Status);
        let purchase = Some(status.to_owned());
        self.answer(
            buyer,
            request,
            Answer {
                status: 200,
                purchase,
                order,
                ..Answer::default()
            },
        );
    }

    /// A purchase whose answer never came.
    pub fn unanswered(&self, buyer: BuyerId, key: Option<&str>) {
        let request = self.ask(buyer, key);
        self.history
            .failed(self.sale(), buyer, request, Failure::TimedOut);
    }

    // The system's actions.

    /// The gate admits a buyer, and the reconciler posts the order.
    pub fn sell(&mut self, buyer: BuyerId, order: OrderId) {
        self.mark(buyer, order);
        self.post(buyer, order);
    }

    pub fn mark(&mut self, buyer: BuyerId, order: OrderId) {
        let gate = self.gate();
        gate.buyers.insert(buyer, order);
        gate.snapshot.taken += 1;
    }

    pub fn post(&mut self, buyer: BuyerId, order: OrderId) {
        let sale = &mut self.ledger.sale;
        sale.available -= 1;
        sale.confirmed += 1;
        sale.posted += 1;
        let (id, product_id, price) = (sale.id, sale.product_id, sale.price);
        self.ledger.orders.push(Order {
            id: order,
            sale: id,
            buyer,
            product_id,
            price,
            status: OrderStatus::Confirmed,
            created_at: Utc::now(),
            updated_at: Utc::now(),
        });
    }

    /// Cancels an order, and syncs the gate.
    pub fn cancel(&mut self, order: OrderId) {
        let sale = &mut self.ledger.sale;
        sale.available += 1;
        sale.confirmed -= 1;
        sale.version.0 += 1;
        let order = self
            .ledger
            .orders
            .iter_mut()
            .find(|known| known.id == order)
            .unwrap();
        order.status = OrderStatus::Cancelled;
        let gate = self.gate();
        gate.snapshot.version.0 += 1;
        gate.snapshot.limit += 1;
    }

    /// Adds a rejection. If it is counted, the gate also marks the buyer and learns the limit.
    pub fn reject(&mut self, buyer: BuyerId, order: OrderId, counted: bool) {
        self.ledger.rejections.push(Rejection {
            id: order.uuid(),
            sale: self.sale(),
            buyer: Some(buyer),
            order: Some(order),
            reason: if counted { "no_units" } else { "superseded" }.to_owned(),
            counted,
            at: Utc::now(),
        });
        self.ledger.sale.version.0 += 1;
        self.gate().snapshot.version.0 += 1;
        if counted {
            self.mark(buyer, order);
            self.gate().snapshot.limit += 1;
            self.ledger.sale.posted += 1;
        }
    }

    pub fn window(&mut self, start: DateTime<Utc>, end: DateTime<Utc>) {
        self.ledger.sale.start = start;
        self.ledger.sale.end = end;
    }

    // The checker's result.

    pub fn check(&self) -> Result<Proof, Vec<Violation>> {
        let events = self.history.events();
        check(
            &events,
            &self.ledger,
            self.gate.as_ref(),
            &self.circumstances,
        )
    }

    /// Fails unless the checker finds exactly these breaches.
    #[track_caller]
    pub fn must_break(&self, expected: &[Breach]) -> Vec<Violation> {
        let violations = self.check().expect_err("it must be refused");
        let found: BTreeSet<Breach> = violations.iter().map(|v| v.breach).collect();
        let expected: BTreeSet<Breach> = expected.iter().copied().collect();
        assert_eq!(found, expected, "{violations:#?}");
        violations
    }

    #[track_caller]
    pub fn must_pass(&self) -> Proof {
        self.check()
            .unwrap_or_else(|violations| panic!("{violations:#?}"))
    }
}

pub fn buyer() -> BuyerId {
    BuyerId::random()
}

pub fn order() -> OrderId {
    OrderId::random()
}

pub fn admitted(order: OrderId) -> Answer {
    Answer {
        status: 202,
        order: Some(order),
        purchase: Some("queued".to_owned()),
        ..Answer::default()
    }
}

pub fn completed(order: OrderId) -> Answer {
    Answer {
        status: 201,
        purchase: Some("completed".to_owned()),
        ..admitted(order)
    }
}

pub fn held(order: OrderId) -> Answer {
    Answer {
        order: Some(order),
        ..problem(409, "ALREADY_PURCHASED")
    }
}

pub fn sold_out() -> Answer {
    problem(409, "OUT_OF_STOCK")
}

pub fn not_active(reason: &str) -> Answer {
    Answer {
        reason: Some(reason.to_owned()),
        ..problem(409, "SALE_NOT_ACTIVE")
    }
}

pub fn unavailable() -> Answer {
    problem(503, "UNAVAILABLE")
}

pub fn problem(status: u16, code: &str) -> Answer {
    Answer {
        status,
        code: Some(code.to_owned()),
        ..Answer::default()
    }
}
