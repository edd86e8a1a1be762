-- +goose Up

-- What portals answered: secrets, numbers and names masked, the beginning of
-- long lists only.
ALTER TABLE rest_log ADD COLUMN answer json;

-- What administrators asked about one number: that it is handed out or erased.
-- The number itself is not kept.
CREATE TABLE privacy_requests (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id bigint      NOT NULL REFERENCES portals ON DELETE CASCADE,
    kind      text        NOT NULL CHECK (kind IN ('export', 'erasure')),
    user_id   bigint      NOT NULL,           -- Bitrix24 user who asked
    calls     bigint      NOT NULL DEFAULT 0, -- how many calls it was about
    at        timestamptz NOT NULL
);
CREATE INDEX privacy_requests_newest ON privacy_requests (portal_id, id DESC);

-- Calls that were erased, for as long as their PBX may still repeat an event or
-- report a recording: what comes of them is dropped, or it would make a second
-- call, and a second lead.
CREATE TABLE erased_calls (
    portal_id bigint NOT NULL REFERENCES portals ON DELETE CASCADE,
    call_hash bytea  NOT NULL, -- SHA-256 of the call's key
    until     bigint NOT NULL, -- microseconds since 1970
    PRIMARY KEY (portal_id, call_hash)
);
