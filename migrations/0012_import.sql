-- Moving in from the original system: what was taken from where, what waits for somebody to decide, how far an import came.
-- Design: docs/adr/0013 (whose is a row that does not say), docs/operations.md "Moving from the original system".

-- One import of one folder. The same folder again, while it is not finished, goes on with the same run.
create table import_runs (
  run_id       uuid primary key,
  -- Digest of all files and of the mapping file.
  fingerprint  bytea not null check (length(fingerprint) = 32),
  started_at   timestamptz not null,
  finished_at  timestamptz
);
create unique index import_runs_open on import_runs (fingerprint) where finished_at is null;
select system_table('import_runs', '{select,insert,update}');

-- How far a run has come: one row per leg, a reading of one file from its beginning to its end.
create table import_progress (
  run_id     uuid not null references import_runs (run_id),
  leg        int not null,
  -- Rows of the file that need not be looked at again.
  rows_seen  bigint not null,
  -- What became of them (import::report::LegTally).
  tally      jsonb not null,
  primary key (run_id, leg)
);
select system_table('import_progress', '{select,insert,update}');

-- What was wrong with a row, or worth knowing about it. Names the column, never its value.
create table import_issues (
  run_id       uuid not null,
  source_table text not null,
  file         text not null,
  line         bigint not null,
  -- Counted from 1: rows of a JSON array may all stand in one line.
  row_number   bigint not null,
  column_name  text not null,
  reason       text not null,
  -- `quarantined`: the row waits. `refused`: it is no row. `noted`: it was taken all the same.
  fate         text not null check (fate in ('quarantined', 'refused', 'noted')),
  primary key (run_id, file, row_number, column_name, reason)
);
select system_table('import_issues', '{select,insert}');

-- Rows that were not taken: no organization could be told, something contradicts, a value cannot be right. For operators;
-- never assigned by default.
create table import_quarantine (
  id              uuid primary key,
  run_id          uuid not null references import_runs (run_id),
  source_table    text not null,
  -- The row's own id, or one made from what identifies it.
  source_id       uuid not null,
  -- Of the whole row: the same row twice waits once.
  digest          bytea not null check (length(digest) = 16),
  file            text not null,
  line            bigint not null,
  row_number      bigint not null,
  column_name     text not null,
  reason          text not null,
  -- The row as JSON, sealed with the master key for `import_quarantine/<source_table>/<source_id>`: it belongs to nobody
  -- yet, so no organization's row security guards it.
  sealed          bytea not null,
  waiting_since   timestamptz not null,
  resolved_at     timestamptz,
  -- Null when an operator dropped it: what it said is deleted then, and the same row in a later export is refused.
  resolved_org_id uuid references organizations (org_id),
  unique (source_table, source_id, digest)
);
create index import_quarantine_open on import_quarantine (waiting_since desc, id desc) where resolved_at is null;
-- Whether a row was dropped is asked for every row of every import.
create index import_quarantine_dropped on import_quarantine (source_id)
  where resolved_at is not null and resolved_org_id is null;
select system_table('import_quarantine', '{select,insert,update}');

-- Every row that was taken, and what it has become: the same row again does nothing, and others find its organization by it.
create table import_rows (
  org_id       uuid not null references organizations (org_id),
  source_table text not null,
  source_id    uuid not null,
  digest       bytea not null check (length(digest) = 16),
  -- Our id of what the row became, or became part of.
  subject_id   uuid not null,
  -- `imported`: it made something. `merged`: it added to something that another row or event had made.
  outcome      text not null check (outcome in ('imported', 'merged')),
  -- By which rule it belongs to this organization (import::model::Rule).
  rule         text not null,
  run_id       uuid not null,
  -- File and line.
  place        text not null,
  -- Columns that have no place here yet.
  kept         jsonb,
  primary key (org_id, source_table, source_id, digest)
);
-- Finding whose a row is that only names another one: across organizations.
create index import_rows_by_source on import_rows (source_id);
select tenant_table('import_rows', '{select,insert}');
-- Insert: an organization's own row, which is made across organizations.
select system_access('import_rows', '{select,insert}');

-- import_event: an event that another system recorded, taken in by the same rules as one that the provider sends: stored
-- once, applied whatever order it comes in. Unlike ingest_event it tells nobody live (a watching browser would be told of
-- every call of the last years), is given its organization, and may name an agent and a lead, which no provider's event does.
-- Outcomes: `created`, `merged` (the call was there), `known` (the event was), `collision` (the call is another organization's).
create function import_event(
  p_org uuid, p_type text, p_dedup_key text, p_provider_call_id text, p_new_id uuid, p_at timestamptz, p_body bytea,
  p_body_bytes int, p_facts jsonb, p_transcript text, p_plain_text text, p_agent uuid, p_lead uuid,
  out outcome text, out call_id uuid)
language plpgsql security invoker set search_path = pg_catalog, public as $$
#variable_conflict use_column
declare
  f call_facts := jsonb_populate_record(null::call_facts, p_facts);
  v_call call_tracking;
  v_created record;
  v_updated record;
  v_is_new boolean := false;
begin
  if p_transcript is not null then
    f.transcript := p_transcript;
  end if;
  select t.* into v_call from call_tracking t
   where t.org_id = p_org and t.provider_call_id = p_provider_call_id for update;
  if not found then
    select * into v_created from create_inbound_call_atomically(p_org, p_provider_call_id, p_agent, null, p_lead, null, f,
      p_new_id, null, true);
    if v_created.error_code = 'COLLISION_ERROR' then
      outcome := 'collision';
      return;
    elsif not v_created.success then
      raise exception using message = v_created.error_message;
    end if;
    v_is_new := v_created.outcome = 'created';
    select t.* into v_call from call_tracking t
     where t.org_id = p_org and t.provider_call_id = p_provider_call_id for update;
  end if;
  call_id := v_call.id;
  outcome := case when v_is_new then 'created' else 'merged' end;

  insert into provider_events (org_id, dedup_key, connection_id, call_id, type, at, facts_digest, body, body_bytes)
  values (p_org, p_dedup_key, null, v_call.id, p_type, p_at, null, p_body, p_body_bytes)
  on conflict do nothing;
  if not found then
    outcome := 'known';
    return;
  end if;

  if v_is_new then
    v_call.status_rank := 0;
    perform queue_for_search(p_org, v_call.id);
  elsif p_agent is not null or p_lead is not null then
    -- Two references that no event carries, filled where they are missing.
    update call_logs l set agent_id = coalesce(l.agent_id, p_agent), lead_id = coalesce(l.lead_id, p_lead)
     where l.org_id = p_org and l.id = v_call.id
       and ((l.agent_id is null and p_agent is not null) or (l.lead_id is null and p_lead is not null));
    update call_tracking t set agent_id = coalesce(t.agent_id, p_agent), lead_id = coalesce(t.lead_id, p_lead)
     where t.org_id = p_org and t.id = v_call.id
       and ((t.agent_id is null and p_agent is not null) or (t.lead_id is null and p_lead is not null));
  end if;
  perform apply_call_facts(p_org, v_call, f);
  if p_plain_text is not null then
    v_updated := update_call_with_recording_atomically(p_org, p_provider_call_id, null, null, p_plain_text);
    if not v_updated.success then
      raise exception using message = v_updated.error_message;
    end if;
  end if;
end
$$;
do $$
declare
  f regprocedure := (select oid from pg_proc where proname = 'import_event' and pronamespace = 'public'::regnamespace);
begin
  execute format('revoke all on function %s from public', f);
  execute format('grant execute on function %s to voxanne_app', f);
end
$$;
