-- +goose Up

-- An erasure is work that goes on for a while. What was asked about a number is
-- kept as before; the number itself only until it is erased.
ALTER TABLE privacy_requests ADD COLUMN number   blob;                           -- encrypted, while it is being erased; else NULL
ALTER TABLE privacy_requests ADD COLUMN mentions integer NOT NULL DEFAULT 0;     -- entries besides its calls that the number was taken out of
ALTER TABLE privacy_requests ADD COLUMN waiting  boolean NOT NULL DEFAULT false; -- something in which the number stands is still being worked on
ALTER TABLE privacy_requests ADD COLUMN step     integer NOT NULL DEFAULT 0;     -- which table is being looked through
ALTER TABLE privacy_requests ADD COLUMN after_key text    NOT NULL DEFAULT '';    -- and the last key of it that is done
ALTER TABLE privacy_requests ADD COLUMN done_at  datetime;                       -- NULL: not done, or asked of a version before
