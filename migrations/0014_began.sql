-- A sale that has begun and is moved to a later start may hold purchases: it is looked at like any other that has begun.

ALTER TABLE flash_sales ADD COLUMN began_at timestamptz;

-- When they began, nobody has written down; before anything was posted.
UPDATE flash_sales SET began_at = created_at WHERE start_time > now() AND posted > 0;

CREATE FUNCTION flash_sales_began() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.began_at := coalesce(OLD.began_at, OLD.start_time);
    RETURN NEW;
END $$;

CREATE TRIGGER flash_sales_began BEFORE UPDATE OF start_time ON flash_sales
    FOR EACH ROW WHEN (OLD.start_time <= now() AND NEW.start_time > OLD.start_time)
    EXECUTE FUNCTION flash_sales_began();
