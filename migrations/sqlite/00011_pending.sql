-- +goose Up

-- What is still to be worked on, by portal: the backlog of one hides no other's.
DROP INDEX events_pending;
CREATE INDEX events_pending ON events (portal_id, id) WHERE done_at IS NULL;
