-- +goose Up

-- The app's name in addresses of the portal; empty until it is read.
ALTER TABLE portals ADD COLUMN app_code text NOT NULL DEFAULT '';
