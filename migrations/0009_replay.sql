-- Replay: an operator makes an order of a rejected purchase after all.

-- The order that a rejection has become whose row is gone: its purchase came again and was posted, or it was
-- replayed. It may have been replayed under another id than its own.
CREATE FUNCTION replayed_order(p_rejection uuid) RETURNS TABLE (order_id uuid, status text)
    LANGUAGE sql STABLE
AS $$
    SELECT o.id, o.status FROM orders o
    WHERE o.id = coalesce(
        (SELECT (l.details ->> 'orderId')::uuid FROM audit_log l
         WHERE l.subject = p_rejection AND l.action = 'rejection.replay'
         ORDER BY l.id DESC LIMIT 1),
        p_rejection)
$$;

-- Makes an order of a rejected purchase. One call is one transaction, and may be repeated: a buyer
-- never has two orders, and there are never more orders than units.
--
-- The caller has closed the gate of the sale and drained it, and passes the epoch that the sale had when
-- it did so; the gate of a settled sale sells nothing. Afterwards the caller installs the sale again,
-- so that its gate knows the buyer.
--
--   replayed           an order was made
--   already            the buyer has an order, which is named
--   unknown_rejection  no such rejection, and none that became an order
--   unknown_sale       the ledger has no such sale
--   no_buyer           it does not say who bought what
--   changed            another install has begun since the gate was closed: nothing was done
--   no_units           the sale has no unit available
--   no_stock           the sale is settled, and the product has no unit in stock
--
-- The time of the journal's entry is not kept in a rejection: the order is as old as the rejection.
CREATE FUNCTION replay_rejection(
    p_rejection uuid,
    p_epoch     bigint,
    p_by        jsonb,
    OUT result       text,
    OUT order_id     uuid,
    OUT order_status text
) LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    rejection rejections%ROWTYPE;
    sale      flash_sales%ROWTYPE;
    v_order   uuid;
BEGIN
    -- Locked first, in a statement of its own: what follows sees all that other writers have
    -- committed, other replays included.
    SELECT * INTO sale FROM flash_sales
    WHERE id = (SELECT r.sale_id FROM rejections r WHERE r.id = p_rejection)
    FOR NO KEY UPDATE;

    SELECT * INTO rejection FROM rejections WHERE id = p_rejection;
    IF rejection.id IS NULL THEN
        SELECT f.order_id, f.status INTO order_id, order_status FROM replayed_order(p_rejection) f;
        result := CASE WHEN order_id IS NULL THEN 'unknown_rejection' ELSE 'already' END;
        RETURN;
    END IF;
    IF sale.id IS NULL THEN
        result := 'unknown_sale';
        RETURN;
    END IF;
    IF rejection.buyer_id IS NULL OR rejection.order_id IS NULL THEN
        result := 'no_buyer';
        RETURN;
    END IF;

    SELECT o.id, o.status INTO order_id, order_status FROM orders o
    WHERE o.sale_id = sale.id AND o.buyer_id = rejection.buyer_id;
    IF order_id IS NOT NULL THEN
        result := 'already';
        RETURN;
    END IF;
    IF sale.epoch <> p_epoch THEN
        result := 'changed';
        RETURN;
    END IF;

    IF sale.state = 'settled' THEN
        -- The unit goes from the product to the sale; the trigger takes it from there.
        UPDATE stocks SET quantity = quantity - 1, updated_at = now()
        WHERE product_id = sale.product_id AND quantity >= 1;
        IF NOT FOUND THEN
            result := 'no_stock';
            RETURN;
        END IF;
        UPDATE flash_sales
        SET units = units + 1, available = available + 1, version = version + 1, updated_at = now()
        WHERE id = sale.id;
    ELSIF sale.available < 1 THEN
        result := 'no_units';
        RETURN;
    END IF;

    -- The buyer has no order here: an order of this id is of another purchase, as in `post_orders`.
    v_order := CASE
        WHEN EXISTS (SELECT FROM orders o WHERE o.id = rejection.order_id)
            OR EXISTS (
                SELECT FROM rejections r
                WHERE r.id = rejection.order_id
                  AND (r.sale_id, r.buyer_id) IS DISTINCT FROM (rejection.sale_id, rejection.buyer_id)
            ) THEN rejection.id
        ELSE rejection.order_id
    END;
    INSERT INTO users (id) VALUES (rejection.buyer_id) ON CONFLICT DO NOTHING;
    WITH new_order AS (
        INSERT INTO orders (id, sale_id, buyer_id, price, currency, created_at)
        VALUES (v_order, sale.id, rejection.buyer_id, sale.price, sale.currency, rejection.created_at)
        RETURNING id, status
    ), healed AS (
        -- One that is counted stays: without it `posted` would count the buyer twice.
        DELETE FROM rejections r USING new_order WHERE r.id = rejection.id AND NOT r.counted
    )
    SELECT n.id, n.status INTO order_id, order_status
    FROM new_order n, log_action(p_by, 'rejection.replay', rejection.id, jsonb_build_object(
        'orderId', n.id, 'saleId', rejection.sale_id, 'buyerId', rejection.buyer_id,
        'reason', rejection.reason));
    result := 'replayed';
END $$;
