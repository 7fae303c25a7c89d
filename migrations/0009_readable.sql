-- What can not be read back stops whoever reads it: one row of infinite times stopped all sales. Times are of
-- the years that people write with four digits, and numbers are those that gates can count with.
ALTER TABLE flash_sales
    ADD CONSTRAINT flash_sales_times CHECK (start_time >= '1970-01-01Z' AND end_time < '10000-01-01Z'),
    ADD CONSTRAINT flash_sales_numbers CHECK (version > 0 AND base >= 0 AND epoch < 9007199254740992);

ALTER TABLE orders
    ADD CONSTRAINT orders_times CHECK (created_at >= '1970-01-01Z' AND created_at < '10000-01-01Z');
