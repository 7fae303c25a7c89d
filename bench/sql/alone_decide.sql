-- Postgres alone, as a limit: one purchase, decided in one statement. pgbench runs it.
WITH unit AS (UPDATE alone_stock SET quantity = quantity - 1 WHERE id = 1 AND quantity > 0 RETURNING id)
INSERT INTO alone_orders (id, sale_id, buyer_id) SELECT gen_random_uuid(), id, gen_random_uuid() FROM unit;
