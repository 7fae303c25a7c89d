-- Sales. Constraints bind the counts of a sale, and triggers move them (0005_orders.sql, 0007_posting.sql). So every
-- writer keeps the invariants, a person with psql included.

CREATE TABLE flash_sales (
    id         uuid PRIMARY KEY,
    product_id uuid NOT NULL REFERENCES products,
    price      numeric NOT NULL
        CONSTRAINT flash_sales_price_range CHECK (price BETWEEN 0 AND 9999999999.999 AND min_scale(price) <= 3),
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
    -- The order that was admitted last. A process that is new, or has just connected to Redis again, shows it to the
    -- gate: a copy from before that order cannot pass for the gate that admitted it. It is kept in the row that each
    -- posted batch changes anyway. To find it in `orders` would need an index of all orders.
    latest_order uuid,
    -- Counts the attempts at an install. `base` is the epoch of the last one that was completed:
    -- journal entries of older epochs are superseded.
    epoch      bigint NOT NULL DEFAULT 0,
    base       bigint NOT NULL DEFAULT 0,
    -- Raised by each change of terms and of `available + posted`, in the same statement.
    version    bigint NOT NULL DEFAULT 1,

    -- When it began, if it was moved to a later start after it had begun: such a sale may hold purchases.
    began_at   timestamptz,
    settled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT flash_sales_window CHECK (start_time < end_time),
    -- A value that no program can read would stop every reader: one row of infinite times stopped all sales. Times
    -- have years of four digits, and numbers are those that gates can count with.
    CONSTRAINT flash_sales_times CHECK (start_time >= '1970-01-01Z' AND end_time < '10000-01-01Z'),
    CONSTRAINT flash_sales_numbers CHECK (version > 0 AND base >= 0 AND epoch < 9007199254740992),
    CONSTRAINT flash_sales_conservation CHECK (available + confirmed + returned = units),
    CONSTRAINT flash_sales_base CHECK (base <= epoch),
    CONSTRAINT flash_sales_settled CHECK ((state = 'settled') = (settled_at IS NOT NULL))
);

-- The sales that the reconciler and the list of sales read.
CREATE INDEX flash_sales_unsettled ON flash_sales (start_time, id) WHERE state <> 'settled';
-- A page of the list begins where the one before it ended.
CREATE INDEX flash_sales_by_age ON flash_sales (created_at, id);

-- A gate may still sell it, and posting needs its row.
CREATE FUNCTION flash_sales_never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'sales are never deleted: end and settle them'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'flash_sales_never_deleted';
END $$;

CREATE TRIGGER flash_sales_never_deleted BEFORE DELETE OR TRUNCATE ON flash_sales
    FOR EACH STATEMENT EXECUTE FUNCTION flash_sales_never_deleted();

CREATE TRIGGER flash_sales_price_fits BEFORE INSERT OR UPDATE OF price, currency ON flash_sales
    FOR EACH ROW EXECUTE FUNCTION prices_fit_currency();

-- A gate counts microseconds up to 2^53 (`LAST_INSTANT` in sale/src/model/instant.rs). A trigger and no CHECK:
-- a sale that has a later end all the same can still be posted, paused, ended and moved. A CHECK would refuse each
-- update of its row.
CREATE FUNCTION flash_sales_last_instant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.start_time, NEW.end_time) IS NOT DISTINCT FROM (OLD.start_time, OLD.end_time) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a sale ends by 2255-06-05T23:47:34Z'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'flash_sales_last_instant';
END $$;

CREATE TRIGGER flash_sales_last_instant BEFORE INSERT OR UPDATE OF start_time, end_time ON flash_sales
    FOR EACH ROW WHEN (NEW.end_time > '2255-06-05T23:47:34.740992Z')
    EXECUTE FUNCTION flash_sales_last_instant();

-- Readers treat a sale that was moved to a later start like any other that has begun.
CREATE FUNCTION flash_sales_began() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.began_at := coalesce(OLD.began_at, OLD.start_time);
    RETURN NEW;
END $$;

CREATE TRIGGER flash_sales_began BEFORE UPDATE OF start_time ON flash_sales
    FOR EACH ROW WHEN (OLD.start_time <= now() AND NEW.start_time > OLD.start_time)
    EXECUTE FUNCTION flash_sales_began();
