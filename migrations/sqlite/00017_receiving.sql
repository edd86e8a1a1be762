-- +goose Up

-- Recordings that are being uploaded: how many a portal has is asked at each upload,
-- and those whose upload broke off are removed.
CREATE INDEX recordings_receiving ON recordings (portal_id, created_at) WHERE state = 'receiving';
