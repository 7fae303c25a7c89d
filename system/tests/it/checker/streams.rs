//! What event streams may not show. Each test has a history that breaks one rule, and the checker names that rule.

use chrono::TimeDelta;
use sale::model::{BuyerId, OrderId};
use system::history::{Breach, RequestId, SaleShown, SaleStatus, Shown};

use super::world::{World, admitted, buyer, completed, not_active, order};

/// Past the time for which a stream may be stale.
fn later() -> TimeDelta {
    system::history::check::STALENESS_MAX * 2
}

/// A stream that a test looks at.
struct View {
    stream: RequestId,
    buyer: Option<BuyerId>,
}

impl World {
    fn view(&self, buyer: Option<BuyerId>) -> View {
        let stream = self.history.stream_asked(self.sale(), buyer);
        View { stream, buyer }
    }

    fn show(&self, view: &View, shown: Shown) {
        let sale = self.sale();
        self.history.shown(sale, view.buyer, view.stream, shown);
    }

    /// A state that is true now if so many are sold.
    fn state(&self, sold: u64) -> SaleShown {
        let sale = &self.ledger.sale;
        SaleShown {
            sale_id: sale.id,
            status: SaleStatus::Active,
            start_time: sale.start,
            end_time: sale.end,
            total_quantity: sale.units.into(),
            available_quantity: u64::from(sale.units) - sold,
            sold_quantity: sold,
            server_time: chrono::Utc::now(),
        }
    }

    fn show_sold(&self, view: &View, sold: u64) {
        self.show(view, Shown::Sale(self.state(sold)));
    }

    fn show_status(&self, view: &View, status: SaleStatus) {
        let state = SaleShown {
            status,
            ..self.state(0)
        };
        self.show(view, Shown::Sale(state));
    }

    fn show_purchase(&self, view: &View, status: &str, order: Option<OrderId>) {
        let order = order.map_or("null".to_owned(), |order| {
            format!("{:?}", order.to_string())
        });
        let data = format!(r#"{{"status":{status:?},"orderId":{order}}}"#);
        self.show(view, Shown::of("purchase", &data));
    }

    /// Buyers who bought and know it.
    fn sell_some(&mut self, count: usize) {
        for _ in 0..count {
            let (buyer, order) = (buyer(), order());
            self.sell(buyer, order);
            self.told(buyer, None, admitted(order));
        }
    }
}

#[test]
fn streams_of_an_ordinary_sale_pass() {
    let mut world = World::new(3);
    let (anyone, buyer, order) = (world.view(None), buyer(), order());
    let own = world.view(Some(buyer));
    world.show_sold(&anyone, 0);
    world.show_purchase(&own, "not_purchased", None);
    world.sell_some(2);
    world.show_sold(&anyone, 1);
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.show_purchase(&own, "queued", Some(order));
    world.show_purchase(&own, "completed", Some(order));
    world.show_sold(&anyone, 3);
    world.show_status(&world.view(None), SaleStatus::Paused);
    world.must_pass();
}

#[test]
fn units_left_and_sold_must_be_all_units() {
    let world = World::new(3);
    let state = SaleShown {
        available_quantity: 2,
        ..world.state(0)
    };
    world.show(&world.view(None), Shown::Sale(state));
    world.must_break(&[Breach::ShownSumWrong]);
}

#[test]
fn no_more_are_shown_as_sold_than_had_been_asked_for() {
    let mut world = World::new(3);
    world.sell_some(1);
    let view = world.view(None);
    world.show_sold(&view, 2);
    world.sell_some(1);
    let violations = world.must_break(&[Breach::ShownTooFewLeft]);
    assert_eq!(violations.len(), 1);

    world.circumstances.others_bought = true;
    world.must_pass();
}

#[test]
fn a_purchase_under_way_may_be_shown_as_sold_and_a_refused_one_may_not() {
    let mut world = World::new(3);
    let (slow, order) = (buyer(), order());
    let request = world.ask(slow, None);
    world.show_sold(&world.view(None), 1);
    world.answer(slow, request, admitted(order));
    world.sell(slow, order);
    world.must_pass();

    let mut world = World::new(3);
    world.told(buyer(), None, not_active("paused"));
    world.show_sold(&world.view(None), 1);
    world.circumstances.terms_changed = true;
    world.must_break(&[Breach::ShownTooFewLeft]);
}

#[test]
fn what_buyers_learned_long_ago_is_shown_as_sold() {
    let mut world = World::new(3);
    let view = world.view(None);
    world.show_sold(&view, 0);
    world.sell_some(2);
    let stale = SaleShown {
        server_time: chrono::Utc::now() + later(),
        ..world.state(1)
    };
    world.show(&view, Shown::Sale(stale));
    world.must_break(&[Breach::ShownTooManyLeft]);

    // A unit that came back explains it.
    let order = world.ledger.orders[0].id;
    world.cancel(order);
    world.must_pass();
}

#[test]
fn units_do_not_come_back_within_a_stream_unless_something_gives_them_back() {
    let mut world = World::new(3);
    world.sell_some(2);
    let view = world.view(None);
    world.show_sold(&view, 2);
    world.show_sold(&view, 1);
    world.must_break(&[Breach::ShownLeftRose]);

    world.cancel(world.ledger.orders[0].id);
    world.must_pass();
}

#[test]
fn another_stream_may_still_show_an_older_state() {
    let mut world = World::new(3);
    world.sell_some(2);
    world.show_sold(&world.view(None), 2);
    world.show_sold(&world.view(None), 1);
    world.must_pass();
}

#[test]
fn an_order_does_not_vanish_within_a_stream() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    let view = world.view(Some(buyer));
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.show_purchase(&view, "completed", Some(order));
    world.show_purchase(&view, "not_purchased", None);
    world.must_break(&[Breach::ShownOrderVanished]);
}

