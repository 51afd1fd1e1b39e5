CREATE TABLE tbl_user (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  user_name   TEXT    NOT NULL,
  user_pwd    TEXT    NOT NULL,
  email       TEXT    NOT NULL,
  phone       TEXT    NOT NULL,
  role        TEXT    NOT NULL,
  status      INTEGER NOT NULL,               -- 0 active, 1 disabled
  quota       INTEGER NOT NULL CHECK (quota >= 0),
  used        INTEGER NOT NULL CHECK (used >= 0),     -- bytes of all entries, the trash included
  reserved    INTEGER NOT NULL CHECK (reserved >= 0), -- bytes of open uploads
  change_seq  INTEGER NOT NULL,               -- grows with each change of an entry
  signup_at   INTEGER NOT NULL,
  last_active INTEGER                         -- NULL: never
) STRICT;
CREATE UNIQUE INDEX uq_user_name ON tbl_user (user_name);

CREATE TABLE tbl_user_token (
  token_hash TEXT    NOT NULL PRIMARY KEY,    -- SHA-256 of the token
  user_id    INTEGER NOT NULL REFERENCES tbl_user (id),
  scope      TEXT    NOT NULL,
  device     TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_token_user ON tbl_user_token (user_id);
CREATE INDEX ix_token_expires ON tbl_user_token (expires_at);

-- Contents.
CREATE TABLE tbl_file (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  file_sha1   TEXT    NOT NULL,
  file_sha256 TEXT    NOT NULL,
  file_size   INTEGER NOT NULL CHECK (file_size >= 0),
  file_addr   TEXT    NOT NULL,               -- the location
  blob_name   TEXT    NOT NULL,               -- its last element
  status      INTEGER NOT NULL,               -- 0 live, 1 damaged
  ref_count   INTEGER NOT NULL CHECK (ref_count >= 0), -- entries that show it, the trash included
  created_at  INTEGER NOT NULL,
  verified_at INTEGER                         -- when last read whole and found right
) STRICT;
CREATE UNIQUE INDEX uq_file_sha1 ON tbl_file (file_sha1);
CREATE INDEX ix_file_blob ON tbl_file (blob_name);

-- Entries. The root folder has no row; it is parent 0.
CREATE TABLE tbl_user_file (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  entry_id    TEXT    NOT NULL,               -- the public, opaque ID
  user_id     INTEGER NOT NULL REFERENCES tbl_user (id),
  parent_id   INTEGER NOT NULL,
  file_name   TEXT    NOT NULL,
  kind        INTEGER NOT NULL,               -- 0 folder, 1 file: folders come first
  content_id  INTEGER REFERENCES tbl_file (id),
  file_size   INTEGER NOT NULL,               -- the content's; 0 for a folder
  status      INTEGER NOT NULL,               -- 0 normal, 1 in the trash, 2 disabled
  alive       INTEGER,                        -- 1 while status is 0, else NULL
  modified_at INTEGER,                        -- the client's mtime
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  seq         INTEGER NOT NULL,               -- the user's change_seq at creation: breaks the ties of every order
  revision    INTEGER NOT NULL,
  change_seq  INTEGER NOT NULL,
  deleted_at  INTEGER,                        -- only of the entry that was itself put in the trash
  trash_root  INTEGER                         -- id of the entry whose trashing hid this one, itself included
) STRICT;
CREATE UNIQUE INDEX uq_entry_id ON tbl_user_file (entry_id);
CREATE UNIQUE INDEX uq_entry_name ON tbl_user_file (user_id, parent_id, file_name, alive);
-- One folder's entries, in each order.
CREATE INDEX ix_folder_name ON tbl_user_file (user_id, parent_id, alive, kind, file_name, seq);
CREATE INDEX ix_folder_size ON tbl_user_file (user_id, parent_id, alive, kind, file_size, seq);
CREATE INDEX ix_folder_time ON tbl_user_file (user_id, parent_id, alive, kind, updated_at, seq);
CREATE INDEX ix_folder_new ON tbl_user_file (user_id, parent_id, alive, created_at, seq);
-- All files of a user, in each order.
CREATE INDEX ix_user_name ON tbl_user_file (user_id, alive, kind, file_name, seq);
CREATE INDEX ix_user_size ON tbl_user_file (user_id, alive, kind, file_size, seq);
CREATE INDEX ix_user_time ON tbl_user_file (user_id, alive, kind, updated_at, seq);
CREATE INDEX ix_user_new ON tbl_user_file (user_id, alive, kind, created_at, seq);
-- A content's entries, and a user's newest one of them.
CREATE INDEX ix_entry_content ON tbl_user_file (content_id, user_id, alive, created_at, seq);
-- The trash.
CREATE INDEX ix_trash_user ON tbl_user_file (user_id, deleted_at, seq);
CREATE INDEX ix_trash_due ON tbl_user_file (deleted_at);
CREATE INDEX ix_trash_root ON tbl_user_file (trash_root);

CREATE TABLE tbl_upload (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  upload_id    TEXT    NOT NULL,
  user_id      INTEGER NOT NULL REFERENCES tbl_user (id),
  file_sha1    TEXT,                          -- as claimed; NULL while not known
  file_size    INTEGER NOT NULL CHECK (file_size >= 0),
  chunk_size   INTEGER NOT NULL CHECK (chunk_size > 0),
  parent_id    INTEGER NOT NULL,
  file_name    TEXT    NOT NULL,              -- may be empty: the client names it when it completes
  modified_at  INTEGER,
  node         TEXT    NOT NULL,
  state        INTEGER NOT NULL,              -- 0 open, 1 done, 2 cancelled
  is_open      INTEGER,                       -- 1 while state is 0, else NULL
  reserved     INTEGER NOT NULL CHECK (reserved >= 0),
  entry_id     TEXT    NOT NULL,              -- the result; may be gone by now
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  ended_at     INTEGER                        -- NULL while open
) STRICT;
CREATE UNIQUE INDEX uq_upload_id ON tbl_upload (upload_id);
CREATE UNIQUE INDEX uq_upload_open ON tbl_upload (user_id, file_sha1, is_open);
CREATE INDEX ix_upload_user ON tbl_upload (user_id, is_open, created_at);
CREATE INDEX ix_upload_expires ON tbl_upload (is_open, expires_at);
CREATE INDEX ix_upload_ended ON tbl_upload (ended_at);

-- Outbox and job: a content that is to be moved. A finished job has no row.
CREATE TABLE tbl_transfer (
  content_id   INTEGER NOT NULL PRIMARY KEY REFERENCES tbl_file (id),
  from_addr    TEXT    NOT NULL,
  target       TEXT    NOT NULL,              -- the kind of store to move to
  to_addr      TEXT    NOT NULL,              -- empty until a worker has named it
  to_blob      TEXT    NOT NULL,              -- its last element
  state        INTEGER NOT NULL,              -- 0 pending, 1 failed
  attempts     INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  lease_until  INTEGER NOT NULL,              -- 0: nobody has it
  due_at       INTEGER NOT NULL,              -- the later of the two
  fence        INTEGER NOT NULL,              -- grows with each lease
  last_error   TEXT    NOT NULL,
  s3_upload    TEXT    NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_transfer_due ON tbl_transfer (state, due_at);
CREATE INDEX ix_transfer_created ON tbl_transfer (state, created_at);
CREATE INDEX ix_transfer_blob ON tbl_transfer (to_blob);

-- Blobs that no content uses any more, waiting for removal.
CREATE TABLE tbl_garbage (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  file_addr TEXT    NOT NULL,
  blob_name TEXT    NOT NULL,
  kind      TEXT    NOT NULL,                 -- of place
  node      TEXT    NOT NULL,                 -- of a local blob, else empty
  s3_upload TEXT    NOT NULL,                 -- a multipart upload to abort, or empty
  since     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX uq_garbage_addr ON tbl_garbage (file_addr);
CREATE INDEX ix_garbage_blob ON tbl_garbage (blob_name);
CREATE INDEX ix_garbage_due ON tbl_garbage (kind, node, since);
