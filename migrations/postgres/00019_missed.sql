-- +goose NO TRANSACTION
-- +goose Up

-- Missed calls, which are counted each time a log is opened. Its condition is spelled
-- as in models/calllog_filter.go.
DROP INDEX CONCURRENTLY IF EXISTS calls_missed_incoming;
CREATE INDEX CONCURRENTLY calls_missed_incoming ON calls (portal_id, started_at DESC, id DESC)
    WHERE status IN ('missed', 'cancelled', 'no_answer', 'busy', 'unavailable') AND direction IN ('incoming', 'redirected');
