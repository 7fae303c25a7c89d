//! `admit` by terms that no script of ours wrote.

use sale::model::Verdict;

use crate::fixture::{Door, purchase, terms};

#[tokio::test]
async fn a_gate_whose_terms_are_no_numbers_of_ours_decides_nothing() {
    let door = Door::shared().await;
    let sale = terms(3);
    door.warm(&sale).await;
    let first = door.sell(sale.id, 1).await[0];
    let key = door.keys.terms(sale.id);
    for field in ["epoch", "version", "limit", "start", "end", "clock"] {
        let kept = door.term(sale.id, field).await;
        for strange in [
            "inf",
            "-inf",
            "nan",
            "1e308",
            "0x100",
            " 9",
            "9.5",
            "-1",
            "",
            "9007199254740993",
            "many",
        ] {
            door.redis("HSET", &[&key, field, strange]).await;
            let decision = door.ask(sale.id, &[purchase(), first]).await;
            assert_eq!(
                decision.verdicts,
                [Verdict::Cold, Verdict::Cold],
                "{field} {strange:?}"
            );
            assert_eq!(door.winners(sale.id).await, [first], "{field} {strange:?}");
        }
        match kept {
            Some(kept) => door.redis("HSET", &[&key, field, &kept]).await,
            None => door.redis("HDEL", &[&key, field]).await,
        };
    }
    assert_eq!(door.sell(sale.id, 2).await.len(), 2, "it sells again");
}
