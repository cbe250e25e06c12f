-- What is known of a stamp and of a product, and how a target was matched with an
-- object of the archive: JSON, empty if nothing is known.
ALTER TABLE job ADD COLUMN match TEXT NOT NULL DEFAULT '';
ALTER TABLE product ADD COLUMN facts TEXT NOT NULL DEFAULT '';
ALTER TABLE cutout ADD COLUMN facts TEXT NOT NULL DEFAULT '';
