-- +goose Up

-- Missing calls that nobody has recovered, by when they were first seen: how many an
-- operator is told of.
CREATE INDEX missing_calls_seen ON missing_calls (seen) WHERE recovered = 0;
