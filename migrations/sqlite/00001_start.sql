-- +goose Up

-- Portals: one row per company's Bitrix24. Secrets are encrypted by the program
-- (version byte, key id, nonce, XChaCha20-Poly1305) and useless without its keys.
CREATE TABLE portals (
    id                integer     PRIMARY KEY AUTOINCREMENT,
    member_id         text        NOT NULL UNIQUE CHECK (member_id <> ''), -- Bitrix24's name for it; survives a change of address
    endpoint          text        NOT NULL DEFAULT '', -- base address of its REST API, ends in /rest/
    auth_host         text        NOT NULL DEFAULT '', -- the authorization server of its tokens
    application_token blob,                           -- encrypted; proves that an event comes from this portal
    status            text        NOT NULL CHECK (status IN ('installing', 'active', 'reauth', 'uninstalled', 'suspended')),
    status_code       text        NOT NULL DEFAULT '', -- why, in a word of the program or of Bitrix24
    lang              text        NOT NULL DEFAULT '',
    country           text        NOT NULL DEFAULT '', -- ISO 3166, as Bitrix24 reports it
    time_zone         text        NOT NULL DEFAULT '',
    crm_mode          text        NOT NULL DEFAULT '' CHECK (crm_mode IN ('', 'classic', 'simple')), -- '' = not read yet
    crm_mode_at       datetime,
    rest_app_id       text        NOT NULL DEFAULT '', -- the app's id on this portal
    scopes            text        NOT NULL DEFAULT '', -- granted, separated by commas
    missing_scopes    text        NOT NULL DEFAULT '', -- needed and not granted
    settings          text        NOT NULL,            -- what the administrator chose; absent keys have their defaults
    settings_version  integer     NOT NULL DEFAULT 1,  -- counts saves, so that two administrators do not overwrite each other
    command_url       blob,                           -- encrypted; where the PBX takes commands
    command_secret    blob,                           -- encrypted; signs the commands
    employees_at      datetime,                     -- when the employees were last read
    installed_at      datetime,
    uninstalled_at    datetime,
    created_at        datetime NOT NULL,
    updated_at        datetime NOT NULL
);

-- OAuth pairs: at most one per portal and user.
CREATE TABLE tokens (
    id            integer     PRIMARY KEY AUTOINCREMENT,
    portal_id     integer      NOT NULL REFERENCES portals ON DELETE CASCADE,
    user_id       integer      NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('installer', 'system', 'admin')),
    access_token  blob       NOT NULL CHECK (length(access_token) > 0), -- encrypted
    refresh_token blob       NOT NULL,               -- encrypted; a renewal replaces it
    auth_host     text        NOT NULL DEFAULT '',
    expires_at    datetime,
    dead_code     text        NOT NULL DEFAULT '',    -- '' = live; else why Bitrix24 refuses it
    generation    integer      NOT NULL DEFAULT 1,     -- counts changes, so that a late renewal cannot overwrite a newer pair
    renewed_at    datetime NOT NULL,
    UNIQUE (portal_id, user_id)
);

-- Keys of the Cloud PBX's API. The key itself is not stored.
CREATE TABLE pbx_keys (
    id           integer     PRIMARY KEY AUTOINCREMENT,
    portal_id    integer      NOT NULL REFERENCES portals ON DELETE CASCADE,
    name         text        NOT NULL DEFAULT '',
    hash         blob       NOT NULL UNIQUE,         -- SHA-256 of the key
    hint         text        NOT NULL DEFAULT '',     -- its last four characters
    created_by   integer      NOT NULL DEFAULT 0,      -- Bitrix24 user
    created_at   datetime NOT NULL,
    last_used_at datetime,                         -- exact to a minute
    revoked_at   datetime
);
CREATE INDEX pbx_keys_portal ON pbx_keys (portal_id, id);

-- Employees of a portal as last read, to translate extensions and phones.
CREATE TABLE employees (
    portal_id integer  NOT NULL REFERENCES portals ON DELETE CASCADE,
    user_id   integer  NOT NULL,
    name      text    NOT NULL DEFAULT '',
    extension text    NOT NULL DEFAULT '',
    phones    text   NOT NULL DEFAULT '[]',          -- search keys of the employee's own numbers
    active    boolean NOT NULL,
    PRIMARY KEY (portal_id, user_id)
);
CREATE INDEX employees_extension ON employees (portal_id, extension);

-- External lines: the company's own numbers.
CREATE TABLE lines (
    portal_id   integer  NOT NULL REFERENCES portals ON DELETE CASCADE,
    number      text    NOT NULL,
    name        text    NOT NULL DEFAULT '',
    auto_create boolean NOT NULL DEFAULT false,       -- what Bitrix24 was told about this line
    PRIMARY KEY (portal_id, number)
);

