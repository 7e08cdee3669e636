ALTER TABLE orders ALTER total TYPE bigint
