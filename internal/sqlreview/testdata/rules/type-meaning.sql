SET LOCAL timezone = 'UTC';
ALTER TABLE customers ALTER COLUMN created_at TYPE timestamptz;
