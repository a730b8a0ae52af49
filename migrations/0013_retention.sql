-- How long the content of calls is kept, and what is left when it is gone. Rules: voice::retention.

-- No row, or null: for ever.
create table retention_settings (
  org_id          uuid primary key references organizations (org_id),
  -- Days after a call until its recording is deleted.
  recording_days  int check (recording_days between 1 and 36500),
  -- Days after a call until all its content is deleted, and a tombstone is left. Not before its recording.
  content_days    int check (content_days between 1 and 36500),
  changed_at      timestamptz not null,
  check (content_days is null or (recording_days is not null and recording_days <= content_days))
);
select tenant_table('retention_settings', '{select,insert,update}');
-- Which organizations have something to do.
select system_access('retention_settings', '{select}');

-- Calls that must be kept, whatever the settings say. A hold that was lifted stays, as the record of it.
create table call_holds (
  org_id     uuid not null,
  call_id    uuid not null,
  hold_id    uuid not null,
  reason     text not null check (length(reason) between 1 and 500),
  placed_at  timestamptz not null,
  lifted_at  timestamptz,
  primary key (org_id, call_id, hold_id),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
create unique index call_holds_open on call_holds (org_id, call_id) where lifted_at is null;
select tenant_table('call_holds', '{select,insert,update}');

-- What is left of a call whose content was deleted, beside its times and its cost.
create table call_erasures (
  org_id         uuid not null,
  call_id        uuid not null,
  erased_at      timestamptz not null,
  -- Who asked for it; the system is the retention setting.
  actor_kind     audit_actor not null,
  actor_id       uuid,
  -- When nothing of it was left outside these tables: no file, no body in the quarantine.
  completed_at   timestamptz,
  primary key (org_id, call_id),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
select tenant_table('call_erasures', '{select,insert,update}');

-- Deleting content takes more than the application may do otherwise. Row security keeps it to its own organization.
grant delete on provider_events to voxanne_app;
-- Captions of the last day; their numbers stay, so that no reader misses one.
grant update (text) on live_events to voxanne_app;
