BEGIN;
ALTER TYPE order_state ADD VALUE 'held';
UPDATE tickets SET st = 'held' WHERE id = 1;
COMMIT;
