-- +goose Up

-- Recordings that PBXs upload. What is not received whole is seen by nobody and
-- removed; the bytes go once Bitrix24 has them.
CREATE TABLE recordings (
    id         integer     PRIMARY KEY AUTOINCREMENT,
    portal_id  integer     NOT NULL REFERENCES portals ON DELETE CASCADE,
    call_key   text        NOT NULL, -- as of the call's events; the call may not be known yet
    state      text        NOT NULL CHECK (state IN ('receiving', 'ready', 'closed')), -- closed: its bytes are gone, no other is taken
    kind       text        NOT NULL CHECK (kind IN ('mp3', 'wav')),
    size       integer     NOT NULL DEFAULT 0, -- bytes, once received
    checksum   text        NOT NULL DEFAULT '', -- SHA-256, once received
    created_at datetime    NOT NULL,
    ready_at   datetime
);
CREATE UNIQUE INDEX recordings_call ON recordings (portal_id, call_key) WHERE state <> 'receiving';
CREATE INDEX recordings_created ON recordings (created_at);

-- Their bytes, piece by piece.
CREATE TABLE recording_chunks (
    recording_id integer NOT NULL REFERENCES recordings ON DELETE CASCADE,
    portal_id    integer NOT NULL,
    number       integer NOT NULL, -- from 0
    data         blob    NOT NULL,
    PRIMARY KEY (recording_id, number)
);
