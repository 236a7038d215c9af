CREATE TABLE contacts (
    customer_id      text        NOT NULL,
    source           text        NOT NULL,
    contact_id       text        NOT NULL,
    day              integer     NOT NULL,
    occurred_at      timestamptz CHECK (isfinite(occurred_at)),
    channel          text        NOT NULL,
    topic            text,
    duration_seconds integer     CHECK (duration_seconds BETWEEN 0 AND 604800),
    cost_minor       bigint      CHECK (cost_minor BETWEEN 0 AND 1000000000000000),
    currency         text,
    outcome          text,
    profile_version  bigint      NOT NULL,
    recorded_at      timestamptz NOT NULL,
    PRIMARY KEY (customer_id, source, contact_id),
    CHECK ((cost_minor IS NULL) = (currency IS NULL))
);
COMMENT ON TABLE contacts IS 'Facts: service interactions that cost money; append-only';
COMMENT ON COLUMN contacts.customer_id IS 'The customer';
COMMENT ON COLUMN contacts.source IS 'The system that recorded the contact';
COMMENT ON COLUMN contacts.contact_id IS 'Id of the contact in that system';
COMMENT ON COLUMN contacts.day IS 'Day in the deployment''s time zone, days since 1970-01-01';
COMMENT ON COLUMN contacts.occurred_at IS 'The instant it began; null: only the day is known';
COMMENT ON COLUMN contacts.channel IS 'How: phone, chat, email, visit ...';
COMMENT ON COLUMN contacts.topic IS 'What about; null: not known';
COMMENT ON COLUMN contacts.duration_seconds IS 'How long, in seconds; null: not known';
COMMENT ON COLUMN contacts.cost_minor IS 'What it cost, in minor units of the currency; null: not known';
COMMENT ON COLUMN contacts.currency IS 'ISO 4217 code of the cost; null with it';
COMMENT ON COLUMN contacts.outcome IS 'How it ended; null: not known';
COMMENT ON COLUMN contacts.profile_version IS 'Version of the profile that first contained the fact';
COMMENT ON COLUMN contacts.recorded_at IS 'When the fact was written';
