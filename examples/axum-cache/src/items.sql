CREATE TABLE items (
    event INTEGER NOT NULL,
    item INTEGER NOT NULL,
    title TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    left INTEGER NOT NULL CHECK (left >= 0),
    version INTEGER NOT NULL DEFAULT 1, -- counts the changes of the price
    PRIMARY KEY (event, item)
);
INSERT INTO items (event, item, title, price_cents, left)
VALUES (1, 1, 'Poster', 1500, 100), (1, 2, 'Signed record', 4900, 3), (2, 1, 'Ticket', 12000, 500);
