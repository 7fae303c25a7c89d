-- Postgres alone, as a limit: the tables in which it decides purchases. Each run begins with empty ones.
DROP TABLE IF EXISTS alone_stock, alone_orders;
CREATE TABLE alone_stock (id integer PRIMARY KEY, quantity integer NOT NULL CHECK (quantity >= 0));
INSERT INTO alone_stock VALUES (1, 1000000000);
CREATE TABLE alone_orders (id uuid PRIMARY KEY, sale_id integer NOT NULL, buyer_id uuid NOT NULL,
                           created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (sale_id, buyer_id));
