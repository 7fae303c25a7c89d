//! Members that clients of the replaced system send although they never had an effect there. A request with any other
//! unknown name is refused; these are accepted and ignored, so that those clients keep working.

/// Members of bodies, by the name of the body in the OpenAPI document.
const IGNORED_FIELDS: &[(&str, &[&str])] = &[
    // The old load tests name the product beside the sale.
    ("PurchaseRequest", &["productId"]),
    // The old integration tests name the status that they expect the sale to have.
    ("SaleRequest", &["status"]),
];

/// The members of this body that are accepted and ignored.
pub fn ignored_fields(body: &str) -> &'static [&'static str] {
    IGNORED_FIELDS
        .iter()
        .find(|(known, _)| *known == body)
        .map_or(&[], |(_, fields)| fields)
}
