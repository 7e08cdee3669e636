ALTER TYPE order_state RENAME TO s;
