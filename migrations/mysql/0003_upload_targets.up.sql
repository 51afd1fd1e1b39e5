-- The entries that an upload is to make or has made, one for each folder and name.
CREATE TABLE tbl_upload_target (
  id          BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  upload_id   VARBINARY(96)   NOT NULL,
  parent_id   BIGINT          NOT NULL,              -- the folder; 0 is the root
  file_name   VARBINARY(255)  NOT NULL,              -- as the client named it; may be empty: complete names the file
  folder_path VARBINARY(16640) NOT NULL,             -- as the client named it; empty: not named, or not known
  modified_at BIGINT,                                -- the client's mtime
  entry_id    VARBINARY(32)   NOT NULL,              -- the entry that was made; empty before that, may be purged since
  UNIQUE KEY uq_upload_target (upload_id, parent_id, file_name),
  CONSTRAINT fk_target_upload FOREIGN KEY (upload_id) REFERENCES tbl_upload (upload_id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
-- What open uploads were announced for, and where the entries of finished ones are now.
INSERT INTO tbl_upload_target (upload_id, parent_id, file_name, folder_path, modified_at, entry_id)
  SELECT upload_id, parent_id, file_name, '', modified_at, CASE WHEN state = 1 THEN entry_id ELSE '' END
  FROM tbl_upload WHERE state <> 2;
INSERT IGNORE INTO tbl_upload_target (upload_id, parent_id, file_name, folder_path, modified_at, entry_id)
  SELECT u.upload_id, e.parent_id, e.file_name, '', e.modified_at, u.entry_id
  FROM tbl_upload u JOIN tbl_user_file e ON e.entry_id = u.entry_id WHERE u.state = 1;
