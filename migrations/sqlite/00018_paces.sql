-- +goose Up

-- How far the requests to a portal are planned ahead. A process that is killed
-- and started again goes on from there: the portal counts what was sent before.
CREATE TABLE paces (
    portal_id integer NOT NULL REFERENCES portals ON DELETE CASCADE,
    bucket    text    NOT NULL,
    tat       integer NOT NULL, -- when the bucket is empty again, in microseconds since 1970
    PRIMARY KEY (portal_id, bucket)
);
