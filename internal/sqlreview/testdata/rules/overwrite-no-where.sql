UPDATE orders SET total = 1;
