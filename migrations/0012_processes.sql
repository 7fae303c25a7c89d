-- The processes that are running, as each of them says itself every two seconds. A row whose process has not been seen
-- for a while is of one that died; nothing decides by it.

CREATE TABLE live_processes (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('api', 'reconciler')),
    -- The machine, or the container.
    host       text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    -- Both by the clock of Postgres.
    seen_at    timestamptz NOT NULL DEFAULT now()
)
-- Each row is written again and again. Room on its page spares the index each new version.
WITH (fillfactor = 50);
