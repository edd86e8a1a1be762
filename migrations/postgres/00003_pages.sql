-- +goose Up

-- Versions of a portal's settings: who changed what, and when.
CREATE TABLE settings_versions (
    portal_id     bigint      NOT NULL REFERENCES portals ON DELETE CASCADE,
    version       integer     NOT NULL,
    settings      json        NOT NULL,
    user_id       bigint      NOT NULL DEFAULT 0, -- Bitrix24 user; 0 = the beginning
    restored_from integer     NOT NULL DEFAULT 0, -- the version that was brought back; 0 = none
    at            timestamptz NOT NULL,
    PRIMARY KEY (portal_id, version)
);
INSERT INTO settings_versions (portal_id, version, settings, at)
SELECT id, settings_version, settings, updated_at FROM portals;

-- What the call log filters by, written with the call.
ALTER TABLE calls ADD COLUMN reason text NOT NULL DEFAULT '';    -- of the decision
ALTER TABLE calls ADD COLUMN result text NOT NULL DEFAULT 'waiting'
    CHECK (result IN ('created', 'added', 'nothing', 'waiting', 'retrying', 'failed', 'ignored', 'dry_run'));
ALTER TABLE calls ADD COLUMN attention text NOT NULL DEFAULT ''; -- what an administrator is to mend
UPDATE calls SET reason = COALESCE(decision ->> 'reason', ''),
    attention = CASE WHEN state = 'failed' THEN 'failed' WHEN progress -> 'bind_failed' IS NOT NULL THEN 'partial' ELSE '' END,
    result = CASE
        WHEN state = 'failed' THEN 'failed' WHEN retry_at IS NOT NULL THEN 'retrying' WHEN state = 'open' THEN 'waiting'
        WHEN state = 'ignored' THEN 'ignored' WHEN progress -> 'created' IS NOT NULL THEN 'created'
        WHEN progress -> 'bound' IS NOT NULL THEN 'added' ELSE 'nothing' END;
CREATE INDEX calls_version ON calls (portal_id, settings_version);
