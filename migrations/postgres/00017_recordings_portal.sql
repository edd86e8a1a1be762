-- +goose Up

-- Recordings of a portal: how many are being uploaded is asked at each upload, and all
-- are removed with it.
CREATE INDEX recordings_portal ON recordings (portal_id, created_at);

-- Those of all portals whose upload broke off are removed every hour.
CREATE INDEX recordings_receiving ON recordings (created_at) WHERE state = 'receiving';
