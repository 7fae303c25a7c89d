-- How sales and orders are read: with their product, and prices in hundredths.

CREATE VIEW sale_details AS
SELECT s.*,
       (s.price * 100)::bigint AS price_cents,
       p.name                  AS product_name,
       p.description           AS product_description,
       (p.price * 100)::bigint AS product_price_cents,
       p.image_url
FROM flash_sales s
JOIN products p ON p.id = s.product_id;

CREATE VIEW order_details AS
SELECT o.*, (o.price * 100)::bigint AS price_cents, s.product_id
FROM orders o
JOIN flash_sales s ON s.id = o.sale_id;
