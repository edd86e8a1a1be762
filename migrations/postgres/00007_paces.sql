-- +goose Up

-- How far the requests to a portal are planned ahead by all processes together.
-- Not logged: after a crash of the database the plan begins anew, and nothing
-- waits for the disk.
CREATE UNLOGGED TABLE paces (
    portal_id bigint NOT NULL REFERENCES portals ON DELETE CASCADE,
    bucket    text   NOT NULL,
    tat       bigint NOT NULL, -- when the bucket is empty again, in microseconds since 1970 by the database's clock
    PRIMARY KEY (portal_id, bucket)
);
