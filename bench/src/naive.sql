-- What one would write first: the same work (once only, call kept up to date, viewers told, row security on, one round
-- trip), with the body as jsonb and everything else read out of it in SQL.
create schema naive;
grant usage on schema naive to voxanne_app;
create table naive.events (
  org_id uuid not null, dedup_key text not null, type text, body jsonb not null, received_at timestamptz not null default now(),
  primary key (org_id, dedup_key));
create table naive.calls (
  org_id uuid not null, call_id text not null, status text not null, started_at timestamptz, ended_at timestamptz,
  ended_reason text, cost numeric, summary text, transcript text, updated_at timestamptz not null default now(),
  primary key (org_id, call_id));
create table naive.outbox (
  org_id uuid not null, id bigint generated always as identity, kind text not null, call_id text not null,
  at timestamptz not null default now(), primary key (org_id, id));
do $$
declare
  t text;
begin
  foreach t in array '{events,calls,outbox}'::text[] loop
    execute format('alter table naive.%I enable row level security', t);
    execute format('alter table naive.%I force row level security', t);
    execute format('create policy p on naive.%I to voxanne_app using (org_id = (select current_setting(''app.org_id'')::uuid))
                    with check (org_id = (select current_setting(''app.org_id'')::uuid))', t);
    execute format('grant select, insert, update on naive.%I to voxanne_app', t);
  end loop;
end
$$;
create function naive.ingest(p_org uuid, p_call text, p_key text, p_body jsonb) returns text
language plpgsql security invoker as $$
declare
  m jsonb := p_body -> 'message';
begin
  perform set_config('app.org_id', p_org::text, true);
  insert into naive.events (org_id, dedup_key, type, body) values (p_org, p_key, m ->> 'type', p_body) on conflict do nothing;
  if not found then
    return 'repeated';
  end if;
  insert into naive.calls as c (org_id, call_id, status, started_at, ended_at, ended_reason, cost, summary, transcript)
  values (p_org, p_call, 'ended', (m ->> 'startedAt')::timestamptz, (m ->> 'endedAt')::timestamptz, m ->> 'endedReason',
          (m ->> 'cost')::numeric, m ->> 'summary', m -> 'artifact' ->> 'transcript')
  on conflict (org_id, call_id) do update set
    status = excluded.status, started_at = coalesce(excluded.started_at, c.started_at), ended_at = excluded.ended_at,
    ended_reason = excluded.ended_reason, cost = excluded.cost, summary = excluded.summary,
    transcript = excluded.transcript, updated_at = now();
  insert into naive.outbox (org_id, kind, call_id) values (p_org, 'call.ended', p_call);
  return 'applied';
end
$$;
