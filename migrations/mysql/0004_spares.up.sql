-- Verified blobs of contents that have another blob, which has not been read since. One of the two becomes garbage then.
CREATE TABLE tbl_spare (
  id         BIGINT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
  content_id BIGINT          NOT NULL,
  file_addr  VARBINARY(1280) NOT NULL,
  blob_name  VARBINARY(160)  NOT NULL,                -- its last element
  node       VARBINARY(64)   NOT NULL,                -- whose disk it is on
  created_at BIGINT          NOT NULL,
  attempts   BIGINT          NOT NULL,                -- to read the other blob
  due_at     BIGINT          NOT NULL,                -- of the next attempt
  wanted     INT             NOT NULL,                -- 1: a download could not open the other blob
  UNIQUE KEY uq_spare_addr (file_addr),
  KEY ix_spare_blob (blob_name),
  KEY ix_spare_content (content_id),
  KEY ix_spare_due (node, due_at),
  CONSTRAINT fk_spare_content FOREIGN KEY (content_id) REFERENCES tbl_file (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
