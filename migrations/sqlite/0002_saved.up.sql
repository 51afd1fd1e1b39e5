-- Bytes that a user did not have to send: instant uploads, and chunks that a resumed upload found held.
ALTER TABLE tbl_user ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;
-- Of an upload, how many bytes have been counted there.
ALTER TABLE tbl_upload ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;
