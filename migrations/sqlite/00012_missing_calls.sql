-- +goose Up

-- How far the call statistics of a portal are read.
CREATE TABLE reconciliations (
    portal_id integer PRIMARY KEY REFERENCES portals ON DELETE CASCADE,
    last_id   integer NOT NULL -- of the newest row of voximplant.statistic.get that was looked at
);

-- Calls in a portal's statistics whose end nobody has told us.
CREATE TABLE missing_calls (
    id           integer PRIMARY KEY AUTOINCREMENT,
    portal_id    integer  NOT NULL REFERENCES portals ON DELETE CASCADE,
    call_key     text    NOT NULL,
    payload      text    NOT NULL,           -- what the end of the call would have told, as JSON
    began        integer  NOT NULL,           -- microseconds since 1970
    seen         integer  NOT NULL,           -- when it was first seen, by the portal's clock, in microseconds
    recovered    integer  NOT NULL DEFAULT 0, -- when it was taken up; 0 = not yet
    UNIQUE (portal_id, call_key)
);
