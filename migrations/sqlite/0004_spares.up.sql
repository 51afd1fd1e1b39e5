-- Verified blobs of contents that have another blob, which has not been read since. One of the two becomes garbage then.
CREATE TABLE tbl_spare (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  content_id INTEGER NOT NULL REFERENCES tbl_file (id),
  file_addr  TEXT    NOT NULL,
  blob_name  TEXT    NOT NULL,                -- its last element
  node       TEXT    NOT NULL,                -- whose disk it is on
  created_at INTEGER NOT NULL,
  attempts   INTEGER NOT NULL,                -- to read the other blob
  due_at     INTEGER NOT NULL,                -- of the next attempt
  wanted     INTEGER NOT NULL                 -- 1: a download could not open the other blob
) STRICT;
CREATE UNIQUE INDEX uq_spare_addr ON tbl_spare (file_addr);
CREATE INDEX ix_spare_blob ON tbl_spare (blob_name);
CREATE INDEX ix_spare_content ON tbl_spare (content_id);
CREATE INDEX ix_spare_due ON tbl_spare (node, due_at);
