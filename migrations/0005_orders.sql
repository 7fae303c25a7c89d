-- Orders: what may change in one, and how a cancellation returns its unit. New orders: 0007_posting.sql.

CREATE TABLE orders (
    id         uuid PRIMARY KEY,
    sale_id    uuid NOT NULL REFERENCES flash_sales,
    buyer_id   uuid NOT NULL REFERENCES users,
    price      numeric NOT NULL
        CONSTRAINT orders_price_range CHECK (price BETWEEN 0 AND 9999999999.999 AND min_scale(price) <= 3),
    currency   text NOT NULL CONSTRAINT orders_currency CHECK (currency ~ '^[A-Z]{3}$'),
    status     text NOT NULL DEFAULT 'confirmed' CHECK (status IN ('confirmed', 'cancelled')),
    -- When the gate admitted the purchase.
    created_at timestamptz NOT NULL
        CONSTRAINT orders_times CHECK (created_at >= '1970-01-01Z' AND created_at < '10000-01-01Z'),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_one_per_buyer UNIQUE (sale_id, buyer_id)
);

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
