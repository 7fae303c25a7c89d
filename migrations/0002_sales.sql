-- Sales, their orders, and what was rejected. The counts of a sale are bound by constraints and
-- moved by triggers, so that every writer keeps the invariants, a person with psql included.

CREATE TABLE flash_sales (
    id         uuid PRIMARY KEY,
    product_id uuid NOT NULL REFERENCES products,
    price      numeric(12, 2) NOT NULL CHECK (price >= 0),
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    start_time timestamptz NOT NULL,
    end_time   timestamptz NOT NULL,
    state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'ended', 'settled')),

    -- Each unit is in one of three places.
    units      integer NOT NULL CONSTRAINT flash_sales_units_positive CHECK (units > 0),
    available  integer NOT NULL CONSTRAINT flash_sales_available_not_negative CHECK (available >= 0),
    confirmed  integer NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
    returned   integer NOT NULL DEFAULT 0 CHECK (returned >= 0),

    -- Distinct buyers with an order (a cancelled one too) or with a counted rejection. The gate
    -- may admit up to `available + posted` buyers.
    posted     integer NOT NULL DEFAULT 0 CHECK (posted >= 0),
    -- Counts the attempts at an install. `base` is the epoch of the last one that was completed:
    -- journal entries of older epochs are superseded.
    epoch      bigint NOT NULL DEFAULT 0,
    base       bigint NOT NULL DEFAULT 0,
    -- Raised by each change of terms and of `available + posted`, in the same statement.
    version    bigint NOT NULL DEFAULT 1,

    settled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT flash_sales_window CHECK (start_time < end_time),
    CONSTRAINT flash_sales_conservation CHECK (available + confirmed + returned = units),
    CONSTRAINT flash_sales_base CHECK (base <= epoch),
    CONSTRAINT flash_sales_settled CHECK ((state = 'settled') = (settled_at IS NOT NULL))
);

-- A gate may still sell it, and posters are found by its row.
CREATE FUNCTION flash_sales_never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'sales are never deleted: end and settle them'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'flash_sales_never_deleted';
END $$;

CREATE TRIGGER flash_sales_never_deleted BEFORE DELETE OR TRUNCATE ON flash_sales
    FOR EACH STATEMENT EXECUTE FUNCTION flash_sales_never_deleted();

-- The sales that the reconciler and the list of sales look at.
CREATE INDEX flash_sales_unsettled ON flash_sales (start_time, id) WHERE state <> 'settled';

CREATE TABLE orders (
    id         uuid PRIMARY KEY,
    sale_id    uuid NOT NULL REFERENCES flash_sales,
    buyer_id   uuid NOT NULL REFERENCES users,
    price      numeric(12, 2) NOT NULL,
    currency   text NOT NULL,
    status     text NOT NULL DEFAULT 'confirmed' CHECK (status IN ('confirmed', 'cancelled')),
    -- When the gate admitted the purchase.
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_one_per_buyer UNIQUE (sale_id, buyer_id)
);

-- Admitted purchases that could not become an order. No foreign keys: it takes everything.
CREATE TABLE rejections (
    -- The order's id; derived where that is unreadable or belongs to another order.
    id         uuid PRIMARY KEY,
    sale_id    uuid NOT NULL,
    buyer_id   uuid,
    order_id   uuid,
    entry      text NOT NULL,
    epoch      bigint NOT NULL,
    reason     text NOT NULL,
    -- Whether the buyer counts as posted by this row. At most one such row a buyer.
    counted    boolean NOT NULL,
    raw        bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX rejections_by_buyer ON rejections (sale_id, buyer_id);
CREATE UNIQUE INDEX rejections_counted_once ON rejections (sale_id, buyer_id) WHERE counted;

-- A counted rejection is a buyer that `posted` counts: without its row the sale could not be
-- installed again.
CREATE FUNCTION rejections_keep_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a rejection that is counted is never deleted'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'rejections_keep_counted';
END $$;

CREATE TRIGGER rejections_keep_counted BEFORE DELETE ON rejections
    FOR EACH ROW WHEN (OLD.counted) EXECUTE FUNCTION rejections_keep_counted();
CREATE TRIGGER rejections_never_truncated BEFORE TRUNCATE ON rejections
    FOR EACH STATEMENT EXECUTE FUNCTION rejections_keep_counted();

-- New orders take their units out of `available`, and their buyers count as posted.
CREATE FUNCTION orders_take_units() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    UPDATE flash_sales s
    SET available  = s.available - n.units,
        confirmed  = s.confirmed + n.units,
        posted     = s.posted + n.buyers,
        version    = s.version + (n.units <> n.buyers)::integer,
        updated_at = now()
    FROM (
        SELECT i.sale_id,
               count(*) FILTER (WHERE i.status = 'confirmed') AS units,
               count(*) FILTER (WHERE NOT EXISTS (
                   SELECT FROM rejections r
                   WHERE r.sale_id = i.sale_id AND r.buyer_id = i.buyer_id AND r.counted
               )) AS buyers
        FROM inserted i
        GROUP BY i.sale_id
    ) n
    WHERE s.id = n.sale_id;
    RETURN NULL;
END $$;

CREATE TRIGGER orders_take_units AFTER INSERT ON orders
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION orders_take_units();

-- An order stays what it is, but for one change: a confirmed one may be cancelled.
CREATE FUNCTION orders_only_cancel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'orders are never deleted: cancel them'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'orders_never_deleted';
    END IF;
    IF (NEW.id, NEW.sale_id, NEW.buyer_id) IS DISTINCT FROM (OLD.id, OLD.sale_id, OLD.buyer_id)
        OR (OLD.status = 'cancelled' AND NEW.status <> 'cancelled') THEN
        RAISE EXCEPTION 'an order keeps its sale and its buyer, and stays cancelled'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'orders_only_cancel';
    END IF;
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE TRIGGER orders_only_cancel BEFORE UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION orders_only_cancel();
CREATE TRIGGER orders_never_deleted BEFORE DELETE OR TRUNCATE ON orders
    FOR EACH STATEMENT EXECUTE FUNCTION orders_only_cancel();

-- A cancelled order gives its unit back: to the sale, or to the product once the sale is settled.
CREATE FUNCTION orders_return_units() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off
AS $$
BEGIN
    WITH cancelled AS (
        SELECT n.sale_id, count(*) AS units
        FROM updated n JOIN before o USING (id)
        WHERE n.status = 'cancelled' AND o.status = 'confirmed'
        GROUP BY n.sale_id
    ), sale AS (
        UPDATE flash_sales s
        SET confirmed  = s.confirmed - c.units,
            available  = s.available + CASE WHEN s.state = 'settled' THEN 0 ELSE c.units END,
            returned   = s.returned + CASE WHEN s.state = 'settled' THEN c.units ELSE 0 END,
            version    = s.version + 1,
            updated_at = now()
        FROM cancelled c
        WHERE s.id = c.sale_id
        RETURNING s.product_id, s.state, c.units
    ), product AS (
        SELECT product_id, sum(units) AS units FROM sale WHERE state = 'settled' GROUP BY product_id
    )
    UPDATE stocks t
    SET quantity = t.quantity + p.units, updated_at = now()
    FROM product p
    WHERE t.product_id = p.product_id;
    RETURN NULL;
END $$;

CREATE TRIGGER orders_return_units AFTER UPDATE ON orders
    REFERENCING OLD TABLE AS before NEW TABLE AS updated
    FOR EACH STATEMENT EXECUTE FUNCTION orders_return_units();
