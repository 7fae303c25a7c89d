-- How programs read products, sales, orders and rejections. Prices are in thousandths, in which the amounts of every
-- currency are whole numbers.

CREATE VIEW product_details AS
SELECT p.*, (p.price * 1000)::bigint AS price_thousandths, t.quantity
FROM products p
JOIN stocks t ON t.product_id = p.id;

CREATE VIEW sale_details AS
SELECT s.*,
       (s.price * 1000)::bigint AS price_thousandths,
       p.name                   AS product_name,
       p.description            AS product_description,
       p.image_url
FROM flash_sales s
JOIN products p ON p.id = s.product_id;

CREATE VIEW order_details AS
SELECT o.*, (o.price * 1000)::bigint AS price_thousandths, s.product_id
FROM orders o
JOIN flash_sales s ON s.id = o.sale_id;

-- With what a replay depends on: the order that the buyer has by now, and where a unit could come from.
CREATE VIEW rejection_details AS
SELECT r.*,
       o.id        AS buyers_order_id,
       o.status    AS buyers_order_status,
       s.state     AS sale_state,
       s.available AS sale_available,
       t.quantity  AS stock
FROM rejections r
LEFT JOIN orders o ON o.sale_id = r.sale_id AND o.buyer_id = r.buyer_id
LEFT JOIN flash_sales s ON s.id = r.sale_id
LEFT JOIN stocks t ON t.product_id = s.product_id;
