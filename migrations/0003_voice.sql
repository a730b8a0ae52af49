-- Calls and what feeds them: provider connections, agents, numbers, the event log, live state, lasting record, live
-- events, quarantine. Design: docs/adr/0003 (one ingest function), ARCHITECTURE.md "A call comes in".

-- ---------------------------------------------------------------------------------------------------------------------
-- Configuration of a practice's telephony
-- ---------------------------------------------------------------------------------------------------------------------

-- Credentials for a provider: who may post events for this organization, and how they prove it.
create table provider_connections (
  org_id         uuid not null references organizations (org_id),
  connection_id  uuid not null,
  provider       text not null check (provider in ('vapi')),
  label          text not null check (length(label) between 1 and 100),
  -- How events are verified (providers::vapi::signature::WebhookAuth). Holds no secret.
  auth           jsonb not null,
  -- True for the built-in simulator's connection: pages say so.
  simulated      boolean not null default false,
  -- Written every few seconds at most, by the process that received the events.
  last_event_at    timestamptz,
  last_event_type  text,
  created_at     timestamptz not null default now(),
  disabled_at    timestamptz,
  primary key (org_id, connection_id),
  unique (connection_id)
);
select tenant_table('provider_connections');
select system_access('provider_connections', '{select,update}');

-- Secrets of a connection, sealed. Several webhook secrets are valid at once during a rotation.
create table connection_secrets (
  org_id         uuid not null,
  connection_id  uuid not null,
  secret_id      uuid not null,
  -- `webhook` proves an event to us; `api` is our private key at the provider.
  purpose        text not null check (purpose in ('webhook', 'api')),
  sealed         bytea not null,
  created_at     timestamptz not null default now(),
  retired_at     timestamptz,
  primary key (org_id, connection_id, secret_id),
  foreign key (org_id, connection_id) references provider_connections (org_id, connection_id) on delete cascade
);
select tenant_table('connection_secrets');
select system_access('connection_secrets', '{select}');

create table agents (
  org_id                 uuid not null references organizations (org_id),
  agent_id               uuid not null,
  name                   text not null check (length(name) between 1 and 100),
  -- The provider's id of the assistant that speaks for this agent.
  provider_assistant_id  text check (length(provider_assistant_id) between 1 and 200),
  created_at             timestamptz not null default now(),
  deleted_at             timestamptz,
  primary key (org_id, agent_id)
);
create index agents_by_assistant on agents (org_id, provider_assistant_id);
-- Resolving an event of the platform-wide connection looks across organizations.
create index agents_by_assistant_alone on agents (provider_assistant_id);
select tenant_table('agents');
select system_access('agents', '{select}');

create table phone_numbers (
  org_id              uuid not null references organizations (org_id),
  number_id           uuid not null,
  e164                text not null check (e164 ~ '^\+[1-9][0-9]{6,14}$'),
  -- The provider's id of the number.
  provider_number_id  text check (length(provider_number_id) between 1 and 200),
  -- Who answers. Null: nobody yet.
  agent_id            uuid,
  created_at          timestamptz not null default now(),
  primary key (org_id, number_id),
  unique (org_id, e164),
  foreign key (org_id, agent_id) references agents (org_id, agent_id)
);
create index phone_numbers_by_provider_id on phone_numbers (org_id, provider_number_id);
create index phone_numbers_by_provider_id_alone on phone_numbers (provider_number_id);
select tenant_table('phone_numbers');
select system_access('phone_numbers', '{select}');

-- People a practice knows from outside the phone. Only the reference from calls exists so far.
create table leads (
  org_id      uuid not null references organizations (org_id),
  lead_id     uuid not null,
  name        text check (length(name) <= 200),
  phone       text check (phone ~ '^\+[1-9][0-9]{6,14}$'),
  created_at  timestamptz not null default now(),
  primary key (org_id, lead_id)
);
select tenant_table('leads');

-- ---------------------------------------------------------------------------------------------------------------------
-- Calls
-- ---------------------------------------------------------------------------------------------------------------------

-- Values of the tables that every event writes. A CHECK of a table is read from the catalogue and prepared anew by every
-- statement that writes a row, whatever it changes: that was a quarter of taking a report in. A domain's rule is kept by
-- the connection and only looks at what is assigned.
create domain call_status as text check (value in ('queued', 'ringing', 'in-progress', 'forwarding', 'ended'));
create domain call_direction as text check (value in ('inbound', 'outbound', 'web'));
-- queued 1, ringing 2, in-progress 3, forwarding 4, ended 5; 0 only while a call is being made.
create domain call_rank as int check (value between 0 and 5);
create domain recording_state as text check (value in ('none', 'pending', 'copying', 'ready', 'failed', 'expired'));
create domain live_kind as text check (value in ('call.created', 'call.updated', 'call.ended', 'call.caption'));
create domain provider_id as text check (length(value) between 1 and 256);
create domain whole_seconds as int check (value >= 0);
create domain micro_units as bigint check (value >= 0);
create domain currency_code as text check (value ~ '^[A-Z]{3}$');

-- Which organization a provider's call id belongs to. The one place where a call id is unique across organizations:
-- it resolves later events of a call, and makes "this id is somebody else's" a constraint instead of a search.
create table call_routes (
  provider          text not null,
  provider_call_id  provider_id not null,
  org_id            uuid not null references organizations (org_id),
  call_id           uuid not null,
  -- Null when the platform-wide connection brought it.
  connection_id     uuid,
  primary key (provider, provider_call_id),
  unique (org_id, call_id)
);
select tenant_table('call_routes', '{select,insert}');
select system_access('call_routes', '{select}');

