-- +goose Up

-- Recordings whose bytes are here: how many bytes they are is asked at each upload.
CREATE INDEX recordings_ready ON recordings (portal_id) WHERE state = 'ready';
