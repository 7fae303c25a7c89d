-- One address is one user, in any spelling and in a database of any locale. The programs bring
-- addresses into one spelling (sale/src/accounts/address.rs), and Postgres compares bytes. It did
-- so by lower() before, which knows other letters in each locale: in Turkish, I is not i.
DROP INDEX users_email_key;
ALTER TABLE users ALTER COLUMN email TYPE text COLLATE "C";
-- No two addresses that were unique by lower() are the same bytes, so this cannot fail.
CREATE UNIQUE INDEX users_email_key ON users (email) WHERE email IS NOT NULL;

-- SQL cannot bring the addresses that are there into that spelling: domains have rules of their
-- own. The program that runs the migrations does it afterwards, row by row
-- (sale/src/ledger/addresses.rs), and finds the rows by this mark. A row keeps its address, and
-- stays unmarked, where another user has the address already: nobody is merged. Such a user logs
-- in by exactly the address that is stored.
ALTER TABLE users ADD COLUMN email_normalised boolean NOT NULL DEFAULT false;
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
