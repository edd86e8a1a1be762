-- +goose Up

-- How often the app was removed from the portal. Sessions name the count they
-- were issued at: those from before a removal open nothing after a new installation.
ALTER TABLE portals ADD COLUMN removals integer NOT NULL DEFAULT 0;
