-- What the documents assume: the database shop with two tables of app's. Run by test/t/050_documentation.pl.
CREATE TABLE customer (id integer PRIMARY KEY, name text NOT NULL, phone text, fax text);
CREATE TABLE purchase (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer, amount numeric);
CREATE VIEW big_purchase AS SELECT * FROM purchase WHERE amount > 100;
INSERT INTO customer SELECT n, 'customer ' || n, '555-' || n, '556-' || n FROM generate_series(1, 1000) AS n;
INSERT INTO purchase SELECT n, 1 + n % 1000, n FROM generate_series(1, 5000) AS n;
CREATE VIEW active_customer AS SELECT id, name FROM customer WHERE name <> '';