-- The lasting record of a call.
create table call_logs (
  org_id            uuid not null references organizations (org_id),
  id                uuid not null,
  provider          text not null,
  provider_call_id  provider_id not null,
  connection_id     uuid,
  agent_id          uuid,
  number_id         uuid,
  lead_id           uuid,
  -- The provider's own names, kept even when nothing here is mapped to them.
  assistant_ref     text,
  number_ref        text,
  leg_id            text,
  direction         call_direction,
  status            call_status not null,
  from_number       text,
  to_number         text,
  caller_name       text,
  -- The earliest time any event gave; the order of every list.
  at                timestamptz not null,
  -- When two sides were connected. Null: nobody answered.
  started_at        timestamptz,
  ended_at          timestamptz,
  duration_seconds  whole_seconds,
  -- Whose word the start, the end and the reason are: 1 inferred (a report's own time, our own closing), 2 a live event's,
  -- 3 the report's.
  -- A better word replaces a poorer one and never the other way round, in whatever order they come.
  started_word      int not null default 0,
  ended_word        int not null default 0,
  reason_word       int not null default 0,
  -- What was said of the duration; stands where an end is unknown.
  claimed_seconds   whole_seconds,
  -- The provider's word, kept as it is; the class is ours (providers::vapi::classify).
  ended_reason      text,
  ended_class       text,
  outcome           text,
  -- Micro-units of `currency`.
  cost_micros       micro_units,
  currency          currency_code,
  summary           text,
  success_evaluation text,
  structured_data   jsonb,
  latency           jsonb,
  language          text,
  -- The provider's time of that: the latest change counts, in whatever order the events come.
  language_at       timestamptz,
  transferred_to    text,
  consent           jsonb,
  -- The conversation from the report, an array of turns as JSON; live turns stand in `call_turns` until it arrives. Text,
  -- because nothing looks into it here: as jsonb it was half of what a long report cost.
  transcript        text,
  -- A transcript that came as bare text.
  transcript_text   text,
  -- Where the provider keeps the sound: an array of {channel, url}.
  recordings        jsonb,
  recording_url     text,
  recording_storage_path text,
  recording_state   recording_state not null default 'none',
  metadata          jsonb not null default '{}',
  -- When the report arrived: from then on its values stand above those of live events.
  reported_at       timestamptz,
  created_at        timestamptz not null default now(),
  primary key (org_id, id),
  unique (org_id, provider_call_id),
  foreign key (org_id, agent_id) references agents (org_id, agent_id),
  foreign key (org_id, number_id) references phone_numbers (org_id, number_id),
  foreign key (org_id, lead_id) references leads (org_id, lead_id)
);
-- A transcript is written once and read rarely: the quick compression, where the server has it.
do $$
begin
  alter table call_logs alter column transcript set compression lz4;
exception when feature_not_supported then
  null;
end
$$;
-- A finished call stays in its page: beyond 2 KB, the default, everything else in the row would be tried for compression,
-- which finds nothing and costs as much as writing the row.
alter table call_logs set (toast_tuple_target = 8160);
-- Newest first, and the seek of the next page.
create index call_logs_newest on call_logs (org_id, at desc, id desc);
select tenant_table('call_logs', '{select,insert,update}');

-- The live state of a call: small and hot. One row per call, same id as its record.
create table call_tracking (
  org_id            uuid not null references organizations (org_id),
  id                uuid not null,
  provider          text not null,
  provider_call_id  text not null,
  agent_id          uuid,
  lead_id           uuid,
  phone             text,
  status            call_status not null,
  -- Status only moves up.
  status_rank       call_rank not null,
  at                timestamptz not null,
  started_at        timestamptz,
  ended_at          timestamptz,
  duration_seconds  whole_seconds,
  answered          boolean not null generated always as (started_at is not null) stored,
  reported          boolean not null default false,
  -- Its content was deleted (0013_retention.sql): no event applies to it any more.
  erased            boolean not null default false,
  -- Which facts of the beginning the record has for sure (known_facts): an event that adds none leaves the record alone.
  known             int not null default 0,
  -- The provider's time of the newest event.
  last_event_at     timestamptz,
  -- What was said last, for the live page.
  said_role         text,
  said_text         text,
  said_at           timestamptz,
  metadata          jsonb not null default '{}',
  primary key (org_id, id),
  unique (org_id, provider_call_id),
  foreign key (org_id, agent_id) references agents (org_id, agent_id),
  foreign key (org_id, lead_id) references leads (org_id, lead_id)
) with (fillfactor = 70);
create index call_tracking_live on call_tracking (org_id, at) where status_rank < 5;
select tenant_table('call_tracking', '{select,insert,update}');

-- Utterances heard live. The report's transcript replaces them, because the two cannot be matched one to one.
create table call_turns (
  org_id      uuid not null,
  call_id     uuid not null,
  -- The provider's identity of the utterance (providers::vapi, dedup.rs): the same turn twice is one row.
  turn_key    text not null,
  role        text not null check (role in ('agent', 'caller')),
  text        text not null,
  at          timestamptz,
  primary key (org_id, call_id, turn_key),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
select tenant_table('call_turns', '{select,insert,delete}');

-- Tools the model called and what it was answered: a repeated question gets the stored answer, never a second effect.
create table call_tool_calls (
  org_id        uuid not null,
  call_id       uuid not null,
  tool_call_id  text not null,
  name          text not null,
  arguments     jsonb,
  -- Exactly one of the two is what the model was told.
  result        text,
  error         text,
  at            timestamptz,
  primary key (org_id, call_id, tool_call_id),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
select tenant_table('call_tool_calls', '{select,insert,update,delete}');

-- Every event that was acknowledged, once, with its scrubbed body compressed (zstd) for replay.
create table provider_events (
  org_id            uuid not null references organizations (org_id),
  -- Business identity (providers::vapi, dedup.rs), never a hash of the body.
  dedup_key         text not null,
  connection_id     uuid,
  call_id           uuid,
  type              text not null,
  -- The provider's time.
  at                timestamptz,
  received_at       timestamptz not null default clock_timestamp(),
  -- For reports: a digest of what was learned, so that a repeat that knows more is noticed.
  facts_digest      text,
  body              bytea not null,
  body_bytes        int not null,
  primary key (org_id, dedup_key),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
-- zstd output does not compress again; trying costs time and finds nothing.
alter table provider_events alter column body set storage external;
-- Most bodies fit into the page of their row; a second table and its index would cost more than the insert itself.
alter table provider_events set (toast_tuple_target = 8160);
create index provider_events_of_call on provider_events (org_id, call_id, received_at);
select tenant_table('provider_events', '{select,insert}');

-- Events whose organization could not be told from trusted data. For operators; never assigned by default.
create table quarantined_events (
  id                uuid primary key,
  provider          text not null,
  connection_id     uuid,
  dedup_key         text not null,
  type              text not null,
  provider_call_id  text,
  -- `unknown`: nothing of ours matches; `ambiguous`: several organizations match; `collision`: the call belongs to another.
  reason            text not null check (reason in ('unknown', 'ambiguous', 'collision')),
  received_at       timestamptz not null default clock_timestamp(),
  body              bytea not null,
  body_bytes        int not null,
  replayed_at       timestamptz,
  replayed_org_id   uuid references organizations (org_id),
  unique nulls not distinct (provider, connection_id, dedup_key)
);
create index quarantined_events_open on quarantined_events (received_at desc) where replayed_at is null;
select system_table('quarantined_events', '{select,insert,update}');

-- ---------------------------------------------------------------------------------------------------------------------
-- Live view
-- ---------------------------------------------------------------------------------------------------------------------

-- The last live event of each organization. Taking the next number locks this row until commit, so numbers become visible
-- in order and a reader that saw N never misses an event that commits later (docs/adr/0004).
create table live_heads (
  org_id  uuid primary key references organizations (org_id),
  seq     bigint not null
) with (fillfactor = 50);
select tenant_table('live_heads', '{select,insert,update}');
select system_access('live_heads', '{select}');

-- What changed, as invalidations: the reader fetches the row itself. Captions are the only text.
create table live_events (
  org_id   uuid not null references organizations (org_id),
  seq      bigint not null,
  kind     live_kind not null,
  call_id  uuid,
  status   text,
  role     text,
  text     text,
  final    boolean,
  at       timestamptz not null default clock_timestamp(),
  primary key (org_id, seq)
);
select tenant_table('live_events', '{select,insert}');
select system_access('live_events', '{select,delete}');

-- Nearly free to keep, and enough to find what is a day old.
create index live_events_age on live_events using brin (at);

-- Tickets that open one live connection each, for browsers of another origin and programs that cannot send a header.
create table live_tickets (
  org_id      uuid not null references organizations (org_id),
  digest      bytea not null,
  -- The credential the ticket stands for; it is checked again when the ticket is used and every few seconds after.
  holder      jsonb not null,
  expires_at  timestamptz not null,
  primary key (org_id, digest)
);
create index live_tickets_by_digest on live_tickets (digest);
select tenant_table('live_tickets', '{insert}');
select system_access('live_tickets', '{select,delete}');

-- ---------------------------------------------------------------------------------------------------------------------
-- Search
-- ---------------------------------------------------------------------------------------------------------------------

-- Words and numbers of a call. Filled by a worker after the fact: reading a transcript into words costs more than all the
-- rest of taking in an event.
create table call_search (
  org_id    uuid not null,
  call_id   uuid not null,
  at        timestamptz not null,
  document  tsvector not null,
  primary key (org_id, call_id),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
create index call_search_words on call_search using gin (document);
select tenant_table('call_search');
-- Searching is the system role's, see search_calls below.
select system_access('call_search', '{select}');

-- Calls whose words changed.
create table call_search_queue (
  org_id     uuid not null,
  call_id    uuid not null,
  queued_at  timestamptz not null default clock_timestamp(),
  primary key (org_id, call_id),
  foreign key (org_id, call_id) references call_logs (org_id, id)
);
select tenant_table('call_search_queue');
select system_access('call_search_queue', '{select}');

-- A lexeme that only this organization's documents carry: it makes the word index an index per organization.
create function search_org_lexeme(p_org uuid) returns text
language sql immutable parallel safe as $$ select 'org' || replace(p_org::text, '-', '') $$;

-- Turns what a person typed into a query: all words, each as a prefix. Null when nothing searchable is left.
create function search_query(p_words text) returns tsquery
language sql immutable parallel safe set search_path = pg_catalog as $$
  select string_agg('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || ''':*', ' & ')::tsquery
    from unnest(to_tsvector('simple', left(p_words, 400)))
$$;

-- Full-text search under row security cannot use the index, because @@ is not leakproof (PostgreSQL manual, 5.9). This
-- function belongs to the system role, whose policy has no condition, and applies the organization itself, from the same
-- transaction setting that the policies read: no argument can name another organization.
create function search_calls(p_words text, p_from timestamptz, p_to timestamptz)
returns setof uuid
language plpgsql stable as $$
declare
  v_org uuid := nullif(current_setting('app.org_id', true), '')::uuid;
  v_query tsquery := search_query(p_words);
begin
  if v_org is null or v_query is null then
    return;
  end if;
  return query
    select s.call_id from call_search s
     where s.document @@ (('''' || search_org_lexeme(v_org) || '''')::tsquery && v_query)
       and s.org_id = v_org
       and (p_from is null or s.at >= p_from)
       and (p_to is null or s.at < p_to);
end
$$;

-- Notes that a call's words changed. Locks the note until commit, so that the indexer, which skips locked notes, cannot
-- take it now, read the call as it was before this transaction, and leave the index stale for good.
create function queue_for_search(p_org uuid, p_call uuid) returns void
language plpgsql security invoker as $$
begin
  insert into call_search_queue (org_id, call_id) values (p_org, p_call)
  on conflict (org_id, call_id) do update set queued_at = excluded.queued_at;
end
$$;

-- Follows up to p_limit changed calls of the current organization: their words into the index, their recordings into the
-- list of what is to be copied. Answers how many.
create function index_queued_calls(p_org uuid, p_limit int) returns int
language plpgsql security invoker set search_path = pg_catalog, public as $$
declare
  v_calls uuid[];
  v_done int;
begin
  perform set_config('app.org_id', p_org::text, true);
  -- Two statements, because each sees what was committed when it began: an event that changed its call before the row was
  -- taken here is read below, and one that comes later waits for this row. In one statement the call would be read as it
  -- was before an event that came between the two, and its words would be missing until the next.
  with taken as (
    delete from call_search_queue q
     where (q.org_id, q.call_id) in (
       select org_id, call_id from call_search_queue
        where org_id = p_org order by queued_at limit p_limit for update skip locked)
    returning q.call_id
  )
  select coalesce(array_agg(call_id), '{}') into v_calls from taken;

  with words as (
    select c.org_id, c.id, c.at,
           left(concat_ws(' ', c.caller_name, c.summary, c.transcript_text,
             -- A tsvector holds 1 MB, and one call that does not fit would hold up all others: 100,000 characters of
             -- any script fit, twice over when they are hyphenated.
             (select string_agg(t ->> 'text', ' ') from jsonb_array_elements(c.transcript::jsonb) t),
             (select string_agg(t.text, ' ') from call_turns t where t.org_id = c.org_id and t.call_id = c.id)), 100000) as text,
           -- Numbers by their last digits, so that "0118" or a national form finds them.
           (select string_agg(right(d.digits, n), ' ')
              from (values (regexp_replace(coalesce(c.from_number, ''), '\D', '', 'g')),
                           (regexp_replace(coalesce(c.to_number, ''), '\D', '', 'g'))) d (digits),
                   generate_series(4, length(d.digits)) n) as numbers
      from call_logs c where c.org_id = p_org and c.id = any (v_calls)
  ), sound as (
    -- A changed call may name recordings that nobody has begun to copy (0008_recordings.sql). This is not the event's own
    -- business: it would wait for them.
    insert into call_recordings (org_id, recording_id, call_id, channel, source_url)
    select c.org_id, gen_random_uuid(), c.id,
           case r ->> 'channel' when 'assistant' then 'agent' when 'customer' then 'caller' else r ->> 'channel' end,
           r ->> 'url'
      from call_logs c,
           jsonb_array_elements(coalesce(c.recordings,
             jsonb_build_array(jsonb_build_object('channel', 'mono', 'url', c.recording_url)))) r
     where c.org_id = p_org and c.id = any (v_calls) and c.recording_state not in ('none', 'expired')
       and r ->> 'channel' in ('stereo', 'mono', 'assistant', 'customer')
    on conflict (org_id, call_id, channel) do nothing
  )
  insert into call_search as s (org_id, call_id, at, document)
  select org_id, id, at,
         strip(to_tsvector('simple', regexp_replace(text, '\S{200,}', ' ', 'g')))
           || array_to_tsvector(array_remove(string_to_array(coalesce(numbers, ''), ' '), '') || search_org_lexeme(org_id))
    from words
  on conflict (org_id, call_id) do update set at = excluded.at, document = excluded.document;
  get diagnostics v_done = row_count;
  return v_done;
end
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The three atomic functions: the only writers of call_tracking and call_logs together
-- ---------------------------------------------------------------------------------------------------------------------
--
-- A call's live state is its lock: whoever changes a call takes `call_tracking` for update first.
--
-- Called on their own they answer every error as a row. To catch one PostgreSQL needs a subtransaction, with an id of its
-- own: a row that the transaction locks and the subtransaction writes then has two holders, and its list of holders has to
-- be kept in a shared table, for each row of each event. So the ingest function says `p_raise`: it holds the lock, fails
-- as a whole anyway, and has database errors raised as they are.

-- What an event says about its call (voice::calls::model::EventFacts). Missing is null, and null never erases.
create type call_facts as (
  assistant_ref text, number_ref text, leg_id text,
  direction text, from_number text, to_number text, caller_name text,
  status text,                    -- explicit, or implied by the kind of event
  status_at timestamptz,          -- only when the status is explicit
  at timestamptz,                 -- the earliest time the event gives
  event_at timestamptz,           -- the event's own time
  started_at timestamptz, ended_at timestamptz, duration_seconds int,
  ended_reason text, ended_class text, outcome text,
  cost_micros bigint, currency text,
  summary text, success_evaluation text, structured_data jsonb, latency jsonb,
  language text, transferred_to text, consent jsonb,
  transcript text,                -- given beside the facts
  recordings jsonb,
  turn_key text, turn_role text, turn_text text, turn_final boolean,
  tool_calls jsonb,               -- array of {id, name, arguments, result, error}
  is_report boolean
);

-- Which facts of the beginning an event states, a bit each.
create function known_facts(f call_facts) returns int
language sql immutable parallel safe as $$
  select (f.direction is not null)::int + 2 * (f.from_number is not null)::int + 4 * (f.to_number is not null)::int
       + 8 * (f.caller_name is not null)::int + 16 * (f.assistant_ref is not null)::int
       + 32 * (f.number_ref is not null)::int + 64 * (f.leg_id is not null)::int
$$;

create function status_rank(p_status text) returns int
language sql immutable parallel safe as $$
  select case p_status when 'queued' then 1 when 'ringing' then 2 when 'in-progress' then 3
                       when 'forwarding' then 4 when 'ended' then 5 end
$$;

-- The richer of two texts: the longer; of equals the greater. Commutative, so the order of two reports does not matter.
create function richer(a text, b text) returns text
language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a
              when length(b) > length(a) then b when length(b) < length(a) then a
              else greatest(a, b) end
$$;

create function richer(a jsonb, b jsonb) returns jsonb
language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a else richer(a::text, b::text)::jsonb end
$$;

-- The clearer of two outcomes: what was agreed says more than "answered", and anything more than "unknown".
create function clearer(a text, b text) returns text
language sql immutable parallel safe as $$
  select case when a is null then b when b is null then a
              when a = 'unknown' then b when b = 'unknown' then a
              when a = 'answered' then b when b = 'answered' then a
              else richer(a, b) end
$$;

-- The better of two times by whose word they are (call_logs.started_word); of equals the later or the earlier one.
create function better_time(a timestamptz, a_word int, b timestamptz, b_word int, p_later boolean) returns timestamptz
language sql immutable parallel safe as $$
  select case when b is null then a when a is null or b_word > a_word then b when b_word < a_word then a
              when p_later then greatest(a, b) else least(a, b) end
$$;

-- Seconds of a call: from its ends where both are known, else what was claimed. Ends more than a week apart are a broken
-- clock, and one such call would make nonsense of every total.
create function call_seconds(p_started timestamptz, p_ended timestamptz, p_claimed int) returns int
language sql immutable parallel safe as $$
  select case when p_started is null or p_ended is null or p_ended < p_started then p_claimed
              when p_ended - p_started <= interval '7 days' then round(extract(epoch from p_ended - p_started))::int end
$$;

-- create_inbound_call_atomically: both rows of a call, or neither.
--
-- The first six parameters are the original's. `p_facts` carries what the provider's event says; with it the agent may be
-- unknown, because the first event of a call need not name one. Without it the agent is required.
-- Outcomes: `created`; `completed_partial` (one of the two rows was missing and has been added); `idempotent_retry`.
-- Error codes: VALIDATION_ERROR, COLLISION_ERROR (the call id belongs to another organization), DATABASE_ERROR_<SQLSTATE>.
create function create_inbound_call_atomically(
  p_org_id uuid, p_vapi_call_id text, p_agent_id uuid, p_phone_number text,
  p_lead_id uuid default null, p_metadata jsonb default null,
  p_facts call_facts default null, p_call_id uuid default null, p_connection_id uuid default null,
  p_raise boolean default false,
  out call_tracking_id uuid, out call_logs_id uuid, out success boolean, out outcome text, out error_code text,
  out error_message text)
language plpgsql security invoker set search_path = pg_catalog, public as $$
#variable_conflict use_column
declare
  v_call_id text := btrim(p_vapi_call_id);
  v_phone text := nullif(btrim(p_phone_number), '');
  v_id uuid;
  v_tracking boolean;
  v_logs boolean;
  v_number_id uuid;
  v_number_agent uuid;
  v_agent uuid := p_agent_id;
  v_status text := coalesce(nullif(p_facts.status, 'ended'), case when p_facts is null then 'ringing' else 'queued' end);
  v_at timestamptz := least(coalesce(p_facts.at, now()), now());
  v_started timestamptz := coalesce(p_facts.started_at, case when p_facts.status = 'in-progress' then p_facts.status_at end);
begin
  success := false;
  error_code := 'VALIDATION_ERROR';
  error_message := case
    when p_org_id is null then 'p_org_id is required'
    when v_call_id is null or v_call_id = '' then 'p_vapi_call_id is required'
    when length(v_call_id) > 256 then 'p_vapi_call_id is longer than 256 characters'
    when p_facts is null and p_agent_id is null then 'p_agent_id is required'
    when p_facts is null and v_phone is not null and v_phone !~ '^\+[1-9][0-9]{6,14}$' then 'p_phone_number is not E.164'
    when p_metadata is not null and jsonb_typeof(p_metadata) <> 'object' then 'p_metadata is not an object'
    when pg_column_size(p_metadata) > 16384 then 'p_metadata is larger than 16 KB'
    when p_agent_id is not null and not exists (
      select 1 from agents where org_id = p_org_id and agent_id = p_agent_id and deleted_at is null)
      then 'p_agent_id is not an agent of this organization'
    when p_lead_id is not null and not exists (select 1 from leads where org_id = p_org_id and lead_id = p_lead_id)
      then 'p_lead_id is not a lead of this organization'
    when p_facts is null and not exists (select 1 from organizations where org_id = p_org_id) then 'p_org_id is unknown'
  end;
  if error_message is not null then
    return;
  end if;

  if not p_raise then
    begin
      select * into call_tracking_id, call_logs_id, success, outcome, error_code, error_message
        from create_inbound_call_atomically(p_org_id, v_call_id, p_agent_id, v_phone, p_lead_id, p_metadata, p_facts,
          p_call_id, p_connection_id, true);
    exception when others then
      error_code := 'DATABASE_ERROR_' || sqlstate;
      error_message := 'the call could not be stored';
    end;
    return;
  end if;

  select coalesce(
    (select t.id from call_tracking t where t.org_id = p_org_id and t.provider_call_id = v_call_id),
    (select l.id from call_logs l where l.org_id = p_org_id and l.provider_call_id = v_call_id),
    p_call_id, gen_random_uuid()) into v_id;

  insert into call_routes (provider, provider_call_id, org_id, call_id, connection_id)
  values ('vapi', v_call_id, p_org_id, v_id, p_connection_id)
  on conflict do nothing;
  if not found then
    -- A row we may not see is another organization's.
    select r.call_id into v_id from call_routes r
     where r.provider = 'vapi' and r.provider_call_id = v_call_id and r.org_id = p_org_id;
    if not found then
      error_code := 'COLLISION_ERROR';
      error_message := 'the call id belongs to another organization';
      return;
    end if;
  end if;

  -- Our number tells who answers when the event does not.
  -- (A composite is "not null" only when every part is, hence the double negative.)
  if not (p_facts is null) then
    select n.number_id, n.agent_id into v_number_id, v_number_agent from phone_numbers n
     where n.org_id = p_org_id and (n.provider_number_id = p_facts.number_ref
        or n.e164 = case p_facts.direction when 'outbound' then p_facts.from_number else p_facts.to_number end)
     order by n.provider_number_id = p_facts.number_ref desc nulls last limit 1;
    if v_agent is null then
      select a.agent_id into v_agent from agents a
       where a.org_id = p_org_id and a.provider_assistant_id = p_facts.assistant_ref and a.deleted_at is null
       order by a.created_at, a.agent_id limit 1;
    end if;
    v_agent := coalesce(v_agent, v_number_agent);
  end if;

  insert into call_logs (org_id, id, provider, provider_call_id, connection_id, agent_id, number_id, lead_id,
    assistant_ref, number_ref, leg_id, direction, status, from_number, to_number, caller_name, at, started_at, started_word,
    metadata)
  values (p_org_id, v_id, 'vapi', v_call_id, p_connection_id, v_agent, v_number_id, p_lead_id,
    p_facts.assistant_ref, p_facts.number_ref, p_facts.leg_id,
    case when p_facts is null then 'inbound' else p_facts.direction end, v_status,
    case when p_facts is null then v_phone else p_facts.from_number end, p_facts.to_number,
    p_facts.caller_name, v_at, v_started, case when v_started is null then 0 when p_facts.is_report then 3 else 2 end,
    coalesce(p_metadata, '{}'))
  on conflict do nothing;
  v_logs := found;

  insert into call_tracking (org_id, id, provider, provider_call_id, agent_id, lead_id, phone, status, status_rank, at,
    started_at, last_event_at, known, metadata)
  values (p_org_id, v_id, 'vapi', v_call_id, v_agent, p_lead_id,
    coalesce(v_phone, case p_facts.direction when 'outbound' then p_facts.to_number else p_facts.from_number end),
    v_status, status_rank(v_status), v_at, v_started, p_facts.event_at,
    case when v_logs then known_facts(p_facts) else 0 end, coalesce(p_metadata, '{}'))
  on conflict do nothing;
  v_tracking := found;
  if v_logs and not v_tracking then
    update call_tracking t set known = 0 where t.org_id = p_org_id and t.id = v_id;
  end if;

  if v_logs or v_tracking then
    insert into audit_log (org_id, id, actor_kind, action, subject)
    values (p_org_id, gen_random_uuid(), 'system', 'call.created', v_id::text);
  end if;
  call_tracking_id := v_id;
  call_logs_id := v_id;
  success := true;
  outcome := case when v_logs and v_tracking then 'created' when v_logs or v_tracking then 'completed_partial'
                  else 'idempotent_retry' end;
  error_code := null;
end
$$;

-- update_call_completed_atomically: the end of a call, in both rows or in neither.
--
-- A replay moves nothing: ends and durations are set once, by the report if there is one. A null duration erases nothing.
-- Outcomes: `completed`, `idempotent_retry`. Error codes: VALIDATION_ERROR, INTEGRITY_ERROR (a row is missing or
-- `p_call_tracking_id` is another call's), DATABASE_ERROR_<SQLSTATE>.
-- A report goes on to update_call_with_recording_atomically with the record as it has become here, so that it is written
-- once: a second write of a row in one transaction checks all its foreign keys again, and enters it into all indexes.
create function update_call_completed_atomically(
  p_org_id uuid, p_vapi_call_id text, p_duration_seconds int,
  p_call_tracking_id uuid default null, p_facts call_facts default null, p_raise boolean default false,
  out call_logs_updated int, out call_tracking_updated int, out success boolean, out outcome text, out error_code text,
  out error_message text)
language plpgsql security invoker as $$
#variable_conflict use_column
declare
  v_call_id text := btrim(p_vapi_call_id);
  v_report boolean := coalesce(p_facts.is_report, false);
  v_word int := case when v_report then 3 else 2 end;
  -- Our own reason (voice::reconcile::reaper) says that nobody told us of an end: any word of the provider's is better.
  v_reason_word int := case when starts_with(p_facts.ended_reason, 'voxanne.') then 1 else v_word end;
  v_ended timestamptz := coalesce(p_facts.ended_at, case when p_facts.status = 'ended' then p_facts.status_at end,
                                  case when p_facts is null then now() end);
  -- A report without an end was made after it: any other word is better.
  v_ended_word int := case when p_facts.ended_at is not null then v_word when v_report or p_facts is null then 1 else 2 end;
  v_reason_wins boolean;
  v_known int;
  v_phone text;
  l call_logs;
  v_status text;
  v_reported boolean;
  v_result record;
begin
  call_logs_updated := 0;
  call_tracking_updated := 0;
  success := false;
  error_code := 'VALIDATION_ERROR';
  error_message := case
    when p_org_id is null then 'p_org_id is required'
    when v_call_id is null or v_call_id = '' then 'p_vapi_call_id is required'
    when p_duration_seconds < 0 then 'p_duration_seconds is negative'
    when p_duration_seconds > 604800 then 'p_duration_seconds is longer than a week'
  end;
  if error_message is not null then
    return;
  end if;

  if not p_raise then
    begin
      perform 1 from call_tracking t where t.org_id = p_org_id and t.provider_call_id = v_call_id for update;
      select * into call_logs_updated, call_tracking_updated, success, outcome, error_code, error_message
        from update_call_completed_atomically(p_org_id, v_call_id, p_duration_seconds, p_call_tracking_id, p_facts, true);
    exception
      when no_data_found then
        error_code := 'INTEGRITY_ERROR';
        error_message := sqlerrm;
      when others then
        error_code := 'DATABASE_ERROR_' || sqlstate;
        error_message := 'the end of the call could not be stored';
    end;
    return;
  end if;

  select * into l from call_logs c where c.org_id = p_org_id and c.provider_call_id = v_call_id;
  if not found then
    raise exception using errcode = 'P0002', message = 'the call has no record';
  end if;
  v_status := l.status;
  v_reported := l.reported_at is not null;

  -- Report beats live; among equals the earlier start and, in a report, the later end. The reason and what follows from
  -- it go together.
  if p_facts.started_at is not null then
    l.started_at := better_time(l.started_at, l.started_word, p_facts.started_at, v_word, false);
    l.started_word := greatest(l.started_word, v_word);
  end if;
  if v_ended is not null then
    l.ended_at := better_time(l.ended_at, l.ended_word, v_ended, v_ended_word, v_ended_word = 3);
    l.ended_word := greatest(l.ended_word, v_ended_word);
  end if;
  l.claimed_seconds := case when p_facts is null then coalesce(l.claimed_seconds, p_duration_seconds)
                            else greatest(l.claimed_seconds, p_facts.duration_seconds, p_duration_seconds) end;
  l.duration_seconds := call_seconds(l.started_at, l.ended_at, l.claimed_seconds);
  v_reason_wins := p_facts.ended_reason is not null and case
    when l.ended_reason is null or v_reason_word > l.reason_word then true
    when v_reason_word < l.reason_word then false
    when p_facts.ended_reason = l.ended_reason then clearer(p_facts.outcome, l.outcome) = p_facts.outcome
    else richer(p_facts.ended_reason, l.ended_reason) = p_facts.ended_reason end;
  if v_reason_wins then
    l.ended_reason := p_facts.ended_reason;
    l.ended_class := p_facts.ended_class;
    l.outcome := p_facts.outcome;
    l.reason_word := v_reason_word;
  end if;
  if p_facts.cost_micros is not null then
    l.cost_micros := greatest(l.cost_micros, p_facts.cost_micros);
    l.currency := coalesce(l.currency, p_facts.currency);
  end if;
  l.status := 'ended';

  if v_report then
    l.reported_at := coalesce(l.reported_at, clock_timestamp());
    v_result := update_call_with_recording_atomically(p_org_id, v_call_id, p_facts.recordings -> 0 ->> 'url', null, null,
      p_facts.direction, p_facts, l, true);
    if not v_result.success then
      raise exception using message = v_result.error_message;
    end if;
  else
    update call_logs c set
      status = l.status, started_at = l.started_at, started_word = l.started_word, ended_at = l.ended_at,
      ended_word = l.ended_word, duration_seconds = l.duration_seconds, claimed_seconds = l.claimed_seconds,
      ended_reason = l.ended_reason, ended_class = l.ended_class, outcome = l.outcome, reason_word = l.reason_word,
      cost_micros = l.cost_micros, currency = l.currency
    where c.org_id = p_org_id and c.id = l.id;
  end if;

  v_known := known_facts(p_facts);
  v_phone := case p_facts.direction when 'outbound' then p_facts.to_number else p_facts.from_number end;
  update call_tracking t set status = 'ended', status_rank = 5, started_at = l.started_at,
    ended_at = l.ended_at, duration_seconds = l.duration_seconds, reported = t.reported or v_report,
    at = least(t.at, p_facts.at), last_event_at = greatest(t.last_event_at, p_facts.event_at),
    known = t.known | v_known, agent_id = coalesce(l.agent_id, t.agent_id), phone = coalesce(t.phone, v_phone)
   where t.org_id = p_org_id and t.provider_call_id = v_call_id
     and (p_call_tracking_id is null or t.id = p_call_tracking_id);
  if not found then
    raise exception using errcode = 'P0002', message = 'the call has no live state, or it is another call''s';
  end if;

  if v_status <> 'ended' then
    insert into audit_log (org_id, id, actor_kind, action, subject)
    values (p_org_id, gen_random_uuid(), 'system', 'call.completed', l.id::text);
  end if;
  call_logs_updated := 1;
  call_tracking_updated := 1;
  success := true;
  outcome := case when v_status = 'ended' and (v_reported or not v_report) then 'idempotent_retry' else 'completed' end;
  error_code := null;
end
$$;

-- update_call_with_recording_atomically: recording, transcript and what the report says, in both rows or in neither.
--
-- Nothing known is erased: a null leaves what is there, a poorer text loses to a richer one.
-- Outcomes: `updated`, `idempotent_retry`. Error codes as above.
-- `p_record` is the call's record as the caller has changed it and not written; without it the stored one is read.
create function update_call_with_recording_atomically(
  p_org_id uuid, p_vapi_call_id text, p_recording_url text default null, p_recording_storage_path text default null,
  p_transcript text default null, p_call_type text default null, p_facts call_facts default null,
  p_record call_logs default null, p_raise boolean default false,
  out call_logs_updated int, out calls_updated int, out success boolean, out outcome text, out error_code text,
  out error_message text)
language plpgsql security invoker as $$
#variable_conflict use_column
declare
  v_call_id text := btrim(p_vapi_call_id);
  v_url text := nullif(btrim(p_recording_url), '');
  v_path text := nullif(btrim(p_recording_storage_path), '');
  v_id uuid;
  l call_logs := p_record;
begin
  call_logs_updated := 0;
  calls_updated := 0;
  success := false;
  error_code := 'VALIDATION_ERROR';
  error_message := case
    when p_org_id is null then 'p_org_id is required'
    when v_call_id is null or v_call_id = '' then 'p_vapi_call_id is required'
    when length(p_transcript) > 1000000 then 'p_transcript is longer than 1,000,000 characters'
    when v_url is not null and (length(v_url) > 2048 or v_url !~ '^https?://') then 'p_recording_url is not an http address'
    when length(v_path) > 1024 then 'p_recording_storage_path is longer than 1,024 characters'
    when p_call_type is not null and p_call_type not in ('inbound', 'outbound', 'web') then 'p_call_type is unknown'
  end;
  if error_message is not null then
    return;
  end if;

  if not p_raise then
    begin
      select t.id into v_id from call_tracking t
       where t.org_id = p_org_id and t.provider_call_id = v_call_id and not t.erased for update;
      if not found then
        raise exception using errcode = 'P0002', message = 'the call has no live state, or its content was deleted';
      end if;
      select * into call_logs_updated, calls_updated, success, outcome, error_code, error_message
        from update_call_with_recording_atomically(p_org_id, v_call_id, v_url, v_path, p_transcript, p_call_type, p_facts,
          p_record, true);
      perform queue_for_search(p_org_id, v_id);
      insert into audit_log (org_id, id, actor_kind, action, subject)
      values (p_org_id, gen_random_uuid(), 'system', 'call.recording_updated', v_id::text);
    exception
      when no_data_found then
        error_code := 'INTEGRITY_ERROR';
        error_message := sqlerrm;
      when others then
        error_code := 'DATABASE_ERROR_' || sqlstate;
        error_message := 'the recording could not be stored';
    end;
    return;
  end if;

  if l.id is null then
    select * into l from call_logs c where c.org_id = p_org_id and c.provider_call_id = v_call_id;
    if not found then
      raise exception using errcode = 'P0002', message = 'the call has no record';
    end if;
  end if;

  if num_nonnulls(l.recordings, l.transcript, l.summary, l.success_evaluation, l.structured_data, l.latency, l.consent) = 0 then
    -- The first report: nothing to weigh it against.
    l.recordings := p_facts.recordings;
    l.transcript := p_facts.transcript;
    l.summary := p_facts.summary;
    l.success_evaluation := p_facts.success_evaluation;
    l.structured_data := p_facts.structured_data;
    l.latency := p_facts.latency;
    l.consent := p_facts.consent;
  elsif p_facts.is_report then
    l.recordings := richer(l.recordings, p_facts.recordings);
    l.transcript := richer(l.transcript, p_facts.transcript);
    l.summary := richer(l.summary, p_facts.summary);
    l.success_evaluation := richer(l.success_evaluation, p_facts.success_evaluation);
    l.structured_data := richer(l.structured_data, p_facts.structured_data);
    l.latency := richer(l.latency, p_facts.latency);
    l.consent := richer(l.consent, p_facts.consent);
  end if;
  -- A report's address goes with its recordings, whose richer list stays.
  l.recording_url := coalesce(case when p_facts.is_report then l.recordings -> 0 ->> 'url' else v_url end, v_url, l.recording_url);
  if v_path is not null then
    l.recording_storage_path := v_path;
    l.recording_state := 'ready';
  elsif l.recording_state = 'none' and l.recording_url is not null then
    l.recording_state := 'pending';
  end if;
  if p_transcript is not null then
    l.transcript_text := richer(l.transcript_text, p_transcript);
  end if;
  update call_logs c set
    status = l.status, started_at = l.started_at, started_word = l.started_word, ended_at = l.ended_at,
    ended_word = l.ended_word, duration_seconds = l.duration_seconds, claimed_seconds = l.claimed_seconds,
    ended_reason = l.ended_reason, ended_class = l.ended_class, outcome = l.outcome, reason_word = l.reason_word,
    cost_micros = l.cost_micros, currency = l.currency, reported_at = l.reported_at,
    direction = coalesce(l.direction, p_call_type), recordings = l.recordings, recording_url = l.recording_url,
    recording_storage_path = l.recording_storage_path, recording_state = l.recording_state, transcript = l.transcript,
    transcript_text = l.transcript_text, summary = l.summary, success_evaluation = l.success_evaluation,
    structured_data = l.structured_data, latency = l.latency, consent = l.consent
  where c.org_id = p_org_id and c.id = l.id;
  if p_facts.transcript is not null then
    delete from call_turns t where t.org_id = p_org_id and t.call_id = l.id;
  end if;
  call_logs_updated := 1;
  calls_updated := 1;
  success := true;
  outcome := 'updated';
  error_code := null;
end
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Ingest: one event, one round trip, one transaction
-- ---------------------------------------------------------------------------------------------------------------------

-- Which organization an event of the platform-wide connection belongs to, from trusted data only: a known call, then our
-- number, then our agent. Several organizations with the same number or assistant are an answer of their own, never a pick.
create function resolve_event_org(p_provider text, p_provider_call_id text, p_number_ref text, p_number text, p_assistant_ref text)
returns table (org_id uuid, reason text)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_orgs uuid[];
begin
  select array_agg(r.org_id) into v_orgs from call_routes r
   where r.provider = p_provider and r.provider_call_id = p_provider_call_id and r.connection_id is null;
  if v_orgs is null and p_number_ref is not null then
    select array_agg(distinct n.org_id) into v_orgs from phone_numbers n
      join organizations o on o.org_id = n.org_id and o.deleted_at is null
     where n.provider_number_id = p_number_ref;
  end if;
  if v_orgs is null and p_number is not null then
    select array_agg(distinct n.org_id) into v_orgs from phone_numbers n
      join organizations o on o.org_id = n.org_id and o.deleted_at is null
     where n.e164 = p_number;
  end if;
  if v_orgs is null and p_assistant_ref is not null then
    select array_agg(distinct a.org_id) into v_orgs from agents a
      join organizations o on o.org_id = a.org_id and o.deleted_at is null
     where a.provider_assistant_id = p_assistant_ref and a.deleted_at is null;
  end if;
  return query select case when cardinality(v_orgs) = 1 then v_orgs[1] end,
                      case when v_orgs is null then 'unknown' when cardinality(v_orgs) > 1 then 'ambiguous' end;
end
$$;
create index phone_numbers_by_e164_alone on phone_numbers (e164);

create function quarantine_event(p_id uuid, p_provider text, p_connection_id uuid, p_dedup_key text, p_type text,
  p_provider_call_id text, p_reason text, p_body bytea, p_body_bytes int) returns void
language sql as $$
  insert into quarantined_events (id, provider, connection_id, dedup_key, type, provider_call_id, reason, body, body_bytes)
  values (p_id, p_provider, p_connection_id, p_dedup_key, p_type, p_provider_call_id, p_reason, p_body, p_body_bytes)
  on conflict do nothing
$$;

-- Appends a live event of the current organization; answers its number. (PL/pgSQL keeps its plans, a function in plain SQL
-- that cannot be inlined is planned anew for every event.)
create function append_live_event(p_org uuid, p_kind text, p_call_id uuid, p_status text, p_role text, p_text text, p_final boolean)
returns bigint language plpgsql security invoker as $$
declare
  v_seq bigint;
begin
  update live_heads h set seq = h.seq + 1 where h.org_id = p_org returning h.seq into v_seq;
  if v_seq is null then
    -- The organization's first event; two of them at the same moment make one row.
    insert into live_heads as h (org_id, seq) values (p_org, 1)
    on conflict (org_id) do update set seq = h.seq + 1
    returning h.seq into v_seq;
  end if;
  insert into live_events (org_id, seq, kind, call_id, status, role, text, final)
  values (p_org, v_seq, p_kind, p_call_id, p_status, p_role, left(p_text, 2000), p_final);
  return v_seq;
end
$$;

-- Our number in a call, and through it who answers; from what the record and the event together know.
create function number_of_call(l call_logs, f call_facts) returns phone_numbers
language sql stable security invoker set search_path = pg_catalog, public as $$
  select n.* from phone_numbers n
   where n.org_id = l.org_id and (n.provider_number_id = coalesce(l.number_ref, f.number_ref)
      or n.e164 = case coalesce(l.direction, f.direction) when 'outbound' then coalesce(l.from_number, f.from_number)
                                                          else coalesce(l.to_number, f.to_number) end)
   order by n.provider_number_id = coalesce(l.number_ref, f.number_ref) desc nulls last limit 1
$$;

-- Applies what an event says about a call that exists. Everything here is order-free: minimum, maximum, fill-if-null, or
-- the richer of two, so that any permutation and repetition of a call's events ends in the same rows.
-- Answers the kind of live event this was, or null when nothing a viewer sees has changed.
create function apply_call_facts(p_org uuid, p_call call_tracking, f call_facts) returns text
language plpgsql security invoker as $$
declare
  v_rank int;
  v_started timestamptz;
  v_kind text;
  v_words boolean := false;
  v_known int := known_facts(f);
  v_phone text;
  v_agent uuid;
  v_turn boolean;
  v_said boolean;
  v_result record;
begin
  -- Facts of the beginning, written only where one is missing.
  if v_known & ~p_call.known <> 0 or f.at < p_call.at or f.language is not null or f.transferred_to is not null then
    update call_logs l set
      direction = coalesce(l.direction, f.direction), from_number = coalesce(l.from_number, f.from_number),
      to_number = coalesce(l.to_number, f.to_number), caller_name = coalesce(l.caller_name, f.caller_name),
      assistant_ref = coalesce(l.assistant_ref, f.assistant_ref), number_ref = coalesce(l.number_ref, f.number_ref),
      leg_id = coalesce(l.leg_id, f.leg_id), at = least(l.at, f.at),
      language = case when f.language is not null and (coalesce(f.event_at, '-infinity'), f.language)
                        > (coalesce(l.language_at, '-infinity'), coalesce(l.language, '')) then f.language else l.language end,
      language_at = case when f.language is not null then greatest(l.language_at, f.event_at) else l.language_at end,
      transferred_to = richer(l.transferred_to, f.transferred_to),
      -- Who spoke is whom the provider names, else whoever answers the number, whichever of the two is heard of first.
      agent_id = coalesce(
        (select a.agent_id from agents a
          where l.assistant_ref is null and a.org_id = p_org and a.provider_assistant_id = f.assistant_ref
            and a.deleted_at is null order by a.created_at, a.agent_id limit 1),
        l.agent_id, (number_of_call(l, f)).agent_id),
      number_id = coalesce(l.number_id, (number_of_call(l, f)).number_id)
    where l.org_id = p_org and l.id = p_call.id
      and ((l.direction is null and f.direction is not null) or (l.from_number is null and f.from_number is not null)
        or (l.to_number is null and f.to_number is not null) or (l.caller_name is null and f.caller_name is not null)
        or (l.assistant_ref is null and f.assistant_ref is not null) or (l.number_ref is null and f.number_ref is not null)
        or (l.leg_id is null and f.leg_id is not null) or f.at < l.at
        or (f.language is not null and (coalesce(f.event_at, '-infinity'), f.language)
            > (coalesce(l.language_at, '-infinity'), coalesce(l.language, '')))
        or (f.transferred_to is not null and l.transferred_to is distinct from richer(l.transferred_to, f.transferred_to)));
    if found then
      v_kind := 'call.updated';
      v_words := true;
    end if;
  end if;

  if f.status = 'ended' then
    v_result := update_call_completed_atomically(p_org, p_call.provider_call_id, f.duration_seconds, p_call.id, f, true);
    if not v_result.success then
      raise exception using message = v_result.error_message;
    end if;
    perform queue_for_search(p_org, p_call.id);
    return case when p_call.status_rank < 5 then 'call.ended' else 'call.updated' end;
  end if;

  v_rank := coalesce(status_rank(f.status), 0);
  v_started := coalesce(f.started_at, case when f.status = 'in-progress' then f.status_at end);
  v_phone := case f.direction when 'outbound' then f.to_number else f.from_number end;
  v_turn := f.turn_final;
  if v_turn and p_call.reported then
    select l.transcript is null into v_turn from call_logs l where l.org_id = p_org and l.id = p_call.id;
  end if;
  if v_turn then
    insert into call_turns (org_id, call_id, turn_key, role, text, at)
    values (p_org, p_call.id, f.turn_key, f.turn_role, f.turn_text, f.event_at) on conflict do nothing;
    -- While the call goes on its words wait for its end; after it nothing else would have them indexed.
    v_words := v_words or p_call.status_rank = 5;
  end if;
  -- The hot row: one small update per event.
  if v_words or p_call.agent_id is null then
    select l.agent_id into v_agent from call_logs l where l.org_id = p_org and l.id = p_call.id;
  end if;
  v_said := f.turn_final and f.event_at is not null and (p_call.said_at is null or f.event_at > p_call.said_at
    or (f.event_at = p_call.said_at
      and (f.turn_text > p_call.said_text or (f.turn_text = p_call.said_text and f.turn_role < p_call.said_role))));
  update call_tracking t set
    status = case when v_rank > t.status_rank then f.status else t.status end,
    status_rank = greatest(t.status_rank, v_rank),
    at = least(t.at, f.at),
    agent_id = coalesce(v_agent, t.agent_id),
    phone = coalesce(t.phone, v_phone),
    last_event_at = greatest(t.last_event_at, f.event_at),
    known = t.known | v_known,
    said_role = case when v_said then f.turn_role else t.said_role end,
    said_text = case when v_said then f.turn_text else t.said_text end,
    said_at = case when v_said then f.event_at else t.said_at end
  where t.org_id = p_org and t.id = p_call.id;

  if v_rank > p_call.status_rank or v_started <> p_call.started_at
      or (v_started is not null and p_call.started_at is null) then
    update call_logs l set
      status = case when v_rank > status_rank(l.status) then f.status else l.status end,
      started_at = better_time(l.started_at, l.started_word, v_started, 2, false),
      started_word = case when v_started is null then l.started_word else greatest(l.started_word, 2) end,
      duration_seconds = call_seconds(better_time(l.started_at, l.started_word, v_started, 2, false), l.ended_at, l.claimed_seconds)
    where l.org_id = p_org and l.id = p_call.id
      and (v_rank > status_rank(l.status)
        or better_time(l.started_at, l.started_word, v_started, 2, false) is distinct from l.started_at);
    if found then
      v_kind := 'call.updated';
      update call_tracking t set started_at = l.started_at, duration_seconds = l.duration_seconds from call_logs l
       where t.org_id = p_org and t.id = p_call.id and l.org_id = p_org and l.id = p_call.id
         and (t.started_at is distinct from l.started_at or t.duration_seconds is distinct from l.duration_seconds);
    end if;
  end if;

  if v_words then
    perform queue_for_search(p_org, p_call.id);
  end if;
  if f.turn_text is not null and v_kind is null then
    v_kind := 'call.caption';
  end if;
  return v_kind;
end
$$;

-- ingest_event: records one verified event once, applies it, appends the live event; all or nothing.
--
-- `p_org_id` is the organization of the connection that verified the event, or null for the platform-wide connection; then
-- resolve_event_org decides. From there on everything runs under that organization's row security.
-- Outcomes: `applied`, `repeated` (known already; a richer report still adds its facts), `quarantined`, `discarded` (the
-- call's content was deleted).
create function ingest_event(
  p_provider text, p_connection_id uuid, p_org_id uuid, p_type text, p_dedup_key text, p_facts_digest text,
  p_provider_call_id text, p_new_id uuid, p_event_at timestamptz, p_body bytea, p_body_bytes int, p_facts jsonb,
  p_transcript text,
  out outcome text, out org_id uuid, out call_id uuid, out live_seq bigint, out stored jsonb)
language plpgsql security invoker set search_path = pg_catalog, public as $$
#variable_conflict use_column
declare
  f call_facts;
  v_org uuid := p_org_id;
  v_reason text;
  v_call call_tracking;
  v_created record;
  v_kind text;
  v_change text;
  v_known text;
  v_new boolean;
  v_stored jsonb;
  v_seq bigint;
  v_setting text;
begin
  f := jsonb_populate_record(null::call_facts, p_facts);
  if p_transcript is not null then
    f.transcript := p_transcript;
  end if;

  if v_org is null then
    select r.org_id, r.reason into v_org, v_reason
      from resolve_event_org(p_provider, p_provider_call_id, f.number_ref,
        case f.direction when 'outbound' then f.from_number else f.to_number end, f.assistant_ref) r;
    if v_org is null then
      -- A second report that says something else waits beside the first.
      perform quarantine_event(p_new_id, p_provider, p_connection_id, concat_ws('/', p_dedup_key, p_facts_digest), p_type,
        p_provider_call_id, v_reason, p_body, p_body_bytes);
      outcome := 'quarantined';
      return;
    end if;
  end if;
  v_setting := set_config('app.org_id', v_org::text, true);

  if p_provider_call_id is not null then
    -- Locks the call: two events of one call are applied one after the other.
    select t.* into v_call from call_tracking t
     where t.org_id = v_org and t.provider_call_id = p_provider_call_id for update;
    if v_call.erased then
      -- Its content was deleted: what comes late, or again, must not bring it back, and is not kept.
      outcome := 'discarded';
      org_id := v_org;
      call_id := v_call.id;
      return;
    end if;
    if not found then
      select * into v_created from create_inbound_call_atomically(v_org, p_provider_call_id, null, null, null, null,
        f, p_new_id, p_connection_id, true);
      if v_created.error_code = 'COLLISION_ERROR' then
        perform quarantine_event(p_new_id, p_provider, p_connection_id, concat_ws('/', p_dedup_key, p_facts_digest), p_type,
          p_provider_call_id, 'collision', p_body, p_body_bytes);
        outcome := 'quarantined';
        return;
      elsif not v_created.success then
        raise exception using message = v_created.error_message;
      end if;
      -- Read again: another event of the same call may have created it a moment ago.
      select t.* into v_call from call_tracking t
       where t.org_id = v_org and t.provider_call_id = p_provider_call_id for update;
      if v_created.outcome = 'created' then
        v_call.status_rank := 0;
        v_kind := 'call.created';
        perform queue_for_search(v_org, v_call.id);
      end if;
    end if;
  end if;

  insert into provider_events (org_id, dedup_key, connection_id, call_id, type, at, facts_digest, body, body_bytes)
  values (v_org, p_dedup_key, p_connection_id, v_call.id, p_type, p_event_at, p_facts_digest, p_body, p_body_bytes)
  on conflict do nothing;
  v_new := found;
  if not v_new then
    select e.facts_digest into v_known from provider_events e where e.org_id = v_org and e.dedup_key = p_dedup_key;
    if p_facts_digest is not null and v_known is distinct from p_facts_digest then
      -- The same report again, and it says something else: kept beside the first, its facts added.
      insert into provider_events (org_id, dedup_key, connection_id, call_id, type, at, facts_digest, body, body_bytes)
      values (v_org, p_dedup_key || '/' || p_facts_digest, p_connection_id, v_call.id, p_type, p_event_at, p_facts_digest, p_body, p_body_bytes)
      on conflict do nothing;
      v_new := found;
    end if;
    if not v_new then
      select jsonb_agg(jsonb_build_object('id', c.tool_call_id, 'name', c.name, 'result', c.result, 'error', c.error)) into v_stored
        from call_tool_calls c
       where c.org_id = v_org and c.call_id = v_call.id
         and c.tool_call_id in (select t ->> 'id' from jsonb_array_elements(f.tool_calls) t);
      outcome := 'repeated';
      org_id := v_org;
      call_id := v_call.id;
      stored := v_stored;
      return;
    end if;
  end if;

  if v_call.id is not null then
    v_change := apply_call_facts(v_org, v_call, f);
    v_kind := coalesce(v_kind, v_change);
    if f.tool_calls is not null then
      insert into call_tool_calls (org_id, call_id, tool_call_id, name, arguments, result, error, at)
      select v_org, v_call.id, t ->> 'id', t ->> 'name', t -> 'arguments', t ->> 'result', t ->> 'error', f.event_at
        from jsonb_array_elements(f.tool_calls) t
      -- A message may repeat a call of an earlier one: the first answer stands, and so does the earliest time.
      on conflict (org_id, call_id, tool_call_id) do update set at = least(call_tool_calls.at, excluded.at)
        where call_tool_calls.at is distinct from least(call_tool_calls.at, excluded.at);
    end if;
    if v_kind is not null then
      v_seq := append_live_event(v_org, v_kind, v_call.id,
        -- What apply_call_facts has made of it: status only moves up.
        case when status_rank(f.status) > status_rank(v_call.status) then f.status else v_call.status end,
        f.turn_role, f.turn_text, f.turn_final);
    end if;
  end if;
  outcome := 'applied';
  org_id := v_org;
  call_id := v_call.id;
  live_seq := v_seq;
end
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The list of calls, in one round trip
-- ---------------------------------------------------------------------------------------------------------------------

create type call_row as (
  id uuid, provider_call_id provider_id, direction call_direction, status call_status, from_number text, to_number text, caller_name text,
  at timestamptz, started_at timestamptz, ended_at timestamptz, duration_seconds whole_seconds, ended_reason text, ended_class text,
  outcome text, cost_micros micro_units, currency currency_code, summary text, recording_state recording_state, agent_name text
);

create function list_calls(p_org uuid, p_limit int, p_cursor_at timestamptz, p_cursor_id uuid, p_status text,
  p_direction text, p_from timestamptz, p_to timestamptz, p_words text)
returns setof call_row
language plpgsql stable security invoker set search_path = pg_catalog, public as $$
begin
  perform set_config('app.org_id', p_org::text, true);
  if p_words is not null then
    return query
      select l.id, l.provider_call_id, l.direction, l.status, l.from_number, l.to_number, l.caller_name, l.at, l.started_at,
             l.ended_at, l.duration_seconds, l.ended_reason, l.ended_class, l.outcome, l.cost_micros, l.currency, l.summary,
             l.recording_state, a.name
        from search_calls(p_words, p_from, p_to) s
        join call_logs l on l.org_id = p_org and l.id = s
        left join agents a on a.org_id = l.org_id and a.agent_id = l.agent_id
       where (p_cursor_at is null or (l.at, l.id) < (p_cursor_at, p_cursor_id))
         and (p_status is null or l.status = p_status)
         and (p_direction is null or l.direction = p_direction)
       order by l.at desc, l.id desc limit p_limit;
  elsif p_status is null and p_direction is null and p_from is null and p_to is null and p_cursor_at is null then
    return query
      select l.id, l.provider_call_id, l.direction, l.status, l.from_number, l.to_number, l.caller_name, l.at, l.started_at,
             l.ended_at, l.duration_seconds, l.ended_reason, l.ended_class, l.outcome, l.cost_micros, l.currency, l.summary,
             l.recording_state, a.name
        from call_logs l left join agents a on a.org_id = l.org_id and a.agent_id = l.agent_id
       where l.org_id = p_org
       order by l.at desc, l.id desc limit p_limit;
  else
    return query
      select l.id, l.provider_call_id, l.direction, l.status, l.from_number, l.to_number, l.caller_name, l.at, l.started_at,
             l.ended_at, l.duration_seconds, l.ended_reason, l.ended_class, l.outcome, l.cost_micros, l.currency, l.summary,
             l.recording_state, a.name
        from call_logs l left join agents a on a.org_id = l.org_id and a.agent_id = l.agent_id
       where l.org_id = p_org
         and (p_cursor_at is null or (l.at, l.id) < (p_cursor_at, p_cursor_id))
         and (p_status is null or l.status = p_status)
         and (p_direction is null or l.direction = p_direction)
         and (p_from is null or l.at >= p_from)
         and (p_to is null or l.at < p_to)
       order by l.at desc, l.id desc limit p_limit;
  end if;
end
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Who may run what
-- ---------------------------------------------------------------------------------------------------------------------

select system_function('search_calls(text, timestamptz, timestamptz)');
select system_function('resolve_event_org(text, text, text, text, text)');
select system_function('quarantine_event(uuid, text, uuid, text, text, text, text, bytea, int)');

do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'public' and p.proname in (
       'search_org_lexeme', 'search_query', 'queue_for_search', 'index_queued_calls', 'status_rank', 'richer',
       'known_facts', 'clearer', 'better_time', 'call_seconds', 'number_of_call',
       'create_inbound_call_atomically', 'update_call_completed_atomically', 'update_call_with_recording_atomically',
       'append_live_event', 'apply_call_facts', 'ingest_event', 'list_calls')
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to voxanne_app', f);
  end loop;
end
$$;
grant execute on function search_org_lexeme(uuid), search_query(text) to voxanne_system;
