-- +goose Up

-- How far the call statistics of a portal are read.
CREATE TABLE reconciliations (
    portal_id bigint PRIMARY KEY REFERENCES portals ON DELETE CASCADE,
    last_id   bigint NOT NULL -- of the newest row of voximplant.statistic.get that was looked at
);

-- Calls in a portal's statistics whose end nobody has told us.
CREATE TABLE missing_calls (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    portal_id    bigint  NOT NULL REFERENCES portals ON DELETE CASCADE,
    call_key     text    NOT NULL,
    payload      text    NOT NULL,           -- what the end of the call would have told, as JSON
    began        bigint  NOT NULL,           -- microseconds since 1970
    seen         bigint  NOT NULL,           -- when it was first seen, by the portal's clock, in microseconds
    recovered    bigint  NOT NULL DEFAULT 0, -- when it was taken up; 0 = not yet
    UNIQUE (portal_id, call_key)
);
