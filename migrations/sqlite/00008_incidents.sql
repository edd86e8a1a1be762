-- +goose Up

-- Incidents: what went wrong with a portal as a whole, from when until when.
CREATE TABLE incidents (
    id        integer     PRIMARY KEY AUTOINCREMENT,
    portal_id integer      NOT NULL REFERENCES portals ON DELETE CASCADE,
    kind      text        NOT NULL CHECK (kind IN ('access', 'administrator', 'silent_pbx', 'silent_bitrix24', 'failures')),
    code      text        NOT NULL DEFAULT '', -- why, in a word of the program or of Bitrix24
    seen      integer     NOT NULL DEFAULT 0,  -- failures: calls that failed
    usual     integer     NOT NULL DEFAULT 0,  -- silence: calls that usually come; failures: all calls
    began_at  datetime NOT NULL,
    ended_at  datetime
);
CREATE UNIQUE INDEX incidents_open ON incidents (portal_id, kind) WHERE ended_at IS NULL;
CREATE INDEX incidents_newest ON incidents (portal_id, began_at DESC);
CREATE INDEX incidents_ended ON incidents (ended_at);

-- Who was told of an incident in Bitrix24's chat, and of its end.
CREATE TABLE alerts (
    incident_id integer      NOT NULL REFERENCES incidents ON DELETE CASCADE,
    portal_id   integer      NOT NULL REFERENCES portals ON DELETE CASCADE,
    user_id     integer      NOT NULL,
    clear       boolean     NOT NULL, -- of the end
    reached     boolean     NOT NULL, -- false: Bitrix24 took it and told nobody
    at          datetime NOT NULL,
    PRIMARY KEY (incident_id, user_id, clear)
);

-- When calls of a kind came last, and how many usually come; calls that an
-- administrator made up are left out.
CREATE INDEX calls_kind ON calls (portal_id, kind, started_at DESC) WHERE call_key NOT LIKE 'test:%';
