-- Which of a sale's orders was admitted last. A process that is new, or has connected to Redis anew,
-- tells the gate of it: a copy from before that order can not pass for the gate that admitted it. Kept
-- in the row that each posted batch changes anyway, for to look for it would need an index of all orders.
ALTER TABLE flash_sales ADD COLUMN latest_order uuid;

UPDATE flash_sales s
SET latest_order = (
    SELECT o.id FROM orders o WHERE o.sale_id = s.id ORDER BY o.created_at DESC, o.id DESC LIMIT 1
);

-- New orders take their units out of `available`, and their buyers count as posted.
CREATE OR REPLACE FUNCTION orders_take_units() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    UPDATE flash_sales s
    SET available  = s.available - n.units,
        confirmed  = s.confirmed + n.units,
        posted     = s.posted + n.buyers,
        version    = s.version + (n.units <> n.buyers)::integer,
        -- Unless an order of an earlier batch was admitted later: reconcilers overtake one another.
        latest_order = coalesce(
            (SELECT o.id FROM orders o WHERE o.id = s.latest_order AND o.created_at > n.latest_at),
            n.latest
        ),
        updated_at = now()
    FROM (
        SELECT i.sale_id,
               count(*) FILTER (WHERE i.status = 'confirmed') AS units,
               count(*) FILTER (WHERE NOT EXISTS (
                   SELECT FROM rejections r
                   WHERE r.sale_id = i.sale_id AND r.buyer_id = i.buyer_id AND r.counted
               )) AS buyers,
               max(i.created_at) AS latest_at,
               (array_agg(i.id ORDER BY i.created_at DESC, i.id DESC))[1] AS latest
        FROM inserted i
        GROUP BY i.sale_id
    ) n
    WHERE s.id = n.sale_id;
    RETURN NULL;
END $$;
