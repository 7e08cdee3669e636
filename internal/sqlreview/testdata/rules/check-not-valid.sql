ALTER TABLE customers ADD COLUMN n int CHECK (n > 0);
