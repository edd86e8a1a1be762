-- +goose NO TRANSACTION
-- +goose Up

-- Recordings that are being uploaded: how many a portal has is asked at each upload,
-- and those whose upload broke off are removed.
DROP INDEX CONCURRENTLY IF EXISTS recordings_receiving;
CREATE INDEX CONCURRENTLY recordings_receiving ON recordings (portal_id, created_at) WHERE state = 'receiving';
