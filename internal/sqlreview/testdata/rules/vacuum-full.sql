VACUUM FULL customers;
