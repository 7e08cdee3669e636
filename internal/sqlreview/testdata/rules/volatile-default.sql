ALTER TABLE customers ADD COLUMN n int DEFAULT fv();
