DROP TABLE tbl_upload_target;
