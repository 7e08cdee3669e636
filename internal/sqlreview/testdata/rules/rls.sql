CREATE POLICY p ON customers USING (true);
