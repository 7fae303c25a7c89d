//! Users, as admins look for them.

use sale::model::Role;
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn users_are_listed_by_the_begin_of_their_addresses_in_pages() {
    let api = Fixture::start().await;
    let bert = api
        .user("bert@example.org", Some("correct horse"), Role::User)
        .await;
    let anna = api.user("anna@example.org", None, Role::Admin).await;
    let annabel = api.user("annabel@example.org", None, Role::User).await;
    for (query, expected) in [
        ("", vec![anna, annabel, bert]),
        ("&email=ANNA", vec![anna, annabel]),
        ("&email=anna@", vec![anna]),
        ("&email=c", vec![]),
    ] {
        for limit in [1, 2, 100] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("/api/admin/users?limit={limit}{query}{cursor}");
                let page = api.get_as(&api.admin, &path).await.json();
                seen.extend(
                    page["data"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|row| row["userId"].clone()),
                );
                let Some(next) = page["nextCursor"].as_str() else {
                    break;
                };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(json!(seen), json!(expected), "{query} {limit}");
        }
    }
    let page = api
        .get_as(&api.admin, "/api/admin/users?email=bert")
        .await
        .json();
    let row = &page["data"][0];
    assert_eq!(
        (&row["email"], &row["role"]),
        (&json!("bert@example.org"), &json!("user"))
    );
    assert_eq!(row["hasPassword"], true);
    let page = api
        .get_as(&api.admin, "/api/admin/users?email=anna@")
        .await
        .json();
    assert_eq!(
        (&page["data"][0]["role"], &page["data"][0]["hasPassword"]),
        (&json!("admin"), &json!(false))
    );
    let problem = api.get_as(&api.admin, "/api/admin/users?email=").await;
    assert_eq!(problem.problem(400, "VALIDATION_FAILED")["field"], "email");
    api.get_as(&api.buyer(), "/api/admin/users")
        .await
        .problem(403, "FORBIDDEN");
    api.stop().await;
}
