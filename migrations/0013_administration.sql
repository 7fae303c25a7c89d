-- What a console asks for: orders by age, the log by its actors and actions, archived products, and what each process
-- is and did.

-- A page of a sale's orders, the newest first. The winners of one batch have one instant, so that the index keeps it
-- once for all of them: an id in the key would cost posting more.
-- Its condition holds for every order. A statement that does not repeat it cannot use this index: a look-up by sale and
-- buyer would read all orders of the sale where the planner believes that these are few.
CREATE INDEX orders_by_age ON orders (sale_id, created_at) WHERE created_at >= '1970-01-01Z';
-- No join: beside one, the planner may read an index of orders from end to end, for its order, where it believes that
-- there are few.
CREATE OR REPLACE VIEW order_details AS
SELECT o.*, (o.price * 1000)::bigint AS price_thousandths,
       (SELECT s.product_id FROM flash_sales s WHERE s.id = o.sale_id) AS product_id
FROM orders o;
-- Few orders are cancelled: posting never writes this one.
CREATE INDEX orders_cancelled ON orders (sale_id, created_at) WHERE status = 'cancelled';

CREATE INDEX audit_log_by_age ON audit_log (at, id);
CREATE INDEX audit_log_by_actor ON audit_log (actor, at, id);
CREATE INDEX audit_log_by_action ON audit_log (action, at, id);

-- An archived product is not listed, and gets no new sale. Its sales go on.
ALTER TABLE products ADD COLUMN archived_at timestamptz;

-- A view keeps the columns that its table had when it was made.
DROP VIEW product_details;
CREATE VIEW product_details AS
SELECT p.*, (p.price * 1000)::bigint AS price_thousandths, t.quantity
FROM products p
JOIN stocks t ON t.product_id = p.id;

-- The lock makes a new sale and an archiving at the same time wait for each other: archiving locks the whole row, other
-- changes of a product do not, and a foreign key takes this lock anyway.
CREATE FUNCTION flash_sales_of_archived() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_archived timestamptz;
BEGIN
    SELECT archived_at INTO v_archived FROM products WHERE id = NEW.product_id FOR KEY SHARE;
    IF v_archived IS NOT NULL THEN
        RAISE EXCEPTION 'an archived product gets no new sale'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'flash_sales_of_archived';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER flash_sales_of_archived BEFORE INSERT ON flash_sales
    FOR EACH ROW EXECUTE FUNCTION flash_sales_of_archived();

ALTER TABLE live_processes
    -- Null of a process that is older than this column.
    ADD COLUMN version text,
    -- Purchases that a reconciler has posted in the last minute. Null of an API, whose answers stand in `sale_traffic`.
    ADD COLUMN posted_in_minute bigint CHECK (posted_in_minute >= 0);
