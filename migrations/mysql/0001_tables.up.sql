CREATE TABLE tbl_user (
  id          BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_name   VARBINARY(255)  NOT NULL,
  user_pwd    VARBINARY(1024) NOT NULL,
  email       VARBINARY(1024) NOT NULL,
  phone       VARBINARY(255)  NOT NULL,
  role        VARBINARY(32)   NOT NULL,
  status      INT             NOT NULL,               -- 0 active, 1 disabled
  quota       BIGINT          NOT NULL CHECK (quota >= 0),
  used        BIGINT          NOT NULL CHECK (used >= 0),     -- bytes of all entries, the trash included
  reserved    BIGINT          NOT NULL CHECK (reserved >= 0), -- bytes of open uploads
  change_seq  BIGINT          NOT NULL,               -- grows with each change of an entry
  signup_at   BIGINT          NOT NULL,
  last_active BIGINT,                                 -- NULL: never
  UNIQUE KEY uq_user_name (user_name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE tbl_user_token (
  token_hash VARBINARY(64)   NOT NULL PRIMARY KEY,    -- SHA-256 of the token
  user_id    BIGINT          NOT NULL,
  scope      VARBINARY(255)  NOT NULL,
  device     VARBINARY(1024) NOT NULL,
  created_at BIGINT          NOT NULL,
  expires_at BIGINT          NOT NULL,
  KEY ix_token_user (user_id),
  KEY ix_token_expires (expires_at),
  CONSTRAINT fk_token_user FOREIGN KEY (user_id) REFERENCES tbl_user (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Contents.
CREATE TABLE tbl_file (
  id          BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  file_sha1   VARBINARY(40)   NOT NULL,
  file_sha256 VARBINARY(64)   NOT NULL,
  file_size   BIGINT          NOT NULL CHECK (file_size >= 0),
  file_addr   VARBINARY(1280) NOT NULL,               -- the location
  blob_name   VARBINARY(160)  NOT NULL,               -- its last element
  status      INT             NOT NULL,               -- 0 live, 1 damaged
  ref_count   BIGINT          NOT NULL CHECK (ref_count >= 0), -- entries that show it, the trash included
  created_at  BIGINT          NOT NULL,
  verified_at BIGINT,                                 -- when last read whole and found right
  UNIQUE KEY uq_file_sha1 (file_sha1),
  KEY ix_file_blob (blob_name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Entries. The root folder has no row; it is parent 0.
CREATE TABLE tbl_user_file (
  id          BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  entry_id    VARBINARY(32)   NOT NULL,               -- the public, opaque ID
  user_id     BIGINT          NOT NULL,
  parent_id   BIGINT          NOT NULL,
  file_name   VARBINARY(255)  NOT NULL,
  kind        INT             NOT NULL,               -- 0 folder, 1 file: folders come first
  content_id  BIGINT,
  file_size   BIGINT          NOT NULL,               -- the content's; 0 for a folder
  status      INT             NOT NULL,               -- 0 normal, 1 in the trash, 2 disabled
  alive       INT,                                    -- 1 while status is 0, else NULL
  modified_at BIGINT,                                 -- the client's mtime
  created_at  BIGINT          NOT NULL,
  updated_at  BIGINT          NOT NULL,
  seq         BIGINT          NOT NULL,               -- the user's change_seq at creation: breaks the ties of every order
  revision    BIGINT          NOT NULL,
  change_seq  BIGINT          NOT NULL,
  deleted_at  BIGINT,                                 -- only of the entry that was itself put in the trash
  trash_root  BIGINT,                                 -- id of the entry whose trashing hid this one, itself included
  UNIQUE KEY uq_entry_id (entry_id),
  UNIQUE KEY uq_entry_name (user_id, parent_id, file_name, alive),
  -- One folder's entries, in each order.
  KEY ix_folder_name (user_id, parent_id, alive, kind, file_name, seq),
  KEY ix_folder_size (user_id, parent_id, alive, kind, file_size, seq),
  KEY ix_folder_time (user_id, parent_id, alive, kind, updated_at, seq),
  KEY ix_folder_new (user_id, parent_id, alive, created_at, seq),
  -- All files of a user, in each order.
  KEY ix_user_name (user_id, alive, kind, file_name, seq),
  KEY ix_user_size (user_id, alive, kind, file_size, seq),
  KEY ix_user_time (user_id, alive, kind, updated_at, seq),
  KEY ix_user_new (user_id, alive, kind, created_at, seq),
  -- A content's entries, and a user's newest one of them.
  KEY ix_entry_content (content_id, user_id, alive, created_at, seq),
  -- The trash.
  KEY ix_trash_user (user_id, deleted_at, seq),
  KEY ix_trash_due (deleted_at),
  KEY ix_trash_root (trash_root),
  CONSTRAINT fk_entry_user FOREIGN KEY (user_id) REFERENCES tbl_user (id),
  CONSTRAINT fk_entry_content FOREIGN KEY (content_id) REFERENCES tbl_file (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE tbl_upload (
  id           BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  upload_id    VARBINARY(96)   NOT NULL,
  user_id      BIGINT          NOT NULL,
  file_sha1    VARBINARY(40),                         -- as claimed; NULL while not known
  file_size    BIGINT          NOT NULL CHECK (file_size >= 0),
  chunk_size   BIGINT          NOT NULL CHECK (chunk_size > 0),
  parent_id    BIGINT          NOT NULL,
  file_name    VARBINARY(255)  NOT NULL,              -- may be empty: the client names it when it completes
  modified_at  BIGINT,
  node         VARBINARY(64)   NOT NULL,
  state        INT             NOT NULL,              -- 0 open, 1 done, 2 cancelled
  is_open      INT,                                   -- 1 while state is 0, else NULL
  reserved     BIGINT          NOT NULL CHECK (reserved >= 0),
  entry_id     VARBINARY(32)   NOT NULL,              -- the result; may be gone by now
  created_at   BIGINT          NOT NULL,
  expires_at   BIGINT          NOT NULL,
  ended_at     BIGINT,                                -- NULL while open
  UNIQUE KEY uq_upload_id (upload_id),
  UNIQUE KEY uq_upload_open (user_id, file_sha1, is_open),
  KEY ix_upload_user (user_id, is_open, created_at),
  KEY ix_upload_expires (is_open, expires_at),
  KEY ix_upload_ended (ended_at),
  CONSTRAINT fk_upload_user FOREIGN KEY (user_id) REFERENCES tbl_user (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Outbox and job: a content that is to be moved. A finished job has no row.
CREATE TABLE tbl_transfer (
  content_id   BIGINT          NOT NULL PRIMARY KEY,
  from_addr    VARBINARY(1280) NOT NULL,
  target       VARBINARY(32)   NOT NULL,              -- the kind of store to move to
  to_addr      VARBINARY(1280) NOT NULL,              -- empty until a worker has named it
  to_blob      VARBINARY(160)  NOT NULL,              -- its last element
  state        INT             NOT NULL,              -- 0 pending, 1 failed
  attempts     BIGINT          NOT NULL,
  next_attempt BIGINT          NOT NULL,
  lease_until  BIGINT          NOT NULL,              -- 0: nobody has it
  due_at       BIGINT          NOT NULL,              -- the later of the two
  fence        BIGINT          NOT NULL,              -- grows with each lease
  last_error   MEDIUMBLOB      NOT NULL,
  s3_upload    VARBINARY(1280) NOT NULL,
  created_at   BIGINT          NOT NULL,
  KEY ix_transfer_due (state, due_at),
  KEY ix_transfer_created (state, created_at),
  KEY ix_transfer_blob (to_blob),
  CONSTRAINT fk_transfer_content FOREIGN KEY (content_id) REFERENCES tbl_file (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Blobs that no content uses any more, waiting for removal.
CREATE TABLE tbl_garbage (
  id        BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  file_addr VARBINARY(1280) NOT NULL,
  blob_name VARBINARY(160)  NOT NULL,
  kind      VARBINARY(32)   NOT NULL,                 -- of place
  node      VARBINARY(64)   NOT NULL,                 -- of a local blob, else empty
  s3_upload VARBINARY(1280) NOT NULL,                 -- a multipart upload to abort, or empty
  since     BIGINT          NOT NULL,
  UNIQUE KEY uq_garbage_addr (file_addr),
  KEY ix_garbage_blob (blob_name),
  KEY ix_garbage_due (kind, node, since)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- How far behind a replica is: the primary's count of beats, which the replica copies.
CREATE TABLE tbl_beat (
  id   INT    NOT NULL PRIMARY KEY,
  beat BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
INSERT INTO tbl_beat (id, beat) VALUES (1, 0);
