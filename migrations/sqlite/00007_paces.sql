-- +goose Up

-- One process uses this database, and plans its requests in memory: there is
-- nothing to share.
SELECT 1;
