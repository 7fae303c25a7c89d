-- Prices have the decimals of their currency: none (JPY), two (USD) or three (KWD).
--
-- The columns are numeric without bounds, and a CHECK of each table bounds them. BETWEEN also keeps out NaN, which
-- is larger than every number and which no program can read: one such row would stop whole lists.

-- How many decimals an amount has, by ISO 4217. The list of all currencies is in the programs
-- (sale/src/money/currency.rs), and a test compares the two.
CREATE FUNCTION currency_decimals(currency text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX',
                          'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
        WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
        ELSE 2
    END
$$;

-- Nobody stores a price that its currency cannot express, a person with psql included. A trigger and no CHECK: it
-- runs only where a price or a currency is written, so a row that breaks the rule all the same can still be sold.
-- Orders have no such trigger, because they repeat the price of their sale.
CREATE FUNCTION prices_fit_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.price, NEW.currency) IS NOT DISTINCT FROM (OLD.price, OLD.currency) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF min_scale(NEW.price) > currency_decimals(NEW.currency) THEN
        RAISE EXCEPTION 'a price in % has at most % decimals, and % has more',
            NEW.currency, currency_decimals(NEW.currency), NEW.price
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prices_fit_currency';
    END IF;
    RETURN NEW;
END $$;