-- Events as they arrived. Nothing is lost from here before its retention ends.
CREATE TABLE events (
    id          integer     PRIMARY KEY AUTOINCREMENT,
    portal_id   integer      NOT NULL REFERENCES portals ON DELETE CASCADE,
    source      text        NOT NULL CHECK (source IN ('bitrix24', 'pbx', 'callwise')),
    event_key   text        NOT NULL,                 -- the sender's name for it; a second delivery repeats it
    call_key    text        NOT NULL,                 -- events of one call are worked on one at a time, in order
    type        text        NOT NULL,
    payload     text        NOT NULL,                 -- secrets removed
    happened_at datetime NOT NULL,
    arrived_at  datetime NOT NULL,
    done_at     datetime,                          -- NULL = still to be worked on
    UNIQUE (portal_id, source, event_key)
);
CREATE INDEX events_call ON events (portal_id, call_key, happened_at, id);
CREATE INDEX events_pending ON events (id) WHERE done_at IS NULL;
CREATE INDEX events_arrived ON events (arrived_at);

-- Calls: what became of each, and why.
CREATE TABLE calls (
    id               integer     PRIMARY KEY AUTOINCREMENT,
    portal_id        integer      NOT NULL REFERENCES portals ON DELETE CASCADE,
    kind             text        NOT NULL CHECK (kind IN ('pbx', 'click', 'callback', 'builtin', 'other')),
    call_key         text        NOT NULL,
    pbx_call_id      text,                            -- the PBX's id of it
    b24_call_id      text,                            -- Bitrix24's id of it
    direction        text        NOT NULL DEFAULT '',
    phone            text        NOT NULL DEFAULT '', -- as it was reported
    phone_key        text        NOT NULL DEFAULT '', -- the same for every spelling of one number
    customer_name    text        NOT NULL DEFAULT '',
    line             text        NOT NULL DEFAULT '',
    user_id          integer      NOT NULL DEFAULT 0,
    extension        text        NOT NULL DEFAULT '',
    started_at       datetime NOT NULL,
    answered_at      datetime,
    ended_at         datetime,
    duration         integer      NOT NULL DEFAULT 0 CHECK (duration >= 0), -- seconds of talk
    status           text        NOT NULL DEFAULT '',
    state            text        NOT NULL CHECK (state IN ('open', 'finished', 'failed', 'ignored')),
    "case"           text,                            -- all the decision depended on
    decision         text,
    plan             text,
    records          text,                            -- what the CRM knew when it was decided
    progress         text        NOT NULL,            -- what was done, step by step
    settings_version integer     NOT NULL DEFAULT 0,
    attempts         integer     NOT NULL DEFAULT 0,
    retry_at         datetime,                     -- not worked on before
    failing_since    datetime,
    error_code       text        NOT NULL DEFAULT '',
    decided_at       datetime,
    created_at       datetime NOT NULL,
    updated_at       datetime NOT NULL,
    UNIQUE (portal_id, call_key),
    UNIQUE (portal_id, pbx_call_id),
    UNIQUE (portal_id, b24_call_id)
);
CREATE INDEX calls_newest ON calls (portal_id, started_at DESC, id DESC);
CREATE INDEX calls_phone ON calls (portal_id, phone_key, started_at);
CREATE INDEX calls_open ON calls (started_at) WHERE state = 'open';
CREATE INDEX calls_started ON calls (started_at);

-- Leases: one worker at a time for a call, a number, a token. A worker that
-- died loses its lease when the time is over.
CREATE TABLE leases (
    name  text   PRIMARY KEY,
    owner text   NOT NULL,
    until integer NOT NULL -- microseconds since 1970
);

-- REST log: the requests sent to portals, secrets and bodies masked.
CREATE TABLE rest_log (
    id          integer     PRIMARY KEY AUTOINCREMENT,
    portal_id   integer           NOT NULL REFERENCES portals ON DELETE CASCADE,
    call_id     integer,          -- the call it was for; no foreign key: a log must never hinder
    at          datetime      NOT NULL,
    method      text             NOT NULL,
    params      text,
    status      integer          NOT NULL DEFAULT 0,  -- HTTP; 0 = no answer
    code        text             NOT NULL DEFAULT '',
    duration_ns integer           NOT NULL DEFAULT 0,
    operating   real NOT NULL DEFAULT 0   -- seconds of the portal's own budget
);
CREATE INDEX rest_log_newest ON rest_log (portal_id, at DESC, id DESC);
CREATE INDEX rest_log_call ON rest_log (portal_id, call_id) WHERE call_id IS NOT NULL;
CREATE INDEX rest_log_at ON rest_log (at);

-- What this program created for a number a moment ago: the portal's own search
-- may not show it yet.
CREATE TABLE recent_creations (
    portal_id integer NOT NULL REFERENCES portals ON DELETE CASCADE,
    phone_key text   NOT NULL,
    call_id   integer NOT NULL, -- the call that created them
    refs      text   NOT NULL,
    until     integer NOT NULL, -- microseconds since 1970
    PRIMARY KEY (portal_id, phone_key, call_id)
);
