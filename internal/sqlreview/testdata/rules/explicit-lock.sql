LOCK TABLE customers;
