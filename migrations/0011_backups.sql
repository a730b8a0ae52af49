-- What was tried to back the installation up, and what came of it. Of the installation: a backup holds every organization.
create table backups (
  backup_id   uuid primary key,
  started_at  timestamptz not null,
  -- Null while it runs, or when its process died; the next backup ends such a one.
  ended_at    timestamptz,
  -- damaged: it was complete, and a later look found it bad.
  outcome     text not null check (outcome in ('running', 'done', 'failed', 'damaged')),
  -- The folder or bucket, without credentials.
  place       text not null check (length(place) between 1 and 2000),
  -- What it takes there, without the recordings, which backups share.
  bytes       bigint check (bytes >= 0),
  -- When it was last restored on trial and agreed with what was backed up.
  verified_at timestamptz,
  -- When it was removed from its place, as newer ones stand for it.
  removed_at  timestamptz,
  -- Why it failed or is damaged. Names and counts, no values of rows.
  error       text check (length(error) <= 500)
);
create index backups_newest on backups (started_at desc, backup_id desc);
select system_table('backups', '{select,insert,update}');
