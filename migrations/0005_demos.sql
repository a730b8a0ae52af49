-- Demos of the operator: when they are offered, who holds a time, who booked one. All rows belong to the operator's own
-- organization (installation.operator_org_id).

-- When demos are offered. No row: Monday to Friday, 09:00 to 17:00 by the organization's clock.
create table demo_rules (
  org_id         uuid primary key references organizations (org_id),
  -- IANA zone by whose clock the hours are told.
  zone           text not null check (length(zone) between 1 and 64),
  -- {"mon": [["09:00", "17:00"]], ...}; a day that is missing is closed. "24:00" is the end of the day.
  hours          jsonb not null,
  length_minutes integer not null check (length_minutes between 5 and 240),
  -- Kept free after each demo. A demo begins every length + buffer minutes from opening time on.
  buffer_minutes integer not null check (buffer_minutes between 0 and 240),
  -- A demo begins at least this long after it is booked.
  notice_minutes integer not null check (notice_minutes between 0 and 43200),
  -- How many days ahead can be booked, by the clock of the zone.
  horizon_days   integer not null check (horizon_days between 1 and 365),
  days_off       date[] not null default '{}' check (cardinality(days_off) <= 1000),
  updated_at     timestamptz not null
);
select tenant_table('demo_rules', '{select,insert,update}');

-- One organization as a range, so that a GiST index can compare it without an extension: btree_gist is not on every
-- machine, and a server that cannot migrate does not answer the phone.
create type org_range as range (subtype = uuid);
revoke all on function org_range(uuid, uuid), org_range(uuid, uuid, text) from public;
revoke all on function org_multirange(), org_multirange(org_range), org_multirange(variadic org_range[]) from public;
grant execute on function org_range(uuid, uuid, text) to voxanne_app;

create table demo_bookings (
  org_id          uuid not null references organizations (org_id),
  booking_id      uuid not null,
  -- held: a time is kept for somebody who fills in the form. booked, confirmed, moved (its time was changed and is to be
  -- confirmed): to come. done, no_show, cancelled: over.
  state           text not null check (state in ('held', 'booked', 'confirmed', 'moved', 'done', 'no_show', 'cancelled')),
  -- Null, all three: "contact me", no time chosen.
  starts_at       timestamptz,
  ends_at         timestamptz,
  -- End plus buffer: until then no other demo may begin.
  blocked_until   timestamptz,
  during          tstzrange generated always as (tstzrange(starts_at, blocked_until, '[)')) stored,
  -- A hold without its holder's return is over at this time.
  held_until      timestamptz,
  -- Of the token that its holder has.
  hold_digest     bytea check (length(hold_digest) = 32),
  -- Of the holder's address, so that one client holds few times. Gone with the hold.
  holder          bytea check (length(holder) = 32),

  prospect_name   text check (length(prospect_name) between 1 and 120),
  prospect_email  text check (length(prospect_email) between 3 and 254),
  -- The address in lower case without its +tag: what "too many bookings of one person" is counted by.
  mailbox         text check (length(mailbox) between 3 and 254),
  -- E.164.
  prospect_phone  text check (prospect_phone ~ '^\+[1-9][0-9]{3,14}$'),
  clinic_name     text check (length(clinic_name) between 1 and 160),
  clinic_type     text check (length(clinic_type) between 1 and 80),
  goal            text check (length(goal) between 1 and 200),
  notes           text check (length(notes) between 1 and 2000),
  -- The visitor's IANA zone: their mails tell the time by it.
  zone            text check (length(zone) between 1 and 64),
  -- BCP 47 tag of the language of their mails.
  locale          text check (length(locale) between 2 and 16),
  -- Where it came from: our page, our API, or the path of the original system.
  source          text check (source in ('page', 'api', 'book-demo')),

  -- The link to see, move and cancel it: digest to find it by, and the token sealed with the master key for
  -- `demo_bookings/<org>/<booking>`, for the mails that repeat the link.
  token_digest    bytea check (length(token_digest) = 32),
  sealed_token    bytea,
  -- The same key twice is one booking.
  idempotency_key text check (length(idempotency_key) between 1 and 200),
  -- SEQUENCE of its calendar entry (RFC 5545, 3.8.7.4): plus one whenever its time changes or it is cancelled.
  sequence        integer not null default 0 check (sequence >= 0),

  -- The operator's person who gives the demo, and what they wrote down. Never shown to the prospect.
  owner_id        uuid references users (id),
  staff_notes     text not null default '' check (length(staff_notes) <= 4000),

  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  primary key (org_id, booking_id),
  -- Two demos at once are impossible here, and nowhere else does it have to be remembered.
  constraint demo_bookings_one_at_a_time exclude using gist (org_range(org_id, org_id, '[]') with &&, during with &&)
    where (starts_at is not null and state in ('held', 'booked', 'confirmed', 'moved')),
  check ((starts_at is null) = (ends_at is null) and (starts_at is null) = (blocked_until is null)),
  check (ends_at > starts_at and blocked_until >= ends_at),
  check ((state = 'held') = (held_until is not null)),
  check (state <> 'held' or (starts_at is not null and hold_digest is not null)),
  check (state = 'held' or (prospect_name is not null and prospect_email is not null and mailbox is not null
         and prospect_phone is not null and clinic_name is not null and zone is not null and locale is not null
         and source is not null and token_digest is not null and sealed_token is not null))
);
create index demo_bookings_by_time on demo_bookings (org_id, starts_at);
create index demo_bookings_newest on demo_bookings (org_id, created_at desc);
create index demo_bookings_of_mailbox on demo_bookings (org_id, mailbox, created_at) where mailbox is not null;
create unique index demo_bookings_once on demo_bookings (org_id, idempotency_key) where idempotency_key is not null;
create unique index demo_bookings_by_token on demo_bookings (org_id, token_digest) where token_digest is not null;
create unique index demo_bookings_by_hold on demo_bookings (org_id, hold_digest) where hold_digest is not null;
select tenant_table('demo_bookings');

-- What happened to a booking, for the operator's page. The past times of a moved booking are here.
create table demo_booking_events (
  org_id     uuid not null references organizations (org_id),
  event_id   uuid not null,
  booking_id uuid not null,
  at         timestamptz not null,
  what       text not null check (what in ('booked', 'moved', 'confirmed', 'done', 'no_show', 'cancelled', 'reopened')),
  -- Whose doing: the prospect's, through their link, or the operator's.
  by_whom    text not null check (by_whom in ('prospect', 'operator')),
  -- The operator's person; null for the prospect.
  user_id    uuid references users (id),
  -- Its time before, if that changed.
  was_at     timestamptz,
  primary key (org_id, event_id),
  foreign key (org_id, booking_id) references demo_bookings (org_id, booking_id)
);
create index demo_booking_events_of on demo_booking_events (org_id, booking_id, at);
-- Deleted only with its booking, when the operator keeps bookings for a time.
select tenant_table('demo_booking_events', '{select,insert,delete}');

-- A booking that changed is told like a call that changed. Its id travels in `call_id`, which the protocol calls `id`.
alter domain live_kind drop constraint live_kind_check;
alter domain live_kind add constraint live_kind_check
  check (value in ('call.created', 'call.updated', 'call.ended', 'call.caption', 'booking.changed'));
