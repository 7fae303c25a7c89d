//! The table of the operations: what holds for the requests of each before its handler sees them. A test compares it
//! with the OpenAPI document: a new route needs a row here.

use crate::rate_limits::Class;

/// What holds for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationRules {
    /// The rate limits that count it; `None` for none.
    pub class: Option<Class>,
    /// Whether only an admin may call it.
    pub admin: bool,
    /// Whether a retry without an `Idempotency-Key` may make its change twice.
    pub adds: bool,
}

const UNLIMITED: OperationRules = OperationRules {
    class: None,
    admin: false,
    adds: false,
};
/// Everything that has no limit of its own.
pub const READING: OperationRules = limited(Class::Reading);
const LOGIN: OperationRules = limited(Class::Login);
const PURCHASE: OperationRules = limited(Class::Purchase);
const ADMIN: OperationRules = OperationRules {
    admin: true,
    ..READING
};
const ADMIN_ADDS: OperationRules = OperationRules {
    adds: true,
    ..ADMIN
};

/// The strictest rules, for an operation that the table lacks.
const UNLISTED: OperationRules = OperationRules {
    class: Some(Class::Login),
    admin: true,
    adds: true,
};

const fn limited(class: Class) -> OperationRules {
    OperationRules {
        class: Some(class),
        admin: false,
        adds: false,
    }
}

/// All operations, by their ids in the document.
#[rustfmt::skip]
const OPERATIONS: [(&str, OperationRules); 47] = [
    // Logging in. Pages ask the ways and `verifyToken` whenever they are opened: neither offers anything to guess.
    ("login", LOGIN),
    ("register", LOGIN),
    ("signInMethods", READING),
    ("verifyToken", READING),
    // What is on sale.
    ("flashSaleStatus", READING),
    ("flashSales", READING),
    ("flashSaleEvents", READING),
    ("oldFlashSaleStats", READING),
    // Buying. A retry is the same purchase, by its buyer and sale.
    ("purchase", PURCHASE),
    ("purchaseStatus", READING),
    ("purchaseJob", READING),
    ("ordersOfUser", READING),
    ("oldQueueJob", READING),
    ("oldQueueJobStatus", READING),
    // Administration.
    ("products", ADMIN),
    ("product", ADMIN),
    ("createProduct", ADMIN_ADDS),
    // It may add to the stock: only the handler sees the body, which says so.
    ("changeProduct", ADMIN_ADDS),
    ("adminFlashSales", ADMIN),
    ("adminFlashSale", ADMIN),
    ("flashSaleStats", ADMIN),
    ("flashSaleTraffic", ADMIN),
    ("flashSaleConsole", ADMIN),
    ("createFlashSale", ADMIN_ADDS),
    ("warmFlashSale", ADMIN),
    ("pauseFlashSale", ADMIN),
    ("resumeFlashSale", ADMIN),
    ("restockFlashSale", ADMIN_ADDS),
    ("endFlashSale", ADMIN),
    ("settleFlashSale", ADMIN),
    ("archiveProduct", ADMIN),
    ("unarchiveProduct", ADMIN),
    ("auditFlashSale", ADMIN),
    ("repairFlashSale", ADMIN),
    ("adminOrders", ADMIN),
    ("adminOrdersCsv", ADMIN),
    ("adminRejections", ADMIN),
    ("replayRejection", ADMIN),
    ("auditLog", ADMIN),
    ("adminUsers", ADMIN),
    ("adminProcesses", ADMIN),
    ("cancelOrder", ADMIN),
    ("queueStats", ADMIN),
    // Probes: an orchestrator asks them however busy the service is.
    ("health", UNLIMITED),
    ("healthLive", UNLIMITED),
    ("healthReady", UNLIMITED),
    ("queueHealth", UNLIMITED),
];

/// The rules for an operation.
pub fn rules(id: &str) -> OperationRules {
    let row = OPERATIONS.iter().find(|(known, _)| *known == id);
    row.map_or(UNLISTED, |(_, rules)| *rules)
}

#[cfg(test)]
mod tests {
    use poem_openapi::OpenApi;

    use super::OPERATIONS;
    use crate::routes::apis;

    /// The ids of the routes, and whether each is for admins and takes an `Idempotency-Key`.
    fn served<A: OpenApi>(_apis: &A) -> Vec<(String, bool)> {
        let paths = A::meta().into_iter().flat_map(|api| api.paths);
        let operations = paths.flat_map(|path| path.operations);
        operations
            .map(|operation| {
                let id = operation.operation_id.expect("each route has an id");
                let keyed = operation.params.iter();
                let keyed = keyed
                    .filter(|parameter| parameter.name.eq_ignore_ascii_case("idempotency-key"))
                    .count();
                let admin = operation.tags.contains(&"Administration");
                (id.to_owned(), keyed > 0 && admin)
            })
            .collect()
    }

    #[test]
    fn each_route_has_one_row_and_each_row_a_route() {
        let mut served: Vec<String> = served(&apis()).into_iter().map(|(id, _)| id).collect();
        let mut listed: Vec<&str> = OPERATIONS.iter().map(|(id, _)| *id).collect();
        served.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, served);
    }

    #[test]
    fn what_a_retry_could_do_twice_takes_a_key() {
        for (id, keyed) in served(&apis()) {
            assert_eq!(super::rules(&id).adds, keyed, "{id}");
        }
    }
}
