-- +goose Up

-- An erasure is work that goes on for a while. What was asked about a number is
-- kept as before; the number itself only until it is erased.
ALTER TABLE privacy_requests
    ADD COLUMN number   bytea,                         -- encrypted, while it is being erased; else NULL
    ADD COLUMN mentions bigint  NOT NULL DEFAULT 0,     -- entries besides its calls that the number was taken out of
    ADD COLUMN waiting  boolean NOT NULL DEFAULT false, -- something in which the number stands is still being worked on
    ADD COLUMN step     integer NOT NULL DEFAULT 0,     -- which table is being looked through
    ADD COLUMN after_key text    NOT NULL DEFAULT '',    -- and the last key of it that is done
    ADD COLUMN done_at  timestamptz;                    -- NULL: not done, or asked of a version before
