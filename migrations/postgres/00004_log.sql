-- +goose Up

-- What the log's search looks through: the name in small letters, a line break,
-- and the digits of the number. A name that is a number counts as a number.
ALTER TABLE calls ADD COLUMN search text NOT NULL DEFAULT '';
UPDATE calls SET search = CASE WHEN customer_name ~ '[^0-9+() ./-]' THEN left(lower(customer_name), 100) ELSE '' END
    || chr(10) || CASE WHEN customer_name ~ '[^0-9+() ./-]' THEN '' ELSE left(regexp_replace(customer_name, '[^0-9]', '', 'g'), 32) || ' ' END
    || left(regexp_replace(phone_key, '[^0-9]', '', 'g'), 32)
WHERE customer_name <> '' OR phone_key <> '';

-- The log is read along one of these, whatever it is narrowed to. The first
-- holds all that the rest of a filter asks, so that the rows are not read.
DROP INDEX calls_newest;
CREATE INDEX calls_newest ON calls (portal_id, started_at DESC, id DESC)
    INCLUDE (direction, status, result, reason, user_id, line, search);
DROP INDEX calls_phone;
CREATE INDEX calls_phone ON calls (portal_id, phone_key, started_at DESC, id DESC);
CREATE INDEX calls_direction ON calls (portal_id, direction, started_at DESC, id DESC);
CREATE INDEX calls_result ON calls (portal_id, result, started_at DESC, id DESC);
CREATE INDEX calls_reason ON calls (portal_id, reason, started_at DESC, id DESC);
CREATE INDEX calls_user ON calls (portal_id, user_id, started_at DESC, id DESC);
CREATE INDEX calls_line ON calls (portal_id, line, started_at DESC, id DESC);
CREATE INDEX calls_missed ON calls (portal_id, started_at DESC, id DESC) WHERE status NOT IN ('', 'answered');
CREATE INDEX calls_trouble ON calls (portal_id, started_at DESC, id DESC) WHERE result IN ('failed', 'retrying');
CREATE INDEX calls_attention ON calls (portal_id, started_at DESC, id DESC) WHERE attention <> '';
CREATE INDEX calls_unmapped ON calls (portal_id, started_at DESC, id DESC) WHERE user_id = 0 AND extension <> '';

-- The filter of the call log that an employee used last.
CREATE TABLE log_filters (
    portal_id  bigint      NOT NULL REFERENCES portals ON DELETE CASCADE,
    user_id    bigint      NOT NULL,
    filter     text        NOT NULL, -- as it stands in the page's address
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (portal_id, user_id)
);
