//! What clients of the replaced system send although it never did anything there. Every other name that a
//! request has besides is refused; these are taken and ignored, so that those clients keep working.

/// Members of bodies, by the name of the body in the OpenAPI document.
const IGNORED_FIELDS: &[(&str, &[&str])] = &[
    // The old load tests name the product beside the sale.
    ("PurchaseRequest", &["productId"]),
    // The old integration tests name the status that they expect the sale to have.
    ("SaleRequest", &["status"]),
];

/// The members of this body that are taken and ignored.
pub fn ignored_fields(body: &str) -> &'static [&'static str] {
    IGNORED_FIELDS
        .iter()
        .find(|(known, _)| *known == body)
        .map_or(&[], |(_, fields)| fields)
}
