-- Products and their stocks.

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    description text CHECK (length(description) <= 10000),
    price       numeric NOT NULL
        CONSTRAINT products_price_range CHECK (price BETWEEN 0 AND 9999999999.999 AND min_scale(price) <= 3),
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    image_url   text CHECK (length(image_url) <= 2048),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- A page of the list begins where the one before it ended.
CREATE INDEX products_by_age ON products (created_at, id);

CREATE TRIGGER products_price_fits BEFORE INSERT OR UPDATE OF price, currency ON products
    FOR EACH ROW EXECUTE FUNCTION prices_fit_currency();

-- The units of a product that are free to be put into a sale. Units in a sale are not counted here.
CREATE TABLE stocks (
    product_id uuid PRIMARY KEY REFERENCES products,
    quantity   integer NOT NULL CONSTRAINT stocks_quantity_not_negative CHECK (quantity >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);
