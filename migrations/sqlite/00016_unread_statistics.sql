-- +goose Up

-- Portals whose call statistics cannot be read. A row goes when they are.
CREATE TABLE unread_statistics (
    portal_id integer PRIMARY KEY REFERENCES portals ON DELETE CASCADE,
    since     integer NOT NULL, -- microseconds since 1970
    code      text    NOT NULL  -- why, when it was tried last
);
