-- Users: buyers and admins. All keys of all tables are UUIDs (version 7, unless derived from something).

CREATE TABLE users (
    id               uuid PRIMARY KEY,
    -- Null for a buyer who is known by a token's subject alone: that is enough to buy.
    --
    -- One address is one user, in any spelling and in a database of any locale. The programs bring addresses into
    -- one spelling (sale/src/email_address.rs), and Postgres compares bytes. It does not compare by lower(), which
    -- knows other letters in each locale: in Turkish, I is not i.
    email            text COLLATE "C" CHECK (email <> '' AND length(email) <= 254),
    -- Whether a program has brought the address into that spelling. SQL cannot: domains have rules of their own.
    -- `mincommerce migrate` finds the other rows by this mark (sale/src/ledger/addresses.rs). A row keeps its address,
    -- and stays unmarked, where another user already has the address: nobody is merged. Such a user logs in by
    -- exactly the address that is stored.
    email_normalised boolean NOT NULL DEFAULT false,
    password_hash    text,
    role             text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    created_at       timestamptz NOT NULL DEFAULT now()
);

-- Partial, so that posting the buyers of a rush, who have no address, does not touch them.
CREATE UNIQUE INDEX users_email_key ON users (email) WHERE email IS NOT NULL;
CREATE INDEX users_email_not_normalised ON users (id) WHERE email IS NOT NULL AND NOT email_normalised;

-- A person who changes an address with psql need not know of the mark.
CREATE FUNCTION users_email_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.email_normalised := false;
    RETURN NEW;
END $$;

CREATE TRIGGER users_email_changed BEFORE UPDATE OF email ON users
    FOR EACH ROW
    WHEN (OLD.email_normalised AND NEW.email_normalised AND OLD.email IS DISTINCT FROM NEW.email)
    EXECUTE FUNCTION users_email_changed();
