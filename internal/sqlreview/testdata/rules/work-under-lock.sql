BEGIN; ALTER TABLE orders ADD c int; UPDATE customers SET name = 'x' WHERE id = 1; COMMIT;
