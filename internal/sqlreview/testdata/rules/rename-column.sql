ALTER TABLE orders RENAME total TO sum;
