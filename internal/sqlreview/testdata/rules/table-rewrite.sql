CLUSTER orders;
