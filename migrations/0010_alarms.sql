-- Vital signs of the installation, and the alerts that its operator was told of. Nothing here belongs to an organization, and
-- nothing names a person outside the installation.

-- How each sign stood when it was last looked at. One row a sign.
create table vital_signs (
  sign        text primary key check (length(sign) between 1 and 40),
  -- off: does not apply here. unknown: could not be read, which is not fine.
  state       text not null check (state in ('off', 'fine', 'warning', 'critical', 'unknown')),
  -- The figure behind it, in the unit of its metric.
  value       double precision,
  words       text not null check (length(words) between 1 and 500),
  measured_at timestamptz not null,
  -- Since when it has been in this state.
  since       timestamptz not null,
  -- Since when it has not been fine; null while it is.
  bad_since   timestamptz
);
select system_table('vital_signs', '{select,insert,update}');

-- An alert: opened once, told sparingly, over when its sign was fine for a while.
create table alerts (
  alert_id        uuid primary key,
  sign            text not null check (length(sign) between 1 and 40),
  -- How bad it is, and how bad it was at its worst.
  level           text not null check (level in ('unknown', 'warning', 'critical')),
  worst           text not null check (worst in ('unknown', 'warning', 'critical')),
  -- What was found, last time it was bad.
  words           text not null check (length(words) between 1 and 500),
  opened_at       timestamptz not null,
  -- Since when the sign has been fine, while the alert is still open.
  fine_since      timestamptz,
  resolved_at     timestamptz,
  told_at         timestamptz not null,
  -- The last notice said that it is over.
  told_over       boolean not null,
  -- How often it was told again.
  repeats         integer not null,
  -- It was over and came back: it has to be fine for longer now.
  flapped         boolean not null,
  acknowledged_at timestamptz,
  acknowledged_by uuid references users (id),
  check ((acknowledged_at is null) = (acknowledged_by is null))
);
create unique index alerts_open on alerts (sign) where resolved_at is null;
create index alerts_newest on alerts (opened_at desc, alert_id);
create index alerts_of_sign on alerts (sign, opened_at desc);
select system_table('alerts', '{select,insert,update}');

-- Each time the operator was told: the body that goes to the webhook, kept so that every attempt sends the same bytes.
create table alert_notices (
  notice_id  uuid primary key,
  alert_id   uuid not null references alerts (alert_id),
  kind       text not null check (kind in ('opened', 'worse', 'again', 'resolved')),
  at         timestamptz not null,
  body       text not null check (length(body) <= 4000),
  -- To how many addresses a mail was written.
  mails      integer not null,
  -- Null: no webhook was configured.
  webhook    text check (webhook in ('waiting', 'delivered', 'failed')),
  -- What the receiver answered last, as a class.
  webhook_words text check (length(webhook_words) <= 300)
);
create index alert_notices_of_alert on alert_notices (alert_id, at desc);
select system_table('alert_notices', '{select,insert,update}');

-- The share of recordings that were copied is counted every minute.
create index call_recordings_tried on call_recordings (last_attempt_at);

-- Signs count calls of all organizations: how many ended, how they ended, and which number rang when. Nothing of what was
-- said, nobody who called.
grant select (number_id, direction, ended_at, ended_class) on call_logs to voxanne_system;