#[test]
fn an_order_does_not_vanish_for_a_stream_that_was_asked_for_afterwards() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    let before = world.view(Some(buyer));
    world.sell(buyer, order);
    world.told(buyer, None, admitted(order));
    world.show_purchase(&before, "not_purchased", None);
    world.must_pass();

    world.show_purchase(&world.view(Some(buyer)), "not_purchased", None);
    world.must_break(&[Breach::ShownOrderVanished]);
}

#[test]
fn an_order_that_another_stream_showed_does_not_vanish() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    let one = world.view(Some(buyer));
    world.unanswered(buyer, None);
    world.sell(buyer, order);
    world.show_purchase(&one, "queued", Some(order));
    world.show_purchase(&world.view(Some(buyer)), "not_purchased", None);
    world.must_break(&[Breach::ShownOrderVanished]);
}

#[test]
fn an_order_that_redis_lost_vanishes() {
    let mut world = World::new(3);
    let (buyer, lost) = (buyer(), order());
    let view = world.view(Some(buyer));
    world.told(buyer, None, admitted(lost));
    world.show_purchase(&view, "queued", Some(lost));
    world.show_purchase(&view, "not_purchased", None);
    world.circumstances.gate_was_lost = true;
    world.circumstances.losses.insert(lost);
    world.must_pass();
}

#[test]
fn a_completed_purchase_is_not_queued_again() {
    let mut world = World::new(3);
    let (buyer, order) = (buyer(), order());
    world.sell(buyer, order);
    world.told(buyer, None, completed(order));
    world.show_purchase(&world.view(Some(buyer)), "queued", Some(order));
    world.must_break(&[Breach::StatusWentBack]);
}

#[test]
fn an_order_that_the_ledger_does_not_have_is_not_shown_as_completed() {
    let world = World::new(3);
    let buyer = buyer();
    let view = world.view(Some(buyer));
    world.show_purchase(&view, "completed", Some(order()));
    world.must_break(&[Breach::StatusUntrue]);
}

#[test]
fn a_viewer_without_a_token_is_shown_no_purchase() {
    let world = World::new(3);
    world.show_purchase(&world.view(None), "not_purchased", None);
    world.must_break(&[Breach::UndocumentedAnswer]);
}

#[test]
fn an_event_that_the_contract_does_not_have_is_refused() {
    let world = World::new(3);
    world.show(&world.view(None), Shown::of("stock", "{}"));
    world.must_break(&[Breach::UndocumentedAnswer]);

    let (world, other) = (World::new(3), World::new(3));
    world.show(&world.view(None), Shown::Sale(other.state(0)));
    world.must_break(&[Breach::UndocumentedAnswer]);
}

/// A sale that ends now, so that both states before and after are within its window by a second.
fn ending() -> World {
    let mut world = World::new(3);
    let now = chrono::Utc::now();
    world.window(now - TimeDelta::hours(1), now);
    world
}

#[test]
fn an_end_is_not_taken_back_within_a_stream() {
    let mut world = ending();
    let view = world.view(None);
    world.show_status(&view, SaleStatus::Ended);
    world.show_status(&view, SaleStatus::Active);
    world.must_break(&[Breach::ShownEndTakenBack]);

    world.circumstances.window_moved = true;
    world.must_pass();
}

#[test]
fn another_stream_may_learn_of_the_end_a_moment_later() {
    let world = ending();
    world.show_status(&world.view(None), SaleStatus::Ended);
    world.show_status(&world.view(None), SaleStatus::Active);
    world.must_pass();
}

#[test]
fn a_start_is_not_taken_back_within_a_stream() {
    let mut world = World::new(3);
    let now = chrono::Utc::now();
    world.window(now, now + TimeDelta::hours(1));
    let view = world.view(None);
    world.show_status(&view, SaleStatus::Active);
    world.show_status(&view, SaleStatus::Upcoming);
    world.must_break(&[Breach::ShownStartTakenBack]);
}

#[test]
fn a_sale_is_not_shown_as_not_started_or_over_while_it_sells() {
    for status in [SaleStatus::Upcoming, SaleStatus::Ended] {
        let world = World::new(3);
        world.show_status(&world.view(None), status);
        world.must_break(&[Breach::ShownOutsideWindow]);
    }
}

#[test]
fn a_sale_is_not_shown_as_selling_before_its_start_or_after_its_end() {
    for hours in [-2, 1] {
        let mut world = World::new(3);
        let start = chrono::Utc::now() + TimeDelta::hours(hours);
        world.window(start, start + TimeDelta::hours(1));
        world.show_status(&world.view(None), SaleStatus::Active);
        world.must_break(&[Breach::ShownOutsideWindow]);
    }
}

#[test]
fn other_sales_streams_do_not_matter() {
    let (world, other) = (World::new(1), World::new(1));
    let stream = world.history.stream_asked(other.sale(), None);
    let shown = Shown::Sale(other.state(1));
    world.history.shown(other.sale(), None, stream, shown);
    world.must_pass();
}
