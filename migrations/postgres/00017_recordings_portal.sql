-- +goose NO TRANSACTION
-- +goose Up

-- Recordings of a portal: how many are being uploaded is asked at each upload, and all
-- are removed with it.
DROP INDEX CONCURRENTLY IF EXISTS recordings_portal;
CREATE INDEX CONCURRENTLY recordings_portal ON recordings (portal_id, created_at);

-- Those of all portals whose upload broke off are removed every hour.
DROP INDEX CONCURRENTLY IF EXISTS recordings_receiving;
CREATE INDEX CONCURRENTLY recordings_receiving ON recordings (created_at) WHERE state = 'receiving';
