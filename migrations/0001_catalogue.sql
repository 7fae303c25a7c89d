-- Who buys and what is sold. All keys are UUIDs (version 7, unless derived from something).

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    -- Null for a buyer who is known by a token's subject alone: that is enough to buy.
    email         text CHECK (email <> '' AND length(email) <= 254),
    password_hash text,
    role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- An address in any spelling belongs to one user. Partial, so that posting the buyers of a rush,
-- who have none, does not touch it.
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE email IS NOT NULL;

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    description text CHECK (length(description) <= 10000),
    price       numeric(12, 2) NOT NULL CHECK (price >= 0),
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    image_url   text CHECK (length(image_url) <= 2048),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- What of a product is free to be put into a sale. Units in a sale are not in here.
CREATE TABLE stocks (
    product_id uuid PRIMARY KEY REFERENCES products,
    quantity   integer NOT NULL CONSTRAINT stocks_quantity_not_negative CHECK (quantity >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);
