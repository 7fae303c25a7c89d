//! The window of a sale, and the clock that decides it. A gate's clock that lies in the future stands still, so that a
//! test can hit an edge to the microsecond.

use chrono::{DateTime, TimeDelta, Utc};
use sale::{
    ledger::Sale,
    model::{SaleState, Verdict},
};

use crate::fixture::{Door, purchase, terms, year};

async fn set_clock(door: &Door, sale: &Sale, clock: DateTime<Utc>) {
    let key = door.keys.terms(sale.id);
    let micros = clock.timestamp_micros().to_string();
    door.redis("HSET", &[&key, "clock", &micros]).await;
}

async fn verdict_at(door: &Door, sale: &Sale, clock: DateTime<Utc>) -> Verdict {
    set_clock(door, sale, clock).await;
    door.ask(sale.id, &[purchase()]).await.verdicts[0]
}

#[tokio::test]
async fn the_window_holds_its_first_microsecond_and_not_its_last() {
    let door = Door::shared().await;
    let sale = Sale {
        start: year(2100),
        end: year(2101),
        ..terms(10)
    };
    door.warm(&sale).await;
    let instant = TimeDelta::microseconds(1);
    for (clock, expected) in [
        (sale.start - instant, Verdict::NotStarted),
        (sale.start, Verdict::Admitted),
        (sale.end - instant, Verdict::Admitted),
        (sale.end, Verdict::Ended),
    ] {
        assert_eq!(verdict_at(&door, &sale, clock).await, expected, "{clock}");
    }
}

#[tokio::test]
async fn the_clock_of_redis_decides_where_no_later_one_was_seen() {
    let door = Door::shared().await;
    for (start, end, expected) in [
        (2001, 2002, Verdict::Ended),
        (2001, 2100, Verdict::Admitted),
        (2100, 2101, Verdict::NotStarted),
    ] {
        let sale = Sale {
            start: year(start),
            end: year(end),
            ..terms(10)
        };
        door.warm(&sale).await;
        assert_eq!(verdict_at(&door, &sale, year(1999)).await, expected);
    }
}

#[tokio::test]
async fn a_sale_that_was_seen_to_end_stays_ended_when_the_machine_goes_back() {
    let door = Door::shared().await;
    let sale = terms(10);
    door.warm(&sale).await;
    // As if this Redis' clock had once been an hour and a bit ahead.
    let seen = sale.end + TimeDelta::minutes(1);
    assert_eq!(verdict_at(&door, &sale, seen).await, Verdict::Ended);
    assert_eq!(door.look(sale.id).await.now, seen);
    let next = door.ask(sale.id, &[purchase()]).await.verdicts;
    assert_eq!(next, [Verdict::Ended]);
    let kept = seen.timestamp_micros().to_string();
    assert_eq!(door.term(sale.id, "clock").await, Some(kept));
}

#[tokio::test]
async fn a_start_and_an_end_that_were_answered_are_kept() {
    let door = Door::shared().await;
    // No buyer is admitted, so only the passing of the start and of the end can move the clock.
    let started = terms(10);
    let sale = Sale {
        state: SaleState::Paused,
        ..started
    };
    door.warm(&sale).await;
    assert_eq!(door.term(sale.id, "clock").await, None);
    door.ask(sale.id, &[purchase()]).await;
    let first = door.term(sale.id, "clock").await.expect("start was seen");
    door.ask(sale.id, &[purchase()]).await;
    assert_eq!(door.term(sale.id, "clock").await, Some(first.clone()));

    let over = Sale {
        end: door.look(sale.id).await.now,
        version: sale::model::Version(2),
        ..sale
    };
    door.gate.sync(&over).await.unwrap();
    door.ask(over.id, &[purchase()]).await;
    let second = door.term(over.id, "clock").await.expect("end was seen");
    assert!(second > first);
}

#[tokio::test]
async fn a_winner_moves_the_clock_on_and_never_back() {
    let door = Door::shared().await;
    let sale = Sale {
        end: year(2101),
        ..terms(10)
    };
    door.warm(&sale).await;
    door.sell(sale.id, 1).await;
    let first = door.term(sale.id, "clock").await.expect("kept");
    door.sell(sale.id, 1).await;
    assert!(door.term(sale.id, "clock").await.expect("kept") > first);

    let future = year(2100);
    assert_eq!(verdict_at(&door, &sale, future).await, Verdict::Admitted);
    let kept = future.timestamp_micros().to_string();
    assert_eq!(door.term(sale.id, "clock").await, Some(kept));
}

#[tokio::test]
async fn an_end_outweighs_everything_and_a_start_to_come_outweighs_a_pause() {
    let door = Door::shared().await;
    for (start, end, state, expected) in [
        (2001, 2002, SaleState::Paused, Verdict::Ended),
        (2100, 2101, SaleState::Ended, Verdict::Ended),
        (2100, 2101, SaleState::Paused, Verdict::NotStarted),
        (2001, 2101, SaleState::Paused, Verdict::Paused),
        (2001, 2101, SaleState::Ended, Verdict::Ended),
    ] {
        // The pause, the start and the end also take precedence over being sold out.
        let sale = Sale {
            start: year(start),
            end: year(end),
            state,
            ..terms(0)
        };
        door.warm(&sale).await;
        let verdicts = door.ask(sale.id, &[purchase()]).await.verdicts;
        assert_eq!(verdicts, [expected], "{state} {start} {end}");
        let phase = door.look(sale.id).await.phase().as_str();
        let told = match expected {
            Verdict::NotStarted => "upcoming",
            Verdict::Paused => "paused",
            Verdict::Admitted
            | Verdict::Duplicate { .. }
            | Verdict::SoldOut
            | Verdict::Ended
            | Verdict::Cold => "ended",
        };
        assert_eq!(phase, told, "the phase follows the same rule");
    }
}
