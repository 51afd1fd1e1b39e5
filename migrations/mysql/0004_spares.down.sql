DROP TABLE tbl_spare;
