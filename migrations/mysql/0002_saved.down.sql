ALTER TABLE tbl_upload DROP COLUMN saved;
ALTER TABLE tbl_user DROP COLUMN saved;
