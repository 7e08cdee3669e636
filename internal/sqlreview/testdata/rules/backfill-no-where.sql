ALTER TABLE customers ADD COLUMN nick text; UPDATE customers SET nick = name;
