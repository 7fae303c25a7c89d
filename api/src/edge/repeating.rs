//! What a reply says about a retry, when a request took too long.

use poem::Request;

use crate::{operations::OperationRules, problem::Problem, routes::headers::IdempotencyKey};

/// What a retry does when the service has given a request up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeating {
    /// The request changes nothing.
    Harmless,
    /// The change may be made by now, and a retry does not make it twice.
    Safe,
    /// The change may be made by now, and a retry would make it twice.
    Unsafe,
}

impl Repeating {
    /// A request that adds something is unsafe to repeat without a key. Every other request can be repeated.
    pub fn of(request: &Request, rules: OperationRules) -> Self {
        if request.method().is_safe() {
            Self::Harmless
        } else if rules.adds && !request.headers().contains_key(IdempotencyKey::HEADER) {
            Self::Unsafe
        } else {
            Self::Safe
        }
    }

    /// The answer to a request that the service has given up.
    pub fn too_late(self) -> Problem {
        let problem = Problem::unavailable("This took too long. It is safe to try again.");
        match self {
            Self::Harmless => problem,
            Self::Safe => problem.outcome_unknown(),
            Self::Unsafe => problem.retry_unsafe(),
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::{
        Request,
        http::{Method, Uri},
    };

    use super::Repeating;
    use crate::routes::{RouteTable, apis};

    #[test]
    fn what_may_be_done_twice_is_not_said_to_be_safe() {
        let table = RouteTable::of(&apis(), &[]);
        let of = |method: Method, path: &'static str, key: bool| {
            let request = Request::builder()
                .method(method)
                .uri(Uri::from_static(path));
            let request = if key {
                request.header("idempotency-key", "k")
            } else {
                request
            };
            let request = request.finish();
            let (_, rules) = table.rules(request.method(), path);
            Repeating::of(&request, rules)
        };
        for path in [
            "/api/admin/products",
            "/api/admin/flash-sale",
            "/api/admin/flash-sale/1/restock",
        ] {
            assert_eq!(of(Method::POST, path, false), Repeating::Unsafe);
            assert_eq!(of(Method::POST, path, true), Repeating::Safe);
            assert_eq!(of(Method::GET, path, false), Repeating::Harmless);
        }
        let product = "/api/admin/products/1";
        assert_eq!(of(Method::PATCH, product, false), Repeating::Unsafe);
        assert_eq!(of(Method::PATCH, product, true), Repeating::Safe);
        for path in [
            "/api/purchase",
            "/api/admin/flash-sale/1/pause",
            "/api/admin/orders/1/cancel",
        ] {
            assert_eq!(of(Method::POST, path, false), Repeating::Safe);
        }
    }
}
