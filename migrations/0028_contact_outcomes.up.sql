-- How contacts ended, as the telephone or ticket system reports it: often before the contact itself is ingested, and in parts, because a survey is
-- answered days later. So a row stands by itself, and a part that is null may be added once.
CREATE TABLE contact_outcomes (
    customer_id      text        NOT NULL,
    source           text        NOT NULL,
    contact_id       text        NOT NULL,
    day              integer     NOT NULL,
    occurred_at      timestamptz CHECK (isfinite(occurred_at)),
    channel          text        NOT NULL,
    topic            text,
    queue            text,
    agent            text,
    transferred      boolean,
    resolved_first   boolean,
    satisfaction     smallint    CHECK (satisfaction BETWEEN 1 AND 5),
    effort           smallint    CHECK (effort BETWEEN 1 AND 7),
    duration_seconds integer     CHECK (duration_seconds BETWEEN 0 AND 604800),
    recorded_at      timestamptz NOT NULL,
    PRIMARY KEY (customer_id, source, contact_id)
);
COMMENT ON TABLE contact_outcomes IS 'Facts: how contacts ended; what is recorded never changes, missing parts are added';
COMMENT ON COLUMN contact_outcomes.customer_id IS 'The customer';
COMMENT ON COLUMN contact_outcomes.source IS 'The system that recorded the contact';
COMMENT ON COLUMN contact_outcomes.contact_id IS 'Id of the contact or call in that system';
COMMENT ON COLUMN contact_outcomes.day IS 'Day of the contact in the deployment''s time zone, days since 1970-01-01';
COMMENT ON COLUMN contact_outcomes.occurred_at IS 'The instant it began; null: only the day is known';
COMMENT ON COLUMN contact_outcomes.channel IS 'How: phone, chat, email, visit ...';
COMMENT ON COLUMN contact_outcomes.topic IS 'What about; null: not known';
COMMENT ON COLUMN contact_outcomes.queue IS 'The queue that handled it last; null: not known';
COMMENT ON COLUMN contact_outcomes.agent IS 'Who handled it last; null: not known';
COMMENT ON COLUMN contact_outcomes.transferred IS 'Whether it was passed on to another queue or agent; null: not known';
COMMENT ON COLUMN contact_outcomes.resolved_first IS 'Whether it was resolved at the first contact; null: not known';
COMMENT ON COLUMN contact_outcomes.satisfaction IS 'Satisfaction stated by the customer, 1 (worst) to 5; null: not known';
COMMENT ON COLUMN contact_outcomes.effort IS 'Effort stated by the customer, 1 (least) to 7; null: not known';
COMMENT ON COLUMN contact_outcomes.duration_seconds IS 'How long, in seconds; null: not known';
COMMENT ON COLUMN contact_outcomes.recorded_at IS 'When the first part was written';
