DROP TABLE tbl_beat;
DROP TABLE tbl_garbage;
DROP TABLE tbl_transfer;
DROP TABLE tbl_upload;
DROP TABLE tbl_user_file;
DROP TABLE tbl_file;
DROP TABLE tbl_user_token;
DROP TABLE tbl_user;
