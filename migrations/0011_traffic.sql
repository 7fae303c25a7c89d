-- Traffic: how many purchases each API process answered, by what the answer said, in buckets of ten seconds. Each
-- process has rows of its own and writes absolute values, which only grow: a repeated write changes nothing.
--
-- Without a foreign key. Sales are never deleted, and the statement that writes takes only sales that exist. A foreign
-- key would lock the row of a sale, for which posting waits, with each write.

CREATE TABLE sale_traffic (
    sale_id     uuid NOT NULL,
    -- The begin of the ten seconds, by the clock of the process.
    bucket      timestamptz NOT NULL
        CONSTRAINT sale_traffic_bucket CHECK (extract(epoch FROM bucket)::numeric % 10 = 0),
    process     uuid NOT NULL,
    admitted    bigint NOT NULL CHECK (admitted >= 0),
    duplicate   bigint NOT NULL CHECK (duplicate >= 0),
    sold_out    bigint NOT NULL CHECK (sold_out >= 0),
    too_early   bigint NOT NULL CHECK (too_early >= 0),
    ended       bigint NOT NULL CHECK (ended >= 0),
    paused      bigint NOT NULL CHECK (paused >= 0),
    unavailable bigint NOT NULL CHECK (unavailable >= 0),
    -- Also the order in which a sale's traffic is read, and by which the reconciler finds what is old.
    PRIMARY KEY (sale_id, bucket, process)
)
-- A row is written ten times. Room on its page spares the index each new version.
WITH (fillfactor = 50);
