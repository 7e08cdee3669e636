SELECT customer_label(1);
