ALTER TABLE orders ADD n bigserial;
