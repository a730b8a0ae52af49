-- Every call accounted for: what the provider says of its calls against what we know, and calls that fell silent.
-- `voice::reconcile` has the rules.

-- A stretch of the provider's time in which one account was compared with us. The account of a connection stands under its
-- organization; the platform-wide one, whose calls belong to many, under the operator's.
create table reconcile_windows (
  org_id         uuid not null references organizations (org_id),
  window_id      uuid not null,
  -- Null: the platform-wide account.
  connection_id  uuid,
  -- `schedule`: the duty that comes again and again; `command`: somebody asked for it.
  asked_by       text not null check (asked_by in ('schedule', 'command')),
  -- Calls changed at the provider after the first and until the last of these are looked at.
  from_at        timestamptz not null,
  until_at       timestamptz not null check (until_at >= from_at),
  -- Everything up to here has been looked at. A run that was cut off goes on from here.
  position_at    timestamptz not null,
  -- `running`: not at its end yet, whether or not somebody is at it now.
  state          text not null default 'running' check (state in ('running', 'complete')),
  -- Calls the provider listed.
  calls          bigint not null default 0 check (calls >= 0),
  -- Of these, calls that were as they should be.
  agreed         bigint not null default 0 check (agreed >= 0),
  -- Calls that lacked something and have it now.
  healed         bigint not null default 0 check (healed >= 0),
  -- Why the last run stopped before the end, in a class and words without personal data. Null: it did not.
  problem        text check (length(problem) between 1 and 300),
  -- Not to be gone on with before: the provider asked us to wait.
  not_before     timestamptz,
  started_at     timestamptz not null,
  -- The last page, or the end.
  touched_at     timestamptz not null,
  primary key (org_id, window_id),
  foreign key (org_id, connection_id) references provider_connections (org_id, connection_id),
  check (agreed + healed <= calls),
  check (state <> 'complete' or position_at >= until_at)
);
-- An account is gone through by one window of each kind at a time.
create unique index reconcile_windows_running on reconcile_windows (org_id, connection_id, asked_by) nulls not distinct
  where state = 'running';
create index reconcile_windows_of_account on reconcile_windows (org_id, connection_id, until_at);
-- The operator's page, across organizations.
create index reconcile_windows_newest on reconcile_windows (started_at desc);
select tenant_table('reconcile_windows');
select system_access('reconcile_windows', '{select,delete}');

-- What was not as it should be: one row for each call and kind in a window.
create table reconcile_differences (
  org_id            uuid not null,
  window_id         uuid not null,
  provider_call_id  provider_id not null,
  kind              text not null check (kind in ('missing_call', 'missing_status', 'missing_end', 'missing_report',
                      'missing_recording', 'missing_transcript', 'missing_facts', 'unknown_number', 'quarantined',
                      'ended_only_here', 'window_overfull')),
  -- Whether it is as it should be now.
  healed            boolean not null,
  found_at          timestamptz not null,
  primary key (org_id, window_id, provider_call_id, kind),
  foreign key (org_id, window_id) references reconcile_windows (org_id, window_id) on delete cascade
);
select tenant_table('reconcile_differences');
select system_access('reconcile_differences', '{select}');

-- A call that was silent for too long and was asked for, or closed.
create table silent_calls (
  org_id      uuid not null,
  call_id     uuid not null,
  -- When it was asked for last, and how often in all.
  asked_at    timestamptz not null,
  times       int not null default 1 check (times >= 1),
  -- `goes_on`: the provider says it is still going on; `ended_there`: the provider knew its end; `closed`: nobody knows
  -- its end; `not_answered`: the provider could not be asked.
  answer      text not null check (answer in ('goes_on', 'ended_there', 'closed', 'not_answered')),
  primary key (org_id, call_id),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
-- The operator's page, across organizations.
create index silent_calls_newest on silent_calls (asked_at desc);
select tenant_table('silent_calls');
select system_access('silent_calls', '{select}');

-- The reaper looks for silent calls across organizations, through the small index of those that are not over. Whether they
-- are silent is judged within the organization.
select system_access('call_tracking', '{select}');
