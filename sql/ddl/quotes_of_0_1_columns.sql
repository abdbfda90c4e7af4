-- What version 0.1 of Foretable did not know of a quote; see quotes.sql for the formula.
ALTER TABLE quotes ADD COLUMNS (
    order_flow DECIMAL(38, 8) COMMENT 'base units that came to the bid and left the ask since the row before'
)
